// Folding while the round goes on: the same bits, less disk, and nothing lost at any crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

const JobId kFoldJob("0123456789abcdef");
const std::string kFolder = "spool/0123456789abcdef";

// A float32 tensor of several blocks with odd length, a float64 one larger than a block (two
// planes), and a small one.
tensor::Layout ManyBlocks() {
  const auto counts = tensor::Weighting::kOne;
  return *tensor::Layout::Create({{.name = "w", .shape = {70'001}},
                                  {.name = "h",
                                   .shape = {40'000},
                                   .dtype = tensor::DType::kFloat64,
                                   .bound_log2 = 40,
                                   .weighting = counts,
                                   .tag = tensor::Tag::kSum},
                                  {.name = "n",
                                   .shape = {3},
                                   .dtype = tensor::DType::kFloat64,
                                   .bound_log2 = 40,
                                   .weighting = counts,
                                   .tag = tensor::Tag::kCount}});
}
tensor::Layout FewValues() { return *tensor::Layout::Create({{.name = "w", .shape = {5}}}); }

class GenerationsTest : public ::testing::Test {
 protected:
  GenerationsTest() {
    for (int i = 0; i < 6; ++i) sites_.emplace_back(std::string(1, static_cast<char>('a' + i)));
    Use(FewValues());
    Reopen();
  }
  void Use(const tensor::Layout& layout, bool keep = false) {
    step_ = {kFoldJob, StepNumber(7), crypto::Sha256Of(AsBytes("base")), layout, {}, keep};
  }
  void Reopen() {
    store_ = std::make_unique<UpdateStore>(
        UpdateStore::Options{.folder = "spool", .small_update_bytes = 0, .fold_updates = 2},
        storage_, [this](std::span<const AcceptedUpdate> updates, Sync) {
          for (const AcceptedUpdate& update : updates) {
            std::erase_if(journal_, [&](const AcceptedUpdate& a) { return a.key == update.key; });
            journal_.push_back(update);
          }
          return absl::OkStatus();
        });
  }
  std::vector<SiteId> Open() {
    const auto lost = store_->OpenForUploads(step_, sites_, journal_);
    EXPECT_THAT(lost, IsOk());
    return lost.value_or(std::vector<SiteId>());
  }
  tensor::Bundle ValuesOf(size_t site) const {
    tensor::Bundle values(step_.layout);
    for (size_t t = 0; t < step_.layout.size(); ++t) {
      const float scale = 0.1f * static_cast<float>(site + 1);
      if (step_.layout.tensors()[t].dtype == tensor::DType::kFloat64) {
        for (double& x : values.Float64(t)) x = 3.7 * scale;
      } else {
        float next = scale;
        for (float& x : values.Float32(t)) x = next = next < 50 ? next * 1.01f : scale / 3;
      }
    }
    return values;
  }
  Bytes FileOf(size_t site) const {
    wire::UpdateHeader header;
    header.key = {step_.job, step_.step, sites_[site]};
    header.base_state = step_.base_state;
    header.layout = wire::DigestOf(step_.layout);
    header.weight = static_cast<uint32_t>(3 + site);
    header.support.assign(step_.layout.size(), 30);
    header.payload_bytes = step_.layout.payload_bytes();
    Bytes file = wire::EncodeUpdateHeader(header);
    const tensor::Bundle values = ValuesOf(site);
    file.insert(file.end(), values.payload().begin(), values.payload().end());
    return file;
  }
  absl::Status Send(size_t site) {
    const Bytes file = FileOf(site);
    const wire::UploadHeader header{
        {step_.job, step_.step, sites_[site]}, Epoch(1), crypto::Sha256Of(file), file.size(), 0};
    auto position = store_->Begin(header);
    if (!position.ok()) return position.status();
    if (position->receipt) return absl::OkStatus();
    if (position->written < file.size()) {
      auto written = store_->Append(header.key, header.digest, position->written,
                                    ByteSpan(file).subspan(position->written));
      if (!written.ok()) return written.status();
    }
    return store_->Finish(header.key, header.digest).status();
  }
  absl::Status Fold(const std::vector<size_t>& sites) {
    std::vector<UpdateNote> updates;
    for (const size_t i : sites) updates.push_back({sites_[i], Bytes(1, std::byte(i))});
    return store_->Fold(step_.job, step_.step, updates);
  }
  absl::StatusOr<Bytes> Sum() {
    if (absl::Status made = storage_.CreateFolder("sums"); !made.ok()) return made;
    const auto written = store_->WriteSum(step_.job, step_.step, {sites_}, "sums/x", nullptr);
    if (!written.ok()) return written.status();
    return ReadWhole(storage_, "sums/x", 1 << 30);
  }
  // All sites at once, in memory.
  sum::ExactSum Expected() const {
    auto sum = sum::ExactSum::Create(step_.layout, {});
    for (size_t i = 0; i < sites_.size(); ++i) {
      EXPECT_THAT(sum->Accumulate(static_cast<uint32_t>(3 + i), ValuesOf(i).payload()), IsOk());
    }
    return *std::move(sum);
  }
  std::vector<std::string> Files() const { return *storage_.List(kFolder); }

  MemoryStorage storage_;
  std::vector<AcceptedUpdate> journal_;
  std::unique_ptr<UpdateStore> store_;
  std::vector<SiteId> sites_;
  OpenStep step_;
};

TEST_F(GenerationsTest, AnyGroupingIntoGenerationsGivesTheBytesOfOneSum) {
  Use(ManyBlocks());
  Open();
  for (const size_t i : {5u, 0u, 3u}) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({3, 5}), IsOk());
  for (const size_t i : {1u, 2u, 4u}) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({0, 1}), IsOk());
  const sum::ExactSum expected = Expected();
  ASSERT_OK_AND_ASSIGN(const Bytes sum, Sum());
  EXPECT_TRUE(sum == expected.Serialize());
  const sum::SumReport report = expected.Report();
  ReportTail values(report.values.layout(), 0);
  ASSERT_OK_AND_ASSIGN(const StepSum again,
                       store_->WriteSum(step_.job, step_.step, {sites_}, "sums/y", &values));
  EXPECT_TRUE(std::ranges::equal(values.values().payload(), report.values.payload()));
  EXPECT_EQ(again.totals.weight, report.total_weight);
  EXPECT_EQ(again.totals.contributions, 6u);
}

TEST_F(GenerationsTest, FoldedSpoolsLeaveTheDisk) {
  Open();
  EXPECT_THAT(store_->DueForFold(step_.job, step_.step), IsEmpty());
  for (const size_t i : {0u, 1u, 2u}) ASSERT_THAT(Send(i), IsOk());
  EXPECT_THAT(store_->DueForFold(step_.job, step_.step),
              ElementsAre(sites_[0], sites_[1], sites_[2]));
  ASSERT_THAT(Fold({0, 1}), IsOk());
  EXPECT_THAT(Files(), ElementsAre("7.1.fold", "7.c.update"));
  EXPECT_THAT(store_->DueForFold(step_.job, step_.step), IsEmpty());
  ASSERT_THAT(Fold({2}), IsOk());
  EXPECT_THAT(Files(), ElementsAre("7.2.fold"));
  ASSERT_THAT(store_->Discard(step_.job, step_.step), IsOk());
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(GenerationsTest, KeptUpdatesStayAndGiveTheSameSumAgain) {
  Use(FewValues(), /*keep=*/true);
  Open();
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({0, 1, 2}), IsOk());
  ASSERT_OK_AND_ASSIGN(const Bytes sum, Sum());
  ASSERT_THAT(store_->Discard(step_.job, step_.step, Spools::kStay), IsOk());
  EXPECT_EQ(Files().size(), 6u);
  ASSERT_OK_AND_ASSIGN(const Digest again, store_->DigestOfKept(step_, journal_));
  EXPECT_EQ(again, crypto::Sha256Of(sum));
}

TEST_F(GenerationsTest, FoldedUpdateStillAnswersItsSiteAndKeepsItsNote) {
  Open();
  for (const size_t i : {0u, 1u}) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({0, 1}), IsOk());
  EXPECT_THAT(Send(0), IsOk()) << "a repeat gets its receipt";
  EXPECT_EQ(store_->NoteOf(step_.job, step_.step, sites_[1]), Bytes(1, std::byte{1}));
  EXPECT_EQ(store_->NoteOf(step_.job, step_.step, sites_[2]), std::nullopt);
  storage_.Crash(CrashKind::kPowerCut);
  Reopen();
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_THAT(Send(0), IsOk());
  EXPECT_EQ(store_->NoteOf(step_.job, step_.step, sites_[1]), Bytes(1, std::byte{1}));
  EXPECT_THAT(store_->Accepted(step_.job, step_.step), ::testing::SizeIs(2));
}

