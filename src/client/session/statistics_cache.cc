#include "client/session/statistics_cache.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "common/base/crash_point.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/wire/layout_codec.h"

namespace consilium::client::session {
namespace {

constexpr uint64_t kMaxAnswerBytes = 64 * 1024 * 1024;
constexpr size_t kDigestBytes = 32;

ByteSpan BytesOf(const Digest& digest) { return std::as_bytes(std::span(digest.bytes)); }

// weight, support counts, payload, then the SHA-256 of all that.
Bytes Encode(const train::Contribution& answer) {
  Bytes bytes;
  bytes.reserve(sizeof(uint32_t) * 2 + answer.support.size() * sizeof(uint64_t) +
                answer.values.payload().size() + kDigestBytes);
  ByteWriter writer(bytes);
  writer.Put(answer.weight);
  writer.Put(static_cast<uint32_t>(answer.support.size()));
  for (const uint64_t support : answer.support) writer.Put(support);
  writer.PutBytes(answer.values.payload());
  const Digest digest = crypto::Sha256Of(bytes);
  writer.PutBytes(BytesOf(digest));
  return bytes;
}

std::optional<train::Contribution> Decode(ByteSpan bytes, const tensor::Layout& layout) {
  if (bytes.size() < kDigestBytes) return std::nullopt;
  const ByteSpan body = bytes.first(bytes.size() - kDigestBytes);
  const Digest digest = crypto::Sha256Of(body);
  if (!std::ranges::equal(BytesOf(digest), bytes.last(kDigestBytes))) return std::nullopt;
  ByteReader reader(body);
  train::Contribution answer;
  answer.values = tensor::Bundle(layout);
  answer.weight = reader.Get<uint32_t>();
  if (reader.Get<uint32_t>() != layout.size()) return std::nullopt;
  for (size_t i = 0; i < layout.size(); ++i) answer.support.push_back(reader.Get<uint64_t>());
  const ByteSpan payload = reader.GetBytes(layout.payload_bytes());
  if (!reader.done()) return std::nullopt;
  std::ranges::copy(payload, answer.values.payload().begin());
  return answer;
}

}  // namespace

StatisticsCache::StatisticsCache(std::string folder, Storage& storage)
    : folder_(std::move(folder)), storage_(storage) {}

bool StatisticsCache::Covers(wire::Workload workload) {
  return workload == wire::Workload::kMeans || workload == wire::Workload::kVariances;
}

std::string StatisticsCache::PathOf(const StatisticsQuestion& question) const {
  const std::array<std::byte, 1> workload{static_cast<std::byte>(question.workload)};
  const Digest layout = wire::DigestOf(question.layout);
  const std::array<ByteSpan, 4> parts{BytesOf(question.dataset), ByteSpan(workload),
                                      BytesOf(question.base_state), BytesOf(layout)};
  return folder_ + "/" + HexOf(crypto::DeriveKey("consilium-statistics-v1", parts));
}

std::optional<train::Contribution> StatisticsCache::Find(const StatisticsQuestion& question) const {
  const absl::StatusOr<Bytes> bytes = ReadWhole(storage_, PathOf(question), kMaxAnswerBytes);
  if (!bytes.ok()) return std::nullopt;
  return Decode(*bytes, question.layout);
}

absl::Status StatisticsCache::Keep(const StatisticsQuestion& question,
                                   const train::Contribution& answer) {
  CN_RETURN_IF_ERROR(storage_.CreateFolder(folder_));
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(folder_));
  if (names.size() >= kMaxStatistics) {
    CN_RETURN_IF_ERROR(storage_.Remove(folder_ + "/" + names.front()));
  }
  CN_RETURN_IF_ERROR(WriteDurably(storage_, PathOf(question), Encode(answer)));
  CN_CRASH_POINT("statistics.kept");
  return absl::OkStatus();
}

}  // namespace consilium::client::session
