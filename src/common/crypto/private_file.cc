#include "common/crypto/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::crypto {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

bool ProcessIsInGroup(gid_t group) {
  if (group == getegid()) return true;
  const int count = getgroups(0, nullptr);
  if (count <= 0) return false;
  std::vector<gid_t> groups(static_cast<size_t>(count));
  const int got = getgroups(count, groups.data());
  return got > 0 && std::find(groups.begin(), groups.begin() + got, group) != groups.begin() + got;
}

absl::Status CheckOpenness(const std::string& path, const struct stat& info) {
  const mode_t mode = info.st_mode & 07777;
  if ((mode & S_IRWXO) != 0) {
    return Error(
        ErrorCode::kKeyTooOpen,
        fmt::format("the private key {} has mode {:04o}: every user of this machine may "
                    "use it, want 0600",
                    path, mode),
        fmt::format("run `chmod 600 {}`; if others could have read it, issue a new one", path));
  }
  const bool group_may = (mode & S_IRWXG) != 0;
  const bool group_writes = (mode & (S_IWGRP | S_IXGRP)) != 0;
  if (group_writes || (group_may && !ProcessIsInGroup(info.st_gid))) {
    return Error(
        ErrorCode::kKeyTooOpen,
        fmt::format(
            "the private key {} has mode {:04o} and belongs to group {}, want 0600, or 0640 "
            "with a group of this process",
            path, mode, info.st_gid),
        fmt::format("run `chmod 600 {}`, or change its group with chgrp", path));
  }
  return absl::OkStatus();
}

absl::Status Unreadable(const std::string& path, int error) {
  const std::string why = std::strerror(error);
  const std::string help =
      error == ENOENT ? "check the path, or issue a certificate and key with `consilium pki issue`"
                      : fmt::format(
                            "the file must be readable by user {}: check the owner and mode "
                            "of it and of its folders (`namei -l {}`)",
                            geteuid(), path);
  return Error(ErrorCode::kKeyUnreadable,
               fmt::format("cannot read the private key {}: {}", path, why), help);
}

absl::Status WriteFailed(const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return Error(full ? ErrorCode::kStorageFull : ErrorCode::kStorageIo,
               fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

absl::Status WriteAll(int fd, const std::string& path, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return WriteFailed(path, errno);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return fsync(fd) == 0 ? absl::OkStatus() : WriteFailed(path, errno);
}

absl::Status SyncFolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const FileDescriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return WriteFailed(folder, errno);
  return absl::OkStatus();
}

}  // namespace

absl::Status WritePrivateFile(const std::string& path, ByteSpan bytes) {
  const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() < 0 && errno == EEXIST) {
    return Error(ErrorCode::kFileExists, fmt::format("{} is there already", path),
                 "a private key is never overwritten: move the old one away first");
  }
  if (fd.get() < 0) return WriteFailed(path, errno);
  if (absl::Status written = WriteAll(fd.get(), path, bytes); !written.ok()) {
    unlink(path.c_str());  // half a key would only be in the way
    return written;
  }
  return SyncFolderOf(path);
}

absl::StatusOr<Secret> ReadPrivateFile(const std::string& path) {
  // O_NONBLOCK: a named pipe in place of the key must not hang the process.
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0) return Unreadable(path, errno);
  if (S_ISDIR(info.st_mode)) return Unreadable(path, EISDIR);
  if (!S_ISREG(info.st_mode)) return Unreadable(path, EINVAL);
  CN_RETURN_IF_ERROR(CheckOpenness(path, info));
  const auto size = static_cast<size_t>(info.st_size);
  if (size > kMaxPrivateFileBytes) {
    return Error(ErrorCode::kFileTooLarge, fmt::format("{} has {} bytes, want at most {} for a key",
                                                       path, size, kMaxPrivateFileBytes));
  }
  Secret secret(size);
  for (size_t done = 0; done < size;) {
    const ssize_t count = read(fd.get(), secret.ExposeMutable().data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Unreadable(path, count < 0 ? errno : EIO);
    done += static_cast<size_t>(count);
  }
  return secret;
}

}  // namespace consilium::crypto