TEST_F(GenerationsTest, SumWithoutAFoldedSiteIsRefused) {
  Open();
  for (const size_t i : {0u, 1u}) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({0, 1}), IsOk());
  EXPECT_THAT(store_->WriteSum(step_.job, step_.step, {{sites_[0]}}, "spool/x", nullptr),
              HasCode(ErrorCode::kInternal));
}

TEST_F(GenerationsTest, DamagedGenerationIsNotUsedAndItsUpdatesAreAskedForAgain) {
  Open();
  for (const size_t i : {0u, 1u, 2u}) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({0, 1}), IsOk());
  const Bytes good = ReadWhole(storage_, kFolder + "/7.1.fold", 1 << 20).value();
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{4};
    storage_.Plant(kFolder + "/7.1.fold", bad);
    Reopen();
    ASSERT_THAT(Open(), ElementsAre(sites_[0], sites_[1])) << "byte " << at;
    ASSERT_THAT(Files(), ElementsAre("7.c.update"));
  }
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  ASSERT_OK_AND_ASSIGN(const Bytes sum, Sum());
  EXPECT_EQ(sum, Expected().Serialize());
}

TEST_F(GenerationsTest, GenerationOfAnotherStepOrWithUnknownUpdatesIsNotUsed) {
  Open();
  for (const size_t i : {0u, 1u}) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({0, 1}), IsOk());
  const Bytes good = ReadWhole(storage_, kFolder + "/7.1.fold", 1 << 20).value();
  storage_.Plant(kFolder + "/8.1.fold", good);
  storage_.Plant(kFolder + "/7.2.fold", good);  // says that it is generation 1
  Reopen();
  EXPECT_THAT(Open(), IsEmpty());
  step_.step = StepNumber(8);
  journal_[0].key.step = journal_[1].key.step = step_.step;
  EXPECT_THAT(Open(), ElementsAre(sites_[0], sites_[1]));
}

