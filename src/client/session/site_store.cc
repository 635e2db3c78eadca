#include "client/session/site_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/crypto/sha256.h"

namespace consilium::client::session {
namespace {

constexpr size_t kStoreIdBytes = 16;
constexpr uint64_t kMaxStoreIdFileBytes = 64;
constexpr size_t kBlockBytes = 256 * 1024;

std::string RandomId() {
  std::array<std::byte, kStoreIdBytes> random{};
  crypto::FillRandom(random);
  std::string id;
  for (const std::byte b : random) id += fmt::format("{:02x}", static_cast<unsigned>(b));
  return id;
}

// The store's own version: one text line. A folder with a store and without it is version 1, from
// before there was one.
constexpr std::string_view kFormatFile = "/format";
constexpr std::string_view kFormatName = "consilium site store ";
constexpr uint32_t kStoreFormat = 2;
constexpr uint64_t kMaxFormatBytes = 128;

absl::Status CheckFormat(const std::string& folder, Storage& storage) {
  const std::string path = folder + std::string(kFormatFile);
  const std::string ours = fmt::format("{}{}\n", kFormatName, kStoreFormat);
  const absl::StatusOr<Bytes> bytes = ReadWhole(storage, path, kMaxFormatBytes);
  if (!bytes.ok()) {
    if (CodeOf(bytes.status()) != ErrorCode::kFileNotFound) return bytes.status();
    CN_RETURN_IF_ERROR(storage.CreateFolder(folder));
    CN_RETURN_IF_ERROR(WriteDurably(storage, path, AsBytes(ours)));
    CN_CRASH_POINT("site_store.versioned");
    return absl::OkStatus();
  }
  std::string_view text = AsText(*bytes);
  if (text == ours) return absl::OkStatus();
  uint32_t format = 0;
  if (text.starts_with(kFormatName)) {
    text.remove_prefix(kFormatName.size());
    std::from_chars(text.data(), text.data() + text.size(), format);
  }
  return Error(ErrorCode::kFormatVersion,
               fmt::format("the site's store in {} has format {}, this consilium-client ({}) knows "
                           "up to {}",
                           folder, format, kVersion, kStoreFormat),
               "start the newer consilium-client again, or give this one a data folder of its own");
}

absl::StatusOr<Digest> DigestOfFile(const FileReader& file) {
  crypto::Sha256 hash;
  Bytes block(std::min<uint64_t>(kBlockBytes, file.size()));
  for (uint64_t offset = 0; offset < file.size(); offset += block.size()) {
    const auto part =
        std::span(block).first(std::min<uint64_t>(block.size(), file.size() - offset));
    CN_RETURN_IF_ERROR(file.ReadAt(offset, part));
    hash.Update(part);
  }
  return hash.Current();
}

}  // namespace

SiteStore::SiteStore(std::string folder, Storage& storage)
    : folder_(std::move(folder)), storage_(storage) {}

absl::StatusOr<std::unique_ptr<SiteStore>> SiteStore::Open(const Options& options,
                                                           Storage& storage) {
  const std::string& folder = options.folder;
  CN_RETURN_IF_ERROR(CheckFormat(folder, storage));
  CN_RETURN_IF_ERROR(storage.CreateFolder(folder + "/updates"));
  std::unique_ptr<SiteStore> store(new SiteStore(folder, storage));
  CN_RETURN_IF_ERROR(store->ReadStoreId());
  const auto replay = [&](const journal::Record& record) { return store->Replay(record); };
  CN_ASSIGN_OR_RETURN(store->journal_,
                      LeftJournal::Open(folder, storage, replay, options.most_journal_bytes));
  CN_RETURN_IF_ERROR(store->RemoveStrangers());
  return store;
}

absl::Status SiteStore::ReadStoreId() {
  const std::string path = folder_ + "/store_id";
  const absl::StatusOr<Bytes> bytes = ReadWhole(storage_, path, kMaxStoreIdFileBytes);
  if (bytes.ok() && bytes->size() == 2 * kStoreIdBytes) {
    store_id_ = AsText(*bytes);
    return absl::OkStatus();
  }
  if (!bytes.ok() && CodeOf(bytes.status()) != ErrorCode::kFileNotFound) return bytes.status();
  store_id_ = RandomId();
  CN_RETURN_IF_ERROR(WriteDurably(storage_, path, AsBytes(store_id_)));
  CN_CRASH_POINT("store_id.kept");
  return absl::OkStatus();
}

absl::Status SiteStore::Replay(const journal::Record& record) {
  MutexLock lock(mutex_);
  switch (static_cast<SiteRecord>(record.kind)) {
    case SiteRecord::kLeft: {
      CN_ASSIGN_OR_RETURN(LeftRecord left, DecodeLeft(record.payload));
      const Key key(left.job, left.step);
      held_[key] = std::move(left);
      return absl::OkStatus();
    }
    case SiteRecord::kReceipt:
      return DecodeSettled(record.payload).status();
    case SiteRecord::kContinued:
      return DecodeContinued(record.payload).status();
    case SiteRecord::kOutcome:
    case SiteRecord::kForgotten: {
      CN_ASSIGN_OR_RETURN(const SettledRecord settled, DecodeSettled(record.payload));
      held_.erase({settled.job, settled.step});
      return absl::OkStatus();
    }
  }
  return Error(ErrorCode::kFormatVersion,
               fmt::format("{}/journal: record kind {} is not known here", folder_, record.kind));
}

void SiteStore::Turn(UtcMillis now) {
  journal_->Turn(now, [this] { return StillHeld(); });
}

std::vector<std::pair<SiteRecord, Bytes>> SiteStore::StillHeld() const {
  MutexLock lock(mutex_);
  std::vector<std::pair<SiteRecord, Bytes>> records;
  records.reserve(held_.size());
  for (const auto& [key, record] : held_) {
    records.emplace_back(SiteRecord::kLeft, EncodeLeft(record));
  }
  return records;
}

// Files that never left, and held updates whose file is gone.
absl::Status SiteStore::RemoveStrangers() {
  std::set<std::string> known;
  for (const wire::HeldUpdate& held : Held()) {
    const Key key(held.job, held.step);
    if (Exists(storage_, PathOf(key))) {
      known.insert(PathOf(key));
    } else {
      MutexLock lock(mutex_);
      held_.erase(key);
    }
  }
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(folder_ + "/updates"));
  for (const std::string& name : names) {
    const std::string path = folder_ + "/updates/" + name;
    if (!known.contains(path)) CN_RETURN_IF_ERROR(storage_.Remove(path));
  }
  return absl::OkStatus();
}

