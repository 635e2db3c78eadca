// Any bytes as what a server or a site keeps on disk, or takes from a researcher: a generation of a
// sum, the payload of a journal's record, a model file. It is read, or refused by name; what was
// read encodes to the same bytes. The first byte chooses.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "client/session/what_left.h"
#include "common/base/check.h"
#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/learn/model_file.h"
#include "common/wire/format.h"
#include "server/jobs/job_records.h"
#include "server/store/generation.h"

namespace consilium {
namespace {

bool Equal(ByteSpan a, ByteSpan b) { return std::ranges::equal(a, b); }

template <typename Result>
bool Accepted(const Result& result) {
  CN_CHECK(result.ok() || CodeOf(result.status()).has_value());
  return result.ok();
}

// With a right checksum of the header and of the whole: the fuzzer does not guess those.
Bytes SealedGeneration(ByteSpan input) {
  Bytes bytes(input.begin(), input.end());
  if (bytes.size() < 32) return bytes;
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 12, sizeof length);
  if (length < 20 || length > bytes.size() - 8) return bytes;
  const uint32_t header = Crc32Of(ByteSpan(bytes).first(length - 4));
  std::memcpy(bytes.data() + length - 4, &header, sizeof header);
  const uint32_t sum = Crc32Of(ByteSpan(bytes).subspan(length, bytes.size() - 8 - length));
  std::memcpy(bytes.data() + bytes.size() - 8, &sum, sizeof sum);
  return bytes;
}

void RunGeneration(ByteSpan input) {
  const tensor::Layout layout = *tensor::Layout::Create({{"w", {3}, tensor::DType::kFloat32}});
  const Bytes bytes = SealedGeneration(input);
  MemoryStorage storage;
  storage.Plant("g", bytes);
  const auto generation = server::store::ReadGeneration(*storage.OpenRead("g"), layout);
  if (!Accepted(generation)) return;
  const Bytes header = server::store::EncodeGenerationHeader(generation->header);
  CN_CHECK(header.size() <= bytes.size() && Equal(header, ByteSpan(bytes).first(header.size())));
  const absl::Status whole = generation->sum.Verify();
  CN_CHECK(whole.ok() || CodeOf(whole).has_value());
}

// The lower half of the first byte is the kind, the upper half the version less one.
void RunServerRecord(ByteSpan bytes) {
  if (bytes.empty()) return;
  const auto first = static_cast<uint8_t>(bytes[0]);
  const uint16_t kind = first & 0x0f;
  const auto version = static_cast<uint16_t>(1 + (first >> 4));
  const auto record = server::jobs::Decode(kind, version, bytes.subspan(1));
  if (!Accepted(record)) return;
  CN_CHECK(server::jobs::KindOf(*record) == kind);
  const Bytes encoded = server::jobs::Encode(*record);
  const auto again = server::jobs::Decode(kind, server::jobs::VersionOf(*record), encoded);
  CN_CHECK(again.ok());
  CN_CHECK(Equal(server::jobs::Encode(*again), encoded));
}

void RunLeft(ByteSpan bytes) {
  const auto left = client::session::DecodeLeft(bytes);
  if (Accepted(left)) CN_CHECK(Equal(client::session::EncodeLeft(*left), bytes));
}

void RunSettled(ByteSpan bytes) {
  const auto settled = client::session::DecodeSettled(bytes);
  if (Accepted(settled)) CN_CHECK(Equal(client::session::EncodeSettled(*settled), bytes));
}

void RunModel(ByteSpan bytes) {
  const auto model = learn::DecodeModel(bytes);
  if (!Accepted(model)) return;
  CN_CHECK(learn::CheckModel(*model).ok());
  const Bytes encoded = learn::EncodeSafetensors(*model);
  const auto again = learn::DecodeModel(encoded);
  CN_CHECK(again.ok());
  CN_CHECK(Equal(learn::EncodeSafetensors(*again), encoded));
}

void Run(ByteSpan bytes) {
  using Target = void (*)(ByteSpan);
  constexpr Target kTargets[] = {RunGeneration, RunServerRecord, RunLeft, RunSettled, RunModel};
  if (bytes.empty()) return;
  kTargets[static_cast<size_t>(bytes[0]) % std::size(kTargets)](bytes.subspan(1));
}

}  // namespace
}  // namespace consilium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
