#include "server/jobs/server_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/base/memory_storage.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::jobs {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

SiteEpoch EpochOf(const std::string& site, uint64_t epoch) {
  return {SiteId(site), Epoch(epoch), "store"};
}

class ServerJournalTest : public ::testing::Test {
 protected:
  ServerJournalTest() { EXPECT_THAT(storage.CreateFolder("/s"), IsOk()); }
  std::unique_ptr<ServerJournal> Open(JobHistory& history) {
    auto opened = ServerJournal::Open(storage, "/s/journal", clock, history, watchers);
    EXPECT_THAT(opened, IsOk());
    return *std::move(opened);
  }
  // What a server would know that starts now.
  std::vector<std::string> SitesOnDisk() {
    JobHistory history;
    const auto journal = Open(history);
    std::vector<std::string> sites;
    for (const SiteEpoch& epoch : history.Epochs()) sites.push_back(epoch.site.value());
    return sites;
  }
  MemoryStorage storage;
  ManualClock clock;
  JobWatchers watchers;
};

TEST_F(ServerJournalTest, WrittenRecordsAreInTheTableAndSurviveAPowerCut) {
  JobHistory history;
  auto journal = Open(history);
  ASSERT_THAT(journal->Write(EpochOf("a", 1)), IsOk());
  EXPECT_EQ(history.Epochs().size(), 1u);
  journal.reset();
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_THAT(SitesOnDisk(), ::testing::ElementsAre("a"));
}

TEST_F(ServerJournalTest, RefusedRecordIsNeitherInTheTableNorEverOnDisk) {
  JobHistory history;
  const auto journal = Open(history);
  ASSERT_THAT(journal->Write(EpochOf("a", 1)), IsOk());
  // The write reaches the file, its sync does not.
  storage.SetFaults({.fail_operation = 2, .code = ErrorCode::kStorageFull});
  EXPECT_THAT(journal->Write(EpochOf("b", 1)), HasCode(ErrorCode::kStorageFull));
  EXPECT_EQ(history.Epochs().size(), 1u);
  EXPECT_THAT(journal->Write(EpochOf("c", 1)), HasCode(ErrorCode::kStorageFull))
      << "not opened again at once";
  clock.Advance(kReopenPause);
  ASSERT_THAT(journal->Write(EpochOf("d", 1)), IsOk());
  EXPECT_EQ(history.Epochs().size(), 2u);
  EXPECT_THAT(SitesOnDisk(), ::testing::ElementsAre("a", "d"));
}

TEST_F(ServerJournalTest, DiskThatStaysAwayIsTriedAgainAndAgain) {
  JobHistory history;
  const auto journal = Open(history);
  ASSERT_THAT(journal->Write(EpochOf("a", 1)), IsOk());
  storage.SetFaults({.fail_operation = 1, .and_all_after = true});
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(journal->Write(EpochOf("b", 1)), HasCode(ErrorCode::kStorageIo));
    clock.Advance(kReopenPause);
  }
  storage.SetFaults({});
  ASSERT_THAT(journal->Write(EpochOf("b", 1)), IsOk());
  EXPECT_THAT(SitesOnDisk(), ::testing::ElementsAre("a", "b"));
}

TEST_F(ServerJournalTest, ManyWritersAtOnceLoseNothingThatWasAcknowledged) {
  JobHistory history;
  const auto journal = Open(history);
  storage.SetFaults({.fail_operation = 40});
  std::vector<std::thread> writers;
  std::vector<std::vector<std::string>> acknowledged(4);
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 50; ++i) {
        const std::string site = "s" + std::to_string(w) + "-" + std::to_string(i);
        if (journal->Write(EpochOf(site, 1)).ok()) acknowledged[w].push_back(site);
        clock.Advance(kReopenPause / 4);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::vector<std::string> wanted;
  for (const auto& one : acknowledged) wanted.insert(wanted.end(), one.begin(), one.end());
  EXPECT_GE(wanted.size(), 100u);
  EXPECT_LT(wanted.size(), 200u) << "the fault was met";
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_THAT(SitesOnDisk(), ::testing::UnorderedElementsAreArray(wanted));
}

TEST_F(ServerJournalTest, WatchersOfAJobHearOfItsRecordsOnly) {
  JobHistory history;
  const auto journal = Open(history);
  const JobId mine("0123456789abcdef"), other("fedcba9876543210");
  int heard = 0;
  const uint64_t ticket = watchers.Add(mine, [&](uint64_t) { ++heard; });
  ASSERT_THAT(journal->Write(CancelRequested{mine, "bob", 1}), IsOk());
  ASSERT_THAT(journal->Write(CancelRequested{other, "bob", 1}), IsOk());
  EXPECT_EQ(heard, 1);
  watchers.Remove(ticket);
  ASSERT_THAT(journal->Write(CancelRequested{mine, "bob", 1}), IsOk());
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace consilium::server::jobs
