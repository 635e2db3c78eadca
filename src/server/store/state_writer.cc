#include "server/store/state_writer.h"

#include <utility>

#include "common/base/crash_point.h"
#include "common/base/status_macros.h"
#include "common/wire/state_file.h"

namespace consilium::server::store {

StateWriter::StateWriter(StateStore& store) : store_(&store), parts_(std::make_unique<Part[]>(2)) {}

absl::StatusOr<StateWriter> StateWriter::Create(StateStore& store) {
  CN_RETURN_IF_ERROR(store.storage_.CreateFolder(store.folder_));
  return StateWriter(store);
}

StateWriter::~StateWriter() {
  if (parts_ == nullptr) return;  // moved from
  for (const PartKind kind : {PartKind::kBroadcast, PartKind::kPrivate}) {
    Part& part = PartOf(kind);
    part.file.reset();
    // One that stays goes at the next start: its name says that it is not finished.
    if (!part.path.empty()) store_->storage_.Remove(part.path).IgnoreError();
  }
}

absl::Status StateWriter::Append(PartKind kind, ByteSpan bytes) {
  Part& part = PartOf(kind);
  part.hash.Update(bytes);
  part.bytes += bytes.size();
  if (part.file == nullptr && part.bytes <= kBufferedPartBytes) {
    part.buffered.insert(part.buffered.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  }
  if (part.file == nullptr) CN_RETURN_IF_ERROR(ToFile(kind, part));
  return part.file->Append(bytes);
}

absl::Status StateWriter::ToFile(PartKind kind, Part& part) {
  part.path = store_->UnfinishedPath(SuffixOf(kind));
  CN_ASSIGN_OR_RETURN(part.file, store_->storage_.OpenAppend(part.path, 0));
  const Bytes begun = std::exchange(part.buffered, Bytes());
  return part.file->Append(begun);
}

absl::Status StateWriter::Keep(PartKind kind, const Digest& digest) {
  Part& part = PartOf(kind);
  if (part.file == nullptr) return store_->PutFile(digest, SuffixOf(kind), part.buffered);
  CN_RETURN_IF_ERROR(part.file->Sync());
  CN_CRASH_POINT("state_part.synced");
  part.file.reset();
  CN_RETURN_IF_ERROR(store_->storage_.Rename(part.path, store_->PathOf(digest, SuffixOf(kind))));
  CN_CRASH_POINT("state_part.renamed");
  part.path.clear();
  return absl::OkStatus();
}

absl::StatusOr<StateStore::Hold> StateWriter::Finish() {
  const Part& broadcast = PartOf(PartKind::kBroadcast);
  const Part& private_part = PartOf(PartKind::kPrivate);
  const wire::Manifest manifest{{broadcast.hash.Current(), broadcast.bytes},
                                {private_part.hash.Current(), private_part.bytes}};
  const StateStore::Names names{wire::DigestOf(manifest), manifest.broadcast.digest,
                                manifest.private_part.digest};
  store_->HoldAll(names);
  StateStore::Hold held(*store_, names);
  CN_RETURN_IF_ERROR(Keep(PartKind::kBroadcast, names.broadcast));
  CN_RETURN_IF_ERROR(Keep(PartKind::kPrivate, names.private_part));
  CN_RETURN_IF_ERROR(store_->PutFile(names.manifest, kManifest, wire::EncodeManifest(manifest)));
  // Once for all, also when all was there: another writer may have renamed and not synced yet.
  // Until then a power cut may leave a manifest without its parts, and nobody knows its name.
  CN_RETURN_IF_ERROR(store_->storage_.SyncFolder(store_->folder_));
  MutexLock lock(store_->mutex_);
  store_->AddToIndex(names);
  return held;
}

}  // namespace consilium::server::store
