#include "server/store/update_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "common/wire/format.h"
#include "common/wire/layout_codec.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const JobId kJob("0123456789abcdef");
const SiteId kA("a"), kB("b"), kOutsider("outsider");

tensor::Layout TestLayout(uint32_t elements = 5) {
  return *tensor::Layout::Create({{.name = "w", .shape = {elements}},
                                  {.name = "rows",
                                   .shape = {2},
                                   .dtype = tensor::DType::kFloat64,
                                   .bound_log2 = 40,
                                   .weighting = tensor::Weighting::kOne,
                                   .tag = tensor::Tag::kCount}});
}

OpenStep StepOf(uint64_t number, const tensor::Layout& layout = TestLayout()) {
  return {kJob, StepNumber(number), crypto::Sha256Of(AsBytes("base")), layout};
}

// A well-formed update file; a test may spoil the header or the values first.
struct Update {
  Update(const OpenStep& step, const SiteId& site, float value) : values(step.layout) {
    header.key = {step.job, step.step, site};
    header.base_state = step.base_state;
    header.layout = wire::DigestOf(step.layout);
    header.weight = 3;
    header.support.assign(step.layout.size(), 30);
    header.payload_bytes = step.layout.payload_bytes();
    for (float& x : values.Float32(0)) x = value;
    values.Float64(1)[0] = 30;
  }
  Bytes File() const {
    Bytes file = wire::EncodeUpdateHeader(header);
    file.insert(file.end(), values.payload().begin(), values.payload().end());
    return file;
  }
  wire::UpdateHeader header;
  tensor::Bundle values;
};

wire::UploadHeader UploadOf(const OpenStep& step, const SiteId& site, const Bytes& file) {
  return {{step.job, step.step, site}, Epoch(1), crypto::Sha256Of(file), file.size(), 0};
}

class UpdateStoreTest : public ::testing::Test {
 protected:
  UpdateStoreTest() { Reopen(); }

  void Reopen(UpdateStore::Options options = {.folder = "spool"}) {
    options.small_update_bytes = 0;  // a file each
    store_ = std::make_unique<UpdateStore>(
        options, storage_, [this](std::span<const AcceptedUpdate> updates, Sync) {
          if (journal_result_.ok()) {
            journal_.insert(journal_.end(), updates.begin(), updates.end());
          }
          return journal_result_;
        });
  }
  void Open(const OpenStep& step) {
    const auto lost = store_->OpenForUploads(step, {kA, kB}, journal_);
    ASSERT_THAT(lost, IsOk());
    EXPECT_THAT(*lost, IsEmpty());
  }
  // The whole of a file in pieces of `piece` bytes.
  absl::StatusOr<wire::Receipt> Send(const wire::UploadHeader& header, const Bytes& file,
                                     size_t piece = 37) {
    auto position = store_->Begin(header);
    if (!position.ok()) return position.status();
    if (position->receipt) return *position->receipt;
    for (uint64_t offset = position->written; offset < file.size();) {
      const size_t length = std::min<size_t>(piece, file.size() - offset);
      auto written =
          store_->Append(header.key, header.digest, offset, ByteSpan(file).subspan(offset, length));
      if (!written.ok()) return written.status();
      offset = *written;
    }
    return store_->Finish(header.key, header.digest);
  }
  absl::StatusOr<wire::Receipt> Send(const OpenStep& step, const Update& update) {
    const Bytes file = update.File();
    return Send(UploadOf(step, update.header.key.site, file), file);
  }

  // The bytes of the sum over `sites`.
  absl::StatusOr<Bytes> SumOf(const OpenStep& step, const std::vector<SiteId>& sites) {
    EXPECT_THAT(storage_.CreateFolder("sums"), IsOk());
    const auto written = store_->WriteSum(step.job, step.step, {sites}, "sums/x", nullptr);
    if (!written.ok()) return written.status();
    auto bytes = ReadWhole(storage_, "sums/x", 1 << 30);
    EXPECT_EQ(written->digest, crypto::Sha256Of(*bytes));
    return bytes;
  }

  MemoryStorage storage_;
  std::vector<AcceptedUpdate> journal_;
  absl::Status journal_result_;
  std::unique_ptr<UpdateStore> store_;
  const OpenStep step_ = StepOf(7);
};

TEST_F(UpdateStoreTest, WholeUpdateIsJournalledThenReceipted) {
  Open(step_);
  const Bytes file = Update(step_, kA, 1).File();
  ASSERT_OK_AND_ASSIGN(const wire::Receipt receipt, Send(UploadOf(step_, kA, file), file));
  EXPECT_EQ(receipt.digest, crypto::Sha256Of(file));
  ASSERT_THAT(journal_, SizeIs(1));
  EXPECT_EQ(journal_[0].weight, 3u);
  EXPECT_EQ(journal_[0].bytes, file.size());
  EXPECT_THAT(*storage_.List("spool/" + kJob.value()), ElementsAre("7.a.update"));
}

