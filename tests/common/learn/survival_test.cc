#include "common/learn/survival.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/base/random.h"
#include "common/learn/model.h"
#include "tests/support/data_folder.h"

namespace consilium::learn {
namespace {

using consilium::testing::DataFile;
using consilium::testing::NoDataMessage;
using job::Ties;

double LossOf(Ties ties, const std::vector<double>& scores, const std::vector<double>& outcomes) {
  return CoxLoss(ties).Sum<double>(scores, outcomes, 1, {});
}

// Times 1, 2, 3 with events at 1 and 2: log(e^a + e^b + e^c) - a + log(e^b + e^c) - b.
TEST(CoxLoss, AddsTheLogOfWhatIsAtRiskForEachEvent) {
  const double a = 0.5, b = -1, c = 2;
  const double wanted = std::log(std::exp(a) + std::exp(b) + std::exp(c)) - a +
                        std::log(std::exp(b) + std::exp(c)) - b;
  for (const Ties ties : {Ties::kBreslow, Ties::kEfron, Ties::kNone}) {
    EXPECT_NEAR(LossOf(ties, {c, a, b}, {-3, 1, 2}), wanted, 1e-12);
  }
}

// Two events at time 1 with h = 1 and 2, one row at risk longer with h = 3.
TEST(CoxLoss, TiesGoByBreslowEfronOrOrder) {
  const std::vector<double> scores = {0, std::log(2), std::log(3)}, outcomes = {1, 1, -2};
  EXPECT_NEAR(LossOf(Ties::kBreslow, scores, outcomes), 2 * std::log(6) - std::log(2), 1e-12);
  EXPECT_NEAR(LossOf(Ties::kEfron, scores, outcomes),
              std::log(6) + std::log(6 - 0.5 * 3) - std::log(2), 1e-12);
  EXPECT_NEAR(LossOf(Ties::kNone, scores, outcomes), std::log(3 + 1) + std::log(6) - std::log(2),
              1e-12);
}

TEST(CoxLoss, TheSampleWithTheLongestTimeAddsNothingAndAnEventAtTimeZeroCounts) {
  EXPECT_EQ(LossOf(Ties::kNone, {7}, {5}), 0);
  EXPECT_NEAR(LossOf(Ties::kEfron, {0, 0}, {0.0, -1}), std::log(2), 1e-15);
  EXPECT_EQ(LossOf(Ties::kEfron, {0, 0}, {-0.0, -1}), 0);
}

TEST(CoxLoss, StaysFiniteForScoresFarApart) {
  const double loss = LossOf(Ties::kBreslow, {5000, -5000, 0}, {-1, 2, 3});
  EXPECT_TRUE(std::isfinite(loss));
  std::vector<double> residuals(3);
  CoxLoss(Ties::kEfron)
      .Sum<double>(std::vector<double>{5000, -5000, 0}, std::vector<double>{-1, 2, 3}, 1,
                   residuals);
  for (const double residual : residuals) EXPECT_TRUE(std::isfinite(residual));
}

struct Rows {
  std::vector<double> x;
  std::vector<double> y;
};
Rows RandomSurvival(uint64_t seed, size_t rows, size_t columns, uint32_t times) {
  Random random(seed);
  Rows out;
  for (size_t i = 0; i < rows; ++i) {
    for (size_t c = 0; c < columns; ++c) out.x.push_back(random.Normal());
    const auto time = static_cast<double>(1 + random.Below(times));
    out.y.push_back(random.Below(3) == 0 ? -time : time);
  }
  return out;
}

ModelShape CoxShape(uint32_t inputs, Ties ties) {
  ModelShape shape;
  shape.kind = job::ModelKind::kCox;
  shape.inputs = inputs;
  shape.loss = LossKind::kCox;
  shape.ties = ties;
  return shape;
}

TEST(CoxModel, TheGradientIsThatOfTheLoss) {
  for (const Ties ties : {Ties::kBreslow, Ties::kEfron, Ties::kNone}) {
    const Rows rows = RandomSurvival(3, 40, 5, 7);  // many ties
    const auto model = MakeModel<double>(CoxShape(5, ties));
    std::vector<double> w = {0.3, -0.7, 0.2, 1.1, -0.4}, gradient(5), unused(5);
    const Batch<double> batch{rows.x, rows.y};
    model->LossAndGradient(w, batch, gradient);
    for (size_t i = 0; i < w.size(); ++i) {
      constexpr double kStep = 1e-6;
      const double before = w[i];
      w[i] = before + kStep;
      const double above = model->LossAndGradient(w, batch, unused);
      w[i] = before - kStep;
      const double below = model->LossAndGradient(w, batch, unused);
      w[i] = before;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-8) << job::NameOf(ties);
    }
  }
}

// A smaller batch after a larger one, and other outcomes of the same length.
TEST(CoxModel, NothingOfTheBatchBeforeStays) {
  const Rows large = RandomSurvival(5, 30, 2, 9), small = RandomSurvival(6, 8, 2, 4),
             other = RandomSurvival(7, 8, 2, 4);
  const auto used = MakeModel<double>(CoxShape(2, Ties::kEfron));
  const std::vector<double> w = {0.4, -0.2};
  for (const Rows* rows : {&large, &small, &other}) {
    std::vector<double> gradient(2), wanted(2);
    const double loss = used->LossAndGradient(w, {rows->x, rows->y}, gradient);
    const auto fresh = MakeModel<double>(CoxShape(2, Ties::kEfron));
    EXPECT_EQ(loss, fresh->LossAndGradient(w, {rows->x, rows->y}, wanted));
    EXPECT_EQ(gradient, wanted);
  }
}

// Every pair, by the definition.
Concordance SlowConcordance(const std::vector<float>& scores, const std::vector<float>& outcomes) {
  Concordance result;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (std::signbit(outcomes[i])) continue;
    for (size_t j = 0; j < scores.size(); ++j) {
      const float other = std::abs(outcomes[j]);
      const bool later = other > outcomes[i] || (other == outcomes[i] && std::signbit(outcomes[j]));
      if (i == j || !later) continue;
      result.comparable += 1;
      result.concordant += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return result;
}

TEST(ConcordanceOf, CountsEveryComparablePair) {
  Random random(11);
  for (int run = 0; run < 50; ++run) {
    std::vector<float> scores, outcomes;
    for (int i = 0; i < 60; ++i) {
      scores.push_back(static_cast<float>(random.Below(12)));
      const auto time = static_cast<float>(random.Below(15));
      outcomes.push_back(random.Below(2) == 0 ? -time : time);
    }
    const Concordance fast = ConcordanceOf(scores, outcomes);
    const Concordance slow = SlowConcordance(scores, outcomes);
    EXPECT_EQ(fast.concordant, slow.concordant);
    EXPECT_EQ(fast.comparable, slow.comparable);
  }
  EXPECT_EQ(ConcordanceOf({}, {}).comparable, 0);
}

// age, sex and ph.ecog of NCCTG lung where all three are there; outcomes in days.
Rows LungRows(const std::string& path) {
  std::ifstream file(path);
  Rows rows;
  std::string line;
  std::getline(file, line);  // rownames,inst,time,status,age,sex,ph.ecog,..
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    if (row.at(4).empty() || row.at(5).empty() || row.at(6).empty()) continue;
    for (const size_t c : {4u, 5u, 6u}) rows.x.push_back(std::stod(row[c]));
    const double time = std::stod(row[2]);
    rows.y.push_back(row[3] == "2" ? time : -time);
  }
  return rows;
}

// Derivatives of the gradient, one column after the other.
std::vector<double> HessianOf(BasicModel<double>& model, std::vector<double> w,
                              const Batch<double>& batch) {
  std::vector<double> hessian, above(w.size()), below(w.size());
  for (size_t i = 0; i < w.size(); ++i) {
    const double step = 1e-5, before = w[i];
    w[i] = before + step;
    model.LossAndGradient(w, batch, above);
    w[i] = before - step;
    model.LossAndGradient(w, batch, below);
    w[i] = before;
    for (size_t j = 0; j < w.size(); ++j) hessian.push_back((above[j] - below[j]) / (2 * step));
  }
  return hessian;
}

// The inverse of a positive matrix of 3 by 3, by its cofactors.
std::vector<double> InverseOf3(const std::vector<double>& m) {
  std::vector<double> inverse(9);
  const double det = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
                     m[2] * (m[3] * m[7] - m[4] * m[6]);
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      const size_t a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
      inverse[3 * i + j] = (m[3 * a + c] * m[3 * b + d] - m[3 * a + d] * m[3 * b + c]) / det;
    }
  }
  return inverse;
}

