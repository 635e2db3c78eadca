// States that nobody keeps go, and nothing else does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "server/store/state_store.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

wire::StatePart PartWith(const std::string& text) {
  return {tensor::Bundle(tensor::Layout()), {{"text", text}}};
}
// States of one private part.
wire::State StateWith(const std::string& text) { return {PartWith(text), PartWith("private")}; }

class StateRetentionTest : public ::testing::Test {
 protected:
  StateRetentionTest() : store_("/s", storage_) {
    EXPECT_THAT(storage_.CreateFolder("/s"), IsOk());
  }
  size_t Files() const { return storage_.List("/s")->size(); }
  MemoryStorage storage_;
  StateStore store_;
};

TEST_F(StateRetentionTest, RemovedStateIsGoneAndSharedPartsStay) {
  const Digest a = store_.Put(StateWith("a")).value();
  const Digest b = store_.Put(StateWith("b")).value();
  EXPECT_EQ(Files(), 5u) << "two manifests, two broadcast parts, one private part";
  ASSERT_THAT(store_.Remove(a), IsOk());
  EXPECT_THAT(store_.Get(a), HasCode(ErrorCode::kStateNotFound));
  EXPECT_THAT(store_.Get(b), IsOk());
  ASSERT_THAT(store_.Remove(b), IsOk());
  EXPECT_EQ(Files(), 0u);
  EXPECT_THAT(store_.Remove(b), IsOk()) << "again: nothing to do";
  EXPECT_EQ(store_.Put(StateWith("a")).value(), a);
  EXPECT_THAT(store_.Get(a), IsOk()) << "and it may come back";
}

TEST_F(StateRetentionTest, HeldStateStaysUntilItIsLetGo) {
  const Digest other = store_.Put({PartWith("a"), PartWith("other")}).value();
  {
    ASSERT_OK_AND_ASSIGN(const StateStore::Hold held, store_.PutHeld(StateWith("a")));
    ASSERT_THAT(store_.Remove(held.digest()), IsOk());
    EXPECT_THAT(store_.Get(held.digest()), IsOk());
    // Its broadcast part is in another state too, which goes.
    ASSERT_THAT(store_.Remove(other), IsOk());
    EXPECT_THAT(store_.Get(held.digest()), IsOk());
  }
  ASSERT_THAT(store_.Remove(store_.Put(StateWith("a")).value()), IsOk());
  EXPECT_EQ(Files(), 0u);
}

TEST_F(StateRetentionTest, PinnedStateStaysAlsoAfterAPowerCut) {
  const Digest a = store_.Put(StateWith("a")).value();
  ASSERT_THAT(store_.Pin(a), IsOk());
  storage_.Crash(CrashKind::kPowerCut);
  StateStore again("/s", storage_);
  ASSERT_THAT(again.Load(), IsOk());
  ASSERT_THAT(again.Remove(a), IsOk());
  EXPECT_THAT(again.Get(a), IsOk());
}

TEST_F(StateRetentionTest, LoadKnowsTheStatesAndRemovesWhatACrashLeft) {
  const Digest a = store_.Put(StateWith("a")).value();
  storage_.Plant("/s/" + HexOf(a) + ".manifest.7.new", Bytes(9));
  Digest orphan;
  orphan.bytes[3] = 7;
  storage_.Plant("/s/" + HexOf(orphan) + ".broadcast", Bytes(9));
  storage_.Plant("/s/notes.txt", Bytes(1));
  StateStore again("/s", storage_);
  ASSERT_THAT(again.Load(), IsOk());
  EXPECT_THAT(again.Manifests(), ::testing::ElementsAre(a));
  EXPECT_EQ(Files(), 4u) << "the state's three files, and what is not ours";
  ASSERT_THAT(again.Remove(a), IsOk());
  EXPECT_EQ(Files(), 1u);
}

}  // namespace
}  // namespace consilium::server::store
