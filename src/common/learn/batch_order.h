// Which rows make the next mini-batch: a fresh Fisher-Yates shuffle per epoch, cut into batches.
//
// The last batch of an epoch may be shorter. When a batch holds all rows nothing is shuffled, and
// rows stay in the order of the data. Keyed by (seed material, round, site), so a site's order does
// not depend on which other sites take part. Not thread-safe.
#ifndef CONSILIUM_COMMON_LEARN_BATCH_ORDER_H_
#define CONSILIUM_COMMON_LEARN_BATCH_ORDER_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/job/job_spec.h"

namespace consilium::learn {

// Where batches come from: BatchOrder draws them, ListedBatches has those of a run that is
// replayed. Not thread-safe.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Row indices, at most a batch of them, valid until the next call.
  virtual std::span<const uint32_t> Next() = 0;
};

// The batches of a list, one after the other.
class ListedBatches final : public BatchSource {
 public:
  explicit ListedBatches(std::vector<std::vector<uint32_t>> batches)
      : batches_(std::move(batches)) {}
  // REQUIRES: the list has one more.
  std::span<const uint32_t> Next() override;

 private:
  const std::vector<std::vector<uint32_t>> batches_;
  size_t next_ = 0;
};

// DeriveKey("consilium-batches-v1", seed material, round as 8 little-endian bytes, site).
Digest BatchKey(const job::JobSpec& spec, RoundNumber round, const SiteId& site);
// The same with "consilium-personal-batches-v1": of what a site trains for itself.
Digest PersonalBatchKey(const job::JobSpec& spec, RoundNumber round, const SiteId& site);

class BatchOrder final : public BatchSource {
 public:
  // How far an order has gone: enough to go on from there, and to notice that it is another order.
  struct Position {
    uint64_t batches = 0;
    uint32_t next_word = 0;  // the number that the generator gives next
    friend bool operator==(const Position&, const Position&) = default;
  };
  // `batch_rows` 0 = all. REQUIRES: rows > 0.
  BatchOrder(const Digest& key, uint32_t rows, uint32_t batch_rows);

  bool full() const { return batch_rows_ == rows_.size(); }
  uint32_t batch_rows() const { return batch_rows_; }
  uint64_t BatchesPerEpoch() const;
  // Row indices, valid until the next call.
  std::span<const uint32_t> Next() override;

  Position position() const { return {batches_, Random(random_).Next32()}; }
  // Goes to where an order of the same key, rows and batches was; the shuffles up to there are
  // done again. False, and nowhere in particular, when that is not what `to` says.
  // REQUIRES: Next was not called yet. Cost: one shuffle per epoch before.
  bool SkipTo(const Position& to);

 private:
  void BeginEpoch();

  Random random_;
  uint64_t batches_ = 0;
  std::vector<uint32_t> rows_;
  uint32_t batch_rows_;
  size_t position_;
};

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_BATCH_ORDER_H_