TEST_F(UpdateStoreTest, RepeatGetsTheSameReceiptAndAnotherDigestIsRefused) {
  Open(step_);
  ASSERT_THAT(Send(step_, Update(step_, kA, 1)), IsOk());
  EXPECT_THAT(Send(step_, Update(step_, kA, 1)), IsOk());
  EXPECT_THAT(Send(step_, Update(step_, kA, 2)), HasCode(ErrorCode::kUpdateConflict));
  EXPECT_THAT(journal_, SizeIs(1));
}

TEST_F(UpdateStoreTest, AnotherDigestBeforeAcceptanceStartsAtZero) {
  Open(step_);
  const Bytes first = Update(step_, kA, 1).File();
  const wire::UploadHeader begun = UploadOf(step_, kA, first);
  ASSERT_THAT(store_->Begin(begun), IsOk());
  ASSERT_THAT(store_->Append(begun.key, begun.digest, 0, ByteSpan(first).first(50)), IsOk());
  const Bytes second = Update(step_, kA, 2).File();
  ASSERT_OK_AND_ASSIGN(const auto position, store_->Begin(UploadOf(step_, kA, second)));
  EXPECT_EQ(position.written, 0u);
  EXPECT_THAT(store_->Append(begun.key, begun.digest, 50, ByteSpan(first).subspan(50)),
              HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(Send(UploadOf(step_, kA, second), second), IsOk());
}

TEST_F(UpdateStoreTest, UploadGoesOnAtItsLastByteAfterARestart) {
  Open(step_);
  const Bytes file = Update(step_, kA, 1).File();
  const wire::UploadHeader header = UploadOf(step_, kA, file);
  ASSERT_THAT(store_->Begin(header), IsOk());
  ASSERT_THAT(store_->Append(header.key, header.digest, 0, ByteSpan(file).first(61)), IsOk());
  storage_.Crash(CrashKind::kProcess);
  Reopen();
  Open(step_);
  ASSERT_OK_AND_ASSIGN(const auto position, store_->Begin(header));
  EXPECT_EQ(position.written, 61u);
  EXPECT_THAT(Send(header, file), IsOk());
}

TEST_F(UpdateStoreTest, PieceAtAnotherOffsetIsRefused) {
  Open(step_);
  const Bytes file = Update(step_, kA, 1).File();
  const wire::UploadHeader header = UploadOf(step_, kA, file);
  ASSERT_THAT(store_->Begin(header), IsOk());
  EXPECT_THAT(store_->Append(header.key, header.digest, 8, ByteSpan(file).first(8)),
              HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(store_->Finish(header.key, header.digest), HasCode(ErrorCode::kProtocol));
  ASSERT_THAT(store_->Append(header.key, header.digest, 0, file), IsOk());
  EXPECT_THAT(store_->Append(header.key, header.digest, file.size(), ByteSpan(file).first(1)),
              HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(store_->Finish(header.key, header.digest), IsOk());
}

TEST_F(UpdateStoreTest, OnlySelectedSitesOfOpenStepsAreTaken) {
  Open(step_);
  EXPECT_THAT(Send(step_, Update(step_, kOutsider, 1)), HasCode(ErrorCode::kUpdateUnknownTask));
  const OpenStep other = StepOf(8);
  EXPECT_THAT(Send(other, Update(other, kA, 1)), HasCode(ErrorCode::kUpdateUnknownTask));
  store_->CloseForUploads(kJob, step_.step);
  EXPECT_THAT(Send(step_, Update(step_, kA, 1)), HasCode(ErrorCode::kUpdateUnknownTask));
}

TEST_F(UpdateStoreTest, NanIsRefusedByTensorAndIndex) {
  Open(step_);
  Update update(step_, kA, 1);
  update.values.Float32(0)[3] = std::numeric_limits<float>::quiet_NaN();
  const auto receipt = Send(step_, update);
  EXPECT_THAT(receipt, HasCode(ErrorCode::kUpdateNotFinite));
  EXPECT_THAT(std::string(receipt.status().message()), HasSubstr("w"));
  EXPECT_THAT(std::string(receipt.status().message()), HasSubstr("3"));
  EXPECT_THAT(journal_, IsEmpty());
  // The spool is gone: a mended update may come.
  EXPECT_THAT(*storage_.List("spool/" + kJob.value()), IsEmpty());
  EXPECT_THAT(Send(step_, Update(step_, kA, 1)), IsOk());
}

TEST_F(UpdateStoreTest, EachSpoiltUpdateIsRefusedByItsCode) {
  Open(step_);
  const auto refused = [&](ErrorCode code, auto spoil) {
    Update update(step_, kA, 1);
    spoil(update);
    const Bytes file = update.File();
    EXPECT_THAT(Send(UploadOf(step_, kA, file), file), HasCode(code));
  };
  refused(ErrorCode::kUpdateOutOfBound, [](Update& u) { u.values.Float32(0)[0] = 129.0f; });
  refused(ErrorCode::kUpdateLayout, [](Update& u) { u.header.layout.bytes[0] ^= 1; });
  refused(ErrorCode::kUpdateLayout, [](Update& u) { u.header.payload_bytes += 8; });
  refused(ErrorCode::kUpdateLayout, [](Update& u) { u.header.support.pop_back(); });
  refused(ErrorCode::kUpdateUnknownTask, [](Update& u) { u.header.base_state.bytes[0] ^= 1; });
  refused(ErrorCode::kUpdateUnknownTask, [](Update& u) { u.header.key.site = kB; });
  EXPECT_THAT(journal_, IsEmpty());
}

TEST_F(UpdateStoreTest, WeightOutsideItsRangeIsRefused) {
  Open(step_);
  Update update(step_, kA, 1);
  update.header.weight = 0x00abcdef;
  const Bytes good = update.File();
  const auto header_bytes = good.size() - update.header.payload_bytes;
  const std::array<std::byte, 4> mark{std::byte{0xef}, std::byte{0xcd}, std::byte{0xab},
                                      std::byte{0}};
  const auto found = std::ranges::search(good, mark);
  ASSERT_FALSE(found.empty());
  for (const uint32_t weight : {uint32_t{0}, sum::kMaxWeight + 1}) {
    Bytes bad = good;
    std::memcpy(bad.data() + (found.begin() - good.begin()), &weight, sizeof weight);
    const uint32_t crc = Crc32Of(ByteSpan(bad).first(header_bytes - 4));
    std::memcpy(bad.data() + header_bytes - 4, &crc, sizeof crc);
    const auto receipt = Send(UploadOf(step_, kA, bad), bad);
    EXPECT_FALSE(receipt.ok());
    EXPECT_THAT(std::string(receipt.status().message()), HasSubstr("weight"));
  }
  EXPECT_THAT(journal_, IsEmpty());
}

TEST_F(UpdateStoreTest, BytesWithAnotherDigestAreRefused) {
  Open(step_);
  const Bytes file = Update(step_, kA, 1).File();
  wire::UploadHeader header = UploadOf(step_, kA, file);
  header.digest.bytes[5] ^= 1;
  EXPECT_THAT(Send(header, file), HasCode(ErrorCode::kUpdateDigest));
}

TEST_F(UpdateStoreTest, OversizedUploadIsRefusedBeforeAByte) {
  Open(step_);
  const Bytes file = Update(step_, kA, 1).File();
  wire::UploadHeader header = UploadOf(step_, kA, file);
  header.bytes = uint64_t{1} << 40;
  EXPECT_THAT(store_->Begin(header), HasCode(ErrorCode::kMessageTooLarge));
  EXPECT_THAT(*storage_.List("spool/" + kJob.value()), IsEmpty());
}

TEST_F(UpdateStoreTest, SpoolBytesOfAllUploadsAreBounded) {
  const Bytes a = Update(step_, kA, 1).File(), b = Update(step_, kB, 1).File();
  Reopen({.folder = "spool", .max_spool_bytes = a.size() + b.size() - 1});
  Open(step_);
  ASSERT_THAT(store_->Begin(UploadOf(step_, kA, a)), IsOk());
  EXPECT_THAT(store_->Begin(UploadOf(step_, kB, b)), HasCode(ErrorCode::kOverloaded));
  ASSERT_THAT(Send(UploadOf(step_, kA, a), a), IsOk());
  EXPECT_THAT(Send(UploadOf(step_, kB, b), b), IsOk());
}

TEST_F(UpdateStoreTest, AcceptedUpdateSurvivesAPowerCut) {
  Open(step_);
  ASSERT_THAT(Send(step_, Update(step_, kA, 1)), IsOk());
  storage_.Crash(CrashKind::kPowerCut);
  Reopen();
  Open(step_);
  EXPECT_THAT(store_->Accepted(kJob, step_.step), SizeIs(1));
  EXPECT_THAT(SumOf(step_, {kA}), IsOk());
}

TEST_F(UpdateStoreTest, LostSpoolOfAnAcceptedUpdateIsAskedForAgain) {
  Open(step_);
  ASSERT_THAT(Send(step_, Update(step_, kA, 1)), IsOk());
  ASSERT_THAT(Send(step_, Update(step_, kB, 1)), IsOk());
  storage_.Plant("spool/" + kJob.value() + "/7.b.update", Bytes(journal_[1].bytes));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const auto lost, store_->OpenForUploads(step_, {kA, kB}, journal_));
  EXPECT_THAT(lost, ElementsAre(kB));
  EXPECT_THAT(SumOf(step_, {kA, kB}), HasCode(ErrorCode::kUpdateUnknownTask));
  EXPECT_THAT(Send(step_, Update(step_, kB, 1)), IsOk());
  EXPECT_THAT(SumOf(step_, {kA, kB}), IsOk());
}

// Whatever operation of the disk fails, and whatever the crash keeps: accepted means recoverable,
// and what is not accepted can be sent again.
TEST_F(UpdateStoreTest, NothingAcceptedIsLostAtAnyFault) {
  const Bytes file = Update(step_, kA, 1).File();
  for (uint64_t failing = 1; failing < 20; ++failing) {
    for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn}) {
      journal_.clear();
      Reopen();
      storage_.SetFaults({.fail_operation = failing, .and_all_after = true});
      const bool opened = store_->OpenForUploads(step_, {kA, kB}, {}).ok();
      const bool receipted = opened && Send(UploadOf(step_, kA, file), file).ok();
      EXPECT_LE(receipted, journal_.size() == 1);
      storage_.Crash(kind);
      Reopen();
      Open(step_);
      const auto again = Send(UploadOf(step_, kA, file), file);
      const bool torn = !again.ok() && CodeOf(again.status()) == ErrorCode::kUpdateDigest;
      if (torn) {
        ASSERT_THAT(Send(UploadOf(step_, kA, file), file), IsOk());
      }
      EXPECT_THAT(SumOf(step_, {kA}), IsOk()) << failing;
      ASSERT_THAT(store_->Discard(kJob, step_.step), IsOk());
    }
  }
}