// A crash at every disk operation of a round that folds twice: the bytes of the sum are those of
// the quiet run, and what a site was told is accepted is never asked for again.
TEST_F(GenerationsTest, SameBytesAfterACrashAtEveryOperation) {
  const Bytes expected = Expected().Serialize();
  const auto round = [&]() -> absl::Status {
    auto lost = store_->OpenForUploads(step_, sites_, journal_);
    if (!lost.ok()) return lost.status();
    for (size_t i = 0; i < sites_.size(); ++i) {
      if (absl::Status sent = Send(i); !sent.ok()) return sent;
      const std::vector<SiteId> due = store_->DueForFold(step_.job, step_.step);
      std::vector<UpdateNote> updates;
      for (const SiteId& site : due) updates.push_back({site, {}});
      if (absl::Status folded = store_->Fold(step_.job, step_.step, updates); !folded.ok()) {
        return folded;
      }
    }
    return Sum().status();
  };
  for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn}) {
    for (uint64_t failing = 1; failing < 200; ++failing) {
      journal_.clear();
      Reopen();
      storage_.SetFaults({.fail_operation = failing, .and_all_after = true});
      const bool quiet = round().ok();
      storage_.Crash(kind);
      Reopen();
      ASSERT_THAT(Open(), IsEmpty()) << "operation " << failing;
      for (size_t i = 0; i < sites_.size(); ++i) {
        absl::Status sent = Send(i);
        if (CodeOf(sent) == ErrorCode::kUpdateDigest) sent = Send(i);  // a torn spool
        ASSERT_THAT(sent, IsOk()) << "operation " << failing;
      }
      ASSERT_OK_AND_ASSIGN(const Bytes sum, Sum());
      ASSERT_EQ(sum, expected) << "operation " << failing;
      ASSERT_THAT(store_->Discard(step_.job, step_.step), IsOk());
      if (quiet) {
        ASSERT_GT(failing, 40u) << "too few operations were tried";
        break;
      }
      ASSERT_LT(failing, 199u);
    }
  }
}

TEST_F(GenerationsTest, FullDiskDuringAFoldLosesNothing) {
  Open();
  for (const size_t i : {0u, 1u}) ASSERT_THAT(Send(i), IsOk());
  storage_.SetFaults({.capacity_bytes = 400});
  EXPECT_THAT(Fold({0, 1}), HasCode(ErrorCode::kStorageFull));
  EXPECT_THAT(Files(), ElementsAre("7.a.update", "7.b.update"));
  storage_.SetFaults({});
  for (size_t i = 0; i < sites_.size(); ++i) ASSERT_THAT(Send(i), IsOk());
  ASSERT_THAT(Fold({0, 1}), IsOk());
  ASSERT_OK_AND_ASSIGN(const Bytes sum, Sum());
  EXPECT_EQ(sum, Expected().Serialize());
}

}  // namespace
}  // namespace consilium::server::store
