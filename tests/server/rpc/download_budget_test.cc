#include "server/rpc/download_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace consilium::server::rpc {
namespace {

constexpr uint64_t kPlenty = uint64_t{1} << 40;  // of a file

using Places = std::vector<std::unique_ptr<DownloadBudget::Place>>;

Places OpenPlaces(DownloadBudget& budget, size_t count) {
  Places places;
  for (size_t i = 0; i < count; ++i) {
    places.push_back(std::make_unique<DownloadBudget::Place>(budget));
  }
  return places;
}

TEST(DownloadBudget, APieceIsAtMostWhatIsLeftOfTheFile) {
  DownloadBudget budget(uint64_t{64} << 20);
  DownloadBudget::Place place(budget);
  uint64_t granted = 0;
  place.Ask(1, [&](uint64_t bytes) { granted = bytes; });
  EXPECT_EQ(granted, 1u);
  place.GiveBack();
  place.Ask(kPlenty, [&](uint64_t bytes) { granted = bytes; });
  EXPECT_EQ(granted, DownloadBudget::kMostPiece);
  EXPECT_EQ(budget.held(), granted);
}

TEST(DownloadBudget, TheMoreAreOpenTheSmallerThePieces) {
  DownloadBudget budget(uint64_t{4} << 20);
  Places places = OpenPlaces(budget, 4);
  EXPECT_EQ(budget.PieceBytes(), DownloadBudget::kMostPiece);
  const Places more = OpenPlaces(budget, 12);
  EXPECT_EQ(budget.PieceBytes(), 64u * 1024);
  const Places crowd = OpenPlaces(budget, 1000);
  EXPECT_EQ(budget.PieceBytes(), DownloadBudget::kLeastPiece);
  places.clear();
  EXPECT_EQ(budget.PieceBytes(), DownloadBudget::kLeastPiece);
}

// None of them reads: what they hold leaves room for one who does.
TEST(DownloadBudget, ACrowdThatHoldsItsPiecesLeavesRoom) {
  DownloadBudget budget(uint64_t{64} << 20);
  Places crowd;
  size_t granted = 0;
  for (int i = 0; i < 1000; ++i) {
    crowd.push_back(std::make_unique<DownloadBudget::Place>(budget));
    crowd.back()->Ask(kPlenty, [&](uint64_t) { ++granted; });
  }
  EXPECT_EQ(granted, 1000u);
  EXPECT_LT(budget.held(), uint64_t{64} << 20);
}

TEST(DownloadBudget, NeverMoreThanTheTotalIsHeldAndTheRestWaitsForItsTurn) {
  constexpr uint64_t kTotal = DownloadBudget::kMostPiece;
  DownloadBudget budget(kTotal);
  Places crowd;
  size_t granted = 0;
  for (int i = 0; i < 40; ++i) {
    crowd.push_back(std::make_unique<DownloadBudget::Place>(budget));
    crowd.back()->Ask(kPlenty, [&](uint64_t) { ++granted; });
    EXPECT_LE(budget.held(), kTotal);
  }
  const size_t at_first = granted;
  EXPECT_LT(at_first, 40u);
  for (size_t i = 0; granted < 40; ++i) {
    ASSERT_LT(i, crowd.size());
    crowd[i]->GiveBack();
    EXPECT_LE(budget.held(), kTotal);
  }
  EXPECT_GT(granted, at_first);
}

TEST(DownloadBudget, WhoLeavesGivesBackWhatHeHeld) {
  DownloadBudget budget(uint64_t{1} << 20);
  {
    DownloadBudget::Place place(budget);
    place.Ask(kPlenty, [](uint64_t) {});
    EXPECT_GT(budget.held(), 0u);
  }
  EXPECT_EQ(budget.held(), 0u);
}

}  // namespace
}  // namespace consilium::server::rpc
