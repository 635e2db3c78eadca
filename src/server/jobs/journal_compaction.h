// The journal without what no start needs any more, as a new file in its place.
//
// Dropped: every record of a forgotten job, and of each site's epochs all but the newest. The rest
// keeps its bytes and order; only the chain of hashes is new. Written beside the journal, synced,
// then renamed over it: a crash leaves the one or the other.
#ifndef CONSILIUM_SERVER_JOBS_JOURNAL_COMPACTION_H_
#define CONSILIUM_SERVER_JOBS_JOURNAL_COMPACTION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/storage.h"

namespace consilium::server::jobs {

// Below so many bytes that would go nothing is rewritten, nor when they are less than half.
inline constexpr uint64_t kLeastCompactedBytes = 1024 * 1024;

// True when the file was replaced. REQUIRES: nobody has it open. O(file); memory is one record and
// a name per forgotten job and site. kJournalCorrupt, kFormatVersion, kStorage*.
absl::StatusOr<bool> CompactJournal(Storage& storage, const std::string& path,
                                    uint64_t least_bytes = kLeastCompactedBytes);

}  // namespace consilium::server::jobs

#endif  // CONSILIUM_SERVER_JOBS_JOURNAL_COMPACTION_H_
