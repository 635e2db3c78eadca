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
// Folding is compaction: while a round goes on, accepted updates become a generation of the sum
// (generation.h), durably, and then their spools go. So the disk holds at most
// Options::fold_updates spools or so and two generations of a step, and the end of a round has
// little left to add. Files: docs/formats/spool.md, docs/formats/fold.md. After a restart an upload
// goes on at the length of its spool, whose bytes are read once to continue the digest.
#ifndef CONSILIUM_SERVER_STORE_UPDATE_STORE_H_
#define CONSILIUM_SERVER_STORE_UPDATE_STORE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/wire/messages.h"
#include "common/wire/update_file.h"
#include "server/store/generation.h"
#include "server/store/segment.h"
#include "server/store/step_updates.h"
#include "server/store/update_fold.h"

namespace consilium::server::store {

class UpdateStore {
 public:
  struct Options {
    std::string folder;
    uint64_t max_update_bytes = uint64_t{1} << 33;
    uint64_t max_spool_bytes = uint64_t{1} << 38;  // of all uploads under way: kOverloaded above
    uint64_t small_update_bytes = kMaxSmallBytes;  // up to here updates share segments
    size_t fold_updates = 16;                 // so many spools are folded while a round goes on
    uint64_t fold_bytes = uint64_t{1} << 30;  // or fewer, of so many bytes
  };
  // `storage` outlives this.
  UpdateStore(Options options, Storage& storage, AcceptJournal journal);
  ~UpdateStore();

  // Opens a step for uploads of `sites`; `accepted` are those the journal already has (restart).
  // An accepted update whose spool is gone or damaged is returned: it must be asked for again. One
  // that the disk does not read now is neither: kStorageIo, try again.
  absl::StatusOr<std::vector<SiteId>> OpenForUploads(const OpenStep& step,
                                                     const std::vector<SiteId>& sites,
                                                     const std::vector<AcceptedUpdate>& accepted);
  // Where the files of all jobs, and of one, are.
  const std::string& Folder() const { return options_.folder; }
  std::string FolderOf(const JobId& job) const { return options_.folder + "/" + job.value(); }
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
  // Begin, Append and Finish of many at once, with one sync of their segment and one of the journal
  // for all of a step. A receipt each, or why not; kOverloaded: upload it instead (there is no
  // segment for its size, or no room). REQUIRES: no key twice. One thread at a time.
  std::vector<absl::StatusOr<wire::Receipt>> AcceptWhole(std::span<const WholeUpdate> updates);

  // As CloseForUploads, but for these sites; nothing is deleted yet.
  void CloseForAllBut(const JobId& job, StepNumber step, std::set<SiteId> sites);
  // The step is committed, and these sites may still deliver, or have delivered what counts in a
  // later one: all else of the step goes, as by Discard.
  absl::Status KeepLate(const JobId& job, StepNumber step, const std::set<SiteId>& sites);

  std::vector<AcceptedUpdate> Accepted(const JobId& job, StepNumber step) const;
  // What the disk said when it refused an update of this step; empty when none was refused, or one
  // was accepted since.
  std::string RefusedByDisk(const JobId& job, StepNumber step) const;
  // The tensors [first_tensor, end) of one accepted update, for per-site metrics.
  // kUpdateUnknownTask when it is absent, or folded and gone (NoteOf then).
  absl::StatusOr<Bytes> ReadTail(const JobId& job, StepNumber step, const SiteId& site,
                                 size_t first_tensor) const;
  // What was kept of a folded update; nullopt while it is not folded.
  std::optional<Bytes> NoteOf(const JobId& job, StepNumber step, const SiteId& site) const;

  // ---- folding: one thread at a time for a step, beside its uploads
  // The accepted updates that are not folded, when they are enough to be; else none.
  std::vector<SiteId> DueForFold(const JobId& job, StepNumber step) const;
  // The next generation: with these accepted updates. Durable when it returns; when it fails,
  // nothing has changed. A note has at most kMaxNoteBytes. kStateCorrupt, kStorage*.
  absl::Status Fold(const JobId& job, StepNumber step, const std::vector<UpdateNote>& updates);
  // Writes the sum over `sites` (every folded one is among them) to `path`, all or nothing,
  // durably: docs/formats/sum.md. `report` (or null) takes it on the way; its errors leave no file.
  // `counted.carried` are accepted updates of other steps of the job.
  struct Counted {
    std::vector<SiteId> sites;
    CarriedUpdates carried = {};
  };
  absl::StatusOr<StepSum> WriteSum(const JobId& job, StepNumber step, const Counted& counted,
                                   const std::string& path, ReportSink* report) const;
  // The digest of the sum over kept updates of a step that is over. kUpdate*, kFileNotFound when
  // one is gone or damaged.
  absl::StatusOr<Digest> DigestOfKept(const OpenStep& step,
                                      const std::vector<AcceptedUpdate>& updates,
                                      const CarriedUpdates& carried = {}) const;

