#include "common/job/parse_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/job/job_file_text.h"

namespace consilium::job {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;

TEST(ParseData, FeaturesAsATableKeepTheirOrderInTheFile) {
  Parts parts;
  parts.features =
      "[data.features]\nzeta = \"number\"\nalpha = { type = \"category\", levels = [\"u\", \"v\"] }"
      "\n\"Age (years)\" = \"number\"\nbeta = \"binary\"";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  std::vector<std::string> names;
  for (const FeatureSpec& feature : spec.data.features) names.push_back(feature.name);
  EXPECT_THAT(names, ElementsAre("zeta", "alpha", "Age (years)", "beta"));
  EXPECT_EQ(spec.data.features[1].type, ColumnType::kCategory);
  EXPECT_EQ(spec.data.features[3].type, ColumnType::kBinary);
}

TEST(ParseData, UnknownKeysInsideAFeatureAreFound) {
  Parts parts;
  parts.features = "features = [\"a\", { name = \"b\", typ = \"number\" }]";
  ExpectError(JobOf(parts),
              {ErrorCode::kJobUnknownKey, 7, 0, "unknown key `typ`", "did you mean `type`?"});
}

TEST(ParseData, LevelsAreAtLeastTwoAndDistinct) {
  Parts parts;
  parts.model = "kind = \"softmax\"";
  parts.label = "label = { name = \"y\", levels = [\"p\"] }";
  ExpectError(JobOf(parts), {ErrorCode::kJobOutOfRange, 6, 0, "want at least 2", ""});
  parts.label = "label = { name = \"y\", levels = [\"p\", \"p\"] }";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 6, 0, "names \"p\" twice", ""});
}

TEST(ParseData, CoxHasATimeAnEventAndTies) {
  Parts parts;
  parts.model = "kind = \"cox\"";
  parts.label = "label = { name = \"days\", event = \"died\" }";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.model.kind, ModelKind::kCox);
  EXPECT_EQ(spec.model.ties, Ties::kEfron);
  EXPECT_EQ(spec.data.label, "days");
  EXPECT_EQ(spec.data.event, "died");
  EXPECT_EQ(spec.parameters(), 2u);
  parts.model = "kind = \"cox\"\nties = \"breslow\"";
  ASSERT_OK_AND_ASSIGN(const JobSpec breslow, Parse(JobOf(parts)));
  EXPECT_EQ(breslow.model.ties, Ties::kBreslow);
  parts.features = "features = [\"a\", \"died\"]";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 7, 0, "holds the label", "remove it"});
  parts.features = "features = [\"a\"]";
  parts.label = "label = \"days\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 6, 0, "has no event", "event = \"died\""});
  parts.label = "label = { name = \"days\", event = \"days\" }";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 6, 0, "no name, or the label's", ""});
  parts.label = "label = { name = \"days\", event = \"died\" }";
  parts.model = "kind = \"logistic\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 6, 0, "has an event", "cox"});
  parts.label = "label = \"y\"";
  parts.model = "kind = \"logistic\"\nties = \"efron\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 10, 0, "does not go with", "cox"});
}

TEST(ParseData, PoissonHasACountForItsLabel) {
  Parts parts;
  parts.model = "kind = \"poisson\"";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.model.kind, ModelKind::kPoisson);
  EXPECT_EQ(spec.data.classes, 1u);
  EXPECT_EQ(spec.parameters(), 3u);
  parts.label = "label = { name = \"y\", levels = [\"0\", \"1\"] }";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 6, 0, "has levels", "remove"});
}

TEST(ParseData, ManyColumnsOfOneKindAreNamedAtOnce) {
  Parts parts;
  parts.features = "features = [\"age\", { name = \"pixel\", count = 3 }]";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  std::vector<std::string> names;
  for (const FeatureSpec& feature : spec.data.features) names.push_back(feature.name);
  EXPECT_THAT(names, ElementsAre("age", "pixel0", "pixel1", "pixel2"));
  parts.features = "features = [\"pixel1\", { name = \"pixel\", count = 3 }]";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 7, 0, "names \"pixel1\" twice", "once"});
  parts.features = "features = [\"a\", { name = \"pixel\", count = 16384 }]";
  ExpectError(JobOf(parts), {ErrorCode::kJobOutOfRange, 7, 0, "more than 16384", ""});
}

TEST(ParseData, MissingCellsAreFilledFromTheStatistics) {
  Parts parts;
  parts.features =
      "features = [{ name = \"a\", missing = \"indicator\" }, { name = \"c\", type = "
      "\"category\", levels = [\"p\", \"q\", \"r\"], missing = \"mode\", other = \"r\" }]";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.data.features[0].missing, Missing::kIndicator);
  EXPECT_EQ(spec.data.features[1].missing, Missing::kMode);
  EXPECT_EQ(spec.data.features[1].other, "r");
  EXPECT_EQ(spec.design_columns(), 4u);
  EXPECT_TRUE(spec.data.features[0].standardized);
  parts.features += "\nstandardize = \"none\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 8, 0, "are to be filled", "federated"});
  parts.features = "features = [{ name = \"a\", missing = \"mode\" }]";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 7, 0, "numbers do not have", "mean"});
  parts.features =
      "features = [{ name = \"c\", type = \"category\", levels = [\"p\", \"q\"], other = \"r\" }]";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 7, 0, "none of the levels", "name it"});
}

TEST(ParseData, AFeatureCanStayAsItIs) {
  Parts parts;
  parts.features = "features = [\"a\", { name = \"dummy\", standardize = false }]";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_TRUE(spec.data.features[0].standardized);
  EXPECT_FALSE(spec.data.features[1].standardized);
  parts.features = "features = [{ name = \"a\", standardize = false, missing = \"mean\" }]";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 7, 0, "are to be filled", "means"});
  parts.features = "features = [{ name = \"a\", standardize = \"none\" }]";
  EXPECT_THAT(Parse(JobOf(parts)), HasCode(ErrorCode::kJobWrongType));
}

}  // namespace
}  // namespace consilium::job