// What R's coxph publishes of the same rows: 0.011067, -0.552612, 0.463728, concordance 0.637.
TEST(CoxModel, NewtonOnLungGivesThePublishedCoefficients) {
  const auto data = DataFile("lung/ncctg_lung.csv");
  const auto golden_file = DataFile("golden/lung_cox.json");
  if (!data || !golden_file) GTEST_SKIP() << NoDataMessage("lung/ncctg_lung.csv");
  const auto file = nlohmann::json::parse(std::ifstream(*golden_file));
  const auto& golden = file["cases"]["pooled_efron"];
  const Rows rows = LungRows(*data);
  ASSERT_EQ(rows.y.size(), file["published_R_coxph"]["n"]);
  const Batch<double> batch{rows.x, rows.y};
  const auto model = MakeModel<double>(CoxShape(3, Ties::kEfron));
  const auto n = static_cast<double>(rows.y.size());
  std::vector<double> w(3), gradient(3), inverse;
  double loss = 0;
  for (int step = 0; step < 10; ++step) {
    loss = model->LossAndGradient(w, batch, gradient) * n;
    inverse = InverseOf3(HessianOf(*model, w, batch));
    for (size_t i = 0; i < 3; ++i) {
      for (size_t j = 0; j < 3; ++j) w[i] -= inverse[3 * i + j] * gradient[j];
    }
  }
  EXPECT_NEAR(-loss, golden["loglik"], 1e-6);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(w[i], golden["w"][i], 1e-6);
    EXPECT_NEAR(std::sqrt(inverse[4 * i] / n), golden["se"][i], 1e-6);
  }
  std::vector<double> scores(rows.y.size());
  model->Scores(w, rows.x, scores);
  const std::vector<float> as_float(scores.begin(), scores.end());
  const std::vector<float> outcomes(rows.y.begin(), rows.y.end());
  const Concordance pairs = ConcordanceOf(as_float, outcomes);
  EXPECT_NEAR(pairs.concordant / pairs.comparable, golden["c"], 1e-9);
}

}  // namespace
}  // namespace consilium::learn