std::string SiteStore::PathOf(const Key& key) const {
  return fmt::format("{}/updates/{}.{}.update", folder_, key.first.value(), key.second.value());
}

std::vector<wire::HeldUpdate> SiteStore::Held() const {
  MutexLock lock(mutex_);
  std::vector<wire::HeldUpdate> held;
  held.reserve(held_.size());
  for (const auto& [key, record] : held_) held.push_back({record.job, record.step, record.digest});
  return held;
}

std::optional<LeftRecord> SiteStore::FindHeld(const JobId& job, StepNumber step) const {
  MutexLock lock(mutex_);
  const auto found = held_.find({job, step});
  if (found == held_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<LeftRecord> SiteStore::Hold(const wire::UpdateHeader& header, ByteSpan payload,
                                           LeftRecord record) {
  const Key key(record.job, record.step);
  {
    MutexLock lock(mutex_);
    if (!held_.contains(key) && held_.size() >= wire::kMaxHeldUpdates) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("{} updates wait for their outcome, the most", held_.size()));
    }
  }
  if (absl::Status written = WriteUpdate(key, header, payload, record); !written.ok()) {
    // Its space is what the next try may need, and a file whose sync failed is not used again.
    storage_.Remove(PathOf(key) + ".new").IgnoreError();
    return written;
  }
  CN_RETURN_IF_ERROR(journal_->Append(SiteRecord::kLeft, EncodeLeft(record)));
  CN_CRASH_POINT("left.journalled");
  {
    MutexLock lock(mutex_);
    held_[key] = record;
  }
  Turn(record.time);
  return record;
}

