#include "common/base/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/error.h"
#include "fmt/format.h"

namespace consilium {
namespace {

// The process id that the holder wrote; empty when it cannot be read.
std::string HolderOf(int fd) {
  char text[16] = {};
  const ssize_t length = pread(fd, text, sizeof text - 1, 0);
  return length > 0 ? fmt::format(" (process {})", std::string(text, static_cast<size_t>(length)))
                    : std::string();
}

}  // namespace

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + "/lock";
  const auto failed = [&] {
    return Error(ErrorCode::kStorageIo, fmt::format("{}: {}", path, std::strerror(errno)),
                 "check the owner and mode of the folder");
  };
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  auto lock = std::unique_ptr<FolderLock>(new FolderLock(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed();
    return Error(ErrorCode::kStoreLocked,
                 fmt::format("{} is in use by another process{}", folder, HolderOf(fd)),
                 "stop that process first, or give this one its own data folder");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) return failed();
  return lock;
}

FolderLock::~FolderLock() { close(fd_); }

}  // namespace consilium
