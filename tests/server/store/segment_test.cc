// Small updates share files and syncs, and keep every promise of a file of their own.
#include "server/store/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "common/wire/layout_codec.h"
#include "server/store/update_store.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const JobId kSmallJob("0123456789abcdef");
const std::string kSmallFolder = "spool/0123456789abcdef";

class SegmentTest : public ::testing::Test {
 protected:
  SegmentTest() {
    for (int i = 0; i < 10; ++i) sites_.emplace_back("s" + std::to_string(i));
    step_ = {kSmallJob, StepNumber(7), crypto::Sha256Of(AsBytes("base")),
             *tensor::Layout::Create({{.name = "w", .shape = {5}}})};
    EXPECT_THAT(storage_.CreateFolder("sums"), IsOk());
    Reopen();
  }
  void Reopen() {
    store_ = std::make_unique<UpdateStore>(
        UpdateStore::Options{.folder = "spool"}, storage_,
        [this](std::span<const AcceptedUpdate> updates, Sync) {
          MutexLock lock(mutex_);
          ++journal_writes_;
          if (!journal_result_.ok()) return journal_result_;
          for (const AcceptedUpdate& update : updates) {
            std::erase_if(journal_, [&](const AcceptedUpdate& a) { return a.key == update.key; });
            journal_.push_back(update);
          }
          return absl::OkStatus();
        });
  }
  std::vector<SiteId> Open() {
    const auto lost = store_->OpenForUploads(step_, sites_, Journal());
    EXPECT_THAT(lost, IsOk());
    return lost.value_or(std::vector<SiteId>());
  }
  // What the journal has of this step.
  std::vector<AcceptedUpdate> Journal() {
    MutexLock lock(mutex_);
    std::vector<AcceptedUpdate> accepted;
    for (const AcceptedUpdate& update : journal_) {
      if (update.key.step == step_.step) accepted.push_back(update);
    }
    return accepted;
  }
  Bytes FileOf(size_t site) const {
    tensor::Bundle values(step_.layout);
    for (float& x : values.Float32(0)) x = 0.1f * static_cast<float>(site + 1);
    wire::UpdateHeader header;
    header.key = {step_.job, step_.step, sites_[site]};
    header.base_state = step_.base_state;
    header.layout = wire::DigestOf(step_.layout);
    header.weight = static_cast<uint32_t>(1 + site);
    header.support = {30};
    header.payload_bytes = step_.layout.payload_bytes();
    Bytes file = wire::EncodeUpdateHeader(header);
    file.insert(file.end(), values.payload().begin(), values.payload().end());
    return file;
  }
  wire::UploadHeader HeaderOf(size_t site, const Bytes& file) const {
    return {
        {step_.job, step_.step, sites_[site]}, Epoch(1), crypto::Sha256Of(file), file.size(), 0};
  }
  absl::Status Send(size_t site) {
    const Bytes file = FileOf(site);
    const wire::UploadHeader header = HeaderOf(site, file);
    const auto position = store_->Begin(header);
    if (!position.ok()) return position.status();
    if (position->receipt) return absl::OkStatus();
    const ByteSpan left = ByteSpan(file).subspan(position->written);
    if (!left.empty()) {
      const auto written = store_->Append(header.key, header.digest, position->written, left);
      if (!written.ok()) return written.status();
    }
    return store_->Finish(header.key, header.digest).status();
  }
  // All sites' updates, each whole, at once.
  std::vector<absl::StatusOr<wire::Receipt>> SendAll() {
    std::vector<Bytes> files;
    std::vector<WholeUpdate> updates;
    for (size_t i = 0; i < sites_.size(); ++i) files.push_back(FileOf(i));
    for (size_t i = 0; i < sites_.size(); ++i) {
      updates.push_back({{step_.job, step_.step, sites_[i]}, crypto::Sha256Of(files[i]), files[i]});
    }
    return store_->AcceptWhole(updates);
  }
  Digest SumOf(const std::vector<SiteId>& sites) {
    const auto sum = store_->WriteSum(step_.job, step_.step, {sites}, "sums/x", nullptr);
    EXPECT_THAT(sum, IsOk());
    return sum.ok() ? sum->digest : Digest();
  }
  Digest Expected() const {
    auto sum = sum::ExactSum::Create(step_.layout, {});
    for (size_t i = 0; i < sites_.size(); ++i) {
      const Bytes file = FileOf(i);
      EXPECT_THAT(sum->Accumulate(static_cast<uint32_t>(1 + i),
                                  ByteSpan(file).last(step_.layout.payload_bytes())),
                  IsOk());
    }
    return crypto::Sha256Of(sum->Serialize());
  }

