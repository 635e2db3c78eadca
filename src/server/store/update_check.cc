#include "server/store/update_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/sum/exact_sum.h"
#include "common/wire/layout_codec.h"

namespace consilium::server::store {
namespace {

absl::Status CheckLayout(const wire::UpdateHeader& header, const tensor::Layout& layout) {
  if (header.layout != wire::DigestOf(layout)) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("layout is sha256:{}, want sha256:{}", HexOf(header.layout),
                             HexOf(wire::DigestOf(layout))));
  }
  if (header.payload_bytes != layout.payload_bytes()) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("the payload has {} bytes, want {}", header.payload_bytes,
                             layout.payload_bytes()));
  }
  if (header.support.size() != layout.size()) {
    return Error(ErrorCode::kUpdateLayout, fmt::format("{} support counts, want {}, one a tensor",
                                                       header.support.size(), layout.size()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<wire::ParsedUpdateHeader> CheckHeader(const FileReader& file,
                                                     const UpdateWanted& wanted) {
  Bytes head(std::min<uint64_t>(file.size(), wire::kMaxUpdateHeaderBytes));
  CN_RETURN_IF_ERROR(file.ReadAt(0, head));
  CN_ASSIGN_OR_RETURN(wire::ParsedUpdateHeader parsed, wire::ParseUpdateHeader(head));
  const wire::UpdateHeader& header = parsed.header;
  if (header.key != wanted.key) {
    return Error(
        ErrorCode::kUpdateUnknownTask,
        fmt::format("the update says job {} step {} site {}, want job {} step {} site {}",
                    header.key.job.value(), header.key.step.value(), header.key.site.value(),
                    wanted.key.job.value(), wanted.key.step.value(), wanted.key.site.value()));
  }
  if (header.base_state != wanted.base_state) {
    return Error(ErrorCode::kUpdateUnknownTask,
                 fmt::format("the update started from state sha256:{}, want sha256:{}",
                             HexOf(header.base_state), HexOf(wanted.base_state)));
  }
  CN_RETURN_IF_ERROR(CheckLayout(header, wanted.layout));
  if (file.size() < parsed.header_bytes ||
      file.size() - parsed.header_bytes != header.payload_bytes) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("the file has {} bytes, want {} of header and {} of payload",
                             file.size(), parsed.header_bytes, header.payload_bytes));
  }
  return parsed;
}

absl::Status CheckValues(const FileReader& file, uint64_t header_bytes,
                         const tensor::Layout& layout) {
  Bytes block(std::min<uint64_t>(kBlockBytes, layout.payload_bytes()));
  for (uint64_t offset = 0; offset < layout.payload_bytes(); offset += block.size()) {
    const std::span<std::byte> part =
        std::span(block).first(std::min<uint64_t>(block.size(), layout.payload_bytes() - offset));
    CN_RETURN_IF_ERROR(file.ReadAt(header_bytes + offset, part));
    CN_RETURN_IF_ERROR(sum::ValidateBlock(layout, offset, part));
  }
  return absl::OkStatus();
}

absl::StatusOr<Digest> DigestOfFile(const FileReader& file, uint64_t bytes) {
  crypto::Sha256 hash;
  Bytes block(std::min<uint64_t>(kBlockBytes, bytes));
  for (uint64_t offset = 0; offset < bytes; offset += block.size()) {
    const std::span<std::byte> part =
        std::span(block).first(std::min<uint64_t>(block.size(), bytes - offset));
    CN_RETURN_IF_ERROR(file.ReadAt(offset, part));
    hash.Update(part);
  }
  return hash.Current();
}

}  // namespace consilium::server::store
