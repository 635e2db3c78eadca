// Checkpoints of half-done tasks on the site's own disk, so that a restart goes on from there
// instead of from the start of the step.
//
// docs/formats/checkpoint.md. A checkpoint is bound to (job, step, state digest, dataset digest,
// site, program version, training kernel): asked for with anything else it is not there, and a
// damaged one is not there either. Loss costs time, never a wrong bit, so nothing here fails a
// task: a disk that refuses is logged. One is written every `interval`, but the disk gets at most a
// twentieth of the time; and once more when the task is put aside. At most kMaxCheckpoints files.
// Used by the one worker; `storage` and `clock` outlive it, it outlives its slots.
#ifndef CONSILIUM_CLIENT_SESSION_CHECKPOINT_STORE_H_
#define CONSILIUM_CLIENT_SESSION_CHECKPOINT_STORE_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/train/checkpoint.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/storage.h"

namespace consilium::client::session {

inline constexpr size_t kMaxCheckpoints = 4;
inline constexpr uint64_t kMaxCheckpointBytes = uint64_t{1} << 34;
inline constexpr unsigned kTimesTheWrite = 20;  // training per writing, at least

struct CheckpointKey {
  JobId job;
  StepNumber step;
  Digest state;
  Digest dataset;
  SiteId site;
};

class CheckpointStore {
 public:
  struct Options {
    std::string folder;
    std::string version;      // of the program: another one may compute other bits
    std::string kernel = {};  // likewise
    Duration interval{0};     // 0: none are kept
  };
  // Removes what an earlier process left beyond the bounds.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> Open(Options options, Storage& storage,
                                                               const Clock& clock);

  // Where this task's checkpoints go; null when none are kept. `put_aside`: the work stops here and
  // is to go on after a restart.
  std::unique_ptr<train::Checkpoints> SlotOf(const CheckpointKey& key,
                                             std::function<bool()> put_aside);
  // The task is finished or given up. Ok when there is none.
  absl::Status Remove(const JobId& job, StepNumber step);
  absl::Status RemoveJob(const JobId& job);

 private:
  class Slot;
  CheckpointStore(Options options, Storage& storage, const Clock& clock);
  std::string PathOf(const std::string& name) const { return options_.folder + "/" + name; }
  absl::StatusOr<Bytes> Read(const std::string& name, const Digest& binding) const;
  absl::Status Write(const std::string& name, const Digest& binding,
                     std::span<const ByteSpan> parts);
  absl::Status RemoveNamed(const std::string& name);

  const Options options_;
  Storage& storage_;
  const Clock& clock_;
  std::deque<std::string> names_;  // written last at the back
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_CHECKPOINT_STORE_H_
