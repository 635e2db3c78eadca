// One append-only file of records, each with length, kind, CRC and the hash of the one before.
//
// Record (docs/formats/journal.md, little-endian): u32 payload length, u16 kind, u16 version, u32
// crc32 over the rest of the record, 32 bytes SHA-256 of the previous record (zero for the first),
// payload. A file starts with a 16-byte header: magic "CNJOURNL", u32 format version, u32 zero.
// Opening replays every whole record in order; a torn tail (short, wrong CRC, and nothing valid
// after it) is recognised and cut. A record in the middle that does not verify is kJournalCorrupt
// with the byte offset: data is never skipped silently. A newer format version: kFormatVersion.
// After a Sync or Append that failed the journal refuses further appends (kStorageIo / the first
// error) until it is opened again.
// Thread-safe. Sync is grouped: one disk sync serves every append before it.
#ifndef CONSILIUM_COMMON_JOURNAL_JOURNAL_H_
#define CONSILIUM_COMMON_JOURNAL_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"

namespace consilium::journal {

inline constexpr uint32_t kMaxRecordBytes = 16 * 1024 * 1024;

struct Record {
  uint64_t position = 0;  // byte offset in the file
  uint16_t kind = 0;      // meaning is the owner's
  uint16_t version = 1;
  ByteSpan payload;       // valid during the callback
};
using Replay = std::function<absl::Status(const Record&)>;

class Journal {
 public:
  // `storage` outlives this. A status from `replay` ends the opening with that status.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(Storage& storage, const std::string& path,
                                                       const Replay& replay);
  // Written, not yet durable. Returns the position after the record, for SyncTo.
  absl::StatusOr<uint64_t> Append(uint16_t kind, ByteSpan payload, uint16_t version = 1);
  // Returns when everything before `position` is durable.
  absl::Status SyncTo(uint64_t position);
  // Append, then SyncTo.
  absl::Status AppendDurably(uint16_t kind, ByteSpan payload, uint16_t version = 1);

  // Bytes cut from a torn tail when it was opened.
  uint64_t cut_bytes() const { return cut_bytes_; }
  uint64_t size() const;

 private:
  Journal(std::unique_ptr<AppendFile> file, Digest last, uint64_t cut_bytes);
  const uint64_t cut_bytes_;
  mutable Mutex mutex_;
  CondVar synced_changed_;
  std::unique_ptr<AppendFile> file_;
  Digest last_ ABSL_GUARDED_BY(mutex_);
  uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t synced_ ABSL_GUARDED_BY(mutex_) = 0;
  bool syncing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::journal

#endif  // CONSILIUM_COMMON_JOURNAL_JOURNAL_H_
