#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "common/base/check.h"
#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"

namespace consilium {
namespace {

absl::Status FromErrno(std::string_view action, const std::string& path, int error) {
  const ErrorCode code = error == ENOENT                      ? ErrorCode::kFileNotFound
                         : error == ENOSPC || error == EDQUOT ? ErrorCode::kStorageFull
                                                              : ErrorCode::kStorageIo;
  return Error(code, fmt::format("{} {}: {}", action, path,
                                 std::error_code(error, std::generic_category()).message()));
}

// Repeats a system call that a signal interrupted.
template <typename Call>
auto Retry(const Call& call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::StatusOr<Descriptor> Open(std::string_view action, const std::string& path, int flags) {
  constexpr mode_t kOwnerOnly = 0600;
  Descriptor fd(Retry([&] { return open(path.c_str(), flags | O_CLOEXEC, kOwnerOnly); }));
  if (fd.get() < 0) return FromErrno(action, path, errno);
  return fd;
}

absl::StatusOr<uint64_t> SizeOf(const Descriptor& fd, const std::string& path) {
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return FromErrno("cannot look at", path, errno);
  if (!S_ISREG(info.st_mode)) return FromErrno("cannot open", path, EISDIR);
  return static_cast<uint64_t>(info.st_size);
}

absl::Status SyncPath(const std::string& folder) {
  CN_ASSIGN_OR_RETURN(const Descriptor fd,
                      Open("cannot open the folder", folder, O_RDONLY | O_DIRECTORY));
  if (Retry([&] { return fsync(fd.get()); }) != 0) {
    return FromErrno("cannot sync the folder", folder, errno);
  }
  return absl::OkStatus();
}

class PosixAppendFile final : public AppendFile {
 public:
  PosixAppendFile(std::string path, Descriptor fd, uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  absl::Status Append(ByteSpan bytes) override {
    if (!broken_.ok()) return broken_;
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t wrote =
          Retry([&] { return write(fd_.get(), bytes.data() + done, bytes.size() - done); });
      if (wrote <= 0) return UndoAppend(wrote < 0 ? errno : EIO);
      done += static_cast<size_t>(wrote);
    }
    size_ += bytes.size();
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (!broken_.ok()) return broken_;
    // Not repeated on EINTR: whether the pages are still dirty is unknown after any failure.
    if (fdatasync(fd_.get()) != 0) broken_ = FromErrno("cannot sync", path_, errno);
    CN_PERSISTED("sync", path_);
    return broken_;
  }

  uint64_t size() const override { return size_; }

 private:
  // A half-written piece is cut off again; when that fails too, the file is abandoned.
  absl::Status UndoAppend(int error) {
    absl::Status status = FromErrno("cannot write to", path_, error);
    if (Retry([&] { return ftruncate(fd_.get(), static_cast<off_t>(size_)); }) != 0) {
      broken_ = status;
    }
    return status;
  }

  const std::string path_;
  const Descriptor fd_;
  uint64_t size_;
  absl::Status broken_;
};

// A new file that nobody reads soon, written past the page cache: on a virtual machine fresh pages
// of the cache cost ten times as much a byte as reading does (docs/performance.md, row 4). Whole
// blocks go to the disk as they fill a buffer; the tail goes through the cache when the file is
// synced.
class PosixBulkFile final : public AppendFile {
 public:
  PosixBulkFile(std::string path, Descriptor fd)
      : path_(std::move(path)),
        fd_(std::move(fd)),
        buffer_(static_cast<std::byte*>(std::aligned_alloc(kBlock, kBuffer))) {
    CN_CHECK(buffer_ != nullptr);
  }

  absl::Status Append(ByteSpan bytes) override {
    while (!bytes.empty()) {
      if (!broken_.ok()) return broken_;
      const size_t part = std::min(bytes.size(), kBuffer - filled_);
      std::memcpy(buffer_.get() + filled_, bytes.data(), part);
      bytes = bytes.subspan(part);
      filled_ += part;
      size_ += part;
      if (filled_ == kBuffer) WriteOut(filled_);
    }
    return broken_;
  }

  absl::Status Sync() override {
    const bool is_small =
        size_ < kBuffer;  // one write to the cache is cheaper than two to the disk
    if (broken_.ok() && !is_small) WriteOut(filled_ / kBlock * kBlock);
    if (broken_.ok() && filled_ > 0) WriteTail();
    if (!broken_.ok()) return broken_;
    if (fdatasync(fd_.get()) != 0) broken_ = FromErrno("cannot sync", path_, errno);
    CN_PERSISTED("sync", path_);
    return broken_;
  }

  uint64_t size() const override { return size_; }

 private:
  static constexpr size_t kBlock = 4096;  // of memory, of the disk and of the file's offsets
  static constexpr size_t kBuffer = 1024 * 1024;

  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };

  // The first `length` bytes of the buffer; what is left moves to its front. After a failure the
  // file is abandoned: bytes of earlier appends are lost with it.
  void WriteOut(size_t length) {
    size_t done = 0;
    while (done < length) {
      const ssize_t wrote =
          Retry([&] { return write(fd_.get(), buffer_.get() + done, length - done); });
      if (wrote <= 0) {
        broken_ = FromErrno("cannot write to", path_, wrote < 0 ? errno : EIO);
        return;
      }
      done += static_cast<size_t>(wrote);
    }
    filled_ -= length;
    std::memmove(buffer_.get(), buffer_.get() + length, filled_);
  }

  // Less than a block cannot go directly; what is appended after it is no more aligned either.
  void WriteTail() {
    const int flags = fcntl(fd_.get(), F_GETFL);
    if (flags < 0 || fcntl(fd_.get(), F_SETFL, flags & ~O_DIRECT) != 0) {
      broken_ = FromErrno("cannot write to", path_, errno);
      return;
    }
    WriteOut(filled_);
  }

  const std::string path_;
  const Descriptor fd_;
  const std::unique_ptr<std::byte, Free> buffer_;
  size_t filled_ = 0;
  uint64_t size_ = 0;
  absl::Status broken_;
};

class PosixFileReader final : public FileReader {
 public:
  PosixFileReader(std::string path, Descriptor fd, uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = Retry([&] {
        return pread(fd_.get(), out.data() + done, out.size() - done,
                     static_cast<off_t>(offset + done));
      });
      if (got < 0) return FromErrno("cannot read", path_, errno);
      if (got == 0) {
        return Error(ErrorCode::kStorageIo, fmt::format("{} ends at byte {}, want {}", path_,
                                                        offset + done, offset + out.size()));
      }
      done += static_cast<size_t>(got);
    }
    return absl::OkStatus();
  }

