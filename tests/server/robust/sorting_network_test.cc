// Networks sort: by the zero-one principle for every small n, and by samples beyond.
#include "server/robust/sorting_network.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/random.h"

namespace consilium::server::robust {
namespace {

void Exchange(const std::vector<Comparator>& network, std::vector<uint32_t>& values) {
  for (const Comparator& one : network) {
    if (values[one.high] < values[one.low]) std::swap(values[one.low], values[one.high]);
  }
}

// A network that sorts every sequence of zeros and ones sorts everything (Knuth 5.3.4, theorem Z).
TEST(SortingNetwork, SortsEverySequenceOfZerosAndOnes) {
  for (size_t n = 1; n <= 13; ++n) {
    const std::vector<Comparator> network = SortingNetwork(n, 0, n);
    for (uint32_t bits = 0; bits < (1u << n); ++bits) {
      std::vector<uint32_t> values(n);
      for (size_t i = 0; i < n; ++i) values[i] = bits >> i & 1;
      Exchange(network, values);
      ASSERT_TRUE(std::ranges::is_sorted(values)) << n << " " << bits;
    }
  }
}

TEST(SortingNetwork, WantedRowsAreRightWithoutTheOthersComparators) {
  for (size_t n = 1; n <= 11; ++n) {
    for (size_t cut = 0; 2 * cut < n; ++cut) {
      const std::vector<Comparator> network = SortingNetwork(n, cut, n - cut);
      EXPECT_LE(network.size(), SortingNetwork(n, 0, n).size());
      for (uint32_t bits = 0; bits < (1u << n); ++bits) {
        std::vector<uint32_t> values(n);
        for (size_t i = 0; i < n; ++i) values[i] = bits >> i & 1;
        std::vector<uint32_t> sorted = values;
        std::ranges::sort(sorted);
        Exchange(network, values);
        for (size_t row = cut; row < n - cut; ++row) ASSERT_EQ(values[row], sorted[row]);
      }
    }
  }
}

TEST(SortingNetwork, SortsManyRows) {
  Random random(5);
  for (const size_t n : {40, 100, 257, 1000}) {
    const std::vector<Comparator> network = SortingNetwork(n, 0, n);
    std::vector<uint32_t> values(n);
    for (uint32_t& value : values) value = random.Below(500);
    Exchange(network, values);
    EXPECT_TRUE(std::ranges::is_sorted(values)) << n;
  }
}

TEST(SortingNetwork, OfOneIsEmpty) { EXPECT_TRUE(SortingNetwork(1, 0, 1).empty()); }

}  // namespace
}  // namespace consilium::server::robust
