#include "server/jobs/journal_compaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "server/jobs/server_journal.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::jobs {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

constexpr const char* kPath = "/s/journal";
const JobId kOld("0000000000000001"), kNew("0000000000000002");

class CompactionTest : public ::testing::Test {
 protected:
  CompactionTest() { EXPECT_THAT(storage.CreateFolder("/s"), IsOk()); }
  std::unique_ptr<ServerJournal> Open(JobHistory& history) {
    auto opened = ServerJournal::Open(storage, kPath, clock, history, watchers);
    EXPECT_THAT(opened, IsOk());
    return *std::move(opened);
  }
  // An old job that was forgotten, a new one, and a site that attended many times.
  void WriteSome() {
    JobHistory history;
    const auto journal = Open(history);
    for (const JobId& job : {kOld, kNew}) {
      ASSERT_THAT(journal->Write(JobSubmitted{job, "ada", 1, {}, Bytes(1000)}), IsOk());
      ASSERT_THAT(journal->Write(JobEnded{job, JobStatus::kDone, "", 2}), IsOk());
    }
    for (uint64_t epoch = 1; epoch <= 20; ++epoch) {
      ASSERT_THAT(journal->Write(SiteEpoch{SiteId("a"), Epoch(epoch), "store"}), IsOk());
    }
    ASSERT_THAT(journal->Write(JobForgotten{kOld, 3}), IsOk());
  }
  void ExpectAllThatMatters() {
    JobHistory history;
    const auto journal = Open(history);
    EXPECT_FALSE(history.Knows(kOld));
    EXPECT_TRUE(history.Knows(kNew));
    EXPECT_TRUE(history.HasEnded(kNew));
    ASSERT_EQ(history.Epochs().size(), 1u);
    EXPECT_EQ(history.Epochs()[0].epoch, Epoch(20));
    EXPECT_THAT(journal->Write(SiteEpoch{SiteId("b"), Epoch(1), "store"}), IsOk());
  }
  uint64_t Size() const { return (*storage.OpenRead(kPath))->size(); }

  MemoryStorage storage;
  ManualClock clock;
  JobWatchers watchers;
};

TEST_F(CompactionTest, ForgottenJobsAndOldEpochsLeaveTheFile) {
  WriteSome();
  const uint64_t before = Size();
  EXPECT_TRUE(CompactJournal(storage, kPath, 1).value());
  EXPECT_LT(Size(), before / 2);
  EXPECT_FALSE(CompactJournal(storage, kPath, 1).value()) << "nothing is left to drop";
  storage.Crash(CrashKind::kPowerCut);
  ExpectAllThatMatters();
}

TEST_F(CompactionTest, LittleIsNotWorthARewrite) {
  WriteSome();
  const uint64_t before = Size();
  EXPECT_FALSE(CompactJournal(storage, kPath).value());
  EXPECT_EQ(Size(), before);
}

TEST_F(CompactionTest, CrashAtAnyOperationLeavesOneOrTheOther) {
  for (uint64_t failing = 1; failing < 40; ++failing) {
    storage.Crash(CrashKind::kProcess);
    ASSERT_THAT(storage.Remove(kPath), IsOk());
    WriteSome();
    storage.SetFaults({.fail_operation = failing, .and_all_after = true});
    const bool done = CompactJournal(storage, kPath, 1).ok();
    storage.Crash(CrashKind::kTorn);
    ExpectAllThatMatters();
    ASSERT_FALSE(HasFailure()) << "operation " << failing;
    if (done) return;
  }
  FAIL() << "it never came to an end";
}

TEST_F(CompactionTest, WritersGoOnAfterACompactionInBetween) {
  WriteSome();
  JobHistory history;
  const auto journal = Open(history);
  ASSERT_THAT(journal->Compact(), IsOk());
  ASSERT_THAT(journal->Write(SiteEpoch{SiteId("c"), Epoch(1), "store"}), IsOk());
  JobHistory again;
  Open(again);
  EXPECT_EQ(again.Epochs().size(), 2u);
}

TEST_F(CompactionTest, NoJournalIsNothingToDo) {
  EXPECT_FALSE(CompactJournal(storage, "/s/none").value());
}

}  // namespace
}  // namespace consilium::server::jobs
