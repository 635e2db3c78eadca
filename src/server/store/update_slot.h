// Inside UpdateStore: what it knows of each site's upload of each open step.
//
// Every field of Slot and the fields `open`, `only`, `generation`, `folded` and `refused`, and a
// SegmentSeries, are guarded by UpdateStore::mutex_. An Upload is owned
// by one thread at a time: it is in its slot, or in the Lease of the thread that works on it.
#ifndef CONSILIUM_SERVER_STORE_UPDATE_SLOT_H_
#define CONSILIUM_SERVER_STORE_UPDATE_SLOT_H_

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/error.h"
#include "common/crypto/sha256.h"
#include "server/store/segment.h"
#include "server/store/update_store.h"

namespace consilium::server::store {

// The disk failed, not the update: what is written may be good.
bool IsDiskFault(const absl::Status& status);

// An upload on its way: `written` bytes are in `path`, or in `data`, and in `hash`.
struct UpdateStore::Upload {
  Upload(std::atomic<uint64_t>& spool, std::atomic<uint64_t>& small)
      : spool_bytes(spool), small_bytes(small) {}
  ~Upload() {
    spool_bytes -= bytes;
    if (is_small) small_bytes -= bytes;
  }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  std::atomic<uint64_t>& spool_bytes;
  std::atomic<uint64_t>& small_bytes;
  bool is_small = false;  // then it is in `data` and not in a file
  Bytes data;
  std::string path;
  Digest digest;
  uint64_t bytes = 0;  // of the whole; counted in spool_bytes
  uint64_t written = 0;
  crypto::Sha256 hash;
  std::unique_ptr<AppendFile> file;
};

struct UpdateStore::AcceptedFile {
  AcceptedUpdate update;
  std::string path;  // empty: folded
  uint64_t header_bytes = 0;
  uint64_t offset = 0;  // of the update file in `path`
  bool in_segment = false;
};

// What a fold works on, copied out of the lock.
struct UpdateStore::FoldState {
  std::shared_ptr<const StepEntry> entry;  // only its constant fields
  uint64_t generation = 0;
  std::map<SiteId, FoldedUpdate> folded;  // by that generation
  std::vector<AcceptedFile> files;        // the given sites that are not folded
  std::vector<AcceptedFile> carried;      // of older steps; their weight is what they count
  size_t carried_tensors = 0;
};

struct UpdateStore::Slot {
  bool taken = false;
  std::unique_ptr<Upload> upload;
  std::optional<AcceptedFile> accepted;
};

// The segments of a job, or of one step whose updates are kept.
struct UpdateStore::SegmentSeries {
  std::string stem;                  // of their paths: FOLDER/JOB/small. or FOLDER/JOB/STEP.
  std::shared_ptr<Segment> current;  // the one that is written; null: none yet
  uint64_t first = 1;                // the oldest that may be there
  uint64_t last = 0;                 // the newest
  bool known = false;                // what is on the disk was looked at
  bool opening = false;

  std::string PathOf(uint64_t number) const { return stem + std::to_string(number) + ".seg"; }
};

struct UpdateStore::StepEntry {
  OpenStep step;
  std::string folder;  // of the job
  std::string prefix;  // of the names of this step's files: "<step>."
  bool open = true;
  std::optional<std::set<SiteId>> only;  // set: open for these
  std::map<SiteId, Slot> slots;
  uint64_t generation = 0;  // the newest; 0: nothing is folded
  std::map<SiteId, FoldedUpdate> folded;
  std::shared_ptr<SegmentSeries> segments;
  std::string refused;  // what the disk said of an update, and none was taken since
  SegmentIndex small;   // what segments of before a restart hold; constant once open

  std::string GenerationPath(uint64_t number) const {
    return folder + "/" + prefix + std::to_string(number) + ".fold";
  }
  std::string PartPath(const SiteId& site, const Digest& digest) const {
    return folder + "/" + prefix + site.value() + "." + HexOf(digest) + ".part";
  }
  std::string UpdatePath(const SiteId& site) const {
    return folder + "/" + prefix + site.value() + ".update";
  }
};

// One slot, taken. Puts the upload back when it ends.
class UpdateStore::Lease {
 public:
  // REQUIRES: slot.taken was set by the caller.
  Lease(UpdateStore& store, std::shared_ptr<StepEntry> entry, Slot& slot,
        std::unique_ptr<Upload> taken)
      : upload(std::move(taken)), store_(&store), entry_(std::move(entry)), slot_(&slot) {}
  Lease(Lease&& other) noexcept
      : upload(std::move(other.upload)),
        accepted(std::move(other.accepted)),
        store_(std::exchange(other.store_, nullptr)),
        entry_(std::move(other.entry_)),
        slot_(other.slot_),
        disk_said_(std::move(other.disk_said_)) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (store_ == nullptr) return;
    MutexLock lock(store_->mutex_);
    slot_->upload = std::move(upload);
    slot_->accepted = std::move(accepted);
    slot_->taken = false;
    if (disk_said_) entry_->refused = *std::move(disk_said_);
    store_->put_back_.NotifyAll();
  }
  StepEntry& entry() const { return *entry_; }
  // What came of a write for this update.
  void NoteDisk(const absl::Status& status) {
    if (status.ok() || IsDiskFault(status)) disk_said_ = std::string(status.message());
  }

  std::unique_ptr<Upload> upload;        // null: none under way
  std::optional<AcceptedFile> accepted;  // set: this site's update is accepted

 private:
  UpdateStore* store_;
  std::shared_ptr<StepEntry> entry_;
  Slot* slot_;
  std::optional<std::string> disk_said_;
};

// Verified; counts once it is kept and journalled.
struct UpdateStore::Ready {
  Lease lease;
  AcceptedFile accepted;
};

// ---- words that uploads and small updates share

inline std::string NameOf(const wire::TaskKey& key) {
  return fmt::format("job {} step {} site {}", key.job.value(), key.step.value(), key.site.value());
}
inline absl::Status UnknownTask(const wire::TaskKey& key) {
  return Error(ErrorCode::kUpdateUnknownTask, fmt::format("{}: no upload wanted", NameOf(key)));
}
inline absl::Status Conflict(const wire::TaskKey& key) {
  return Error(ErrorCode::kUpdateConflict,
               fmt::format("{}: an update with another digest is accepted", NameOf(key)));
}
inline wire::Receipt ReceiptFor(const AcceptedUpdate& update) {
  return {update.key, update.digest, "", {}};
}

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_UPDATE_SLOT_H_
