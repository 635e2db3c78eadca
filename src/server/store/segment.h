// Small updates of one step, many to a file, so that one sync serves all that arrive together.
//
// An update file of a few KiB of its own costs a file, its sync and its folder's sync; here it is a
// record (common/journal) of the step's segment, and writers at the same time share one sync. A
// segment is never appended to after a restart or after a failed sync: the next one has the next
// number. It goes with its step. Format: docs/formats/spool.md.
// Thread-safe.
#ifndef CONSILIUM_SERVER_STORE_SEGMENT_H_
#define CONSILIUM_SERVER_STORE_SEGMENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/storage.h"
#include "common/journal/journal.h"

namespace consilium::server::store {

// Larger updates get a file of their own.
inline constexpr uint64_t kMaxSmallBytes = 128 * 1024;

// Where in a segment an update file begins.
struct SegmentPlace {
  std::string path;
  uint64_t offset = 0;
  uint64_t end = 0;  // of its record
};

class Segment {
 public:
  // A new file. REQUIRES: there is none at `path`. Durable, empty, when it returns.
  static absl::StatusOr<std::unique_ptr<Segment>> Create(Storage& storage, std::string path);
  // Takes its place in the file; SyncTo or WriteTo of the place's end makes it count. After a
  // failure of any of them the segment takes nothing more.
  absl::StatusOr<SegmentPlace> Add(const SiteId& site, const Digest& digest, ByteSpan file);
  // Written, and durable if `sync`, up to `end`: one sync for all that was added.
  absl::Status KeepTo(uint64_t end, bool sync);
  const std::string& path() const { return path_; }
  uint64_t size() const { return journal_->size(); }

 private:
  Segment(std::string path, std::unique_ptr<journal::Journal> journal);
  const std::string path_;
  const std::unique_ptr<journal::Journal> journal_;
};

using SegmentIndex = std::map<std::pair<SiteId, Digest>, SegmentPlace>;
// Adds what is whole in the segment; whether an update has its digest is for the caller to see. A
// damaged segment gives what is before the damage. kStorageIo when the disk does not read it now.
absl::Status ReadSegment(const Storage& storage, const std::string& path, SegmentIndex& index);

// `bytes` of a file from `offset` on, as a file of its own.
class FileSlice final : public FileReader {
 public:
  FileSlice(std::unique_ptr<FileReader> file, uint64_t offset, uint64_t bytes)
      : file_(std::move(file)), offset_(offset), bytes_(bytes) {}
  absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override;
  uint64_t size() const override { return bytes_; }

 private:
  const std::unique_ptr<FileReader> file_;
  const uint64_t offset_;
  const uint64_t bytes_;
};

// Bytes in memory as a file. They outlive it.
class MemoryReader final : public FileReader {
 public:
  explicit MemoryReader(ByteSpan bytes) : bytes_(bytes) {}
  absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override;
  uint64_t size() const override { return bytes_.size(); }

 private:
  const ByteSpan bytes_;
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_SEGMENT_H_
