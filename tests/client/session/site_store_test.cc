#include "client/session/site_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "tests/support/forwarding_storage.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
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
      ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site"}, storage));
      storage.SetFaults({.fail_operation = failing, .and_all_after = true});
      const auto held = HoldOne(*store, 1);
      storage.Crash(kind);
      ASSERT_OK_AND_ASSIGN(store, SiteStore::Open({"site"}, storage));
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
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site"}, storage));
  ASSERT_THAT(HoldOne(*store, 1), IsOk());
  storage.SetFaults({.fail_operation = 1, .and_all_after = true});
  EXPECT_FALSE(HoldOne(*store, 2).ok());
  EXPECT_FALSE(store->RecordReceipt({{kJob, StepNumber(1), SiteId("a")}, {}, "", {}}, 0).ok());
  storage.SetFaults({});
  EXPECT_THAT(HoldOne(*store, 3), IsOk());
  ASSERT_OK_AND_ASSIGN(store, SiteStore::Open({"site"}, storage));
  EXPECT_TRUE(store->FindHeld(kJob, StepNumber(1)).has_value());
  EXPECT_TRUE(store->FindHeld(kJob, StepNumber(3)).has_value());
}

TEST(SiteStore, HeldUpdatesAreBounded) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site"}, storage));
  for (uint64_t step = 1; step <= wire::kMaxHeldUpdates; ++step) {
    ASSERT_THAT(HoldOne(*store, step), IsOk());
  }
  EXPECT_THAT(HoldOne(*store, 9999), HasCode(ErrorCode::kOverloaded));
  ASSERT_THAT(store->Settle({kJob, StepNumber(1), wire::OutcomeKind::kCounted, ""}, 0), IsOk());
  EXPECT_THAT(HoldOne(*store, 9999), IsOk());
}

TEST(SiteStore, SettledUpdateDoesNotComeBack) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site"}, storage));
  ASSERT_THAT(HoldOne(*store, 1), IsOk());
  ASSERT_THAT(store->Settle({kJob, StepNumber(1), wire::OutcomeKind::kCounted, ""}, 0), IsOk());
  storage.Crash(CrashKind::kPowerCut);  // the removal of the copy may be undone
  ASSERT_OK_AND_ASSIGN(store, SiteStore::Open({"site"}, storage));
  EXPECT_THAT(store->Held(), IsEmpty());
  EXPECT_THAT(*storage.List("site/updates"), IsEmpty());
}

// A disk on which a file whose sync failed may never be written or synced again.
class StrictStorage final : public consilium::testing::ForwardingStorage {
 public:
  StrictStorage() : ForwardingStorage(memory) {}
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                         uint64_t length) override {
    EXPECT_FALSE(abandoned_.contains(path)) << path << " is used again";
    auto file = memory.OpenAppend(path, length);
    if (!file.ok()) return file;
    return std::make_unique<Watched>(*this, path, *std::move(file));
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    EXPECT_FALSE(abandoned_.contains(from)) << from << " is used again";
    absl::Status renamed = memory.Rename(from, to);
    if (renamed.ok()) abandoned_.erase(to);
    return renamed;
  }
  absl::Status Remove(const std::string& path) override {
    absl::Status removed = memory.Remove(path);
    if (removed.ok()) abandoned_.erase(path);
    return removed;
  }

  MemoryStorage memory;
  uint64_t fail_sync = 0;  // 1 = the next one

 private:
  class Watched final : public consilium::testing::ForwardingAppendFile {
   public:
    Watched(StrictStorage& storage, std::string path, std::unique_ptr<AppendFile> file)
        : ForwardingAppendFile(std::move(file)), storage_(storage), path_(std::move(path)) {}
    absl::Status Sync() override {
      if (storage_.fail_sync == 0 || --storage_.fail_sync > 0) return ForwardingAppendFile::Sync();
      storage_.abandoned_.insert(path_);
      return Error(ErrorCode::kStorageIo, "cannot sync " + path_);
    }

   private:
    StrictStorage& storage_;
    const std::string path_;
  };
  std::set<std::string> abandoned_;
};

TEST(SiteStore, FileWhoseSyncFailedIsNeverUsedAgain) {
  for (uint64_t failing = 1; failing <= 6; ++failing) {
    StrictStorage storage;
    ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site"}, storage));
    ASSERT_THAT(HoldOne(*store, 1), IsOk());
    storage.fail_sync = failing;
    bool failed = false;
    for (uint64_t step = 2; step <= 6; ++step) {
      for (int tries = 0; tries < 2 && !HoldOne(*store, step).ok(); ++tries) failed = true;
      EXPECT_TRUE(store->FindHeld(kJob, StepNumber(step)).has_value());
    }
    EXPECT_TRUE(failed);
    storage.memory.Crash(CrashKind::kPowerCut);
    ASSERT_OK_AND_ASSIGN(store, SiteStore::Open({"site"}, storage));
    EXPECT_THAT(store->Held(), SizeIs(6));
  }
}

