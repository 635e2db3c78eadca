#include "server/store/state_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "server/store/state_files.h"
#include "server/store/state_reader.h"
#include "server/store/state_writer.h"

namespace consilium::server::store {
namespace {

constexpr size_t kCompareBlockBytes = 256 * 1024;
// A part is a model and its texts; far above any of ours, far below what a length field could say.
constexpr uint64_t kMaxPartBytes = tensor::kMaxPayloadBytes;

bool Holds(const FileReader& file, ByteSpan bytes) {
  if (file.size() != bytes.size()) return false;
  Bytes block(std::min(kCompareBlockBytes, bytes.size()));
  for (size_t offset = 0; offset < bytes.size(); offset += block.size()) {
    const std::span<std::byte> part =
        std::span(block).first(std::min(block.size(), bytes.size() - offset));
    if (!file.ReadAt(offset, part).ok()) return false;
    if (!std::ranges::equal(part, bytes.subspan(offset, part.size()))) return false;
  }
  return true;
}

}  // namespace

StateStore::StateStore(std::string folder, Storage& storage)
    : folder_(std::move(folder)), storage_(storage) {}

std::string StateStore::PathOf(const Digest& digest, const char* kind) const {
  return fmt::format("{}/{}.{}", folder_, HexOf(digest), kind);
}

std::string StateStore::UnfinishedPath(const char* kind) {
  return fmt::format("{}/{}.{}{}", folder_, ++unfinished_count_, kind, kUnfinishedState);
}

absl::Status StateStore::PutFile(const Digest& digest, const char* kind, ByteSpan bytes) {
  const std::string path = PathOf(digest, kind);
  if (const auto present = storage_.OpenRead(path); present.ok() && Holds(**present, bytes)) {
    return absl::OkStatus();
  }
  // Two jobs may put the same bytes at once: each writes its own file, either rename is right.
  const std::string unfinished = UnfinishedPath(kind);
  {
    CN_ASSIGN_OR_RETURN(const auto file, storage_.OpenAppend(unfinished, 0));
    CN_RETURN_IF_ERROR(file->Append(bytes));
    CN_RETURN_IF_ERROR(file->Sync());
  }
  CN_CRASH_POINT("state.synced");
  CN_RETURN_IF_ERROR(storage_.Rename(unfinished, path));
  CN_CRASH_POINT("state.renamed");
  return absl::OkStatus();
}

absl::StatusOr<Digest> StateStore::Put(const wire::State& state) {
  CN_ASSIGN_OR_RETURN(const Hold held, PutHeld(state));
  return held.digest();
}

absl::StatusOr<StateStore::Hold> StateStore::PutHeld(const wire::State& state) {
  CN_ASSIGN_OR_RETURN(StateWriter writer, StateWriter::Create(*this));
  CN_RETURN_IF_ERROR(writer.Append(PartKind::kBroadcast, wire::EncodeStatePart(state.broadcast)));
  CN_RETURN_IF_ERROR(writer.Append(PartKind::kPrivate, wire::EncodeStatePart(state.private_part)));
  return writer.Finish();
}

absl::StatusOr<StateStore::Hold> StateStore::HoldKept(const Digest& manifest) {
  CN_ASSIGN_OR_RETURN(const wire::Manifest refs, GetManifest(manifest));
  const Names names{manifest, refs.broadcast.digest, refs.private_part.digest};
  HoldAll(names);
  return Hold(*this, names);
}

absl::Status StateStore::Verify(const Digest& manifest) const {
  for (const PartKind kind : {PartKind::kBroadcast, PartKind::kPrivate}) {
    CN_ASSIGN_OR_RETURN(StatePartReader reader, StatePartReader::Open(*this, manifest, kind));
    CN_RETURN_IF_ERROR(reader.Finish());
  }
  return absl::OkStatus();
}

absl::StatusOr<Bytes> StateStore::ReadFile(const Digest& digest, const char* kind,
                                           uint64_t most) const {
  absl::StatusOr<Bytes> bytes = ReadWhole(storage_, PathOf(digest, kind), most);
  if (!bytes.ok() && CodeOf(bytes.status()) == ErrorCode::kFileNotFound) {
    return Error(ErrorCode::kStateNotFound, fmt::format("no {} sha256:{}", kind, HexOf(digest)));
  }
  if (!bytes.ok()) return bytes;
  if (crypto::Sha256Of(*bytes) != digest) {
    return Error(
        ErrorCode::kStateCorrupt,
        fmt::format("{}: its bytes do not have the digest of its name", PathOf(digest, kind)));
  }
  return bytes;
}

absl::StatusOr<wire::Manifest> StateStore::GetManifest(const Digest& manifest) const {
  CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(manifest, kManifest, wire::kManifestBytes));
  return wire::DecodeManifest(bytes);
}

absl::StatusOr<wire::StatePart> StateStore::GetPart(const wire::PartRef& ref,
                                                    const char* kind) const {
  CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(ref.digest, kind, kMaxPartBytes));
  return wire::DecodeStatePart(bytes);
}

absl::StatusOr<wire::StatePart> StateStore::GetBroadcast(const Digest& manifest) const {
  CN_ASSIGN_OR_RETURN(const wire::Manifest refs, GetManifest(manifest));
  return GetPart(refs.broadcast, kBroadcast);
}

absl::StatusOr<wire::State> StateStore::Get(const Digest& manifest) const {
  CN_ASSIGN_OR_RETURN(const wire::Manifest refs, GetManifest(manifest));
  CN_ASSIGN_OR_RETURN(wire::StatePart broadcast, GetPart(refs.broadcast, kBroadcast));
  CN_ASSIGN_OR_RETURN(wire::StatePart private_part, GetPart(refs.private_part, kPrivate));
  return wire::State{std::move(broadcast), std::move(private_part)};
}

absl::StatusOr<std::unique_ptr<FileReader>> StateStore::OpenForSite(const Digest& digest) const {
  for (const char* kind : {kManifest, kBroadcast}) {
    auto file = storage_.OpenRead(PathOf(digest, kind));
    if (file.ok() || CodeOf(file.status()) != ErrorCode::kFileNotFound) return file;
  }
  if (Exists(storage_, PathOf(digest, kPrivate))) {
    return Error(ErrorCode::kNotAllowed,
                 fmt::format("sha256:{} is a private part, which stays here", HexOf(digest)));
  }
  return Error(ErrorCode::kStateNotFound, fmt::format("no state sha256:{}", HexOf(digest)));
}

}  // namespace consilium::server::store
