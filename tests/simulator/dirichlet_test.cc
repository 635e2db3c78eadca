#include "simulator/dirichlet.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace consilium::simulator {
namespace {

TEST(Dirichlet, SharesAreNotNegativeAndSumToOne) {
  Random random(uint64_t{1});
  for (const double alpha : {1e-3, 0.1, 1.0, 30.0}) {
    for (int i = 0; i < 100; ++i) {
      const auto shares = Dirichlet(alpha, 10, random);
      EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-12);
      for (const double share : shares) EXPECT_GE(share, 0);
    }
  }
}

// Mean 1/k, variance (k - 1) / (k^2 (k alpha + 1)).
TEST(Dirichlet, HasTheMeanAndVarianceOfTheDistribution) {
  constexpr int kDraws = 20000, kCount = 4;
  for (const double alpha : {0.3, 1.0, 5.0}) {
    Random random(uint64_t{7});
    double sum = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const double share = Dirichlet(alpha, kCount, random)[0];
      sum += share;
      squares += share * share;
    }
    const double mean = sum / kDraws, variance = squares / kDraws - mean * mean;
    EXPECT_NEAR(mean, 1.0 / kCount, 0.01) << alpha;
    const double wanted = (kCount - 1.0) / (kCount * kCount * (kCount * alpha + 1));
    EXPECT_NEAR(variance / wanted, 1, 0.05) << alpha;
  }
}

}  // namespace
}  // namespace consilium::simulator
