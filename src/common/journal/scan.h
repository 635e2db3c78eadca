// Reads a journal from its first byte to its last whole record.
//
// Where a record does not verify, two things may have happened. A torn tail: the machine stopped
// before a sync, and of the bytes written since the last one any part may be missing, even an
// earlier one with a later one there. Or damage: bytes that were durable have changed. They are
// told apart by the `durable` position in each record: a whole record further on that says the bad
// place was durable proves damage. No such record: a torn tail.
// Cost: one pass; memory is one record, and one window behind a record that does not verify.
#ifndef CONSILIUM_COMMON_JOURNAL_SCAN_H_
#define CONSILIUM_COMMON_JOURNAL_SCAN_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/base/storage.h"
#include "common/journal/journal.h"

namespace consilium::journal {

struct ScanResult {
  uint64_t end = 0;  // after the last whole record
  Digest last;       // SHA-256 of that record; zero when there is none
};

// Calls `replay` for every whole record in order. kJournalCorrupt with the byte offset,
// kFormatVersion, the status of `replay`, or of reading. `path` is for messages.
absl::StatusOr<ScanResult> Scan(const FileReader& file, const std::string& path,
                                const Replay& replay);

}  // namespace consilium::journal

#endif  // CONSILIUM_COMMON_JOURNAL_SCAN_H_
