// The rules that weigh whole updates: each by hand, and what wild updates cannot do.
#include "server/robust/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"
#include "tests/server/robust/rows.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::robust {
namespace {

using consilium::testing::HasCode;
using job::RobustKind;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

job::RobustSpec RuleOf(RobustKind kind) {
  job::RobustSpec rule;
  rule.kind = kind;
  rule.iterations = job::RowOf(kind).iterations;
  return rule;
}

absl::StatusOr<Choice> ChooseFrom(const job::RobustSpec& rule, const Rows& rows,
                                  uint32_t weight_cap = 1000) {
  auto columns = rows.Open();
  Passes passes(columns.reader, 1);
  return Choose({rule, weight_cap, columns.sites}, passes);
}

std::vector<double> Result(const Choice& choice, const std::vector<Row>& rows) {
  std::vector<double> out(rows.front().size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t e = 0; e < out.size(); ++e) out[e] += choice.factors[i] * double{rows[i][e]};
  }
  return out;
}

// Scores with f = 1, the two nearest: 10, 5, 5, 10, 18625.
TEST(Krum, KeepsTheUpdateWithTheNearestNeighbours) {
  const std::vector<Row> rows = {{0}, {1}, {3}, {4}, {100}};
  job::RobustSpec rule = RuleOf(RobustKind::kKrum);
  rule.byzantine = 1;
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(rule, Rows(rows)));
  EXPECT_THAT(choice.factors, ElementsAre(0, 1, 0, 0, 0)) << "of equal scores the first site's";
  EXPECT_FALSE(choice.remarks[1].excluded);
  for (const size_t other : {0, 2, 3, 4}) EXPECT_TRUE(choice.remarks[other].excluded);
  EXPECT_THAT(choice.remarks[4].text, HasSubstr("place 5 (score 1.862e+04)"));
}

TEST(Krum, ScoresAreSumsOfTheLeastSquares) {
  // Points 0, 1, 3, 4, 100: pairs in the order (1,0), (2,0), (2,1), (3,0), ...
  const std::vector<double> pairs = {1, 9, 4, 16, 9, 1, 10000, 9801, 9409, 9216};
  EXPECT_THAT(KrumScores(pairs, 5, 1), ElementsAre(10, 5, 5, 10, 18625));
}

TEST(MultiKrum, AveragesAllButTheWild) {
  const std::vector<Row> rows = {{0}, {1}, {3}, {4}, {100}};
  job::RobustSpec rule = RuleOf(RobustKind::kMultiKrum);
  rule.byzantine = 1;
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(rule, Rows(rows)));
  EXPECT_THAT(choice.factors, ElementsAre(0.25, 0.25, 0.25, 0.25, 0));
  EXPECT_THAT(choice.remarks[4].text, HasSubstr("kept the 4 closest of 5 updates"));
  rule.keep = 2;
  ASSERT_OK_AND_ASSIGN(const Choice two, ChooseFrom(rule, Rows(rows)));
  EXPECT_THAT(two.factors, ElementsAre(0, 0.5, 0.5, 0, 0));
}

TEST(Krum, RefusesTooFewUpdates) {
  job::RobustSpec rule = RuleOf(RobustKind::kKrum);
  rule.byzantine = 1;
  EXPECT_THAT(ChooseFrom(rule, Rows(std::vector<Row>{{0}, {1}, {2}, {3}})),
              HasCode(ErrorCode::kTooFewSites));
}

// From the mean 10/3: distances 10/3, 10/3, 20/3 give weights .4, .4, .2 and v = 2; from there 2,
// 2, 8 give 1/2, 1/2, 1/8 and v = 10/9. Compounding the weights would give 10/17.
TEST(GeometricMedian, WeighsFromTheStartWithoutCompounding) {
  const std::vector<Row> rows = {{0}, {0}, {10}};
  job::RobustSpec rule = RuleOf(RobustKind::kGeometricMedian);
  rule.iterations = 1;
  ASSERT_OK_AND_ASSIGN(const Choice one, ChooseFrom(rule, Rows(rows)));
  EXPECT_NEAR(Result(one, rows)[0], 2, 1e-12);
  rule.iterations = 2;
  ASSERT_OK_AND_ASSIGN(const Choice two, ChooseFrom(rule, Rows(rows)));
  EXPECT_NEAR(Result(two, rows)[0], 10.0 / 9, 1e-12);
  EXPECT_TRUE(two.remarks[0].text.empty());
  EXPECT_THAT(two.remarks[2].text, HasSubstr("weighs 0.33 of its share"));
  EXPECT_FALSE(two.remarks[2].excluded);
}

// A point of the data: the smoothing keeps the division finite, and the majority's point wins.
TEST(GeometricMedian, MeetsAPointOfTheMajority) {
  const std::vector<Row> rows = {{1, 1}, {1, 1}, {1, 1}, {50, -3}};
  job::RobustSpec rule = RuleOf(RobustKind::kGeometricMedian);
  rule.iterations = 40;
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(rule, Rows(rows)));
  EXPECT_THAT(Result(choice, rows), ElementsAre(DoubleNear(1, 1e-5), DoubleNear(1, 1e-5)));
}

