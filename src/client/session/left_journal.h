// The journal of what left (what_left.h), on a disk that may fail and in files of bounded size.
//
// After a write or a sync that failed, the file is abandoned: the kernel may have dropped what was
// not synced, so it is never synced again. Before the next record its durable bytes are copied into
// a new file, which takes its place. A file larger than `most_bytes` is kept aside whole as
// journal.<n>; the new one begins with where the old one is, and with what still matters. At most
// kMaxOldJournals are kept: the oldest goes, with a line in the log.
// Used by the one worker; `storage` outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_LEFT_JOURNAL_H_
#define CONSILIUM_CLIENT_SESSION_LEFT_JOURNAL_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/session/what_left.h"
#include "common/base/storage.h"
#include "common/journal/journal.h"

namespace consilium::client::session {

inline constexpr uint64_t kMaxJournalBytes = uint64_t{16} << 20;
inline constexpr size_t kMaxOldJournals = 16;

// The whole journal of a folder, oldest first: the files kept aside, then the one that grows.
absl::StatusOr<std::vector<std::string>> LeftJournalFiles(const Storage& storage,
                                                          const std::string& folder);

class LeftJournal {
 public:
  // Records that the next file has to begin with.
  using Carry = std::function<std::vector<std::pair<SiteRecord, Bytes>>()>;

  // Replays the file that grows, or begins one. kJournalCorrupt, kFormatVersion, kStorage*.
  static absl::StatusOr<std::unique_ptr<LeftJournal>> Open(const std::string& folder,
                                                           Storage& storage,
                                                           const journal::Replay& replay,
                                                           uint64_t most_bytes = kMaxJournalBytes);

  // Durable when it returns ok.
  absl::Status Append(SiteRecord kind, ByteSpan payload);
  // Begins the next file when this one is full; a disk that refuses is logged and asked again.
  void Turn(UtcMillis now, const Carry& carry);

 private:
  LeftJournal(std::string folder, Storage& storage, uint64_t most_bytes);
  std::string Path() const { return folder_ + "/journal"; }
  // Puts a copy of the durable bytes in the place of the abandoned file, and opens it.
  absl::Status Renew();
  absl::Status KeepAside(UtcMillis now, const Carry& carry);
  absl::Status RemoveOldest();

  const std::string folder_;
  Storage& storage_;
  const uint64_t most_bytes_;
  std::unique_ptr<journal::Journal> journal_;  // null after a failure, until the next record
  uint64_t durable_ = 0;                       // bytes of the file
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_LEFT_JOURNAL_H_
