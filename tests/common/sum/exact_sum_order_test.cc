// Same updates, same bits: whatever the order, the threads, the grouping or the restarts.
#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "common/sum/exact_sum.h"
#include "tests/common/sum/reference.h"
#include "tests/support/status_matchers.h"

namespace consilium::sum {
namespace {

using consilium::testing::IsOk;

ExactSum Empty(const tensor::Layout& layout) {
  absl::StatusOr<ExactSum> sum = ExactSum::Create(layout, {});
  EXPECT_THAT(sum, IsOk());
  return *std::move(sum);
}

void Add(ExactSum& sum, const TestUpdate& update) {
  ASSERT_THAT(sum.Accumulate(update.weight, update.payload), IsOk());
}

// The serialized sum and the bits of its report.
Bytes BitsOf(const ExactSum& sum) {
  Bytes bits = sum.Serialize();
  const SumReport report = sum.Report();
  const ByteSpan values = std::as_const(report.values).payload();
  bits.insert(bits.end(), values.begin(), values.end());
  return bits;
}

Bytes BitsInOrder(const tensor::Layout& layout, const std::vector<TestUpdate>& updates,
                  const std::vector<size_t>& order) {
  ExactSum sum = Empty(layout);
  for (const size_t i : order) Add(sum, updates[i]);
  return BitsOf(sum);
}

std::vector<size_t> InOrder(size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

TEST(ExactSumOrder, AllPermutationsOfSixUpdatesGiveTheSameBits) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<TestUpdate> updates = RandomUpdates(1, layout, 6);
  std::vector<size_t> order = InOrder(updates.size());
  const Bytes expected = BitsInOrder(layout, updates, order);
  size_t permutations = 0;
  do {
    ASSERT_EQ(BitsInOrder(layout, updates, order), expected);
    ++permutations;
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(permutations, 720u);
}

TEST(ExactSumOrder, AThousandRandomOrdersOfFiftyUpdatesGiveTheSameBits) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<TestUpdate> updates = RandomUpdates(2, layout, 50);
  std::vector<size_t> order = InOrder(updates.size());
  const Bytes expected = BitsInOrder(layout, updates, order);
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    random.Shuffle(std::span(order));
    ASSERT_EQ(BitsInOrder(layout, updates, order), expected) << "order " << i;
  }
}

TEST(ExactSumOrder, BlocksOfSeveralUpdatesGiveTheSameBitsAsWholeOnes) {
  const tensor::Layout layout = MixedLayout();
  // 1 to 20 updates at once: every path through the kernel's groups of eight, two and one.
  for (size_t count = 1; count <= 20; ++count) {
    const std::vector<TestUpdate> updates = RandomUpdates(100 + count, layout, count);
    const Bytes expected = BitsInOrder(layout, updates, InOrder(count));
    for (const uint64_t block_bytes : {8u, 24u, 64u, 4096u}) {
      ExactSum sum = Empty(layout);
      for (const TestUpdate& update : updates) {
        ASSERT_THAT(sum.CountContribution(update.weight), IsOk());
      }
      for (uint64_t at = 0; at < layout.payload_bytes(); at += block_bytes) {
        const uint64_t length = std::min(block_bytes, layout.payload_bytes() - at);
        std::vector<ExactSum::WeightedBlock> blocks;
        blocks.reserve(updates.size());
        for (const TestUpdate& update : updates) {
          blocks.push_back({update.weight, ByteSpan(update.payload).subspan(at, length)});
        }
        sum.AccumulateBlock(at, blocks);
      }
      ASSERT_EQ(BitsOf(sum), expected) << count << " updates in blocks of " << block_bytes;
    }
  }
}

TEST(ExactSumOrder, BytesAtAnyAlignmentGiveTheSameBits) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<TestUpdate> updates = RandomUpdates(4, layout, 3);
  const Bytes expected = BitsInOrder(layout, updates, InOrder(3));
  for (size_t shift = 1; shift < 8; ++shift) {
    ExactSum sum = Empty(layout);
    for (const TestUpdate& update : updates) {
      Bytes moved(shift);
      moved.insert(moved.end(), update.payload.begin(), update.payload.end());
      ASSERT_THAT(sum.Accumulate(update.weight, ByteSpan(moved).subspan(shift)), IsOk());
    }
    ASSERT_EQ(BitsOf(sum), expected) << "moved by " << shift;
  }
}