TEST(GeometricMedian, WeighsByRowsWhereTheJobSaysSo) {
  const std::vector<Row> rows = {{0}, {4}};
  job::RobustSpec rule = RuleOf(RobustKind::kGeometricMedian);
  rule.by_rows = true;
  rule.iterations = 1;
  // Shares 1/4 and 3/4 (the cap): v = 3; distances 3 and 1: weights 1/12 and 3/4, v = 3.6.
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(rule, Rows(rows, {1, 100}), 3));
  EXPECT_NEAR(Result(choice, rows)[0], 3.6, 1e-12);
}

TEST(NormClip, ShortensToTheMedianLength) {
  const std::vector<Row> rows = {{1, 0}, {0, 2}, {30, 40}};
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(RuleOf(RobustKind::kNormClip), Rows(rows)));
  EXPECT_THAT(Result(choice, rows),
              ElementsAre(DoubleNear(2.2 / 3, 1e-12), DoubleNear(1.2, 1e-12)));
  EXPECT_THAT(choice.remarks[2].text, HasSubstr("is 50 long, the median 2: clipped to 0.04 of it"));
  EXPECT_FALSE(choice.remarks[2].excluded);
  EXPECT_TRUE(choice.remarks[1].text.empty());
}

TEST(NormClip, OfNoChangeIsNoChange) {
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(RuleOf(RobustKind::kNormClip),
                                                       Rows(std::vector<Row>{{0}, {0}, {5}})));
  EXPECT_EQ(Result(choice, {{0}, {0}, {5}})[0], 0);
}

// Radius 1 from 0: .5 + 1 + 1 over 3 = 5/6; then -1/3 + 1/6 + 1 over 3 = 5/18 further: 10/9.
TEST(CentredClip, MovesByClippedDifferences) {
  const std::vector<Row> rows = {{0.5f}, {1}, {9}};
  job::RobustSpec rule = RuleOf(RobustKind::kCentredClip);
  rule.clip_radius = 1;
  rule.iterations = 1;
  ASSERT_OK_AND_ASSIGN(const Choice one, ChooseFrom(rule, Rows(rows)));
  EXPECT_NEAR(Result(one, rows)[0], 5.0 / 6, 1e-12);
  rule.iterations = 2;
  ASSERT_OK_AND_ASSIGN(const Choice two, ChooseFrom(rule, Rows(rows)));
  EXPECT_NEAR(Result(two, rows)[0], 10.0 / 9, 1e-12);
  EXPECT_THAT(two.remarks[2].text, HasSubstr("beyond radius 1 of the centre"));
}

// Root a = (3, 4). b is twice that: cosine 1, scaled back. c points away. d has cosine .6.
TEST(FlTrust, WeighsByTheCosineToTheRoot) {
  const std::vector<Row> rows = {{3, 4}, {6, 8}, {-3, -4}, {5, 0}};
  job::RobustSpec rule = RuleOf(RobustKind::kFlTrust);
  rule.root_site = SiteId("a");
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(rule, Rows(rows)));
  EXPECT_THAT(Result(choice, rows),
              ElementsAre(DoubleNear(9 / 2.6, 1e-12), DoubleNear(8 / 2.6, 1e-12)));
  EXPECT_TRUE(choice.remarks[2].excluded);
  EXPECT_THAT(choice.remarks[2].text, HasSubstr("cosine -1 to that of root site a"));
  rule.root_site = SiteId("z");
  EXPECT_THAT(ChooseFrom(rule, Rows(rows)), HasCode(ErrorCode::kTooFewSites));
}

TEST(FlTrust, ARootThatDoesNotMoveHoldsTheModel) {
  job::RobustSpec rule = RuleOf(RobustKind::kFlTrust);
  rule.root_site = SiteId("b");
  const std::vector<Row> rows = {{1, 2}, {0, 0}, {0, 0}};
  ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(rule, Rows(rows)));
  EXPECT_THAT(Result(choice, rows), ElementsAre(0, 0));
  EXPECT_TRUE(choice.remarks[0].excluded);
}

// Breakdown: with 3 of 13 wild at any length the result stays near the honest updates, which lie
// within 2 of (1, 1, ...); the mean would be carried off.
TEST(Choice, WildUpdatesDoNotCarryTheResultOff) {
  Random random(23);
  for (const RobustKind kind :
       {RobustKind::kKrum, RobustKind::kMultiKrum, RobustKind::kGeometricMedian,
        RobustKind::kNormClip, RobustKind::kCentredClip, RobustKind::kFlTrust}) {
    for (const float wild : {30.0f, 3000.0f, 3e8f}) {
      job::RobustSpec rule = RuleOf(kind);
      rule.byzantine = job::RowOf(kind).has_byzantine() ? 3 : 0;
      rule.root_site = SiteId("m");
      rule.iterations *= 4;
      std::vector<Row> rows(13, Row(20));
      for (size_t i = 0; i < rows.size(); ++i) {
        for (float& x : rows[i]) {
          x = i < 3 ? -wild : static_cast<float>(0.8 + 0.4 * random.Uniform());
        }
      }
      ASSERT_OK_AND_ASSIGN(const Choice choice, ChooseFrom(rule, Rows(rows)));
      for (const double x : Result(choice, rows)) {
        EXPECT_NEAR(x, 1, 0.75) << job::RowOf(kind).name << " " << wild;
      }
    }
  }
}

}  // namespace
}  // namespace consilium::server::robust
