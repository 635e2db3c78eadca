#include "client/session/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"

namespace consilium::client::session {
namespace {

constexpr std::string_view kCheckpointMagic = "CNCKPNT\n";
constexpr uint32_t kCheckpointVersion = 1;
constexpr uint64_t kCheckpointHeadBytes = 56;
constexpr size_t kChecksumBytes = 32;

ByteSpan SpanOf(const Digest& digest) { return std::as_bytes(std::span(digest.bytes)); }

std::string FileNameOf(const JobId& job, StepNumber step) {
  return fmt::format("{}.{}.checkpoint", job.value(), step.value());
}

Digest BindingOf(const CheckpointKey& key, const CheckpointStore::Options& options) {
  Bytes step;
  ByteWriter(step).Put(key.step.value());
  const std::array<ByteSpan, 7> parts = {AsBytes(key.job.value()),  step,
                                         SpanOf(key.state),         SpanOf(key.dataset),
                                         AsBytes(key.site.value()), AsBytes(options.version),
                                         AsBytes(options.kernel)};
  return crypto::DeriveKey("consilium-checkpoint-v2", parts);
}

Bytes HeadOf(const Digest& binding, uint64_t body_bytes) {
  Bytes head;
  ByteWriter writer(head);
  writer.PutBytes(AsBytes(kCheckpointMagic));
  writer.Put(kCheckpointVersion);
  writer.Put(uint32_t{0});
  writer.PutBytes(SpanOf(binding));
  writer.Put(body_bytes);
  return head;
}

absl::Status Useless(std::string_view why) { return Error(ErrorCode::kStateCorrupt, why); }

}  // namespace

class CheckpointStore::Slot final : public train::Checkpoints {
 public:
  Slot(CheckpointStore& store, const CheckpointKey& key, std::function<bool()> put_aside)
      : store_(store),
        name_(FileNameOf(key.job, key.step)),
        binding_(BindingOf(key, store.options_)),
        put_aside_(std::move(put_aside)),
        next_(store.clock_.Now() + store.options_.interval) {}

  std::optional<Bytes> Find() override {
    absl::StatusOr<Bytes> bytes = store_.Read(name_, binding_);
    if (bytes.ok()) return *std::move(bytes);
    if (CodeOf(bytes.status()) != ErrorCode::kFileNotFound) {
      LogStatus(Level::kWarning, "checkpoint not used: the task begins anew", bytes.status());
    }
    return std::nullopt;
  }

  bool Due() override { return put_aside_() || store_.clock_.Now() >= next_; }

  void Save(std::span<const ByteSpan> parts) override {
    const Instant began = store_.clock_.Now();
    const absl::Status written = store_.Write(name_, binding_, parts);
    const Instant now = store_.clock_.Now();
    next_ = now + std::max(store_.options_.interval, kTimesTheWrite * (now - began));
    if (!written.ok()) LogStatus(Level::kWarning, "checkpoint not written", written);
  }

 private:
  CheckpointStore& store_;
  const std::string name_;
  const Digest binding_;
  const std::function<bool()> put_aside_;
  Instant next_;
};

CheckpointStore::CheckpointStore(Options options, Storage& storage, const Clock& clock)
    : options_(std::move(options)), storage_(storage), clock_(clock) {}

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::Open(Options options,
                                                                       Storage& storage,
                                                                       const Clock& clock) {
  std::unique_ptr<CheckpointStore> store(new CheckpointStore(std::move(options), storage, clock));
  CN_RETURN_IF_ERROR(storage.CreateFolder(store->options_.folder));
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage.List(store->options_.folder));
  const bool kept = store->options_.interval > Duration(0);
  for (const std::string& name : names) {
    if (kept && name.ends_with(".checkpoint") && store->names_.size() < kMaxCheckpoints) {
      store->names_.push_back(name);
    } else {
      CN_RETURN_IF_ERROR(storage.Remove(store->PathOf(name)));
    }
  }
  return store;
}

std::unique_ptr<train::Checkpoints> CheckpointStore::SlotOf(const CheckpointKey& key,
                                                            std::function<bool()> put_aside) {
  if (options_.interval <= Duration(0)) return nullptr;
  return std::make_unique<Slot>(*this, key, std::move(put_aside));
}

