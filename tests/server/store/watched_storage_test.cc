// How much the store holds, its bound, and whether the disk works.
#include "server/store/watched_storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::HasSubstr;

class WatchedStorageTest : public ::testing::Test {
 protected:
  WatchedStorageTest() {
    for (const char* folder : {"/s/states", "/s/sums/j", "/s/updates/j"}) {
      EXPECT_THAT(memory_.CreateFolder(folder), IsOk());
    }
  }
  absl::Status Put(const std::string& path, size_t bytes) {
    return WriteDurably(watched_, path, Bytes(bytes));
  }
  MemoryStorage memory_;
  ManualClock clock_;
  WatchedStorage watched_{{.folder = "/s", .max_bytes = 1000}, memory_, clock_};
};

TEST_F(WatchedStorageTest, BytesAreCountedByKindThroughEveryOperation) {
  ASSERT_THAT(Put("/s/states/a", 100), IsOk());
  ASSERT_THAT(Put("/s/sums/j/1.sum", 30), IsOk());
  ASSERT_THAT(Put("/s/updates/j/1.a.update", 7), IsOk());
  ASSERT_THAT(Put("/s/journal", 5), IsOk());
  ASSERT_THAT(Put("/s/endpoints.json", 3), IsOk());
  EXPECT_EQ(watched_.BytesOf(FileKind::kState), 100u);
  EXPECT_EQ(watched_.BytesOf(FileKind::kSum), 30u);
  EXPECT_EQ(watched_.BytesOf(FileKind::kSpool), 7u);
  EXPECT_EQ(watched_.BytesOf(FileKind::kJournal), 5u);
  EXPECT_EQ(watched_.BytesOf(FileKind::kOther), 3u);
  ASSERT_THAT(Put("/s/states/a", 60), IsOk()) << "over what was there";
  ASSERT_THAT(watched_.Remove("/s/sums/j/1.sum"), IsOk());
  {
    ASSERT_THAT(watched_.OpenAppend("/s/journal", 2), IsOk());
  }
  EXPECT_EQ(watched_.BytesOf(FileKind::kState), 60u);
  EXPECT_EQ(watched_.BytesOf(FileKind::kSum), 0u);
  EXPECT_EQ(watched_.BytesOf(FileKind::kJournal), 2u);
}

TEST_F(WatchedStorageTest, LoadFindsWhatWasThereBefore) {
  ASSERT_THAT(Put("/s/states/a", 100), IsOk());
  ASSERT_THAT(Put("/s/sums/j/1.sum", 30), IsOk());
  WatchedStorage again({.folder = "/s"}, memory_, clock_);
  ASSERT_THAT(again.Load(), IsOk());
  ASSERT_THAT(again.Load(), IsOk());
  EXPECT_EQ(again.BytesOf(FileKind::kState), 100u);
  EXPECT_EQ(again.BytesOf(FileKind::kSum), 30u);
}

TEST_F(WatchedStorageTest, BoundIsAFullDiskForAllButTheJournal) {
  ASSERT_THAT(Put("/s/states/a", 900), IsOk());
  EXPECT_THAT(watched_.Health(), IsOk());
  const absl::Status full = Put("/s/states/b", 101);
  EXPECT_THAT(full, HasCode(ErrorCode::kStorageFull));
  EXPECT_THAT(std::string(full.message()), HasSubstr("max_disk"));
  EXPECT_THAT(watched_.Health(), HasCode(ErrorCode::kStorageFull));
  EXPECT_THAT(Put("/s/journal", 500), IsOk());
  clock_.Advance(kProbePause);
  EXPECT_THAT(watched_.Health(), HasCode(ErrorCode::kStorageFull)) << "still no room for as much";
  ASSERT_THAT(watched_.Remove("/s/states/a"), IsOk());
  clock_.Advance(kProbePause);
  EXPECT_THAT(watched_.Health(), IsOk());
  EXPECT_THAT(Put("/s/states/b", 101), IsOk());
}

TEST_F(WatchedStorageTest, FailingDiskIsRememberedUntilAProbeWorks) {
  ASSERT_THAT(Put("/s/states/a", 10), IsOk());
  memory_.SetFaults({.fail_operation = 1, .and_all_after = true});
  EXPECT_THAT(Put("/s/states/b", 10), HasCode(ErrorCode::kStorageIo));
  const uint64_t before = memory_.operations();
  EXPECT_THAT(watched_.Health(), HasCode(ErrorCode::kStorageIo));
  EXPECT_EQ(memory_.operations(), before) << "no probe before its time";
  clock_.Advance(kProbePause);
  EXPECT_THAT(watched_.Health(), HasCode(ErrorCode::kStorageIo));
  EXPECT_GT(memory_.operations(), before);
  memory_.SetFaults({});
  EXPECT_THAT(watched_.Health(), HasCode(ErrorCode::kStorageIo)) << "told as it was";
  clock_.Advance(kProbePause);
  EXPECT_THAT(watched_.Health(), IsOk());
  EXPECT_FALSE(Exists(memory_, "/s/probe"));
}

TEST_F(WatchedStorageTest, MissingFileIsNoTrouble) {
  EXPECT_THAT(watched_.OpenAppend("/nowhere/x"), HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(watched_.Health(), IsOk());
}

// A real disk that takes no more than 64 KiB in a file: what a quota does.
TEST(WatchedStorageOnDisk, RealWriteBeyondTheLimitIsNamedUndoneAndGoesOn) {
  testing::TempFolder folder;
  PosixStorage disk;
  ManualClock clock;
  WatchedStorage watched({.folder = folder.path()}, disk, clock);
  ASSERT_THAT(watched.CreateFolder(folder.path() + "/states"), IsOk());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 65536;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // write then fails with EFBIG
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status refused = WriteDurably(watched, folder.path() + "/states/a", Bytes(100'000));
  const absl::Status sick = watched.Health();
  const absl::Status fits = WriteDurably(watched, folder.path() + "/states/b", Bytes(60'000));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(refused, HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(sick, HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(fits, IsOk());
  EXPECT_FALSE(Exists(disk, folder.path() + "/states/a"));
  EXPECT_FALSE(Exists(disk, folder.path() + "/states/a.new")) << "nothing half written stays";
  clock.Advance(kProbePause);
  EXPECT_THAT(watched.Health(), IsOk());
  EXPECT_THAT(WriteDurably(watched, folder.path() + "/states/a", Bytes(100'000)), IsOk());
  EXPECT_EQ(watched.BytesOf(FileKind::kState), 160'000u);
}

}  // namespace
}  // namespace consilium::server::store
