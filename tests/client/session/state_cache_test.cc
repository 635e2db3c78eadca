#include "client/session/state_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/memory_storage.h"
#include "tests/client/session/fakes.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::SizeIs;

class StateCacheTest : public ::testing::Test {
 protected:
  StateCacheTest() : state_(ServeState(uplink_, "one")) { Open(); }
  void Open(uint64_t most_bytes = kMaxCachedBytes) {
    auto cache = StateCache::Open("c", storage_, most_bytes);
    ASSERT_THAT(cache, IsOk());
    cache_.emplace(*std::move(cache));
  }
  absl::StatusOr<wire::StatePart> Get(const Digest& state) {
    return cache_->Get(state, uplink_, [](uint64_t, uint64_t) { return true; });
  }
  uint64_t BytesHeld() {
    uint64_t bytes = 0;
    const std::vector<std::string> names = storage_.List("c").value();
    for (const std::string& name : names) bytes += storage_.OpenRead("c/" + name).value()->size();
    return bytes;
  }
  // Whether `state` is there without asking the server.
  bool Cached(const Digest& state) {
    const auto files = std::exchange(uplink_.files, {});
    const bool there = Get(state).ok();
    uplink_.files = files;
    return there;
  }

  MemoryStorage storage_;
  FakeUplink uplink_;
  const Digest state_;
  std::optional<StateCache> cache_;
};

TEST_F(StateCacheTest, CutFetchGoesOnAtTheNextByteAfterARestart) {
  uplink_.cut_fetch_after = 192;
  EXPECT_THAT(Get(state_), HasCode(ErrorCode::kConnectionLost));
  storage_.Crash(CrashKind::kProcess);
  Open();
  uplink_.fetches.clear();
  ASSERT_THAT(Get(state_), IsOk());
  ASSERT_THAT(uplink_.fetches, SizeIs(1));  // the manifest was whole
  EXPECT_EQ(uplink_.fetches[0].second, 192u);
}

TEST_F(StateCacheTest, WhatAPowerCutSpoiltIsFetchedAnewAndNeverUsed) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    MemoryStorage torn(seed);
    auto cache = StateCache::Open("c", torn);
    ASSERT_THAT(cache, IsOk());
    uplink_.cut_fetch_after = 192;
    const auto quiet = [](uint64_t, uint64_t) { return true; };
    EXPECT_FALSE(cache->Get(state_, uplink_, quiet).ok());
    torn.Crash(CrashKind::kTorn);
    cache = StateCache::Open("c", torn);
    ASSERT_THAT(cache, IsOk());
    ASSERT_OK_AND_ASSIGN(const wire::StatePart part, cache->Get(state_, uplink_, quiet));
    EXPECT_EQ(part.texts.at("mark"), "one");
  }
}

TEST_F(StateCacheTest, FilesAreBoundedByNumberAndTheOldestGoFirst) {
  ASSERT_THAT(Get(state_), IsOk());
  for (size_t i = 0; i < kMaxCachedFiles; ++i) {
    ASSERT_THAT(Get(ServeState(uplink_, std::to_string(i))), IsOk());
  }
  EXPECT_LE(storage_.List("c")->size(), kMaxCachedFiles);
  EXPECT_FALSE(Cached(state_));
  EXPECT_TRUE(Cached(ServeState(uplink_, std::to_string(kMaxCachedFiles - 1))));
}

TEST_F(StateCacheTest, FilesAreBoundedByBytesAcrossARestart) {
  const Digest second = ServeState(uplink_, "two");
  const Digest third = ServeState(uplink_, "three");
  ASSERT_THAT(Get(state_), IsOk());
  ASSERT_THAT(Get(second), IsOk());
  Open(1500);  // a state has some 700 bytes
  ASSERT_THAT(Get(third), IsOk());
  EXPECT_LE(BytesHeld(), 1500u);
  EXPECT_TRUE(Cached(third));
  Open(1);  // the one in use stays, whatever the bound
  EXPECT_THAT(Get(state_), IsOk());
}

TEST_F(StateCacheTest, FullDiskCostsTheOtherStatesFirst) {
  const Digest second = ServeState(uplink_, "two");
  ASSERT_THAT(Get(state_), IsOk());
  storage_.SetFaults({.capacity_bytes = BytesHeld() + 200});
  ASSERT_THAT(Get(second), IsOk());
  EXPECT_FALSE(Cached(state_));
  storage_.SetFaults({.capacity_bytes = 300});
  EXPECT_THAT(Get(state_), HasCode(ErrorCode::kStorageFull));
  storage_.SetFaults({});
  EXPECT_THAT(Get(state_), IsOk());  // goes on when space returns
}

}  // namespace
}  // namespace consilium::client::session
