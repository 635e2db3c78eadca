// One process at a time in a folder: an advisory lock (flock) on <folder>/lock, which the system
// frees when the process ends, however it ends.
#ifndef CONSILIUM_COMMON_BASE_FOLDER_LOCK_H_
#define CONSILIUM_COMMON_BASE_FOLDER_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace consilium {

class FolderLock {
 public:
  // REQUIRES: the folder is there. kStoreLocked, naming the process that holds it; kStorageIo.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_FOLDER_LOCK_H_
