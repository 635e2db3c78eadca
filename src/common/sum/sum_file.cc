#include "common/sum/sum_file.h"

#include <cstring>
#include <string_view>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::sum {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kMagic = "CNEXSUM\0"sv;
constexpr uint32_t kVersion = 1;
constexpr size_t kFixedHeadBytes = 40;
constexpr size_t kColumnBytes = 16;

absl::Status Corrupt(std::string_view what) {
  return Error(ErrorCode::kStateCorrupt, fmt::format("a sum's file: {}", what));
}

// What the numbers mean: a sum read back over another layout would be silently wrong.
void PutColumns(ByteWriter& writer, const tensor::Layout& layout) {
  writer.Put(static_cast<uint32_t>(layout.size()));
  writer.Put(uint32_t{0});
  for (const tensor::TensorSpec& spec : layout.tensors()) {
    writer.Put(tensor::ElementsOf(spec));
    writer.Put(static_cast<int32_t>(spec.bound_log2));
    writer.Put(static_cast<uint8_t>(spec.dtype));
    writer.Put(static_cast<uint8_t>(spec.weighting));
    writer.Put(uint16_t{0});
  }
}

absl::Status CheckPrelude(ByteReader& reader) {
  const ByteSpan magic = reader.GetBytes(kMagic.size());
  const auto version = reader.Get<uint32_t>();
  if (!reader.ok() || AsText(magic) != kMagic) return Corrupt("it does not begin as one");
  if (version > kVersion) {
    return Error(ErrorCode::kFormatVersion,
                 fmt::format("a sum's file has format version {}, this program reads up to {}",
                             version, kVersion),
                 "update this program, or use the one that wrote it");
  }
  if (version == 0) return Corrupt("its format version is 0");
  return absl::OkStatus();
}

absl::Status CheckColumns(ByteReader& reader, const tensor::Layout& layout) {
  Bytes expected;
  ByteWriter writer(expected);
  PutColumns(writer, layout);
  const ByteSpan columns = reader.GetBytes(expected.size());
  if (!reader.ok() || std::memcmp(columns.data(), expected.data(), expected.size()) != 0) {
    return Error(ErrorCode::kUpdateLayout, "a sum's file is over another layout");
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t SumHeadBytes(const tensor::Layout& layout) {
  return kFixedHeadBytes + layout.size() * kColumnBytes;
}

uint64_t SumFileBytes(const tensor::Layout& layout) {
  uint64_t limbs = 0;
  for (const tensor::TensorSpec& spec : layout.tensors()) {
    limbs += tensor::ElementsOf(spec) * (spec.dtype == tensor::DType::kFloat64 ? 2 : 1);
  }
  return SumHeadBytes(layout) + limbs * sizeof(uint64_t) + kSumTailBytes;
}

Bytes EncodeSumHead(const tensor::Layout& layout, const SumHead& head) {
  Bytes out;
  ByteWriter writer(out);
  writer.PutBytes(AsBytes(kMagic));
  writer.Put(kVersion);
  writer.Put(head.options.weight_cap);
  writer.Put(head.options.max_contributions);
  writer.Put(head.totals.contributions);
  writer.Put(head.totals.weight);
  PutColumns(writer, layout);
  return out;
}

absl::StatusOr<SumHead> DecodeSumHead(const tensor::Layout& layout, ByteSpan bytes) {
  ByteReader reader(bytes);
  CN_RETURN_IF_ERROR(CheckPrelude(reader));
  SumHead head;
  head.options.weight_cap = reader.Get<uint32_t>();
  head.options.max_contributions = reader.Get<uint32_t>();
  head.totals.contributions = reader.Get<uint32_t>();
  head.totals.weight = reader.Get<uint64_t>();
  CN_RETURN_IF_ERROR(CheckColumns(reader, layout));
  const SumTotals& totals = head.totals;
  if (totals.contributions > head.options.max_contributions ||
      totals.weight < totals.contributions ||
      totals.weight > uint64_t{totals.contributions} * head.options.weight_cap) {
    return Corrupt("its counters contradict each other");
  }
  if (!SumRule::Create(layout, head.options).ok()) {
    return Corrupt("its weight cap or number of contributions is out of range");
  }
  return head;
}

Bytes EncodeSumTail(uint32_t crc) {
  Bytes out;
  ByteWriter writer(out);
  writer.Put(crc);
  writer.Put(uint32_t{0});
  return out;
}

absl::Status CheckSumTail(ByteSpan bytes, uint32_t crc) {
  ByteReader reader(bytes);
  const auto wanted = reader.Get<uint32_t>();
  const auto zero = reader.Get<uint32_t>();
  if (!reader.done() || zero != 0) return Corrupt("it is too short or too long");
  return crc == wanted ? absl::OkStatus() : Corrupt("its checksum is wrong");
}

}  // namespace consilium::sum