TEST_F(UpdateStoreTest, NotJournalledMeansNoReceipt) {
  Open(step_);
  journal_result_ = Error(ErrorCode::kStorageFull, "journal: no space");
  EXPECT_THAT(Send(step_, Update(step_, kA, 1)), HasCode(ErrorCode::kStorageFull));
  EXPECT_THAT(store_->Accepted(kJob, step_.step), IsEmpty());
  journal_result_ = absl::OkStatus();
  EXPECT_THAT(Send(step_, Update(step_, kA, 1)), IsOk());
}

TEST_F(UpdateStoreTest, CloseDeletesWhatWasNotAccepted) {
  Open(step_);
  ASSERT_THAT(Send(step_, Update(step_, kA, 1)), IsOk());
  const Bytes file = Update(step_, kB, 1).File();
  const wire::UploadHeader header = UploadOf(step_, kB, file);
  ASSERT_THAT(store_->Begin(header), IsOk());
  ASSERT_THAT(store_->Append(header.key, header.digest, 0, ByteSpan(file).first(20)), IsOk());
  store_->CloseForUploads(kJob, step_.step);
  EXPECT_THAT(*storage_.List("spool/" + kJob.value()), ElementsAre("7.a.update"));
  ASSERT_THAT(store_->Discard(kJob, step_.step), IsOk());
  EXPECT_THAT(*storage_.List("spool/" + kJob.value()), IsEmpty());
}

