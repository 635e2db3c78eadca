#include "server/store/state_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::server::store {
namespace {

constexpr size_t kReadBlockBytes = size_t{256} * 1024;
constexpr size_t kFirstHeadBytes = size_t{16} * 1024;

}  // namespace

absl::StatusOr<StatePartReader> StatePartReader::Open(const StateStore& store,
                                                      const Digest& manifest, PartKind kind) {
  CN_ASSIGN_OR_RETURN(const wire::Manifest refs, store.GetManifest(manifest));
  const wire::PartRef& ref = kind == PartKind::kBroadcast ? refs.broadcast : refs.private_part;
  StatePartReader reader;
  reader.path_ = store.PathOf(ref.digest, SuffixOf(kind));
  reader.digest_ = ref.digest;
  absl::StatusOr<std::unique_ptr<FileReader>> file = store.storage_.OpenRead(reader.path_);
  if (CodeOf(file.status()) == ErrorCode::kFileNotFound) {
    return Error(ErrorCode::kStateCorrupt,
                 fmt::format("the state sha256:{} lacks its {} part {}", HexOf(manifest),
                             SuffixOf(kind), reader.path_));
  }
  CN_RETURN_IF_ERROR(file.status());
  reader.file_ = *std::move(file);
  if (reader.file_->size() != ref.bytes) {
    return Error(ErrorCode::kStateCorrupt, fmt::format("{} has {} bytes, want {}", reader.path_,
                                                       reader.file_->size(), ref.bytes));
  }
  CN_RETURN_IF_ERROR(reader.ReadHead());
  return reader;
}

// How long a head is stands in it; most are short.
absl::Status StatePartReader::ReadHead() {
  const uint64_t most = std::min<uint64_t>(file_->size(), wire::kMaxStateHeadBytes);
  Bytes bytes(std::min<uint64_t>(most, kFirstHeadBytes));
  while (true) {
    CN_RETURN_IF_ERROR(file_->ReadAt(0, bytes));
    auto decoded = wire::DecodeStatePartHead(bytes);
    if (decoded.ok()) {
      head_ = std::move(decoded->head);
      payload_ = next_ = decoded->bytes;
      break;
    }
    if (bytes.size() == most) return decoded.status();
    bytes.resize(std::min<uint64_t>(most, bytes.size() * 8));
  }
  hash_.Update(ByteSpan(bytes).first(payload_));
  if (file_->size() - payload_ == head_.layout.payload_bytes()) return absl::OkStatus();
  return Error(ErrorCode::kStateCorrupt,
               fmt::format("{} has {} bytes of tensors, its layout wants {}", path_,
                           file_->size() - payload_, head_.layout.payload_bytes()));
}

absl::Status StatePartReader::ReadPayload(uint64_t offset, std::span<std::byte> out) const {
  return file_->ReadAt(payload_ + offset, out);
}

absl::Status StatePartReader::Read(std::span<std::byte> out) {
  CN_CHECK(out.size() <= file_->size() - next_);
  CN_RETURN_IF_ERROR(file_->ReadAt(next_, out));
  hash_.Update(out);
  next_ += out.size();
  return absl::OkStatus();
}

absl::Status StatePartReader::ReadRest(const Take& take) {
  Bytes block(std::min<uint64_t>(kReadBlockBytes, file_->size() - next_));
  while (next_ < file_->size()) {
    const std::span<std::byte> some =
        std::span(block).first(std::min<uint64_t>(block.size(), file_->size() - next_));
    CN_RETURN_IF_ERROR(Read(some));
    CN_RETURN_IF_ERROR(take(some));
  }
  return absl::OkStatus();
}

absl::Status StatePartReader::Finish() {
  CN_RETURN_IF_ERROR(ReadRest([](ByteSpan) { return absl::OkStatus(); }));
  if (hash_.Current() == digest_) return absl::OkStatus();
  return Error(ErrorCode::kStateCorrupt,
               fmt::format("{}: its bytes do not have the digest of its name", path_));
}

}  // namespace consilium::server::store
