#include "common/wire/state_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/wire/format.h"
#include "common/wire/layout_codec.h"
#include "fmt/format.h"

namespace consilium::wire {
namespace {

using std::string_view_literals::operator""sv;

constexpr Format kPartFormat{"CNSTATE\0"sv, 1, "a state part", ErrorCode::kStateCorrupt};
constexpr Format kManifestFormat{"CNMANIF\0"sv, 1, "a state manifest", ErrorCode::kStateCorrupt};
constexpr size_t kMaxKeyBytes = 64;

using Texts = std::map<std::string, std::string>;

absl::StatusOr<Texts> GetTexts(ByteReader& reader, uint32_t count) {
  if (count > kMaxStateTexts) {
    return Malformed(kPartFormat,
                     fmt::format("it announces {} texts, want at most {}", count, kMaxStateTexts));
  }
  Texts texts;
  for (uint32_t i = 0; i < count; ++i) {
    std::string key(reader.GetText(kMaxKeyBytes));
    std::string value(reader.GetText(kMaxStateTextBytes));
    if (!reader.ok()) {
      return Malformed(kPartFormat, fmt::format("it ends, or a text is too long, in text {}", i));
    }
    if (key.empty() || (!texts.empty() && key <= texts.rbegin()->first)) {
      return Malformed(kPartFormat, fmt::format("the key of text {} is empty or out of order", i));
    }
    texts.emplace_hint(texts.end(), std::move(key), std::move(value));
  }
  return texts;
}

bool PaddingIsZero(const tensor::Bundle& tensors) {
  const tensor::Layout& layout = tensors.layout();
  for (size_t i = 0; i < layout.size(); ++i) {
    const tensor::TensorSpec& spec = layout.tensors()[i];
    const uint64_t bytes = tensor::ElementsOf(spec) * tensor::BytesPerElement(spec.dtype);
    if (!IsZero(tensors.payload().subspan(layout.OffsetOf(i) + bytes, RoundUp8(bytes) - bytes))) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<tensor::Bundle> GetTensors(ByteSpan payload, const tensor::Layout& layout) {
  if (payload.size() != layout.payload_bytes()) {
    return Malformed(kPartFormat, fmt::format("{} bytes of tensors, its layout wants {}",
                                              payload.size(), layout.payload_bytes()));
  }
  tensor::Bundle tensors(layout);
  std::copy(payload.begin(), payload.end(), tensors.payload().begin());
  if (!PaddingIsZero(tensors)) return Malformed(kPartFormat, "padding after a tensor is not zero");
  return tensors;
}

void PutRef(ByteWriter& writer, const PartRef& ref) {
  PutDigest(writer, ref.digest);
  writer.Put(ref.bytes);
}

PartRef GetRef(ByteReader& reader) {
  PartRef ref;
  ref.digest = GetDigest(reader);
  ref.bytes = reader.Get<uint64_t>();
  return ref;
}

}  // namespace

Bytes EncodeStatePartHead(const StatePartHead& head) {
  CN_CHECK(head.texts.size() <= kMaxStateTexts);
  const Bytes layout = EncodeLayout(head.layout);
  Bytes out;
  ByteWriter writer(out);
  PutPrelude(writer, kPartFormat);
  writer.Put(static_cast<uint32_t>(layout.size()));
  writer.Put(static_cast<uint32_t>(head.texts.size()));
  writer.PutBytes(layout);
  for (const auto& [key, value] : head.texts) {
    CN_CHECK(!key.empty() && key.size() <= kMaxKeyBytes && value.size() <= kMaxStateTextBytes);
    writer.PutText(key);
    writer.PutText(value);
  }
  out.resize(RoundUp8(out.size()));
  return out;
}

Bytes EncodeStatePart(const StatePart& part) {
  Bytes out = EncodeStatePartHead({part.tensors.layout(), part.texts});
  const ByteSpan payload = part.tensors.payload();
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

absl::StatusOr<DecodedStatePartHead> DecodeStatePartHead(ByteSpan bytes) {
  ByteReader reader(bytes);
  CN_RETURN_IF_ERROR(CheckPrelude(reader, kPartFormat));
  const auto layout_bytes = reader.Get<uint32_t>();
  const auto text_count = reader.Get<uint32_t>();
  const ByteSpan encoded_layout = reader.GetBytes(layout_bytes);
  if (!reader.ok()) return Malformed(kPartFormat, "it ends within its layout");
  absl::StatusOr<tensor::Layout> layout = DecodeLayout(encoded_layout);
  if (!layout.ok()) {
    if (CodeOf(layout.status()) == ErrorCode::kFormatVersion) return layout.status();
    const auto why = layout.status().message();
    return Malformed(kPartFormat, std::string_view(why.data(), why.size()));
  }
  DecodedStatePartHead decoded;
  decoded.head.layout = *std::move(layout);
  CN_ASSIGN_OR_RETURN(decoded.head.texts, GetTexts(reader, text_count));
  const size_t read = bytes.size() - reader.left();
  decoded.bytes = RoundUp8(read);
  const ByteSpan padding = reader.GetBytes(decoded.bytes - read);
  if (!reader.ok() || !IsZero(padding)) {
    return Malformed(kPartFormat, "the padding before its tensors is short or not zero");
  }
  return decoded;
}

absl::StatusOr<StatePart> DecodeStatePart(ByteSpan bytes) {
  CN_ASSIGN_OR_RETURN(DecodedStatePartHead decoded, DecodeStatePartHead(bytes));
  StatePart part;
  part.texts = std::move(decoded.head.texts);
  CN_ASSIGN_OR_RETURN(part.tensors, GetTensors(bytes.subspan(decoded.bytes), decoded.head.layout));
  return part;
}

Bytes EncodeManifest(const Manifest& manifest) {
  Bytes out;
  ByteWriter writer(out);
  PutPrelude(writer, kManifestFormat);
  PutRef(writer, manifest.broadcast);
  PutRef(writer, manifest.private_part);
  writer.Put(Crc32Of(out));
  CN_CHECK(out.size() == kManifestBytes);
  return out;
}

absl::StatusOr<Manifest> DecodeManifest(ByteSpan bytes) {
  ByteReader reader(bytes);
  CN_RETURN_IF_ERROR(CheckPrelude(reader, kManifestFormat));
  if (bytes.size() != kManifestBytes) {
    return Malformed(kManifestFormat,
                     fmt::format("{} bytes, want {}", bytes.size(), kManifestBytes));
  }
  Manifest manifest;
  manifest.broadcast = GetRef(reader);
  manifest.private_part = GetRef(reader);
  if (reader.Get<uint32_t>() != Crc32Of(bytes.first(kManifestBytes - sizeof(uint32_t)))) {
    return Malformed(kManifestFormat, "its checksum is wrong");
  }
  return manifest;
}

Digest DigestOf(const Manifest& manifest) { return crypto::Sha256Of(EncodeManifest(manifest)); }

}  // namespace consilium::wire
