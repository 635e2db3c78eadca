#include "client/session/state_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client/session/disk_health.h"
#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"

namespace consilium::client::session {
namespace {

constexpr std::string_view kUnfinished = ".part";

}  // namespace

absl::StatusOr<wire::StatePart> ReadInlineState(const Digest& manifest,
                                                const wire::InlineState& content) {
  if (crypto::Sha256Of(content.manifest) != manifest) {
    return Error(
        ErrorCode::kStateCorrupt,
        fmt::format("an offer's manifest is not that of state sha256:{}", HexOf(manifest)));
  }
  CN_ASSIGN_OR_RETURN(const wire::Manifest refs, wire::DecodeManifest(content.manifest));
  if (content.broadcast.size() != refs.broadcast.bytes ||
      crypto::Sha256Of(content.broadcast) != refs.broadcast.digest) {
    return Error(ErrorCode::kStateCorrupt,
                 fmt::format("the bytes in an offer of state sha256:{} have another digest",
                             HexOf(manifest)));
  }
  return wire::DecodeStatePart(content.broadcast);
}

StateCache::StateCache(std::string folder, Storage& storage, uint64_t most_bytes)
    : folder_(std::move(folder)), storage_(&storage), most_bytes_(most_bytes) {}

absl::StatusOr<StateCache> StateCache::Open(std::string folder, Storage& storage,
                                            uint64_t most_bytes) {
  StateCache cache(std::move(folder), storage, most_bytes);
  CN_RETURN_IF_ERROR(storage.CreateFolder(cache.folder_));
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage.List(cache.folder_));
  for (const std::string& name : names) {
    const auto file = storage.OpenRead(cache.PathOf(name));
    CN_RETURN_IF_ERROR(cache.Use(name, file.ok() ? (*file)->size() : 0));
  }
  return cache;
}

void StateCache::Forget(const std::string& name) {
  std::erase_if(used_, [&](const Entry& entry) { return entry.name == name; });
}

// `name` was used last; the oldest beyond the bounds go.
absl::Status StateCache::Use(const std::string& name, uint64_t bytes) {
  Forget(name);
  used_.push_back({name, bytes});
  uint64_t total = 0;
  for (const Entry& entry : used_) total += entry.bytes;
  while (used_.size() > kMaxCachedFiles || (total > most_bytes_ && used_.size() > 1)) {
    const Entry oldest = std::move(used_.front());
    used_.pop_front();
    total -= oldest.bytes;
    CN_RETURN_IF_ERROR(storage_->Remove(PathOf(oldest.name)));
    CN_CRASH_POINT("cached_state.removed");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> StateCache::DropOthers(const std::string& name) {
  bool any = false;
  for (const Entry& entry : std::exchange(used_, {})) {
    if (entry.name == name) {
      used_.push_back(entry);
      continue;
    }
    any = true;
    CN_RETURN_IF_ERROR(storage_->Remove(PathOf(entry.name)));
  }
  return any;
}

absl::Status StateCache::Fetch(const wire::PartRef& ref, Uplink& uplink,
                               const FetchProgress& progress) {
  const std::string name = HexOf(ref.digest) + std::string(kUnfinished);
  CN_RETURN_IF_ERROR(Use(name, ref.bytes));
  absl::Status fetched = FetchRest(ref, uplink, progress);
  if (CodeOf(fetched) == ErrorCode::kStorageFull) {
    CN_ASSIGN_OR_RETURN(const bool freed, DropOthers(name));
    if (freed) fetched = FetchRest(ref, uplink, progress);
  }
  CN_RETURN_IF_ERROR(fetched);
  CN_RETURN_IF_ERROR(storage_->Rename(PathOf(name), PathOf(HexOf(ref.digest))));
  CN_CRASH_POINT("state.fetched");
  Forget(name);
  return absl::OkStatus();
}

absl::Status StateCache::FetchRest(const wire::PartRef& ref, Uplink& uplink,
                                   const FetchProgress& progress) {
  const std::string name = HexOf(ref.digest) + std::string(kUnfinished);
  CN_ASSIGN_OR_RETURN(auto file, storage_->OpenAppend(PathOf(name)));
  if (file->size() > ref.bytes) {
    CN_ASSIGN_OR_RETURN(file, storage_->OpenAppend(PathOf(name), 0));
  }
  absl::Status own;  // of this site's disk
  const auto sink = [&](ByteSpan bytes) -> absl::Status {
    if (bytes.size() > ref.bytes - file->size()) {
      return Error(ErrorCode::kProtocol, fmt::format("state sha256:{} is longer than {} bytes",
                                                     HexOf(ref.digest), ref.bytes));
    }
    CN_RETURN_IF_ERROR(own = file->Append(bytes));
    if (!progress(file->size(), ref.bytes)) return absl::CancelledError("the task was cancelled");
    return absl::OkStatus();
  };
  if (file->size() < ref.bytes) {
    const absl::Status fetched = uplink.Fetch(ref.digest, file->size(), sink);
    if (own.ok() && IsDiskFault(fetched)) {  // the server's disk, not this site's
      return Error(ErrorCode::kOverloaded,
                   fmt::format("the server cannot read state sha256:{} now", HexOf(ref.digest)));
    }
    CN_RETURN_IF_ERROR(fetched);
  }
  if (file->size() < ref.bytes) {
    return Error(ErrorCode::kConnectionLost,
                 fmt::format("state sha256:{}: {} of {} bytes came", HexOf(ref.digest),
                             file->size(), ref.bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<Bytes> StateCache::GetFile(const wire::PartRef& ref, Uplink& uplink,
                                          const FetchProgress& progress) {
  const std::string name = HexOf(ref.digest);
  if (ref.bytes > kMaxStateBytes) {
    return Error(ErrorCode::kFileTooLarge,
                 fmt::format("state sha256:{} has {} bytes, want at most {}", name, ref.bytes,
                             kMaxStateBytes));
  }
  // Tried in turn: what is there; the rest of what a crash may have spoilt; the whole, fetched
  // anew.
  enum class Try { kThere, kResumed, kAnew };
  for (const Try attempt : {Try::kThere, Try::kResumed, Try::kAnew}) {
    if (attempt != Try::kThere) CN_RETURN_IF_ERROR(Fetch(ref, uplink, progress));
    absl::StatusOr<Bytes> bytes = ReadWhole(*storage_, PathOf(name), ref.bytes);
    if (bytes.ok() && crypto::Sha256Of(*bytes) == ref.digest) {
      CN_RETURN_IF_ERROR(Use(name, ref.bytes));
      return bytes;
    }
    CN_RETURN_IF_ERROR(storage_->Remove(PathOf(name)));
  }
  return Error(ErrorCode::kStateCorrupt,
               fmt::format("the bytes fetched for state sha256:{} have another digest", name));
}

absl::StatusOr<wire::StatePart> StateCache::Get(const Digest& manifest, Uplink& uplink,
                                                const FetchProgress& progress) {
  const auto quiet = [](uint64_t, uint64_t) { return true; };
  CN_ASSIGN_OR_RETURN(const Bytes head, GetFile({manifest, wire::kManifestBytes}, uplink, quiet));
  CN_ASSIGN_OR_RETURN(const wire::Manifest refs, wire::DecodeManifest(head));
  CN_ASSIGN_OR_RETURN(const Bytes part, GetFile(refs.broadcast, uplink, progress));
  return wire::DecodeStatePart(part);
}

}  // namespace consilium::client::session
