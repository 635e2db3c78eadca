// A journal on a disk that fails and loses power: what was said to be durable is there, in order,
// after any number of crashes; and no crash ever looks like damage.
#include <gtest/gtest.h>

#include <vector>

#include "common/base/memory_storage.h"
#include "common/base/random.h"
#include "common/journal/journal.h"
#include "tests/support/status_matchers.h"

namespace consilium::journal {
namespace {

using consilium::testing::IsOk;

// What the journal was told, and how much of it must come back.
struct Truth {
  std::vector<std::string> appended;
  size_t durable = 0;
};

std::string NextText(Random& random, size_t number) {
  return std::to_string(number) + ":" + std::string(random.Below(120), 'x');
}

// Appends and syncs at random until something fails or enough was done.
void Work(Journal& journal, Random& random, Truth& truth) {
  for (uint32_t left = random.Below(25); left > 0; --left) {
    const std::string text = NextText(random, truth.appended.size());
    const auto position = journal.Append(1, AsBytes(text));
    if (!position.ok()) return;
    truth.appended.push_back(text);
    if (random.Below(3) != 0) continue;
    const size_t count = truth.appended.size();
    if (!journal.SyncTo(*position).ok()) return;
    truth.durable = count;
  }
}

// Opens, compares with what was promised, and takes what is there as the new truth.
std::unique_ptr<Journal> OpenAndCompare(Storage& storage, Truth& truth) {
  std::vector<std::string> found;
  auto journal = Journal::Open(storage, "j", [&](const Record& record) {
    found.emplace_back(AsText(record.payload));
    return absl::OkStatus();
  });
  EXPECT_THAT(journal, IsOk());
  if (!journal.ok()) return nullptr;
  EXPECT_GE(found.size(), truth.durable);
  EXPECT_LE(found.size(), truth.appended.size());
  for (size_t i = 0; i < std::min(found.size(), truth.appended.size()); ++i) {
    EXPECT_EQ(found[i], truth.appended[i]);
  }
  truth.appended = found;
  truth.durable = found.size();
  return *std::move(journal);
}

TEST(JournalCrash, WhatIsDurableSurvivesAnySeededLife) {
  constexpr CrashKind kKinds[] = {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn};
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    MemoryStorage storage(seed);
    Random random(seed);
    Truth truth;
    for (int life = 0; life < 6 && !::testing::Test::HasFailure(); ++life) {
      const std::unique_ptr<Journal> journal = OpenAndCompare(storage, truth);
      ASSERT_NE(journal, nullptr);
      const bool fails = random.Below(2) == 0;
      storage.SetFaults({.fail_operation = fails ? 1 + random.Below(20) : 0,
                         .and_all_after = random.Below(2) == 0});
      Work(*journal, random, truth);
      storage.Crash(kKinds[random.Below(3)]);  // the handles of the old life are dead from here
    }
    OpenAndCompare(storage, truth);
  }
}

TEST(JournalCrash, AnOpeningThatFailsAnywhereLosesNothing) {
  for (uint64_t failing = 1; failing <= 8; ++failing) {
    for (const bool is_new : {true, false}) {
      MemoryStorage storage(failing);
      Truth truth;
      if (!is_new) {
        const auto journal = OpenAndCompare(storage, truth);
        ASSERT_NE(journal, nullptr);
        ASSERT_THAT(journal->AppendDurably(1, AsBytes("kept")), IsOk());
        truth = {{"kept"}, 1};
      }
      storage.SetFaults({.fail_operation = failing, .and_all_after = true});
      Journal::Open(storage, "j", [](const Record&) { return absl::OkStatus(); })
          .status()
          .IgnoreError();  // may fail, must not harm
      storage.Crash(CrashKind::kPowerCut);
      OpenAndCompare(storage, truth);
    }
  }
}

}  // namespace
}  // namespace consilium::journal
