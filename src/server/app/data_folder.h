// The server's data folder: one process at a time, and where it says on which ports it listens.
#ifndef CONSILIUM_SERVER_APP_DATA_FOLDER_H_
#define CONSILIUM_SERVER_APP_DATA_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/storage.h"

namespace consilium::server::app {

class DataFolder {
 public:
  // Makes the folder and takes an advisory lock (flock) on <folder>/lock, which the system frees
  // when the process ends, however it ends. kStoreLocked, naming the process that holds it.
  // `storage` outlives this.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(const std::string& folder,
                                                          Storage& storage);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  struct Endpoints {
    std::string listen;  // "host:port"
    std::string ops;     // empty: none
  };
  // <folder>/endpoints.json, all or nothing: {"listen", "port", "ops", "pid"}.
  absl::Status WriteEndpoints(const Endpoints& endpoints);

 private:
  DataFolder(std::string folder, int lock, Storage& storage);
  const std::string folder_;
  const int lock_;
  Storage& storage_;
};

}  // namespace consilium::server::app

#endif  // CONSILIUM_SERVER_APP_DATA_FOLDER_H_
