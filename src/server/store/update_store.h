// Where uploads become accepted updates: spools on disk, verified, synced, journalled, then
// receipted.
//
// Path of an update (docs/ARCHITECTURE.md): Begin tells the durable offset to go on from; Append
// writes; when the last byte is there Finish checks length, digest, header, layout, finiteness and
// bounds, syncs, journals *accepted* and only then returns a receipt. The accepted set, not the
// spool, answers repeats: the same digest again gets the same receipt, another digest is refused
// (kUpdateConflict). An upload is bound to the digest of its first chunk; before acceptance another
// digest starts at 0.
// Thread-safe; one upload is driven by one thread at a time (a second Begin of the same key takes
// it over). Ownership: each site of a step has a slot; whoever works on an upload takes it out of
// its slot, does its disk work without any lock, and puts it back. Another caller of that slot
// waits for that, which lasts as long as one piece takes to write, or one update to verify.
// Files: docs/formats/spool.md. After a restart an upload goes on at the length of its spool, whose
// bytes are read once to continue the digest.
#ifndef CONSILIUM_SERVER_STORE_UPDATE_STORE_H_
#define CONSILIUM_SERVER_STORE_UPDATE_STORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/sum/exact_sum.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"
#include "common/wire/update_file.h"

namespace consilium::server::store {

// What a step takes: uploads for anything else are refused (kUpdateUnknownTask).
struct OpenStep {
  JobId job;
  StepNumber step;
  Digest base_state;
  tensor::Layout layout;
  uint32_t weight_cap = sum::kDefaultWeightCap;
};

struct AcceptedUpdate {
  wire::TaskKey key;
  Digest digest;
  uint32_t weight = 1;  // as sent; capped when summed
  uint64_t bytes = 0;
};

// Journals an acceptance durably; returns only when it is on disk.
using AcceptJournal = std::function<absl::Status(const AcceptedUpdate&)>;

class UpdateStore {
 public:
  struct Options {
    std::string folder;
    uint64_t max_update_bytes = uint64_t{1} << 33;
    uint64_t max_spool_bytes = uint64_t{1} << 38;  // of all uploads under way: kOverloaded above
  };
  // `storage` outlives this.
  UpdateStore(Options options, Storage& storage, AcceptJournal journal);
  ~UpdateStore();

  // Opens a step for uploads of `sites`; `accepted` are those the journal already has (restart).
  // An accepted update whose spool is gone or damaged is returned: it must be asked for again.
  absl::StatusOr<std::vector<SiteId>> OpenForUploads(const OpenStep& step,
                                                     const std::vector<SiteId>& sites,
                                                     const std::vector<AcceptedUpdate>& accepted);
  // No more uploads: later ones get kUpdateUnknownTask. Unaccepted spools are deleted. Waits for a
  // Finish under way: afterwards Accepted() does not change any more.
  void CloseForUploads(const JobId& job, StepNumber step);

  struct Position {
    uint64_t written = 0;                  // go on from here
    std::optional<wire::Receipt> receipt;  // already accepted, same digest
  };
  // kUpdateUnknownTask, kUpdateConflict, kMessageTooLarge, kOverloaded, kStorage*.
  absl::StatusOr<Position> Begin(const wire::UploadHeader& header);
  // `offset` must be the written position (kProtocol otherwise).
  absl::StatusOr<uint64_t> Append(const wire::TaskKey& key, const Digest& digest, uint64_t offset,
                                  ByteSpan bytes);
  // kUpdate* by the check that failed (the spool is then deleted: the upload may start again).
  absl::StatusOr<wire::Receipt> Finish(const wire::TaskKey& key, const Digest& digest);

  // The exact sum over the accepted updates of `sites`, by column blocks: memory is the accumulator
  // and a block per site, never sites x model.
  absl::StatusOr<sum::ExactSum> Fold(const JobId& job, StepNumber step,
                                     const std::vector<SiteId>& sites,
                                     const sum::SumOptions& options) const;
  // One accepted update's payload, for per-site metrics: kUpdateUnknownTask when absent.
  // Only tensors outside the model are read: [first_tensor, layout end).
  absl::StatusOr<Bytes> ReadTail(const JobId& job, StepNumber step, const SiteId& site,
                                 size_t first_tensor) const;
  std::vector<AcceptedUpdate> Accepted(const JobId& job, StepNumber step) const;

  // After commit: the spools go (kept under retain = "updates").
  absl::Status Discard(const JobId& job, StepNumber step);

 private:
  struct Upload;
  struct AcceptedFile;
  struct Slot;
  struct StepEntry;
  class Lease;
  using StepKey = std::pair<JobId, StepNumber>;

  std::string JobFolder(const JobId& job) const;
  absl::StatusOr<Lease> Take(const wire::TaskKey& key);
  absl::StatusOr<AcceptedFile> Recover(const StepEntry& entry, const AcceptedUpdate& update) const;
  absl::StatusOr<std::unique_ptr<Upload>> StartOrResume(const StepEntry& entry,
                                                        const wire::UploadHeader& header);
  absl::StatusOr<AcceptedFile> Verify(const StepEntry& entry, const wire::TaskKey& key,
                                      const Upload& upload) const;
  absl::Status RemoveParts(const StepEntry& entry, const std::vector<std::string>& keep);
  void WaitUntilIdle(const StepEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::vector<AcceptedFile>> Gather(const JobId& job, StepNumber step,
                                                   const std::vector<SiteId>& sites,
                                                   tensor::Layout& layout) const;

  const Options options_;
  Storage& storage_;
  const AcceptJournal journal_;
  std::atomic<uint64_t> spool_bytes_ = 0;  // declared by the uploads under way
  mutable Mutex mutex_;
  CondVar put_back_;
  std::map<StepKey, std::shared_ptr<StepEntry>> steps_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_UPDATE_STORE_H_
