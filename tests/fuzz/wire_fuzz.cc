// Any bytes as any format of ours: it is read, or refused by name. What was read encodes to the
// very same bytes, and nothing is allocated that the input does not justify (libFuzzer's malloc
// limit). The first byte chooses the format.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/base/check.h"
#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/sum/exact_sum.h"
#include "common/wire/chunk.h"
#include "common/wire/envelope.h"
#include "common/wire/format.h"
#include "common/wire/layout_codec.h"
#include "common/wire/messages_proto.h"
#include "common/wire/state_file.h"
#include "common/wire/update_file.h"

namespace consilium::wire {
namespace {

bool Equal(ByteSpan a, ByteSpan b) { return std::ranges::equal(a, b); }

// Every refusal has a code of ours.
template <typename Result>
bool Accepted(const Result& result) {
  CN_CHECK(result.ok() || CodeOf(result.status()).has_value());
  return result.ok();
}

// `bytes` with a right checksum of what stands before `crc_at`: the fuzzer does not guess those.
Bytes Sealed(ByteSpan bytes, size_t crc_at) {
  Bytes sealed(bytes.begin(), bytes.end());
  if (bytes.size() < 4 || crc_at > bytes.size() - 4) return sealed;
  const uint32_t crc = Crc32Of(bytes.first(crc_at));
  std::memcpy(sealed.data() + crc_at, &crc, sizeof crc);
  return sealed;
}

void RunLayout(ByteSpan bytes) {
  const absl::StatusOr<tensor::Layout> layout = DecodeLayout(bytes);
  if (Accepted(layout)) CN_CHECK(Equal(EncodeLayout(*layout), bytes));
}

void RunUpdateHeader(ByteSpan input) {
  ByteReader lengths(input.size() < 16 ? ByteSpan() : input.subspan(12));
  const auto header_bytes = lengths.Get<uint32_t>();
  const Bytes bytes = Sealed(input, size_t{header_bytes} - 4);
  const absl::StatusOr<ParsedUpdateHeader> parsed = ParseUpdateHeader(bytes);
  if (!Accepted(parsed)) return;
  CN_CHECK(Equal(EncodeUpdateHeader(parsed->header), ByteSpan(bytes).first(parsed->header_bytes)));
}

void RunStatePart(ByteSpan bytes) {
  const absl::StatusOr<StatePart> part = DecodeStatePart(bytes);
  if (Accepted(part)) CN_CHECK(Equal(EncodeStatePart(*part), bytes));
}

void RunManifest(ByteSpan input) {
  const Bytes bytes = Sealed(input, kManifestBytes - 4);
  const absl::StatusOr<Manifest> manifest = DecodeManifest(bytes);
  if (Accepted(manifest)) CN_CHECK(Equal(EncodeManifest(*manifest), bytes));
}

void RunEnvelope(ByteSpan bytes) {
  const absl::StatusOr<Envelope> envelope = DecodeEnvelope(bytes);
  if (Accepted(envelope)) CN_CHECK(Equal(EncodeEnvelope(*envelope), bytes));
}

// A small layout that both the sum and the payload below are over.
tensor::Layout SumLayout() {
  return *tensor::Layout::Create(
      {{"w", {3}, tensor::DType::kFloat32},
       {"s", {2}, tensor::DType::kFloat64, 40, tensor::Weighting::kOne, tensor::Tag::kSum}});
}

void RunSum(ByteSpan input) {
  const Bytes bytes = Sealed(input, input.size() - 8);
  const absl::StatusOr<sum::ExactSum> sum = sum::ExactSum::Deserialize(SumLayout(), bytes);
  if (Accepted(sum)) CN_CHECK(Equal(sum->Serialize(), bytes));
}

// A payload is refused, or can be summed and reports finite values.
void RunPayload(ByteSpan bytes) {
  const tensor::Layout layout = SumLayout();
  const absl::Status status = sum::ValidateValues(layout, bytes);
  CN_CHECK(status.ok() || CodeOf(status).has_value());
  if (!status.ok()) return;
  absl::StatusOr<sum::ExactSum> sum = sum::ExactSum::Create(layout, {});
  CN_CHECK(sum.ok());
  CN_CHECK(sum->Accumulate(7, bytes).ok());
  const sum::SumReport report = sum->Report();
  for (size_t i = 0; i < layout.size(); ++i) {
    for (const double value : report.values.Float64(i)) {
      CN_CHECK(value >= -0x1p40 && value <= 0x1p40);
    }
  }
}

Bytes Gathered(const ParsedChunk& chunk) {
  Bytes payload;
  for (const ByteSpan slice : chunk.payload) {
    payload.insert(payload.end(), slice.begin(), slice.end());
  }
  return payload;
}

// Whole and in slices as the first byte cuts them, a chunk reads as Protobuf reads it.
void RunChunk(ByteSpan bytes) {
  if (bytes.empty()) return;
  const size_t most = 1 + static_cast<size_t>(bytes[0]) % 32;
  bytes = bytes.subspan(1);
  std::vector<Bytes> copies;  // on their own, so that a read across a cut is seen
  for (size_t at = 0; at < bytes.size(); at += most) {
    const ByteSpan slice = bytes.subspan(at, std::min(most, bytes.size() - at));
    copies.emplace_back(slice.begin(), slice.end());
  }
  const std::vector<ByteSpan> slices(copies.begin(), copies.end());
  const absl::StatusOr<ParsedChunk> whole = ParseChunk({&bytes, 1});
  const absl::StatusOr<ParsedChunk> cut = ParseChunk(slices);
  CN_CHECK(Accepted(whole) == Accepted(cut));
  if (!whole.ok()) return;
  CN_CHECK(whole->header == cut->header);
  CN_CHECK(Gathered(*whole) == Gathered(*cut));
  v1::Chunk proto;
  CN_CHECK(proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  CN_CHECK(proto.payload() == AsText(Gathered(*whole)));
  CN_CHECK(proto.header().offset() == whole->header.offset);
}

// What a frame holds can be sent again, and is then the same to the peer.
template <typename Frame>
void RunFrame(ByteSpan bytes) {
  Frame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto message = FromProto(frame);
  if (!Accepted(message)) return;
  std::visit(
      [](const auto& alternative) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(alternative)>, std::monostate>) {
          const Frame again = ToProto(alternative);
          const auto arrived = FromProto(again);
          CN_CHECK(arrived.ok());
          const auto& same = std::get<std::decay_t<decltype(alternative)>>(*arrived);
          CN_CHECK(ToProto(same).SerializeAsString() == again.SerializeAsString());
        }
      },
      *message);
}

void Run(ByteSpan bytes) {
  using Target = void (*)(ByteSpan);
  constexpr Target kTargets[] = {RunLayout,
                                 RunUpdateHeader,
                                 RunStatePart,
                                 RunManifest,
                                 RunEnvelope,
                                 RunSum,
                                 RunPayload,
                                 RunChunk,
                                 RunFrame<v1::SiteFrame>,
                                 RunFrame<v1::ServerFrame>};
  if (bytes.empty()) return;
  kTargets[static_cast<size_t>(bytes[0]) % std::size(kTargets)](bytes.subspan(1));
}

}  // namespace
}  // namespace consilium::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::wire::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
