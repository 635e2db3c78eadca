// One append-only file of records, each with length, kind, CRC and the hash of the one before.
//
// Format: docs/formats/journal.md. Opening replays every whole record in order; a torn tail is
// recognised and cut (scan.h says how). A record that was durable and does not verify is
// kJournalCorrupt with the byte offset: data is never skipped silently. A newer format version is
// kFormatVersion. After a write or sync that failed the journal refuses everything with that first
// error until it is opened again.
// Thread-safe. Syncs are grouped: while one thread's sync runs, the appends of others gather, and
// the next sync serves them all. No lock is held while the disk works.
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

inline constexpr uint32_t kMaxRecordBytes = 16 * 1024 * 1024;   // of one payload
inline constexpr uint64_t kMaxPendingBytes = 32 * 1024 * 1024;  // appended and not yet written

struct Record {
  uint64_t position = 0;  // byte offset in the file
  uint16_t kind = 0;      // meaning is the owner's
  uint16_t version = 1;
  ByteSpan payload;  // valid during the callback
};
using Replay = std::function<absl::Status(const Record&)>;

class Journal {
 public:
  // `storage` outlives this; the folder of `path` exists. What was replayed is durable when this
  // returns. A status from `replay` ends the opening with that status.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(Storage& storage, const std::string& path,
                                                       const Replay& replay);
  // Syncs what is pending; use SyncTo to hear whether that worked.
  ~Journal();

  // Takes the record's place in the order; a crash before SyncTo may lose it, with all after it.
  // Returns the position after the record, for SyncTo. kMessageTooLarge above kMaxRecordBytes.
  absl::StatusOr<uint64_t> Append(uint16_t kind, ByteSpan payload, uint16_t version = 1);
  // Returns when everything before `position` is durable. Blocks on the disk.
  absl::Status SyncTo(uint64_t position);
  // Returns when everything before `position` is written: it survives the end of the process, not a
  // power cut.
  absl::Status WriteTo(uint64_t position);
  // Append, then SyncTo.
  absl::Status AppendDurably(uint16_t kind, ByteSpan payload, uint16_t version = 1);

  // Bytes cut from a torn tail when it was opened.
  uint64_t cut_bytes() const { return cut_bytes_; }
  // The position after the last record.
  uint64_t size() const;

 private:
  Journal(std::unique_ptr<AppendFile> file, const Digest& last, uint64_t cut_bytes);
  // Writes what is pending, and syncs if asked, with the lock released. REQUIRES: not busy.
  void WriteOut(bool sync) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t cut_bytes_;
  const std::unique_ptr<AppendFile> file_;  // used only by the thread that set busy_
  mutable Mutex mutex_;
  CondVar changed_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  Bytes pending_ ABSL_GUARDED_BY(mutex_);
  Digest last_ ABSL_GUARDED_BY(mutex_);
  uint64_t end_ ABSL_GUARDED_BY(mutex_);      // with what is pending
  uint64_t written_ ABSL_GUARDED_BY(mutex_);  // everything before is in the file
  uint64_t synced_ ABSL_GUARDED_BY(mutex_);   // everything before is durable
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);
};

// Reads the whole records of a journal and changes nothing, also while its owner appends; a torn
// tail is left alone. kFileNotFound, kJournalCorrupt, kFormatVersion, or the status of `replay`.
absl::Status ReadJournal(const Storage& storage, const std::string& path, const Replay& replay);

}  // namespace consilium::journal

#endif  // CONSILIUM_COMMON_JOURNAL_JOURNAL_H_
