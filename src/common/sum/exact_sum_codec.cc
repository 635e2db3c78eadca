// A sum as bytes and back: docs/formats/sum.md.
#include <zlib.h>

#include <cstring>
#include <string_view>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/sum/exact_sum.h"
#include "fmt/format.h"

namespace consilium::sum {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kMagic = "CNEXSUM\0"sv;
constexpr uint32_t kVersion = 1;
constexpr size_t kFixedBytes = 48;  // prelude, counters, number of columns, checksum
constexpr size_t kColumnBytes = 16;

absl::Status Corrupt(std::string_view what) {
  return Error(ErrorCode::kStateCorrupt, fmt::format("a sum's file: {}", what));
}

uint32_t Crc32Of(ByteSpan bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
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

Bytes ExactSum::Serialize() const {
  Bytes out;
  out.reserve(kFixedBytes + layout_.size() * kColumnBytes + limbs_.size() * sizeof(uint64_t));
  ByteWriter writer(out);
  writer.PutBytes(AsBytes(kMagic));
  writer.Put(kVersion);
  writer.Put(options_.weight_cap);
  writer.Put(options_.max_contributions);
  writer.Put(contributions_);
  writer.Put(total_weight_);
  PutColumns(writer, layout_);
  writer.PutBytes(std::as_bytes(std::span(limbs_)));
  writer.Put(Crc32Of(out));
  writer.Put(uint32_t{0});
  return out;
}

absl::StatusOr<ExactSum> ExactSum::Deserialize(const tensor::Layout& layout, ByteSpan bytes) {
  ByteReader reader(bytes);
  CN_RETURN_IF_ERROR(CheckPrelude(reader));
  SumOptions options;
  options.weight_cap = reader.Get<uint32_t>();
  options.max_contributions = reader.Get<uint32_t>();
  const auto contributions = reader.Get<uint32_t>();
  const auto total_weight = reader.Get<uint64_t>();
  CN_RETURN_IF_ERROR(CheckColumns(reader, layout));
  uint64_t limbs = 0;
  for (const tensor::TensorSpec& spec : layout.tensors()) {
    limbs += tensor::ElementsOf(spec) * (spec.dtype == tensor::DType::kFloat64 ? 2 : 1);
  }
  const ByteSpan limb_bytes = reader.GetBytes(limbs * sizeof(uint64_t));
  const ByteSpan covered = bytes.first(bytes.size() - reader.left());
  const auto crc = reader.Get<uint32_t>();
  const auto zero = reader.Get<uint32_t>();
  if (!reader.done() || zero != 0) return Corrupt("it is too short or too long");
  if (crc != Crc32Of(covered)) return Corrupt("its checksum is wrong");
  if (contributions > options.max_contributions || total_weight < contributions ||
      total_weight > uint64_t{contributions} * options.weight_cap) {
    return Corrupt("its counters contradict each other");
  }
  absl::StatusOr<ExactSum> sum = Create(layout, options);
  if (!sum.ok()) return Corrupt("its weight cap or number of contributions is out of range");
  sum->contributions_ = contributions;
  sum->total_weight_ = total_weight;
  if (!limb_bytes.empty()) std::memcpy(sum->limbs_.data(), limb_bytes.data(), limb_bytes.size());
  return sum;
}

}  // namespace consilium::sum
