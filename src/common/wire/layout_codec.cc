#include "common/wire/layout_codec.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/wire/format.h"
#include "fmt/format.h"

namespace consilium::wire {
namespace {

constexpr Format kLayoutFormat{"CNLAYOUT", 1, "a layout", ErrorCode::kUpdateLayout};
constexpr size_t kMaxNameBytes = 128;
// Four bytes of kinds, the bound, one extent, the length of a name of one byte.
constexpr size_t kLeastTensorBytes = 4 + 4 + 4 + 4 + 1;

tensor::TensorSpec GetTensor(ByteReader& reader) {
  tensor::TensorSpec spec;
  spec.dtype = static_cast<tensor::DType>(reader.Get<uint8_t>());
  spec.weighting = static_cast<tensor::Weighting>(reader.Get<uint8_t>());
  spec.tag = static_cast<tensor::Tag>(reader.Get<uint8_t>());
  const auto rank = reader.Get<uint8_t>();
  spec.bound_log2 = reader.Get<int32_t>();
  for (size_t i = 0; i < rank && reader.ok(); ++i) spec.shape.push_back(reader.Get<uint32_t>());
  spec.name = std::string(reader.GetText(kMaxNameBytes));
  return spec;
}

}  // namespace

Bytes EncodeLayout(const tensor::Layout& layout) {
  Bytes out;
  ByteWriter writer(out);
  PutPrelude(writer, kLayoutFormat);
  writer.Put(static_cast<uint32_t>(layout.size()));
  for (const tensor::TensorSpec& spec : layout.tensors()) {
    writer.Put(static_cast<uint8_t>(spec.dtype));
    writer.Put(static_cast<uint8_t>(spec.weighting));
    writer.Put(static_cast<uint8_t>(spec.tag));
    writer.Put(static_cast<uint8_t>(spec.shape.size()));
    writer.Put(static_cast<int32_t>(spec.bound_log2));
    for (const uint32_t extent : spec.shape) writer.Put(extent);
    writer.PutText(spec.name);
  }
  return out;
}

absl::StatusOr<tensor::Layout> DecodeLayout(ByteSpan bytes) {
  ByteReader reader(bytes);
  CN_RETURN_IF_ERROR(CheckPrelude(reader, kLayoutFormat));
  const auto count = reader.Get<uint32_t>();
  if (count > tensor::kMaxTensors) {
    return Malformed(kLayoutFormat, fmt::format("it announces {} tensors, want at most {}", count,
                                                tensor::kMaxTensors));
  }
  if (!reader.ok() || count > reader.left() / kLeastTensorBytes) {
    return Malformed(kLayoutFormat,
                     fmt::format("{} bytes are too few for its {} tensors", bytes.size(), count));
  }
  std::vector<tensor::TensorSpec> tensors;
  tensors.reserve(count);
  for (uint32_t i = 0; i < count && reader.ok(); ++i) tensors.push_back(GetTensor(reader));
  if (!reader.ok()) {
    return Malformed(kLayoutFormat, fmt::format("it ends, or a name is too long, in tensor {}",
                                                tensors.size() - 1));
  }
  if (!reader.done()) {
    return Malformed(kLayoutFormat, fmt::format("{} bytes follow its last tensor", reader.left()));
  }
  return tensor::Layout::Create(std::move(tensors));
}

Digest DigestOf(const tensor::Layout& layout) { return crypto::Sha256Of(EncodeLayout(layout)); }

}  // namespace consilium::wire
