// One upload: begun, appended to, finished.
#include <fmt/format.h>

#include <algorithm>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/store/update_check.h"
#include "server/store/update_slot.h"
#include "server/store/update_store.h"

namespace consilium::server::store {
namespace {

constexpr uint64_t kMostSmallBytes =
    uint64_t{64} * 1024 * 1024;  // gathering in memory, all together

}  // namespace

bool IsDiskFault(const absl::Status& status) {
  const auto code = CodeOf(status);
  return code == ErrorCode::kStorageIo || code == ErrorCode::kStorageFull;
}

absl::StatusOr<UpdateStore::Lease> UpdateStore::Take(const wire::TaskKey& key) {
  MutexLock lock(mutex_);
  const auto found = steps_.find({key.job, key.step});
  if (found == steps_.end()) return UnknownTask(key);
  const std::shared_ptr<StepEntry> entry = found->second;
  const auto slot = entry->slots.find(key.site);
  if (slot == entry->slots.end()) return UnknownTask(key);
  while (slot->second.taken) put_back_.Wait(mutex_);
  const bool open = entry->open && (!entry->only || entry->only->contains(key.site));
  if (!open) return UnknownTask(key);
  slot->second.taken = true;
  Lease lease(*this, entry, slot->second, std::move(slot->second.upload));
  lease.accepted = slot->second.accepted;
  return lease;
}

absl::StatusOr<std::unique_ptr<UpdateStore::Upload>> UpdateStore::StartOrResume(
    const StepEntry& entry, const wire::UploadHeader& header) {
  auto upload = std::make_unique<Upload>(spool_bytes_, small_bytes_);
  upload->bytes = header.bytes;
  if (spool_bytes_.fetch_add(header.bytes) + header.bytes > options_.max_spool_bytes) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("{}: uploads under way fill the spool of {} bytes", NameOf(header.key),
                             options_.max_spool_bytes));
  }
  upload->path = entry.PartPath(header.key.site, header.digest);
  upload->digest = header.digest;
  if (header.bytes <= options_.small_update_bytes &&
      small_bytes_.load() + header.bytes <= kMostSmallBytes) {
    upload->is_small = true;
    small_bytes_ += header.bytes;
    upload->data.reserve(header.bytes);
    return upload;
  }
  const auto present = storage_.OpenRead(upload->path);
  if (present.ok() && (*present)->size() <= header.bytes) {
    upload->written = (*present)->size();
    Bytes block(std::min<uint64_t>(kBlockBytes, upload->written));
    for (uint64_t offset = 0; offset < upload->written; offset += block.size()) {
      const std::span<std::byte> part =
          std::span(block).first(std::min<uint64_t>(block.size(), upload->written - offset));
      CN_RETURN_IF_ERROR((*present)->ReadAt(offset, part));
      upload->hash.Update(part);
    }
  }
  CN_ASSIGN_OR_RETURN(upload->file, storage_.OpenAppend(upload->path, upload->written));
  return upload;
}

absl::StatusOr<UpdateStore::Position> UpdateStore::Begin(const wire::UploadHeader& header) {
  CN_ASSIGN_OR_RETURN(Lease lease, Take(header.key));
  if (lease.accepted) {
    if (lease.accepted->update.digest != header.digest) return Conflict(header.key);
    return Position{lease.accepted->update.bytes, ReceiptFor(lease.accepted->update)};
  }
  const uint64_t most =
      std::min(options_.max_update_bytes,
               wire::kMaxUpdateHeaderBytes + lease.entry().step.layout.payload_bytes());
  if (header.bytes > most) {
    return Error(ErrorCode::kMessageTooLarge, fmt::format("{}: {} bytes, want at most {}",
                                                          NameOf(header.key), header.bytes, most));
  }
  if (lease.upload != nullptr &&
      (lease.upload->digest != header.digest || lease.upload->bytes != header.bytes)) {
    const std::string path = lease.upload->is_small ? "" : lease.upload->path;
    lease.upload.reset();
    if (!path.empty()) CN_RETURN_IF_ERROR(storage_.Remove(path));
  }
  if (lease.upload == nullptr) {
    auto started = StartOrResume(lease.entry(), header);
    if (!started.ok()) lease.NoteDisk(started.status());
    CN_ASSIGN_OR_RETURN(lease.upload, std::move(started));
  }
  return Position{lease.upload->written, std::nullopt};
}