  MemoryStorage storage_;
  Mutex mutex_;
  std::vector<AcceptedUpdate> journal_ ABSL_GUARDED_BY(mutex_);
  int journal_writes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status journal_result_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<UpdateStore> store_;
  std::vector<SiteId> sites_;
  OpenStep step_;
};

TEST_F(SegmentTest, SmallUpdatesShareOneFileThatGoesWithItsJob) {
  Open();
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  EXPECT_THAT(*storage_.List(kSmallFolder), ElementsAre("small.1.seg"));
  EXPECT_EQ(SumOf(sites_), Expected());
  store_->CloseForUploads(step_.job, step_.step);
  EXPECT_EQ(SumOf(sites_), Expected());
  ASSERT_THAT(store_->Discard(step_.job, step_.step), IsOk());
  EXPECT_THAT(*storage_.List(kSmallFolder), ElementsAre("small.1.seg"));
  ASSERT_THAT(store_->EndJob(step_.job), IsOk());
  EXPECT_THAT(*storage_.List(kSmallFolder), IsEmpty());
}

TEST_F(SegmentTest, StepsGoOnWithOneSegmentUntilItIsLong) {
  step_.layout = *tensor::Layout::Create({{.name = "w", .shape = {30'000}}});  // 1.2 MB a step
  uint64_t syncs = 0;
  for (uint64_t step = 1; step <= 20; ++step) {
    step_.step = StepNumber(step);
    ASSERT_THAT(Open(), IsEmpty());
    storage_.SetFaults({});
    for (const auto& receipt : SendAll()) ASSERT_THAT(receipt, IsOk());
    if (storage_.operations() == 2) ++syncs;  // one write, one sync, no new file
    EXPECT_EQ(SumOf(sites_), Expected()) << step;
    ASSERT_THAT(store_->Discard(step_.job, step_.step), IsOk());
    EXPECT_LE(storage_.List(kSmallFolder)->size(), 1u) << step;
  }
  EXPECT_GE(syncs, 16u);
}

TEST_F(SegmentTest, ARestartInTheMidstOfALaterStepFindsItsUpdates) {
  for (uint64_t step = 1; step <= 3; ++step) {
    step_.step = StepNumber(step);
    {
      MutexLock lock(mutex_);
      journal_.clear();
    }
    Open();
    for (const auto& receipt : SendAll()) ASSERT_THAT(receipt, IsOk());
    if (step == 3) break;
    ASSERT_THAT(store_->Discard(step_.job, step_.step), IsOk());
  }
  storage_.Crash(CrashKind::kPowerCut);
  Reopen();
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_EQ(SumOf(sites_), Expected());
  ASSERT_THAT(store_->Discard(step_.job, step_.step), IsOk());
  EXPECT_THAT(*storage_.List(kSmallFolder), IsEmpty()) << "what is from before the restart goes";
}

TEST_F(SegmentTest, UpdatesThatArriveTogetherAreAllAccepted) {
  Open();
  std::vector<std::thread> senders;
  for (size_t i = 0; i < sites_.size(); ++i) {
    senders.emplace_back([this, i] { EXPECT_THAT(Send(i), IsOk()); });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_THAT(*storage_.List(kSmallFolder), ElementsAre("small.1.seg"));
  EXPECT_EQ(SumOf(sites_), Expected());
}

TEST_F(SegmentTest, UpdatesThatCameWholeShareOneSyncAndOneJournalWrite) {
  Open();
  ASSERT_THAT(Send(0), IsOk());  // the segment is there
  storage_.SetFaults({});
  for (const auto& receipt : SendAll()) EXPECT_THAT(receipt, IsOk());
  EXPECT_EQ(storage_.operations(), 2u) << "one write and one sync for nine updates";
  {
    MutexLock lock(mutex_);
    EXPECT_EQ(journal_writes_, 2);
  }
  storage_.Crash(CrashKind::kPowerCut);
  Reopen();
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_EQ(SumOf(sites_), Expected());
}

TEST_F(SegmentTest, WhatCameWholeIsVerifiedAndBoundLikeAnUpload) {
  Open();
  const Bytes file = FileOf(0);
  Bytes wrong = FileOf(1);
  wrong.back() ^= std::byte{1};
  const wire::TaskKey first{step_.job, step_.step, sites_[0]};
  const std::vector<WholeUpdate> updates = {
      {first, crypto::Sha256Of(file), file},
      {{step_.job, step_.step, sites_[1]}, crypto::Sha256Of(FileOf(1)), wrong},
      {{step_.job, StepNumber(8), sites_[2]}, crypto::Sha256Of(file), file},
      {{step_.job, step_.step, sites_[3]}, crypto::Sha256Of(file), file}};  // of another site
  const auto results = store_->AcceptWhole(updates);
  ASSERT_THAT(results, SizeIs(4));
  EXPECT_THAT(results[0], IsOk());
  EXPECT_EQ(results[0]->digest, crypto::Sha256Of(file));
  EXPECT_THAT(results[1], HasCode(ErrorCode::kUpdateDigest));
  EXPECT_THAT(results[2], HasCode(ErrorCode::kUpdateUnknownTask));
  EXPECT_FALSE(results[3].ok());
  EXPECT_THAT(Journal(), SizeIs(1));
  // The accepted set answers repeats, whichever way they come.
  EXPECT_THAT(Send(0), IsOk());
  EXPECT_THAT(store_->AcceptWhole(std::span(updates).first(1))[0], IsOk());
  const Bytes other = FileOf(4);
  const WholeUpdate conflict{first, crypto::Sha256Of(other), other};
  EXPECT_THAT(store_->AcceptWhole(std::span(&conflict, 1))[0], HasCode(ErrorCode::kUpdateConflict));
}

TEST_F(SegmentTest, NothingOfAGroupCountsWhenItsJournalRefuses) {
  Open();
  {
    MutexLock lock(mutex_);
    journal_result_ = Error(ErrorCode::kStorageFull, "full");
  }
  for (const auto& receipt : SendAll()) EXPECT_THAT(receipt, HasCode(ErrorCode::kStorageFull));
  EXPECT_THAT(store_->Accepted(step_.job, step_.step), IsEmpty());
  {
    MutexLock lock(mutex_);
    journal_result_ = absl::OkStatus();
  }
  for (const auto& receipt : SendAll()) EXPECT_THAT(receipt, IsOk());
  EXPECT_EQ(SumOf(sites_), Expected());
}

TEST_F(SegmentTest, WhereThereAreNoSegmentsAnUploadIsAskedFor) {
  store_ = std::make_unique<UpdateStore>(
      UpdateStore::Options{.folder = "spool", .small_update_bytes = 0}, storage_,
      [](std::span<const AcceptedUpdate>, Sync) { return absl::OkStatus(); });
  Open();
  for (const auto& receipt : SendAll()) EXPECT_THAT(receipt, HasCode(ErrorCode::kOverloaded));
  ASSERT_THAT(Send(0), IsOk());
}

TEST_F(SegmentTest, AcceptedUpdatesSurviveAPowerCutAndNewOnesGetANewFile) {
  Open();
  for (size_t i = 0; i < 6; ++i) ASSERT_THAT(Send(i), IsOk());
  storage_.Crash(CrashKind::kPowerCut);
  Reopen();
  EXPECT_THAT(Open(), IsEmpty());
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  EXPECT_THAT(*storage_.List(kSmallFolder), ElementsAre("small.1.seg", "small.2.seg"));
  EXPECT_EQ(SumOf(sites_), Expected());
}

TEST_F(SegmentTest, DamagedUpdateIsAskedForAgain) {
  Open();
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  Bytes bytes = ReadWhole(storage_, kSmallFolder + "/small.1.seg", 1 << 20).value();
  bytes.back() ^= std::byte{1};
  storage_.Plant(kSmallFolder + "/small.1.seg", bytes);
  Reopen();
  EXPECT_THAT(Open(), ElementsAre(sites_.back()));
  ASSERT_THAT(Send(sites_.size() - 1), IsOk());
  EXPECT_EQ(SumOf(sites_), Expected());
}

TEST_F(SegmentTest, SegmentWhoseSyncFailedIsAbandoned) {
  Open();
  ASSERT_THAT(Send(0), IsOk());
  storage_.SetFaults({.fail_operation = 2});  // the write, then the sync
  EXPECT_THAT(Send(1), HasCode(ErrorCode::kStorageIo));
  storage_.SetFaults({});
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  EXPECT_THAT(*storage_.List(kSmallFolder), ElementsAre("small.1.seg", "small.2.seg"));
  storage_.Crash(CrashKind::kPowerCut);
  Reopen();
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_EQ(SumOf(sites_), Expected());
}

TEST_F(SegmentTest, KeptUpdatesAreFoundInTheirSegment) {
  step_.keep_updates = true;
  Open();
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(store_->Discard(step_.job, step_.step, Spools::kStay), IsOk());
  EXPECT_EQ(store_->DigestOfKept(step_, Journal()).value(), Expected());
}

// durability = "round": nothing is synced for an update; a process that dies loses nothing, a power
// cut may lose updates, and those are asked for again.
TEST_F(SegmentTest, WithoutSyncsAKillLosesNothingAndAPowerCutIsAskedAgain) {
  step_.sync = Sync::kStep;
  Open();
  ASSERT_THAT(Send(0), IsOk());
  storage_.SetFaults({});
  ASSERT_THAT(Send(1), IsOk());
  EXPECT_EQ(storage_.operations(), 1u) << "one write, no sync";
  storage_.Crash(CrashKind::kProcess);
  Reopen();
  EXPECT_THAT(Open(), IsEmpty());
  ASSERT_THAT(Send(2), IsOk());
  storage_.Crash(CrashKind::kPowerCut);
  Reopen();
  EXPECT_FALSE(Open().empty());
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  EXPECT_EQ(SumOf(sites_), Expected());
}

TEST_F(SegmentTest, SameSumAfterACrashAtEveryOperation) {
  const Digest expected = Expected();
  for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn}) {
    for (uint64_t failing = 1;; ++failing) {
      ASSERT_LT(failing, 100u);
      {
        MutexLock lock(mutex_);
        journal_.clear();
      }
      Reopen();
      storage_.SetFaults({.fail_operation = failing, .and_all_after = true});
      bool quiet = store_->OpenForUploads(step_, sites_, {}).ok();
      for (size_t i = 0; i < sites_.size() && quiet; ++i) quiet = Send(i).ok();
      storage_.Crash(kind);
      Reopen();
      ASSERT_THAT(Open(), IsEmpty()) << "operation " << failing;
      for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk()) << failing;
      ASSERT_EQ(SumOf(sites_), expected) << "operation " << failing;
      ASSERT_THAT(store_->Discard(step_.job, step_.step), IsOk());
      if (quiet) break;
    }
  }
}

}  // namespace
}  // namespace consilium::server::store
