#include "common/learn/batch_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace consilium::learn {
namespace {

std::vector<uint32_t> Epoch(BatchOrder& order) {
  std::vector<uint32_t> rows;
  for (uint64_t b = 0; b < order.BatchesPerEpoch(); ++b) {
    const auto batch = order.Next();
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

TEST(BatchOrder, EveryEpochSeesEveryRowOnce) {
  for (uint32_t batch = 1; batch <= 12; ++batch) {
    BatchOrder order(Digest{}, 10, batch);
    for (int epoch = 0; epoch < 3; ++epoch) {
      std::vector<uint32_t> rows = Epoch(order);
      std::sort(rows.begin(), rows.end());
      std::vector<uint32_t> all(10);
      std::iota(all.begin(), all.end(), 0u);
      EXPECT_EQ(rows, all) << "batch of " << batch;
    }
  }
}

TEST(BatchOrder, LastBatchOfAnEpochIsShorter) {
  BatchOrder order(Digest{}, 10, 4);
  EXPECT_EQ(order.BatchesPerEpoch(), 3u);
  EXPECT_EQ(order.Next().size(), 4u);
  EXPECT_EQ(order.Next().size(), 4u);
  EXPECT_EQ(order.Next().size(), 2u);
  EXPECT_EQ(order.Next().size(), 4u);
}

TEST(BatchOrder, FullBatchKeepsTheOrderOfTheData) {
  for (const uint32_t batch : {0u, 5u, 9u}) {
    BatchOrder order(Digest{}, 5, batch);
    EXPECT_TRUE(order.full());
    EXPECT_EQ(order.BatchesPerEpoch(), 1u);
    EXPECT_EQ(Epoch(order), (std::vector<uint32_t>{0, 1, 2, 3, 4}));
  }
}

TEST(BatchOrder, EpochsDiffer) {
  BatchOrder order(Digest{}, 50, 5);
  const auto first = Epoch(order);
  EXPECT_NE(first, Epoch(order));
}

TEST(BatchOrder, GoesOnFromAnyPosition) {
  for (const uint32_t batch : {1u, 3u, 10u, 0u}) {
    BatchOrder order(Digest{}, 10, batch);
    for (int taken = 0; taken < 25; ++taken) {
      BatchOrder resumed(Digest{}, 10, batch);
      ASSERT_TRUE(resumed.SkipTo(order.position())) << batch << " after " << taken;
      BatchOrder whole = order;
      for (int i = 0; i < 12; ++i) EXPECT_TRUE(std::ranges::equal(resumed.Next(), whole.Next()));
      order.Next();
    }
  }
}

TEST(BatchOrder, PositionOfAnotherOrderIsNoticed) {
  BatchOrder order(Digest{}, 10, 3);
  for (int i = 0; i < 6; ++i) order.Next();
  Digest other;
  other.bytes[0] = 1;
  EXPECT_FALSE(BatchOrder(other, 10, 3).SkipTo(order.position()));
  EXPECT_FALSE(BatchOrder(Digest{}, 11, 3).SkipTo(order.position()));
}

TEST(ListedBatches, AreThoseOfTheListInItsOrder) {
  ListedBatches listed({{3, 1}, {2}});
  BatchSource& batches = listed;
  EXPECT_TRUE(std::ranges::equal(batches.Next(), std::vector<uint32_t>{3, 1}));
  EXPECT_TRUE(std::ranges::equal(batches.Next(), std::vector<uint32_t>{2}));
  EXPECT_DEATH(batches.Next(), "");
}

TEST(BatchOrder, KeyFollowsSeedRoundAndSite) {
  job::JobSpec spec;
  const Digest key = BatchKey(spec, RoundNumber(1), SiteId("a"));
  EXPECT_EQ(key, BatchKey(spec, RoundNumber(1), SiteId("a")));
  EXPECT_NE(key, BatchKey(spec, RoundNumber(2), SiteId("a")));
  EXPECT_NE(key, BatchKey(spec, RoundNumber(1), SiteId("b")));
  spec.seed_given = true;
  EXPECT_NE(key, BatchKey(spec, RoundNumber(1), SiteId("a")));
}

}  // namespace
}  // namespace consilium::learn
