#include "client/session/own_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"

namespace consilium::client::session {
namespace {

constexpr std::string_view kVectorMagic = "CNOWNVC\n";
constexpr uint32_t kVectorVersion = 1;
constexpr size_t kVectorHeadBytes = 24;  // magic, version, zero, count
constexpr size_t kVectorDigestBytes = 32;
constexpr uint64_t kMaxVectorBytes = uint64_t{1} << 34;
constexpr std::string_view kVectorSuffix = ".vector";
constexpr std::string_view kStagedSuffix = ".staged";

absl::Status Damaged(std::string_view how) {
  return Error(ErrorCode::kStateCorrupt, fmt::format("the site's own vector {}", how));
}

}  // namespace

OwnVectors::OwnVectors(std::string folder, Storage& storage)
    : folder_(std::move(folder)), storage_(storage) {}

std::string OwnVectors::PathOf(const JobId& job) const {
  return fmt::format("{}/{}{}", folder_, job.value(), kVectorSuffix);
}

std::string OwnVectors::StagedPathOf(const JobId& job, StepNumber step) const {
  return fmt::format("{}/{}.{}{}", folder_, job.value(), step.value(), kStagedSuffix);
}

std::vector<std::string> OwnVectors::Names() const {
  return storage_.List(folder_).value_or(std::vector<std::string>());
}

absl::StatusOr<learn::AlignedVector<float>> OwnVectors::Read(const JobId& job) const {
  CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadWhole(storage_, PathOf(job), kMaxVectorBytes));
  if (bytes.size() < kVectorHeadBytes + kVectorDigestBytes) return Damaged("is short");
  const ByteSpan before = ByteSpan(bytes).first(bytes.size() - kVectorDigestBytes);
  ByteReader reader(before);
  if (AsText(reader.GetBytes(kVectorMagic.size())) != kVectorMagic) return Damaged("is none");
  if (const auto version = reader.Get<uint32_t>(); version != kVectorVersion) {
    return Error(
        ErrorCode::kFormatVersion,
        fmt::format("the site's own vector has format {}, want {}", version, kVectorVersion),
        "start the newer consilium-client again");
  }
  const Digest digest = crypto::Sha256Of(before);
  if (!std::ranges::equal(std::as_bytes(std::span(digest.bytes)),
                          ByteSpan(bytes).last(kVectorDigestBytes))) {
    return Damaged("has another SHA-256 than was written");
  }
  reader.Get<uint32_t>();
  const auto count = reader.Get<uint64_t>();
  if (reader.left() % sizeof(float) != 0 || count != reader.left() / sizeof(float)) {
    return Damaged("has another length");
  }
  learn::AlignedVector<float> vector(count);
  if (count > 0) std::memcpy(vector.data(), reader.GetBytes(reader.left()).data(), count * 4);
  return vector;
}

absl::StatusOr<learn::AlignedVector<float>> OwnVectors::Find(const JobId& job) const {
  absl::StatusOr<learn::AlignedVector<float>> vector = Read(job);
  if (CodeOf(vector.status()) == ErrorCode::kFileNotFound) return learn::AlignedVector<float>();
  if (CodeOf(vector.status()) != ErrorCode::kStateCorrupt) return vector;
  LogStatus(Level::kError, "the job goes on here from zeros", vector.status(),
            {{"job", job.value()}});
  return learn::AlignedVector<float>();
}

absl::Status OwnVectors::Stage(const JobId& job, StepNumber step, std::span<const float> vector) {
  CN_RETURN_IF_ERROR(storage_.CreateFolder(folder_));
  Bytes head;
  ByteWriter writer(head);
  writer.PutBytes(AsBytes(kVectorMagic));
  writer.Put(kVectorVersion);
  writer.Put(uint32_t{0});
  writer.Put(static_cast<uint64_t>(vector.size()));
  const std::string path = StagedPathOf(job, step), fresh = path + ".new";
  const auto write = [&]() -> absl::Status {
    CN_ASSIGN_OR_RETURN(const auto file, storage_.OpenAppend(fresh, 0));
    crypto::Sha256 hash;
    for (const ByteSpan part : {ByteSpan(head), std::as_bytes(vector)}) {
      hash.Update(part);
      CN_RETURN_IF_ERROR(file->Append(part));
    }
    const Digest digest = hash.Current();
    CN_RETURN_IF_ERROR(file->Append(std::as_bytes(std::span(digest.bytes))));
    CN_RETURN_IF_ERROR(file->Sync());
    CN_CRASH_POINT("own_vector.synced");
    return storage_.Rename(fresh, path);
  };
  if (absl::Status written = write(); !written.ok()) {
    storage_.Remove(fresh).IgnoreError();  // what went wrong first is what matters
    return written;
  }
  CN_CRASH_POINT("own_vector.staged");
  return storage_.SyncFolder(folder_);
}

std::vector<StepNumber> OwnVectors::Staged(const JobId& job) const {
  std::vector<StepNumber> steps;
  const std::string prefix = job.value() + ".";
  for (std::string_view name : Names()) {
    if (!name.starts_with(prefix) || !name.ends_with(kStagedSuffix)) continue;
    name.remove_prefix(prefix.size());
    name.remove_suffix(kStagedSuffix.size());
    uint64_t step = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
    if (error == std::errc() && end == name.data() + name.size()) steps.emplace_back(step);
  }
  return steps;
}

absl::Status OwnVectors::Advance(const JobId& job, StepNumber step) {
  const std::string staged = StagedPathOf(job, step);
  if (!Exists(storage_, staged)) return absl::OkStatus();
  CN_RETURN_IF_ERROR(storage_.Rename(staged, PathOf(job)));
  CN_CRASH_POINT("own_vector.advanced");
  return storage_.SyncFolder(folder_);
}

absl::Status OwnVectors::Drop(const JobId& job, StepNumber step) {
  return storage_.Remove(StagedPathOf(job, step));
}

absl::Status OwnVectors::RemoveJob(const JobId& job) {
  bool removed = false;
  for (const std::string& name : Names()) {
    if (!name.starts_with(job.value() + ".")) continue;
    CN_RETURN_IF_ERROR(storage_.Remove(folder_ + "/" + name));
    CN_CRASH_POINT("own_vector.removed");
    removed = true;
  }
  return removed ? storage_.SyncFolder(folder_) : absl::OkStatus();
}

}  // namespace consilium::client::session
