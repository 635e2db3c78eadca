#include "client/session/site_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const JobId kJob("0123456789abcdef");

absl::StatusOr<LeftRecord> HoldOne(SiteStore& store, uint64_t step) {
  const Bytes payload(64, std::byte{7});
  wire::UpdateHeader header;
  header.key = {kJob, StepNumber(step), SiteId("a")};
  header.support = {9};
  header.payload_bytes = payload.size();
  LeftRecord left;
  left.job = kJob;
  left.step = StepNumber(step);
  left.researcher = "ada";
  left.tensors = {{"w", tensor::Tag::kUpdate}, {"rows", tensor::Tag::kCount}};
  return store.Hold(header, payload, std::move(left));
}

TEST(WhatLeft, RecordsComeBackAsTheyWere) {
  LeftRecord left;
  left.job = kJob;
  left.step = StepNumber(3);
  left.workload = wire::Workload::kVariances;
  left.digest = crypto::Sha256Of(AsBytes("x"));
  left.bytes = 4711;
  left.time = 12345;
  left.researcher = "ada";
  left.tensors = {{"count", tensor::Tag::kCount}};
  ASSERT_OK_AND_ASSIGN(const LeftRecord again, DecodeLeft(EncodeLeft(left)));
  EXPECT_EQ(EncodeLeft(again), EncodeLeft(left));
  EXPECT_EQ(again.tensors, left.tensors);
  const Bytes bytes = EncodeLeft(left);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THAT(DecodeLeft(ByteSpan(bytes).first(length)), HasCode(ErrorCode::kJournalCorrupt));
  }
}

// Whatever operation fails and whatever the crash keeps: what Hold answered is held and whole, and
// no file stays that has no record.
TEST(SiteStore, HeldMeansRecoverableAtAnyFault) {
  for (uint64_t failing = 1; failing < 20; ++failing) {
    for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn}) {
      MemoryStorage storage(failing);
      ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open("site", storage));
      storage.SetFaults({.fail_operation = failing, .and_all_after = true});
      const auto held = HoldOne(*store, 1);
      storage.Crash(kind);
      ASSERT_OK_AND_ASSIGN(store, SiteStore::Open("site", storage));
      if (held.ok()) {
        ASSERT_THAT(store->Held(), SizeIs(1));
        EXPECT_THAT(store->OpenHeld(*held), IsOk());
      }
      EXPECT_EQ(storage.List("site/updates")->size(), store->Held().size());
    }
  }
}

TEST(SiteStore, JournalThatBrokeGoesOnWhenTheDiskDoes) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open("site", storage));
  ASSERT_THAT(HoldOne(*store, 1), IsOk());
  storage.SetFaults({.fail_operation = 1, .and_all_after = true});
  EXPECT_FALSE(HoldOne(*store, 2).ok());
  EXPECT_FALSE(store->RecordReceipt({{kJob, StepNumber(1), SiteId("a")}, {}, "", {}}, 0).ok());
  storage.SetFaults({});
  EXPECT_THAT(HoldOne(*store, 3), IsOk());
  ASSERT_OK_AND_ASSIGN(store, SiteStore::Open("site", storage));
  EXPECT_TRUE(store->FindHeld(kJob, StepNumber(1)).has_value());
  EXPECT_TRUE(store->FindHeld(kJob, StepNumber(3)).has_value());
}

TEST(SiteStore, HeldUpdatesAreBounded) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open("site", storage));
  for (uint64_t step = 1; step <= wire::kMaxHeldUpdates; ++step) {
    ASSERT_THAT(HoldOne(*store, step), IsOk());
  }
  EXPECT_THAT(HoldOne(*store, 9999), HasCode(ErrorCode::kOverloaded));
  ASSERT_THAT(store->Settle({kJob, StepNumber(1), wire::OutcomeKind::kCounted, ""}, 0), IsOk());
  EXPECT_THAT(HoldOne(*store, 9999), IsOk());
}

TEST(SiteStore, SettledUpdateDoesNotComeBack) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open("site", storage));
  ASSERT_THAT(HoldOne(*store, 1), IsOk());
  ASSERT_THAT(store->Settle({kJob, StepNumber(1), wire::OutcomeKind::kCounted, ""}, 0), IsOk());
  storage.Crash(CrashKind::kPowerCut);  // the removal of the copy may be undone
  ASSERT_OK_AND_ASSIGN(store, SiteStore::Open("site", storage));
  EXPECT_THAT(store->Held(), IsEmpty());
  EXPECT_THAT(*storage.List("site/updates"), IsEmpty());
}

}  // namespace
}  // namespace consilium::client::session
