#include "server/app/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::server::app {
namespace {

// The process id that the holder wrote; empty when it cannot be read.
std::string HolderOf(int fd) {
  char text[16] = {};
  const ssize_t length = pread(fd, text, sizeof text - 1, 0);
  return length > 0 ? fmt::format(" (process {})", std::string(text, static_cast<size_t>(length)))
                    : std::string();
}

}  // namespace

DataFolder::DataFolder(std::string folder, int lock, Storage& storage)
    : folder_(std::move(folder)), lock_(lock), storage_(storage) {}

DataFolder::~DataFolder() { close(lock_); }

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(const std::string& folder,
                                                             Storage& storage) {
  CN_RETURN_IF_ERROR(storage.CreateFolder(folder));
  const std::string path = folder + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Error(ErrorCode::kStorageIo, fmt::format("{}: {}", path, std::strerror(errno)),
                 "check the owner and mode of the data folder");
  }
  auto data = std::unique_ptr<DataFolder>(new DataFolder(folder, fd, storage));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return Error(ErrorCode::kStoreLocked,
                 fmt::format("{} is in use by another server{}", folder, HolderOf(fd)),
                 "stop that server first, or give this one its own [server] data");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    return Error(ErrorCode::kStorageIo, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return data;
}

absl::Status DataFolder::WriteEndpoints(const Endpoints& endpoints) {
  nlohmann::ordered_json json;
  json["listen"] = endpoints.listen;
  json["port"] = std::stoi(endpoints.listen.substr(endpoints.listen.rfind(':') + 1));
  json["ops"] = endpoints.ops;
  json["pid"] = getpid();
  return WriteDurably(storage_, folder_ + "/endpoints.json", AsBytes(json.dump(2) + "\n"));
}

}  // namespace consilium::server::app