  // ---- side by side, where nothing is folded (OpenStep::fold): one thread, after the close
  // Accepted updates by site; their files stay until Discard. kUpdateUnknownTask: one is not here.
  absl::StatusOr<StepColumns> OpenColumns(const JobId& job, StepNumber step,
                                          const std::vector<SiteId>& sites) const;
  // The same of kept updates of a step that is over. kUpdate*, kFileNotFound.
  absl::StatusOr<StepColumns> OpenKeptColumns(const OpenStep& step,
                                              const std::vector<AcceptedUpdate>& updates) const;

  // After the step: its generations go, and its spools unless they stay (retain = "updates").
  absl::Status Discard(const JobId& job, StepNumber step, Spools spools = Spools::kGo);
  // After its last step: the job's segments go.
  absl::Status EndJob(const JobId& job);

 private:
  struct Upload;
  struct AcceptedFile;
  struct Slot;
  struct SegmentSeries;
  struct StepEntry;
  class Lease;
  using StepKey = std::pair<JobId, StepNumber>;
  absl::StatusOr<Lease> Take(const wire::TaskKey& key);
  absl::StatusOr<AcceptedFile> Recover(const StepEntry& entry, const AcceptedUpdate& update) const;
  absl::StatusOr<std::unique_ptr<Upload>> StartOrResume(const StepEntry& entry,
                                                        const wire::UploadHeader& header);
  absl::StatusOr<AcceptedFile> Verify(const StepEntry& entry, const wire::TaskKey& key,
                                      const Upload& upload) const;
  absl::StatusOr<std::unique_ptr<FileReader>> OpenUpdate(const AcceptedFile& file) const;
  absl::StatusOr<std::shared_ptr<Segment>> SegmentOf(StepEntry& entry);
  struct Ready;  // verified, its slot taken
  absl::Status KeepSmall(StepEntry& entry, const std::vector<Ready*>& updates);
  absl::StatusOr<Ready> Prepare(const WholeUpdate& update);
  absl::Status Keep(const std::vector<Ready*>& of_one_step);
  absl::Status KeepFile(const StepEntry& entry, Upload& upload);
  static std::shared_ptr<SegmentSeries> SeriesOfStep(const StepEntry& entry);
  std::shared_ptr<SegmentSeries> SeriesOf(const StepEntry& entry);
  absl::Status ReadSegments(StepEntry& entry, bool contents) const;
  absl::Status TrimSegments(const JobId& job);
  static void KeepSegments(const StepEntry& entry, std::vector<std::string>& keep);
  static void KeepUpdate(const StepEntry& entry, const AcceptedUpdate& update,
                         std::vector<std::string>& keep);
  absl::Status KeepUnfinished(const StepEntry& entry, std::vector<std::string>& keep);
  absl::Status RemoveParts(const StepEntry& entry, const std::vector<std::string>& keep);
  void WaitUntilIdle(const StepEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // update_generations.cc
  struct FoldState;
  absl::Status RecoverGeneration(StepEntry& entry,
                                 const std::vector<AcceptedUpdate>& accepted) const;
  absl::StatusOr<FoldState> StateForFold(const JobId& job, StepNumber step,
                                         const std::vector<SiteId>& sites) const;
  absl::StatusOr<std::optional<Generation>> OpenGeneration(const StepEntry& entry,
                                                           uint64_t number) const;
  absl::StatusOr<Folded> WriteGeneration(const FoldState& state, const Bytes& header,
                                         const std::string& path, ReportSink* report) const;
  void RemoveFolded(const FoldState& state) const;
  absl::Status AddCarried(const CarriedUpdates& carried, FoldState& state) const;
  absl::StatusOr<FoldState> KeptState(const OpenStep& step,
                                      const std::vector<AcceptedUpdate>& updates) const;
  absl::StatusOr<StepColumns> ColumnsOf(FoldState state) const;  // update_columns.cc

  const Options options_;
  Storage& storage_;
  const AcceptJournal journal_;
  std::atomic<uint64_t> spool_bytes_ = 0;  // declared by the uploads under way
  std::atomic<uint64_t> small_bytes_ = 0;  // of them, those that gather in memory
  mutable Mutex mutex_;
  CondVar put_back_;
  std::map<StepKey, std::shared_ptr<StepEntry>> steps_ ABSL_GUARDED_BY(mutex_);
  std::map<JobId, std::shared_ptr<SegmentSeries>> segments_ ABSL_GUARDED_BY(mutex_);  // by use
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_UPDATE_STORE_H_