absl::StatusOr<uint64_t> UpdateStore::Append(const wire::TaskKey& key, const Digest& digest,
                                             uint64_t offset, ByteSpan bytes) {
  CN_ASSIGN_OR_RETURN(Lease lease, Take(key));
  if (lease.accepted && lease.accepted->update.digest != digest) return Conflict(key);
  if (lease.upload == nullptr || lease.upload->digest != digest) {
    return Error(ErrorCode::kProtocol,
                 fmt::format("{}: no upload of this digest is under way", NameOf(key)));
  }
  Upload& upload = *lease.upload;
  if (offset != upload.written) {
    return Error(ErrorCode::kProtocol, fmt::format("{}: a piece begins at byte {}, want {}",
                                                   NameOf(key), offset, upload.written));
  }
  if (bytes.size() > upload.bytes - upload.written) {
    return Error(ErrorCode::kProtocol,
                 fmt::format("{}: a piece ends at byte {}, the update at {}", NameOf(key),
                             offset + bytes.size(), upload.bytes));
  }
  if (upload.is_small) {
    upload.data.insert(upload.data.end(), bytes.begin(), bytes.end());
  } else if (absl::Status written = upload.file->Append(bytes); !written.ok()) {
    lease.upload.reset();  // the next Begin looks at what is on disk
    lease.NoteDisk(written);
    return written;
  }
  if (!upload.is_small) CN_CRASH_POINT("upload.appended");
  upload.hash.Update(bytes);
  upload.written += bytes.size();
  return upload.written;
}

absl::StatusOr<UpdateStore::AcceptedFile> UpdateStore::Verify(const StepEntry& entry,
                                                              const wire::TaskKey& key,
                                                              const Upload& upload) const {
  if (const Digest digest = upload.hash.Current(); digest != upload.digest) {
    return Error(ErrorCode::kUpdateDigest,
                 fmt::format("{}: the bytes are sha256:{}, want {}", NameOf(key), HexOf(digest),
                             HexOf(upload.digest)));
  }
  std::unique_ptr<FileReader> file = std::make_unique<MemoryReader>(upload.data);
  if (!upload.is_small) {
    CN_ASSIGN_OR_RETURN(file, storage_.OpenRead(upload.path));
  }
  CN_ASSIGN_OR_RETURN(const wire::ParsedUpdateHeader parsed,
                      CheckHeader(*file, {key, entry.step.base_state, entry.step.layout}));
  CN_RETURN_IF_ERROR(CheckValues(*file, parsed.header_bytes, entry.step.layout));
  const wire::UpdateHeader& header = parsed.header;
  return AcceptedFile{{key, upload.digest, header.weight, upload.bytes, header.kernel},
                      upload.path,
                      parsed.header_bytes};
}

absl::StatusOr<wire::Receipt> UpdateStore::Finish(const wire::TaskKey& key, const Digest& digest) {
  CN_ASSIGN_OR_RETURN(Lease lease, Take(key));
  if (lease.accepted) {
    if (lease.accepted->update.digest != digest) return Conflict(key);
    return ReceiptFor(lease.accepted->update);
  }
  if (lease.upload == nullptr || lease.upload->digest != digest ||
      lease.upload->written != lease.upload->bytes) {
    return Error(ErrorCode::kProtocol, fmt::format("{}: the upload is not whole", NameOf(key)));
  }
  absl::StatusOr<AcceptedFile> verified = Verify(lease.entry(), key, *lease.upload);
  if (lease.upload->is_small && verified.ok()) {
    Ready ready{std::move(lease), *std::move(verified)};
    CN_RETURN_IF_ERROR(Keep({&ready}));
    return ReceiptFor(ready.accepted.update);
  }
  absl::Status status = verified.status();
  if (status.ok()) {
    CN_CRASH_POINT("accept.verified");
    status = KeepFile(lease.entry(), *lease.upload);
  } else if (!lease.upload->is_small && !IsDiskFault(status)) {
    storage_.Remove(lease.upload->path).IgnoreError();  // what failed the check is what matters
  }
  if (!status.ok()) {
    lease.upload.reset();
    lease.NoteDisk(status);
    return status;
  }
  CN_CRASH_POINT("accept.synced");
  status = journal_(std::span(&verified->update, 1), lease.entry().step.sync);
  lease.NoteDisk(status);
  CN_RETURN_IF_ERROR(status);
  CN_CRASH_POINT("accept.journalled");
  // From here on it counts. The new name is for people: either is found after a restart.
  const std::string final_path = lease.entry().UpdatePath(key.site);
  if (storage_.Rename(verified->path, final_path).ok()) verified->path = final_path;
  CN_CRASH_POINT("accept.renamed");
  lease.upload.reset();
  lease.accepted = *std::move(verified);
  return ReceiptFor(lease.accepted->update);
}

absl::Status UpdateStore::KeepFile(const StepEntry& entry, Upload& upload) {
  if (entry.step.sync == Sync::kStep) return absl::OkStatus();
  if (absl::Status synced = upload.file->Sync(); !synced.ok()) {
    storage_.Remove(upload.path).IgnoreError();  // never synced again: starts anew
    return synced;
  }
  return storage_.SyncFolder(entry.folder);
}

}  // namespace consilium::server::store