TEST(SiteStore, NewerStoreIsRefusedInOneLineAndNotTouched) {
  MemoryStorage storage;
  {
    ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site"}, storage));
  }
  storage.Plant("site/format", AsBytes("consilium site store 3\n"));
  storage.Plant("site/updates/stranger", AsBytes("of the newer program"));
  storage.SetFaults({});
  const auto refused = SiteStore::Open({"site"}, storage);
  EXPECT_THAT(refused, HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("format 3"));
  EXPECT_THAT(std::string(refused.status().message()), Not(HasSubstr("\n")));
  EXPECT_EQ(storage.operations(), 0u);
}

TEST(SiteStore, StoreFromBeforeFormatsWereWrittenIsTakenOver) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site"}, storage));
  ASSERT_THAT(HoldOne(*store, 1), IsOk());
  const std::string id = store->store_id();
  ASSERT_THAT(storage.Remove("site/format"), IsOk());
  ASSERT_OK_AND_ASSIGN(store, SiteStore::Open({"site"}, storage));
  EXPECT_EQ(store->store_id(), id);
  EXPECT_THAT(store->Held(), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const Bytes format, ReadWhole(storage, "site/format", 100));
  EXPECT_EQ(AsText(format), "consilium site store 2\n");
}

TEST(SiteStore, JournalTurnsWhenItIsFullAndLosesNothing) {
  MemoryStorage storage;
  const SiteStore::Options options{"site", 2000};
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open(options, storage));
  for (uint64_t step = 1; step <= 60; ++step) {
    ASSERT_THAT(HoldOne(*store, step), IsOk());
    if (step % 10 == 0) continue;  // six stay without an outcome
    ASSERT_THAT(store->Settle({kJob, StepNumber(step), wire::OutcomeKind::kCounted, ""}, 0),
                IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto files, LeftJournalFiles(storage, "site"));
  EXPECT_GT(files.size(), 4u);
  EXPECT_EQ(files.back(), "site/journal");
  std::set<uint64_t> left;
  for (size_t i = 0; i < files.size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const Bytes bytes, ReadWhole(storage, files[i], 1 << 20));
    EXPECT_LE(bytes.size(), 2000u + 2000u);
    uint64_t records = 0;
    const auto visit = [&](const journal::Record& record) -> absl::Status {
      const auto kind = static_cast<SiteRecord>(record.kind);
      if (kind == SiteRecord::kLeft) left.insert(DecodeLeft(record.payload)->step.value());
      if (i > 0 && records++ == 0) {
        EXPECT_EQ(kind, SiteRecord::kContinued);
        const Bytes before = ReadWhole(storage, files[i - 1], 1 << 20).value();
        EXPECT_EQ(DecodeContinued(record.payload)->digest, crypto::Sha256Of(before));
      }
      return absl::OkStatus();
    };
    ASSERT_THAT(journal::ReadJournal(storage, files[i], visit), IsOk());
  }
  EXPECT_EQ(left.size(), 60u);
  storage.Crash(CrashKind::kPowerCut);
  ASSERT_OK_AND_ASSIGN(store, SiteStore::Open(options, storage));
  EXPECT_THAT(store->Held(), SizeIs(6));
  ASSERT_THAT(HoldOne(*store, 61), IsOk());
}

TEST(SiteStore, OldJournalsAreBounded) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open({"site", 500}, storage));
  for (uint64_t step = 1; step <= 100; ++step) {
    ASSERT_THAT(HoldOne(*store, step), IsOk());
    ASSERT_THAT(store->Settle({kJob, StepNumber(step), wire::OutcomeKind::kCounted, ""}, 0),
                IsOk());
  }
  EXPECT_THAT(*LeftJournalFiles(storage, "site"), SizeIs(kMaxOldJournals + 1));
}

// A turn that fails or is cut off at any point: everything is still there.
TEST(SiteStore, TurningTheJournalSurvivesAnyFault) {
  for (uint64_t failing = 1; failing <= 24; ++failing) {
    for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn}) {
      MemoryStorage storage(failing);
      const SiteStore::Options options{"site", 300};
      ASSERT_OK_AND_ASSIGN(auto store, SiteStore::Open(options, storage));
      ASSERT_THAT(HoldOne(*store, 1), IsOk());
      storage.SetFaults({.fail_operation = failing, .and_all_after = true});
      const bool second = HoldOne(*store, 2).ok();
      storage.Crash(kind);
      ASSERT_OK_AND_ASSIGN(store, SiteStore::Open(options, storage));
      EXPECT_TRUE(store->FindHeld(kJob, StepNumber(1)).has_value()) << failing;
      EXPECT_TRUE(!second || store->FindHeld(kJob, StepNumber(2)).has_value()) << failing;
      ASSERT_THAT(HoldOne(*store, 3), IsOk());
    }
  }
}

}  // namespace
}  // namespace consilium::client::session
