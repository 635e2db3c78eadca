#include "client/train/predict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "common/learn/model_file.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::train {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::IsOk;
using ::consilium::testing::JobResult;
using ::consilium::testing::LogisticJob;
using ::consilium::testing::RunJob;
using ::consilium::testing::Synthetic;

std::vector<data::Dataset> Sites() { return {Synthetic(1, 900, 4), Synthetic(2, 400, 4)}; }

// The last step evaluates the final model: what the federation reported of a site's hold-out rows.
learn::SplitMetrics Reported(const JobResult& result, size_t site) {
  return result.steps.back().sites.at(site).test.value();
}

void ExpectSame(const learn::SplitMetrics& a, const learn::SplitMetrics& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.accuracy, b.accuracy);
  EXPECT_EQ(a.auc, b.auc);
}

TEST(Predict, ReproducesTheReportedMetricsFromTheFile) {
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(LogisticJob(4), Sites()));
  const wire::StatePart& state = result.state.broadcast;
  ASSERT_OK_AND_ASSIGN(const std::string text, learn::EncodeModelJson(state));
  ASSERT_OK_AND_ASSIGN(const wire::StatePart json, learn::DecodeModel(AsBytes(text)));
  ASSERT_OK_AND_ASSIGN(const wire::StatePart safe,
                       learn::DecodeModel(learn::EncodeSafetensors(state)));
  for (size_t k = 0; k < 2; ++k) {
    for (const wire::StatePart* model : {&json, &safe}) {
      ASSERT_OK_AND_ASSIGN(const Prediction prediction, Predict(*model, Sites()[k].test, nullptr));
      ExpectSame(prediction.metrics.value(), Reported(result, k));
    }
  }
}

TEST(Predict, SiteStandardisationNeedsTheSitesOwnStatistics) {
  job::JobSpec spec = LogisticJob(4);
  spec.data.standardize = job::Standardize::kSite;
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(spec, Sites()));
  const data::Dataset site = Sites()[1];
  EXPECT_THAT(Predict(result.state.broadcast, site.test, nullptr),
              HasCode(ErrorCode::kModelNeedsStatistics));
  ASSERT_OK_AND_ASSIGN(const SiteStatistics own, SiteStatisticsOf(spec.data, site.train));
  ASSERT_OK_AND_ASSIGN(const SiteStatistics read, DecodeSiteStatistics(EncodeSiteStatistics(own)));
  ASSERT_OK_AND_ASSIGN(const Prediction prediction,
                       Predict(result.state.broadcast, site.test, &read));
  ExpectSame(prediction.metrics.value(), Reported(result, 1));
}

TEST(Predict, ProbabilitiesSumToOne) {
  job::JobSpec spec = LogisticJob(4);
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {5};
  spec.model.start = job::StartKind::kSeed;
  spec.data.label_levels = {"a", "b"};
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(spec, Sites()));
  const data::Split rows = Sites()[0].test;
  ASSERT_OK_AND_ASSIGN(const Prediction prediction, Predict(result.state.broadcast, rows, nullptr));
  ASSERT_EQ(prediction.probabilities.size(), 2 * rows.rows());
  for (size_t i = 0; i < rows.rows(); ++i) {
    const double positive = prediction.probabilities[2 * i + 1];
    EXPECT_NEAR(prediction.probabilities[2 * i] + positive, 1, 1e-12);
    EXPECT_EQ(positive > 0.5, prediction.scores[2 * i + 1] > prediction.scores[2 * i]);
  }
}

TEST(Predict, RegressionHasNoProbabilities) {
  job::JobSpec spec = LogisticJob(4);
  spec.model.kind = job::ModelKind::kLinear;
  spec.data.classes = 1;
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(spec, Sites()));
  ASSERT_OK_AND_ASSIGN(const Prediction prediction,
                       Predict(result.state.broadcast, Sites()[0].test, nullptr));
  EXPECT_TRUE(prediction.probabilities.empty());
  EXPECT_FALSE(prediction.metrics.value().accuracy.has_value());
  EXPECT_GT(prediction.metrics.value().loss, 0);
}