absl::Status SiteStore::WriteUpdate(const Key& key, const wire::UpdateHeader& header,
                                    ByteSpan payload, LeftRecord& record) {
  const std::string path = PathOf(key), fresh = path + ".new";
  const Bytes head = wire::EncodeUpdateHeader(header);
  crypto::Sha256 hash;
  {
    CN_ASSIGN_OR_RETURN(const auto file, storage_.OpenAppend(fresh, 0));
    for (const ByteSpan part : {ByteSpan(head), payload}) {
      CN_RETURN_IF_ERROR(file->Append(part));
      hash.Update(part);
    }
    CN_RETURN_IF_ERROR(file->Sync());
  }
  CN_CRASH_POINT("hold.synced");
  CN_RETURN_IF_ERROR(storage_.Rename(fresh, path));
  CN_CRASH_POINT("hold.renamed");
  CN_RETURN_IF_ERROR(storage_.SyncFolder(folder_ + "/updates"));
  record.digest = hash.Current();
  record.bytes = head.size() + payload.size();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileReader>> SiteStore::OpenHeld(const LeftRecord& record) {
  const Key key(record.job, record.step);
  auto file = storage_.OpenRead(PathOf(key));
  if (file.ok() && (*file)->size() == record.bytes) {
    CN_ASSIGN_OR_RETURN(const Digest digest, DigestOfFile(**file));
    if (digest == record.digest) return file;
  } else if (!file.ok() && CodeOf(file.status()) != ErrorCode::kFileNotFound) {
    return file.status();
  }
  MutexLock lock(mutex_);
  held_.erase(key);
  return Error(ErrorCode::kUpdateDigest, fmt::format("the held update of job {} step {} is damaged",
                                                     record.job.value(), record.step.value()));
}

absl::Status SiteStore::RecordReceipt(const wire::Receipt& receipt, UtcMillis now) {
  SettledRecord record;
  record.job = receipt.key.job;
  record.step = receipt.key.step;
  record.time = now;
  record.digest = receipt.digest;
  record.text = receipt.key_id;
  record.signature = receipt.signature;
  CN_RETURN_IF_ERROR(journal_->Append(SiteRecord::kReceipt, EncodeSettled(record)));
  CN_CRASH_POINT("receipt.journalled");
  return absl::OkStatus();
}

absl::Status SiteStore::Drop(const Key& key, SiteRecord kind, const SettledRecord& record) {
  // The record first: a copy without it would be offered again.
  CN_RETURN_IF_ERROR(journal_->Append(kind, EncodeSettled(record)));
  CN_CRASH_POINT("outcome.journalled");
  {
    MutexLock lock(mutex_);
    held_.erase(key);
  }
  Turn(record.time);
  CN_RETURN_IF_ERROR(storage_.Remove(PathOf(key)));
  CN_CRASH_POINT("copy.deleted");
  return absl::OkStatus();
}

absl::Status SiteStore::Settle(const wire::Outcome& outcome, UtcMillis now) {
  const Key key(outcome.job, outcome.step);
  // Recorded before, perhaps, by a try that could not delete the copy.
  if (!FindHeld(outcome.job, outcome.step)) return storage_.Remove(PathOf(key));
  SettledRecord record;
  record.job = outcome.job;
  record.step = outcome.step;
  record.time = now;
  record.outcome = outcome.kind;
  record.text = outcome.reason.substr(0, wire::kMaxTextBytes);
  return Drop(key, SiteRecord::kOutcome, record);
}

absl::Status SiteStore::ForgetJob(const JobId& job, UtcMillis now) {
  for (const wire::HeldUpdate& held : Held()) {
    if (held.job != job) continue;
    SettledRecord record;
    record.job = job;
    record.step = held.step;
    record.time = now;
    record.text = "the job ended";
    CN_RETURN_IF_ERROR(Drop({job, held.step}, SiteRecord::kForgotten, record));
  }
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(folder_ + "/updates"));
  for (const std::string& name : names) {
    if (name.starts_with(job.value() + ".")) {
      CN_RETURN_IF_ERROR(storage_.Remove(folder_ + "/updates/" + name));
    }
  }
  return absl::OkStatus();
}

}  // namespace consilium::client::session