TEST_F(UpdateStoreTest, SumIsTheExactSumOfTheGivenSitesOnly) {
  // More than one block, more than one batch of files.
  const OpenStep step = StepOf(3, TestLayout(70'000));
  std::vector<SiteId> sites;
  for (int i = 0; i < 20; ++i) sites.emplace_back("s" + std::to_string(i));
  ASSERT_THAT(store_->OpenForUploads(step, sites, {}), IsOk());
  std::vector<SiteId> counted;
  auto expected = sum::ExactSum::Create(step.layout, {});
  for (int i = 0; i < 20; ++i) {
    const Update update(step, sites[static_cast<size_t>(i)], 0.1f * static_cast<float>(i + 1));
    const Bytes file = update.File();
    ASSERT_THAT(Send(UploadOf(step, update.header.key.site, file), file, 100'000), IsOk());
    if (i == 5) continue;
    counted.push_back(update.header.key.site);
    ASSERT_THAT(expected->Accumulate(3, update.values.payload()), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const Bytes sum, SumOf(step, counted));
  EXPECT_EQ(sum, expected->Serialize());
}

TEST_F(UpdateStoreTest, TailHoldsTheTensorsBehindTheModel) {
  Open(step_);
  const Update update(step_, kA, 1);
  ASSERT_THAT(Send(step_, update), IsOk());
  ASSERT_OK_AND_ASSIGN(const Bytes tail, store_->ReadTail(kJob, step_.step, kA, 1));
  ASSERT_THAT(tail, SizeIs(16));
  EXPECT_EQ(ByteReader(tail).Get<double>(), 30.0);
  EXPECT_THAT(store_->ReadTail(kJob, step_.step, kB, 1), HasCode(ErrorCode::kUpdateUnknownTask));
}

}  // namespace
}  // namespace consilium::server::store