TEST(Predict, NoRowsHaveNoMetricsAndOtherColumnsAreRefused) {
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(LogisticJob(4), Sites()));
  ASSERT_OK_AND_ASSIGN(const Prediction none, Predict(result.state.broadcast, {}, nullptr));
  EXPECT_FALSE(none.metrics.has_value());
  EXPECT_THAT(Predict(result.state.broadcast, Synthetic(1, 10, 5).test, nullptr),
              HasCode(ErrorCode::kModelMismatch));
}

TEST(Predict, RowsWithoutALabelArePredictedTheSameAndNotMeasured) {
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(LogisticJob(4), Sites()));
  data::Split rows = Sites()[0].test;
  ASSERT_OK_AND_ASSIGN(const Prediction known, Predict(result.state.broadcast, rows, nullptr));
  const data::Split labelled = rows;
  rows.y.assign(rows.rows(), std::nan(""));
  ASSERT_OK_AND_ASSIGN(const Prediction unknown, Predict(result.state.broadcast, rows, nullptr));
  EXPECT_EQ(unknown.scores, known.scores);
  EXPECT_EQ(unknown.probabilities, known.probabilities);
  EXPECT_FALSE(unknown.metrics.has_value());
  // A label here and there: the metrics are of those rows alone.
  data::Split some{.columns = 4, .x = {}, .y = {}};
  for (size_t i = 0; i < rows.rows(); i += 3) {
    rows.y[i] = labelled.y[i];
    some.y.push_back(labelled.y[i]);
    some.x.insert(some.x.end(), rows.x.begin() + static_cast<ptrdiff_t>(4 * i),
                  rows.x.begin() + static_cast<ptrdiff_t>(4 * i + 4));
  }
  ASSERT_OK_AND_ASSIGN(const Prediction mixed, Predict(result.state.broadcast, rows, nullptr));
  ASSERT_OK_AND_ASSIGN(const Prediction alone, Predict(result.state.broadcast, some, nullptr));
  EXPECT_EQ(mixed.scores, known.scores);
  ExpectSame(mixed.metrics.value(), alone.metrics.value());
}

TEST(Predict, ALabelOfNoClassIsRefused) {
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(LogisticJob(4), Sites()));
  data::Split rows = Sites()[0].test;
  rows.y[2] = 2;
  EXPECT_THAT(Predict(result.state.broadcast, rows, nullptr), HasCode(ErrorCode::kModelMismatch));
}

TEST(SiteStatistics, ANewerVersionIsNamed) {
  EXPECT_THAT(DecodeSiteStatistics(R"({"rows":1,"mean":[1],"scale":[1],"version":2})"),
              HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(DecodeSiteStatistics(R"({"rows":1,"mean":[1],"scale":[1],"version":1})"), IsOk());
}

TEST(SiteStatistics, OtherTextsAreRefused) {
  for (const char* text : {"", "[]", "{}", R"({"rows":1,"mean":[1],"scale":[0],"version":1})",
                           R"({"rows":1,"mean":[1],"scale":[1,2],"version":1})",
                           R"({"rows":-1,"mean":[1],"scale":[1],"version":1})",
                           R"({"rows":1,"mean":["1"],"scale":[1],"version":1})",
                           R"({"rows":1,"mean":[1],"scale":[1],"version":"1"})",
                           R"({"rows":1,"mean":[1],"scale":[1]})"}) {
    EXPECT_THAT(DecodeSiteStatistics(text), HasCode(ErrorCode::kModelSyntax)) << text;
  }
  EXPECT_THAT(SiteStatisticsOf({}, {}), HasCode(ErrorCode::kDataTooFewRows));
}

}  // namespace
}  // namespace consilium::client::train