absl::StatusOr<Bytes> CheckpointStore::Read(const std::string& name, const Digest& binding) const {
  CN_ASSIGN_OR_RETURN(Bytes bytes, ReadWhole(storage_, PathOf(name), kMaxCheckpointBytes));
  if (bytes.size() < kCheckpointHeadBytes + kChecksumBytes)
    return Useless("the checkpoint is short");
  const ByteSpan whole(bytes);
  const ByteSpan before = whole.first(bytes.size() - kChecksumBytes);
  ByteReader reader(before);
  if (AsText(reader.GetBytes(kCheckpointMagic.size())) != kCheckpointMagic)
    return Useless("not a checkpoint");
  if (const auto version = reader.Get<uint32_t>(); version != kCheckpointVersion) {
    return Error(ErrorCode::kFormatVersion,
                 fmt::format("the checkpoint has format {}, want {}", version, kCheckpointVersion));
  }
  const Digest digest = crypto::Sha256Of(before);
  if (!std::ranges::equal(SpanOf(digest), whole.last(kChecksumBytes))) {
    return Useless("the checkpoint is damaged");
  }
  reader.Get<uint32_t>();
  if (!std::ranges::equal(reader.GetBytes(kChecksumBytes), SpanOf(binding))) {
    return Useless("the checkpoint is of another state, dataset, program version or kernel");
  }
  if (reader.Get<uint64_t>() != reader.left()) return Useless("the checkpoint has another length");
  bytes.resize(before.size());
  bytes.erase(bytes.begin(), bytes.begin() + kCheckpointHeadBytes);
  return bytes;
}

absl::Status CheckpointStore::Write(const std::string& name, const Digest& binding,
                                    std::span<const ByteSpan> parts) {
  std::erase(names_, name);
  while (names_.size() >= kMaxCheckpoints) CN_RETURN_IF_ERROR(RemoveNamed(names_.front()));
  names_.push_back(name);
  uint64_t body_bytes = 0;
  for (const ByteSpan part : parts) body_bytes += part.size();
  const Bytes head = HeadOf(binding, body_bytes);
  // The one before stays until this one is durable. A file whose sync failed is not used again.
  const std::string path = PathOf(name), fresh = path + ".new";
  const auto write = [&]() -> absl::Status {
    CN_ASSIGN_OR_RETURN(const auto file, storage_.OpenAppend(fresh, 0));
    crypto::Sha256 hash;
    const auto put = [&](ByteSpan bytes) {
      hash.Update(bytes);
      return file->Append(bytes);
    };
    CN_RETURN_IF_ERROR(put(head));
    for (const ByteSpan part : parts) CN_RETURN_IF_ERROR(put(part));
    const Digest digest = hash.Current();
    CN_RETURN_IF_ERROR(file->Append(SpanOf(digest)));
    CN_RETURN_IF_ERROR(file->Sync());
    CN_CRASH_POINT("checkpoint.synced");
    return storage_.Rename(fresh, path);
  };
  if (absl::Status written = write(); !written.ok()) {
    storage_.Remove(fresh).IgnoreError();  // what went wrong first is what matters
    return written;
  }
  CN_CRASH_POINT("checkpoint.renamed");
  return storage_.SyncFolder(options_.folder);
}

absl::Status CheckpointStore::RemoveNamed(const std::string& name) {
  CN_RETURN_IF_ERROR(storage_.Remove(PathOf(name)));
  CN_CRASH_POINT("checkpoint.removed");
  std::erase(names_, name);
  return absl::OkStatus();
}

absl::Status CheckpointStore::Remove(const JobId& job, StepNumber step) {
  const std::string name = FileNameOf(job, step);
  if (std::ranges::find(names_, name) == names_.end()) return absl::OkStatus();
  return RemoveNamed(name);
}

absl::Status CheckpointStore::RemoveJob(const JobId& job) {
  const std::deque<std::string> names = names_;
  for (const std::string& name : names) {
    if (name.starts_with(job.value() + ".")) CN_RETURN_IF_ERROR(RemoveNamed(name));
  }
  return absl::OkStatus();
}

}  // namespace consilium::client::session
