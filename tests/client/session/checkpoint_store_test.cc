#include "client/session/checkpoint_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "common/base/memory_storage.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using consilium::testing::IsOk;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CheckpointKey KeyOf(uint64_t step) {
  return {JobId("0123456789abcdef"), StepNumber(step), {}, {}, SiteId("a")};
}

class CheckpointStoreTest : public ::testing::Test {
 protected:
  CheckpointStoreTest() { Open("1.0.0"); }
  void Open(const std::string& version, const std::string& kernel = "eigen-a") {
    auto store = CheckpointStore::Open({"c", version, kernel, seconds(30)}, storage_, clock_);
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  std::unique_ptr<train::Checkpoints> SlotOf(const CheckpointKey& key) {
    return store_->SlotOf(key, [this] { return put_aside_; });
  }
  void Save(const CheckpointKey& key, std::string_view text) {
    const std::array<ByteSpan, 2> parts = {AsBytes(text.substr(0, 3)), AsBytes(text.substr(3))};
    SlotOf(key)->Save(parts);
  }
  std::string Found(const CheckpointKey& key) {
    const auto bytes = SlotOf(key)->Find();
    return bytes ? std::string(AsText(*bytes)) : "nothing";
  }

  MemoryStorage storage_;
  ManualClock clock_;
  bool put_aside_ = false;
  std::unique_ptr<CheckpointStore> store_;
};

TEST_F(CheckpointStoreTest, NewestComesBackAfterAPowerCut) {
  Save(KeyOf(4), "first point");
  Save(KeyOf(4), "second point");
  storage_.Crash(CrashKind::kPowerCut);
  Open("1.0.0");
  EXPECT_EQ(Found(KeyOf(4)), "second point");
  EXPECT_EQ(Found(KeyOf(5)), "nothing");
}

TEST_F(CheckpointStoreTest, OtherStateDataSiteOrProgramGetsNothing) {
  Save(KeyOf(4), "a point");
  CheckpointKey key = KeyOf(4);
  key.state.bytes[0] = 1;
  EXPECT_EQ(Found(key), "nothing");
  key = KeyOf(4);
  key.dataset.bytes[31] = 1;
  EXPECT_EQ(Found(key), "nothing");
  key = KeyOf(4);
  key.site = SiteId("b");
  EXPECT_EQ(Found(key), "nothing");
  Open("1.0.1");
  EXPECT_EQ(Found(KeyOf(4)), "nothing");
  Open("1.0.0", "eigen-b");
  EXPECT_EQ(Found(KeyOf(4)), "nothing");
  Open("1.0.0");
  EXPECT_EQ(Found(KeyOf(4)), "a point");
}

TEST_F(CheckpointStoreTest, AnyChangedByteMakesItUseless) {
  Save(KeyOf(4), "a point");
  const std::string path = "c/" + storage_.List("c")->front();
  ASSERT_OK_AND_ASSIGN(const Bytes whole, ReadWhole(storage_, path, 1 << 20));
  for (size_t i = 0; i < whole.size(); ++i) {
    Bytes bytes = whole;
    bytes[i] ^= std::byte{0x20};
    storage_.Plant(path, bytes);
    EXPECT_EQ(Found(KeyOf(4)), "nothing") << i;
    storage_.Plant(path, ByteSpan(whole).first(i));
    EXPECT_EQ(Found(KeyOf(4)), "nothing") << "cut at " << i;
  }
  storage_.Plant(path, whole);
  EXPECT_EQ(Found(KeyOf(4)), "a point");
}

TEST_F(CheckpointStoreTest, FailedWriteLeavesTheOneBeforeOrTheNewOne) {
  for (uint64_t failing = 1; failing <= 8; ++failing) {
    for (const ErrorCode code : {ErrorCode::kStorageIo, ErrorCode::kStorageFull}) {
      for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn}) {
        Save(KeyOf(4), "point one");
        storage_.SetFaults({.fail_operation = failing, .and_all_after = true, .code = code});
        Save(KeyOf(4), "point two");
        storage_.Crash(kind);
        storage_.SetFaults({});
        Open("1.0.0");
        const std::string found = Found(KeyOf(4));
        EXPECT_TRUE(found == "point one" || found == "point two") << found << " " << failing;
      }
    }
  }
}

TEST_F(CheckpointStoreTest, FilesAreBoundedAndTheOldestGoesFirst) {
  for (uint64_t step = 1; step <= kMaxCheckpoints + 2; ++step) Save(KeyOf(step), "a point");
  EXPECT_THAT(*storage_.List("c"), SizeIs(kMaxCheckpoints));
  EXPECT_EQ(Found(KeyOf(2)), "nothing");
  EXPECT_EQ(Found(KeyOf(3)), "a point");
}

TEST_F(CheckpointStoreTest, DoneTasksAndEndedJobsLeaveNothing) {
  Save(KeyOf(1), "a point");
  Save(KeyOf(2), "a point");
  EXPECT_THAT(store_->Remove(KeyOf(1).job, StepNumber(1)), IsOk());
  EXPECT_THAT(*storage_.List("c"), SizeIs(1));
  EXPECT_THAT(store_->RemoveJob(JobId("fedcba9876543210")), IsOk());
  EXPECT_THAT(*storage_.List("c"), SizeIs(1));
  EXPECT_THAT(store_->RemoveJob(KeyOf(2).job), IsOk());
  EXPECT_THAT(*storage_.List("c"), IsEmpty());
}

TEST_F(CheckpointStoreTest, HalfWrittenFilesGoAtTheNextStart) {
  Save(KeyOf(1), "a point");
  storage_.Plant("c/0123456789abcdef.2.checkpoint.new", AsBytes("half"));
  Open("1.0.0");
  EXPECT_THAT(*storage_.List("c"), SizeIs(1));
  EXPECT_EQ(Found(KeyOf(1)), "a point");
}

TEST_F(CheckpointStoreTest, IsDueByTheClockAndWhenTheTaskIsPutAside) {
  const auto slot = SlotOf(KeyOf(4));
  EXPECT_FALSE(slot->Due());
  clock_.Advance(seconds(30));
  EXPECT_TRUE(slot->Due());
  slot->Save({});
  EXPECT_FALSE(slot->Due());
  put_aside_ = true;
  EXPECT_TRUE(slot->Due());
}

TEST_F(CheckpointStoreTest, AnIntervalOfZeroKeepsNone) {
  Save(KeyOf(4), "a point");
  auto none = CheckpointStore::Open({"c", "1.0.0", "eigen-a", Duration(0)}, storage_, clock_);
  ASSERT_THAT(none, IsOk());
  EXPECT_EQ((*none)->SlotOf(KeyOf(4), [] { return true; }), nullptr);
  EXPECT_THAT(*storage_.List("c"), IsEmpty());
}

}  // namespace
}  // namespace consilium::client::session
