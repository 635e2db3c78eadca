#include "common/learn/batch_order.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/crypto/sha256.h"
#include "common/learn/start.h"

namespace consilium::learn {

namespace {

Digest KeyFor(std::string_view purpose, const job::JobSpec& spec, RoundNumber round,
              const SiteId& site) {
  const Bytes material = SeedMaterial(spec);
  Bytes number;
  ByteWriter(number).Put(round.value());
  const std::array<ByteSpan, 3> parts = {material, number, AsBytes(site.value())};
  return crypto::DeriveKey(purpose, parts);
}

}  // namespace

Digest BatchKey(const job::JobSpec& spec, RoundNumber round, const SiteId& site) {
  return KeyFor("consilium-batches-v1", spec, round, site);
}

Digest PersonalBatchKey(const job::JobSpec& spec, RoundNumber round, const SiteId& site) {
  return KeyFor("consilium-personal-batches-v1", spec, round, site);
}

BatchOrder::BatchOrder(const Digest& key, uint32_t rows, uint32_t batch_rows)
    : random_(key),
      rows_(rows),
      batch_rows_(batch_rows == 0 ? rows : std::min(batch_rows, rows)),
      position_(rows) {
  CN_CHECK(rows > 0);
  std::iota(rows_.begin(), rows_.end(), 0u);
}

uint64_t BatchOrder::BatchesPerEpoch() const {
  return (rows_.size() + batch_rows_ - 1) / batch_rows_;
}

void BatchOrder::BeginEpoch() {
  random_.Shuffle(std::span<uint32_t>(rows_));
  position_ = 0;
}

std::span<const uint32_t> BatchOrder::Next() {
  ++batches_;
  if (full()) return rows_;
  if (position_ == rows_.size()) BeginEpoch();
  const size_t count = std::min<size_t>(batch_rows_, rows_.size() - position_);
  const std::span<const uint32_t> batch(&rows_[position_], count);
  position_ += count;
  return batch;
}

std::span<const uint32_t> ListedBatches::Next() {
  CN_CHECK(next_ < batches_.size());
  return batches_[next_++];
}

bool BatchOrder::SkipTo(const Position& to) {
  CN_CHECK(batches_ == 0);
  batches_ = to.batches;
  if (full() || to.batches == 0) return position() == to;
  const uint64_t epochs = (to.batches - 1) / BatchesPerEpoch() + 1;
  for (uint64_t epoch = 0; epoch < epochs; ++epoch) BeginEpoch();
  const uint64_t taken = to.batches - (epochs - 1) * BatchesPerEpoch();
  position_ = std::min<size_t>(rows_.size(), taken * batch_rows_);
  return position() == to;
}

}  // namespace consilium::learn
