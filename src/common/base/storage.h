// Disk enters through Storage&: the real one, or one in memory that can fail on purpose.
//
// Durability contract: bytes are durable after AppendFile::Sync returned ok; a rename, a creation
// or a removal is durable after SyncFolder of its folder returned ok. After a Sync that failed, the
// file is abandoned: it is never synced again, because the kernel may have dropped the dirty pages
// (Rebello et al., "Can applications recover from fsync failures?", USENIX ATC 2020).
// Errors: kStorageFull (ENOSPC, EDQUOT), kFileNotFound, kStorageIo for the rest; the message names
// the path. Thread-safe across files; one AppendFile is used by one thread at a time.
#ifndef CONSILIUM_COMMON_BASE_STORAGE_H_
#define CONSILIUM_COMMON_BASE_STORAGE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"

namespace consilium {

class AppendFile {
 public:
  virtual ~AppendFile() = default;
  virtual absl::Status Append(ByteSpan bytes) = 0;
  virtual absl::Status Sync() = 0;
  virtual uint64_t size() const = 0;
};

class FileReader {
 public:
  virtual ~FileReader() = default;
  // Fills `out` whole or fails (kStorageIo on a short file). Thread-safe.
  virtual absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const = 0;
  virtual uint64_t size() const = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;
  // Opens for appending, creating it (mode 0600) if absent; cut to `length` first when it is
  // longer.
  virtual absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                                 uint64_t length = UINT64_MAX) = 0;
  // A new file, or an old one emptied, for much that nobody reads soon: may hold back up to 1 MiB
  // until Sync, and is abandoned after any failure. What is read before Sync is not all of it.
  virtual absl::StatusOr<std::unique_ptr<AppendFile>> OpenBulk(const std::string& path) {
    return OpenAppend(path, 0);
  }
  virtual absl::StatusOr<std::unique_ptr<FileReader>> OpenRead(const std::string& path) const = 0;
  // Atomic; replaces `to`.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // Ok when it is not there.
  virtual absl::Status Remove(const std::string& path) = 0;
  // With parents, mode 0700. Durable when it returns.
  virtual absl::Status CreateFolder(const std::string& path) = 0;
  virtual absl::Status SyncFolder(const std::string& path) = 0;
  // The names in a folder, sorted; empty when the folder is absent.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) const = 0;
};

// The machine's files. Thread-safe.
class PosixStorage final : public Storage {
 public:
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                         uint64_t length) override;
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenBulk(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileReader>> OpenRead(const std::string& path) const override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateFolder(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) const override;
};

bool Exists(const Storage& storage, const std::string& path);
// kFileTooLarge above `most` bytes.
absl::StatusOr<Bytes> ReadWhole(const Storage& storage, const std::string& path, uint64_t most);
// Writes `path`.new, syncs, renames over `path`, syncs the folder: all or nothing.
absl::Status WriteDurably(Storage& storage, const std::string& path, ByteSpan bytes);

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_STORAGE_H_