TEST(ExactSumOrder, ThreadsThatSplitTheUpdatesGiveTheSameBits) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<TestUpdate> updates = RandomUpdates(5, layout, 50);
  const Bytes expected = BitsInOrder(layout, updates, InOrder(50));
  for (const size_t threads : {1u, 2u, 7u}) {
    std::vector<ExactSum> sums(threads, Empty(layout));
    std::vector<std::thread> workers;
    workers.reserve(threads);
    for (size_t t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        for (size_t i = t; i < updates.size(); i += threads) Add(sums[t], updates[i]);
      });
    }
    for (std::thread& worker : workers) worker.join();
    for (size_t t = 1; t < threads; ++t) ASSERT_THAT(sums[0].MergeWith(sums[t]), IsOk());
    EXPECT_EQ(BitsOf(sums[0]), expected) << threads << " threads";
  }
}

TEST(ExactSumOrder, ThreadsThatSplitTheElementsGiveTheSameBits) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<TestUpdate> updates = RandomUpdates(6, layout, 50);
  const Bytes expected = BitsInOrder(layout, updates, InOrder(50));
  const uint64_t words = layout.payload_bytes() / 8;
  for (const size_t threads : {1u, 2u, 7u}) {
    std::vector<ExactSum> sums(threads, Empty(layout));
    for (const TestUpdate& update : updates) {
      ASSERT_THAT(sums[0].CountContribution(update.weight), IsOk());
    }
    std::vector<std::thread> workers;
    workers.reserve(threads);
    for (size_t t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        const uint64_t from = words * t / threads * 8;
        const uint64_t until = words * (t + 1) / threads * 8;
        std::vector<ExactSum::WeightedBlock> blocks;
        blocks.reserve(updates.size());
        for (const TestUpdate& update : updates) {
          blocks.push_back({update.weight, ByteSpan(update.payload).subspan(from, until - from)});
        }
        sums[t].AccumulateBlock(from, blocks);
      });
    }
    for (std::thread& worker : workers) worker.join();
    for (size_t t = 1; t < threads; ++t) ASSERT_THAT(sums[0].MergeWith(sums[t]), IsOk());
    EXPECT_EQ(BitsOf(sums[0]), expected) << threads << " threads";
  }
}

// Merges the sums of a random split of updates[from, until), each part split again.
ExactSum RandomTree(Random& random, const tensor::Layout& layout,
                    std::span<const TestUpdate> updates) {
  ExactSum sum = Empty(layout);
  if (updates.size() <= 1 || random.Below(4) == 0) {
    for (const TestUpdate& update : updates) Add(sum, update);
    return sum;
  }
  while (!updates.empty()) {
    const size_t count = 1 + random.Below(static_cast<uint32_t>(updates.size()));
    const ExactSum part = count == updates.size() && count > 1
                              ? RandomTree(random, layout, updates.first(count / 2))
                              : RandomTree(random, layout, updates.first(count));
    EXPECT_THAT(sum.MergeWith(part), IsOk());
    updates = updates.subspan(part.contributions());
  }
  return sum;
}

TEST(ExactSumOrder, RandomTreesOfMergesGiveTheSameBits) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<TestUpdate> updates = RandomUpdates(7, layout, 23);
  const Bytes expected = BitsInOrder(layout, updates, InOrder(23));
  Random random(8);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(BitsOf(RandomTree(random, layout, updates)), expected) << "tree " << i;
  }
}

TEST(ExactSumOrder, SavingAndReloadingBetweenAnyTwoFoldsGivesTheSameBits) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<TestUpdate> updates = RandomUpdates(9, layout, 12);
  const Bytes expected = BitsInOrder(layout, updates, InOrder(12));
  // Every subset of the first 8 gaps between folds.
  for (unsigned reload_after = 0; reload_after < 256; ++reload_after) {
    ExactSum sum = Empty(layout);
    for (size_t i = 0; i < updates.size(); ++i) {
      Add(sum, updates[i]);
      if (i >= 8 || (reload_after >> i & 1) == 0) continue;
      absl::StatusOr<ExactSum> reloaded = ExactSum::Deserialize(layout, sum.Serialize());
      ASSERT_THAT(reloaded, IsOk());
      sum = *std::move(reloaded);
    }
    ASSERT_EQ(BitsOf(sum), expected) << "reloads " << reload_after;
  }
}

}  // namespace
}  // namespace consilium::sum