  uint64_t size() const override { return size_; }

 private:
  const std::string path_;
  const Descriptor fd_;
  const uint64_t size_;
};

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AppendFile>> PosixStorage::OpenAppend(const std::string& path,
                                                                     uint64_t length) {
  CN_ASSIGN_OR_RETURN(Descriptor fd, Open("cannot open", path, O_WRONLY | O_CREAT | O_APPEND));
  CN_ASSIGN_OR_RETURN(uint64_t size, SizeOf(fd, path));
  if (size > length) {
    if (Retry([&] { return ftruncate(fd.get(), static_cast<off_t>(length)); }) != 0) {
      return FromErrno("cannot cut", path, errno);
    }
    size = length;
  }
  return std::make_unique<PosixAppendFile>(path, std::move(fd), size);
}

absl::StatusOr<std::unique_ptr<AppendFile>> PosixStorage::OpenBulk(const std::string& path) {
  absl::StatusOr<Descriptor> fd =
      Open("cannot open", path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_DIRECT);
  // Not every file system writes past the cache.
  if (!fd.ok()) return OpenAppend(path, 0);
  CN_RETURN_IF_ERROR(SizeOf(*fd, path).status());
  return std::make_unique<PosixBulkFile>(path, *std::move(fd));
}

absl::StatusOr<std::unique_ptr<FileReader>> PosixStorage::OpenRead(const std::string& path) const {
  CN_ASSIGN_OR_RETURN(Descriptor fd, Open("cannot open", path, O_RDONLY));
  CN_ASSIGN_OR_RETURN(const uint64_t size, SizeOf(fd, path));
  return std::make_unique<PosixFileReader>(path, std::move(fd), size);
}

absl::Status PosixStorage::Rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return FromErrno("cannot rename", from, errno);
  CN_PERSISTED("rename", to);
  return absl::OkStatus();
}

absl::Status PosixStorage::Remove(const std::string& path) {
  if (unlink(path.c_str()) != 0) {
    return errno == ENOENT ? absl::OkStatus() : FromErrno("cannot remove", path, errno);
  }
  CN_PERSISTED("remove", path);
  return absl::OkStatus();
}

absl::Status PosixStorage::CreateFolder(const std::string& path) {
  constexpr mode_t kOwnerOnly = 0700;
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string folder = path.substr(0, end);
    if (folder.empty() || folder == "/" || folder.back() == '/') continue;
    if (mkdir(folder.c_str(), kOwnerOnly) == 0) {
      CN_RETURN_IF_ERROR(SyncPath(ParentOf(folder)));
      continue;
    }
    struct stat info{};
    const int error = errno;
    if (stat(folder.c_str(), &info) != 0) {
      return FromErrno("cannot create the folder", folder, error);
    }
    if (!S_ISDIR(info.st_mode)) return FromErrno("cannot create the folder", folder, ENOTDIR);
  }
  return absl::OkStatus();
}

absl::Status PosixStorage::SyncFolder(const std::string& path) { return SyncPath(path); }

absl::StatusOr<std::vector<std::string>> PosixStorage::List(const std::string& path) const {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) {
    if (errno == ENOENT) return names;
    return FromErrno("cannot list", path, errno);
  }
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return FromErrno("cannot list", path, errno);
  std::ranges::sort(names);
  return names;
}

}  // namespace consilium
