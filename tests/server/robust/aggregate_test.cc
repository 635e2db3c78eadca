// A step under a rule as a file: what it holds, that it can be read again, and what is refused.
#include "server/robust/aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/sha256.h"
#include "server/robust/aggregate_file.h"
#include "tests/server/robust/rows.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::robust {
namespace {

using consilium::testing::HasCode;
using job::RobustKind;
using ::testing::ElementsAre;

// Keeps what was reported.
class Reported final : public store::ReportSink {
 public:
  absl::Status Take(size_t tensor, uint64_t first, std::span<const double> values) override {
    if (tensor == 0) {
      EXPECT_EQ(first, model.size());
      model.insert(model.end(), values.begin(), values.end());
    } else {
      count = values[0];
    }
    return absl::OkStatus();
  }
  std::vector<double> model;
  double count = 0;
};

struct Written {
  Aggregate aggregate;
  Bytes file;
  std::vector<double> model;
  double count = 0;
};

absl::StatusOr<Written> Write(const job::RobustSpec& robust, Rows& rows) {
  job::JobSpec spec;
  spec.robust = robust;
  const sum::SumRule rule = sum::SumRule::Create(rows.layout, {}).value();
  auto columns = rows.Open();
  const auto file = rows.storage.OpenBulk("out").value();
  Reported reported;
  auto aggregate = AggregateColumns(spec, rule, columns, *file, &reported);
  if (!aggregate.ok()) return aggregate.status();
  return Written{*aggregate, ReadWhole(rows.storage, "out", 1 << 20).value(), reported.model,
                 reported.count};
}

TEST(Aggregate, ModelGoesByTheRuleAndStatisticsAreSums) {
  Rows rows(std::vector<Row>{{1, 5}, {2, -5}, {90, 0}}, {3, 4, 5});
  ASSERT_OK_AND_ASSIGN(const Written written, Write({.kind = RobustKind::kMedian}, rows));
  EXPECT_THAT(written.model, ElementsAre(2, 0));
  EXPECT_EQ(written.count, 30);
  EXPECT_EQ(written.aggregate.totals.weight, 12u);
  EXPECT_EQ(written.aggregate.digest, crypto::Sha256Of(written.file));
  EXPECT_TRUE(written.aggregate.remarks.empty());

  const auto rule = sum::SumRule::Create(rows.layout, {}).value();
  ASSERT_OK_AND_ASSIGN(const sum::SumReport read,
                       DecodeAggregate(rule.report_layout(), RobustKind::kMedian, written.file));
  EXPECT_THAT(read.values.Float64(0), ElementsAre(2, 0));
  EXPECT_THAT(read.values.Float64(1), ElementsAre(30));
  EXPECT_EQ(read.total_weight, 12u);
  EXPECT_EQ(read.contributions, 3u);
}

TEST(Aggregate, NamesWhomTheRuleLeftOut) {
  Rows rows(std::vector<Row>{{0}, {1}, {3}, {4}, {100}});
  ASSERT_OK_AND_ASSIGN(const Written written,
                       Write({.kind = RobustKind::kMultiKrum, .byzantine = 1}, rows));
  ASSERT_EQ(written.aggregate.remarks.size(), 1u);
  EXPECT_TRUE(written.aggregate.remarks.at(SiteId("e")).excluded);
  EXPECT_THAT(written.model, ElementsAre(2));
}

// More than one block, and more than a tile.
TEST(Aggregate, BlocksMakeOneVector) {
  std::vector<Row> many(5, Row(40'003));
  for (size_t i = 0; i < many.size(); ++i) {
    for (size_t e = 0; e < many[i].size(); ++e) {
      many[i][e] = static_cast<float>((e * 7 + i * (e % 3 + 1)) % 1001);
    }
  }
  Rows rows(many);
  ASSERT_OK_AND_ASSIGN(const Written median, Write({.kind = RobustKind::kMedian}, rows));
  ASSERT_OK_AND_ASSIGN(const Written clipped, Write({.kind = RobustKind::kNormClip}, rows));
  ASSERT_EQ(median.model.size(), 40'003u);
  ASSERT_EQ(clipped.model.size(), 40'003u);
  for (size_t e = 0; e < median.model.size(); e += 997) {
    std::vector<float> column;
    for (const Row& row : many) column.push_back(row[e]);
    std::ranges::sort(column);
    EXPECT_EQ(median.model[e], column[2]) << e;
  }
}

TEST(Aggregate, RefusesATrimThatLeavesNothing) {
  Rows rows(std::vector<Row>{{0}, {1}});
  EXPECT_THAT(Write({.kind = RobustKind::kTrimmedMean, .byzantine = 1}, rows),
              HasCode(ErrorCode::kTooFewSites));
}

TEST(AggregateFile, DamageAndStrangersAreRefused) {
  Rows rows(std::vector<Row>{{1, 5}, {2, -5}, {90, 0}});
  ASSERT_OK_AND_ASSIGN(const Written written, Write({.kind = RobustKind::kMedian}, rows));
  const tensor::Layout report = sum::SumRule::Create(rows.layout, {}).value().report_layout();
  for (size_t at = 0; at < written.file.size(); ++at) {
    Bytes damaged = written.file;
    damaged[at] ^= std::byte{1};
    EXPECT_THAT(DecodeAggregate(report, RobustKind::kMedian, damaged),
                HasCode(ErrorCode::kStateCorrupt))
        << at;
    EXPECT_FALSE(
        DecodeAggregate(report, RobustKind::kMedian, ByteSpan(written.file).first(at)).ok());
  }
  EXPECT_THAT(DecodeAggregate(report, RobustKind::kKrum, written.file),
              HasCode(ErrorCode::kUpdateLayout));
  const tensor::Layout other =
      sum::SumRule::Create(Rows(std::vector<Row>{{1}, {2}}).layout, {}).value().report_layout();
  EXPECT_THAT(DecodeAggregate(other, RobustKind::kMedian, written.file),
              HasCode(ErrorCode::kUpdateLayout));
}

}  // namespace
}  // namespace consilium::server::robust
