#include "server/rpc/upload_budget.h"

#include <gtest/gtest.h>

#include <vector>

namespace consilium::server::rpc {
namespace {

constexpr uint64_t kPiece = UploadBudget::kLeastGrant;

TEST(UploadBudget, GrantsAtOnceWhatIsFree) {
  UploadBudget budget(4 * kPiece);
  uint64_t granted = 0;
  budget.Ask(3 * kPiece, [&](uint64_t bytes) { granted = bytes; });
  EXPECT_EQ(granted, 3 * kPiece);
  EXPECT_EQ(budget.free(), kPiece);
}

TEST(UploadBudget, GrantsLessThanWantedRatherThanNothing) {
  UploadBudget budget(4 * kPiece);
  uint64_t granted = 0;
  budget.Ask(9 * kPiece, [&](uint64_t bytes) { granted = bytes; });
  EXPECT_EQ(granted, 4 * kPiece);
}

TEST(UploadBudget, NeverMoreThanTheTotalIsOut) {
  UploadBudget budget(4 * kPiece);
  uint64_t out = 0;
  for (int i = 0; i < 10; ++i) budget.Ask(kPiece, [&](uint64_t bytes) { out += bytes; });
  EXPECT_EQ(out, 4 * kPiece);
  EXPECT_EQ(budget.waiting(), 6u);
  budget.GiveBack(2 * kPiece);
  EXPECT_EQ(out, 6 * kPiece);
  EXPECT_EQ(budget.waiting(), 4u);
}

TEST(UploadBudget, ServesInTheOrderAsked) {
  UploadBudget budget(kPiece);
  std::vector<int> order;
  budget.Ask(kPiece, [&](uint64_t) { order.push_back(0); });
  budget.Ask(kPiece, [&](uint64_t) { order.push_back(1); });
  budget.Ask(1, [&](uint64_t) { order.push_back(2); });  // would fit earlier, but came later
  budget.GiveBack(1);
  EXPECT_EQ(order, (std::vector<int>{0}));
  budget.GiveBack(kPiece - 1);
  EXPECT_EQ(order, (std::vector<int>{0, 1}));
  budget.GiveBack(kPiece);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(UploadBudget, AGrantGivenBackAtOnceServesTheNextWithoutRecursion) {
  UploadBudget budget(kPiece);
  budget.Ask(kPiece, [](uint64_t) {});
  int served = 0;
  // Streams that ended while they waited: deep recursion would overflow the stack.
  for (int i = 0; i < 200'000; ++i) {
    budget.Ask(kPiece, [&](uint64_t bytes) {
      ++served;
      budget.GiveBack(bytes);
    });
  }
  budget.GiveBack(kPiece);
  EXPECT_EQ(served, 200'000);
  EXPECT_EQ(budget.free(), kPiece);
}

TEST(UploadBudget, AllAtOnceOrNothingAndNeverBeforeThoseWhoWait) {
  UploadBudget budget(UploadBudget::kLeastGrant);
  EXPECT_FALSE(budget.TryTake(UploadBudget::kLeastGrant + 1));
  EXPECT_TRUE(budget.TryTake(UploadBudget::kLeastGrant - 1));
  EXPECT_TRUE(budget.TryTake(1));
  EXPECT_FALSE(budget.TryTake(1));
  uint64_t granted = 0;
  budget.Ask(2, [&](uint64_t bytes) { granted = bytes; });
  budget.GiveBack(1);
  EXPECT_FALSE(budget.TryTake(1)) << "another waits for two";
  budget.GiveBack(1);
  EXPECT_EQ(granted, 2u);
}

}  // namespace
}  // namespace consilium::server::rpc
