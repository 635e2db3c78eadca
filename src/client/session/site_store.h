// A site's own disk: its random store id, its journal of what left, and the updates that it holds
// until it hears what became of them.
//
// Order of a send: the update file is durable, then its what-left record is, then it is offered to
// the server. What has a record and no outcome is held; a file without a record never left and is
// deleted at the next start. docs/formats/what_left.md.
// Thread-safe: Held and FindHeld at any time; the rest is called by the one worker.
#ifndef CONSILIUM_CLIENT_SESSION_SITE_STORE_H_
#define CONSILIUM_CLIENT_SESSION_SITE_STORE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/session/left_journal.h"
#include "client/session/what_left.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/wire/messages.h"
#include "common/wire/update_file.h"

namespace consilium::client::session {

class SiteStore {
 public:
  struct Options {
    std::string folder;
    uint64_t most_journal_bytes = kMaxJournalBytes;  // of one file of what left
  };
  // Reads the store in `folder`, or begins one. `storage` outlives this. kJournalCorrupt,
  // kFormatVersion (a newer program was here, and nothing has been touched), kStorage*.
  static absl::StatusOr<std::unique_ptr<SiteStore>> Open(const Options& options, Storage& storage);

  const std::string& store_id() const { return store_id_; }
  std::vector<wire::HeldUpdate> Held() const;
  std::optional<LeftRecord> FindHeld(const JobId& job, StepNumber step) const;

  // Writes header and payload durably, then `record` (its digest and bytes are filled in); now it
  // is held, in place of an older one of the same job and step. kOverloaded: wire::kMaxHeldUpdates.
  // After a failure nothing is held that was not before, and the same may be tried again.
  absl::StatusOr<LeftRecord> Hold(const wire::UpdateHeader& header, ByteSpan payload,
                                  LeftRecord record);
  // The held file, its digest checked. When it is gone or damaged it is held no longer, and the
  // update has to be made again: kUpdateDigest.
  absl::StatusOr<std::unique_ptr<FileReader>> OpenHeld(const LeftRecord& record);
  absl::Status RecordReceipt(const wire::Receipt& receipt, UtcMillis now);
  // Journals the outcome and deletes the copy; nothing when it is not held.
  absl::Status Settle(const wire::Outcome& outcome, UtcMillis now);
  // The same for every held update of an ended job.
  absl::Status ForgetJob(const JobId& job, UtcMillis now);

 private:
  using Key = std::pair<JobId, StepNumber>;
  SiteStore(std::string folder, Storage& storage);
  absl::Status ReadStoreId();
  absl::Status WriteUpdate(const Key& key, const wire::UpdateHeader& header, ByteSpan payload,
                           LeftRecord& record);
  std::vector<std::pair<SiteRecord, Bytes>> StillHeld() const;
  absl::Status Replay(const journal::Record& record);
  absl::Status RemoveStrangers();
  std::string PathOf(const Key& key) const;
  // Where the journal's file is full, what is held begins the next.
  void Turn(UtcMillis now);
  absl::Status Drop(const Key& key, SiteRecord kind, const SettledRecord& record);

  const std::string folder_;
  Storage& storage_;
  std::string store_id_;
  std::unique_ptr<LeftJournal> journal_;
  mutable Mutex mutex_;
  std::map<Key, LeftRecord> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_SITE_STORE_H_
