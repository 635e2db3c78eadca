#include "client/app/predict_verb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "client/session/personal_models.h"
#include "client/session/site_scalings.h"
#include "common/learn/model_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::client::app {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using consilium::testing::ReadTextFile;
using consilium::testing::TempFolder;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// score = age - 2 [cp is b] + 1/2
std::string ModelOf(const char* standardize) {
  return std::string(R"({
  "format": "consilium-model", "version": 1,
  "texts": {
    "features": [{"levels":[],"name":"age","type":"number"},
                 {"levels":["a","b"],"name":"cp","type":"category"}],
    "format": "1",
    "job": {"dataset":"heart","hidden":[],"kind":"logistic"},
    "label": {"classes":2,"levels":[],"name":"disease"},
    "standardize": ")") +
         standardize + R"("},
  "columns": ["age", "cp=b"],
  "tensors": [{"name": "w", "dtype": "F32", "shape": [2], "values": [1, -2]},
              {"name": "b", "dtype": "F32", "shape": [1], "values": [0.5]}]
})";
}

struct Said {
  absl::Status status;
  std::string rows;
  std::string talk;
};

class PredictRowsTest : public ::testing::Test {
 protected:
  PredictRowsTest() {
    options_.model = folder_.Write("model.json", ModelOf("none"));
    options_.output = folder_.PathOf("rows.out");
  }

  void Configure(const std::string& dataset) {
    config_ = folder_.Write("client.toml", R"(
[client]
server = "centre:8443"
data = "data"
site = "north"
[tls]
cert = "cert.pem"
key = "key.pem"
ca = "ca.pem"
[datasets.heart]
)" + dataset);
  }
  // With --data.
  Said Predict(const std::string& csv) {
    options_.data = folder_.Write("rows.csv", csv);
    return Predict();
  }
  Said Predict() {
    std::remove(options_.output.c_str());
    ::testing::internal::CaptureStderr();
    absl::Status status = PredictRows(config_, options_);
    std::string talk = ::testing::internal::GetCapturedStderr();
    return {std::move(status), ReadTextFile(options_.output), std::move(talk)};
  }
  void ExpectPlace(const std::string& csv, ErrorCode code, const std::string& place) {
    const Said said = Predict(csv);
    EXPECT_THAT(said.status, HasCode(code)) << said.status;
    EXPECT_THAT(FormatError(said.status), HasSubstr(" " + place + ": "));
    EXPECT_THAT(said.rows, IsEmpty()) << "nothing half written";
  }

  TempFolder folder_;
  std::string config_;
  PredictOptions options_;
};

TEST_F(PredictRowsTest, RowsWithoutTheLabelsColumnArePredictedAndNotMeasured) {
  const Said said = Predict("cp,age\nb,1.5\na,-0.5\n");
  ASSERT_THAT(said.status, IsOk());
  EXPECT_EQ(said.rows,
            "split,row,score,probability\n"
            "new,1,0,0.5\n"
            "new,2,0,0.5\n");
  EXPECT_EQ(said.talk, "no metrics: the file has no column for the label `disease`\n");
}

TEST_F(PredictRowsTest, ALabelGivesMetrics) {
  const Said said = Predict("cp,age,disease\na,1,1\na,-1,0\na,2,0\n");
  ASSERT_THAT(said.status, IsOk());
  EXPECT_THAT(said.rows, HasSubstr("train,3,2.5,"));
  EXPECT_THAT(said.talk, AllOf(HasSubstr("train: 3 rows, loss "), HasSubstr("accuracy 0.6667"),
                               HasSubstr("AUC 0.5000"), Not(HasSubstr("no metrics"))));
}

// score = age + 1/2 once more, now the logarithm of a mean count.
TEST_F(PredictRowsTest, CountsArePredictedByTheirMean) {
  std::string model = ModelOf("none");
  model.replace(model.find("logistic"), 8, "poisson");
  model.replace(model.find("\"classes\":2"), 11, "\"classes\":1");
  options_.model = folder_.Write("poisson.json", model);
  const Said said = Predict("cp,age,disease\na,-0.5,1\na,0.5,3\n");
  ASSERT_THAT(said.status, IsOk());
  EXPECT_THAT(said.rows, HasSubstr("split,row,log_mean,mean\ntrain,1,0,1\ntrain,2,1,2.71828"));
  EXPECT_THAT(said.talk, AllOf(HasSubstr("deviance "), HasSubstr("mae 0.1409")));
  EXPECT_THAT(Predict("cp,age,disease\na,1,0.5\n").status, HasCode(ErrorCode::kModelMismatch));
}

TEST_F(PredictRowsTest, RowsKeepTheirPlaceInTheFileAndThoseLeftOutAreNamed) {
  const std::string csv = "cp,age\na,1\na,?\n,3\na,4\n";
  const Said said = Predict(csv);
  ASSERT_THAT(said.status, IsOk());
  EXPECT_THAT(said.rows, AllOf(HasSubstr("\nnew,1,1.5,"), HasSubstr("\nnew,4,4.5,")));
  EXPECT_THAT(said.rows, AllOf(Not(HasSubstr("new,2")), Not(HasSubstr("new,3"))));
  EXPECT_THAT(said.talk,
              HasSubstr("left out: 2 rows with a missing value: row 2 (`age`), row 3 (`cp`)\n"));
  options_.json = true;
  const json envelope = json::parse(Predict(csv).rows);
  EXPECT_EQ(envelope["kind"], "prediction");
  EXPECT_EQ(envelope["data"]["row_numbers"]["new"], (json{1, 4}));
  EXPECT_EQ(envelope["data"]["rows"]["new"][1][0], 4.5);
  EXPECT_EQ(envelope["data"]["left_out"], json::parse(R"([{"row":2,"column":"age"},
                                                          {"row":3,"column":"cp"}])"));
  EXPECT_EQ(envelope["data"]["metrics"], json::object());
}

TEST_F(PredictRowsTest, ManyRowsLeftOutAreNamedUpToABoundAndCounted) {
  std::string csv = "cp,age\na,1\n";
  for (size_t i = 0; i < 25; ++i) csv += "a,\n";
  const Said said = Predict(csv);
  EXPECT_THAT(said.talk, AllOf(HasSubstr("25 rows with a missing value: row 2 (`age`)"),
                               HasSubstr("row 21 (`age`) and 5 more"), Not(HasSubstr("row 22"))));
}

TEST_F(PredictRowsTest, EmptyLabelsAreNoLabels) {
  Configure("path = \"none.csv\"\nholdout = 0.5\n");
  std::string csv = "cp,age,disease\n";
  for (size_t i = 0; i < 20; ++i) csv += "a,1,\n";
  const Said said = Predict(csv);
  ASSERT_THAT(said.status, IsOk());
  EXPECT_THAT(said.rows, HasSubstr(",20,1.5,"));
  EXPECT_EQ(std::count(said.rows.begin(), said.rows.end(), '\n'), 21);
  EXPECT_EQ(said.talk, "no metrics: no row has a value for the label `disease`\n");
}

TEST_F(PredictRowsTest, AHoldOutIsTakenAloneAndSaysSo) {
  Configure("path = \"none.csv\"\nholdout = 0.5\n");
  std::string csv = "cp,age,disease\n";
  for (size_t i = 0; i < 20; ++i) csv += i % 2 == 0 ? "a,1,1\n" : "b,-1,0\n";
  const Said test = Predict(csv);
  ASSERT_THAT(test.status, IsOk());
  EXPECT_EQ(std::count(test.rows.begin(), test.rows.end(), '\n'), 11);
  EXPECT_THAT(test.talk, AllOf(HasSubstr("test: 10 rows"),
                               HasSubstr("left out: 10 training rows (--rows all")));
  options_.rows = "all";
  const Said all = Predict(csv);
  EXPECT_EQ(std::count(all.rows.begin(), all.rows.end(), '\n'), 21);
  EXPECT_THAT(all.talk, Not(HasSubstr("left out")));
}

TEST_F(PredictRowsTest, ASplitCannotBeAskedOfRowsThatHaveNone) {
  options_.rows = "test";
  EXPECT_THAT(Predict("cp,age\na,1\n").status, HasCode(ErrorCode::kUsage));
  options_.rows = "all";
  EXPECT_THAT(Predict("cp,age\na,1\n").status, IsOk());
}

TEST_F(PredictRowsTest, TheSitesColumnsAndFilterHoldForRowsWithoutALabelToo) {
  Configure(R"(path = "none.csv"
filter = "years >= 18"
fold_column = "fold"
[datasets.heart.columns]
age = "years"
disease = { column = "num", positive = ["1", "2"] }
)");
  const Said said = Predict("cp,years\na,20\na,3\nb,30\n");
  ASSERT_THAT(said.status, IsOk());
  EXPECT_THAT(said.rows, AllOf(HasSubstr("new,1,20.5,"), HasSubstr("new,3,28.5,")));
  EXPECT_THAT(said.talk, AllOf(HasSubstr("no column for the label `disease`"),
                               HasSubstr("left out: 1 row by the dataset's filter")));
}

TEST_F(PredictRowsTest, WhatDoesNotFitIsRefusedAtItsPlace) {
  ExpectPlace("cp,age\na,1\nb,2\nc,3\n", ErrorCode::kDataUnknownLevel, "rows.csv:4:1");
  ExpectPlace("cp,age\na,1\nb,old\n", ErrorCode::kDataBadCell, "rows.csv:3:3");
  ExpectPlace("cp,years\na,1\n", ErrorCode::kDataMissingColumn, "rows.csv:1");
  ExpectPlace("cp,age\na,1\na\n", ErrorCode::kDataSyntax, "rows.csv:3:1");
  ExpectPlace("cp,age,disease\na,1,maybe\n", ErrorCode::kDataBadCell, "rows.csv:2:5");
}

TEST_F(PredictRowsTest, AFileWithoutRowsGivesTheHeaderAlone) {
  const Said said = Predict("cp,age\n");
  ASSERT_THAT(said.status, IsOk());
  EXPECT_EQ(said.rows, "split,row,score,probability\n");
}

// The site's own model of the same shape: score = 10 age.
TEST_F(PredictRowsTest, TheSitesOwnModelPredictsWhereThereIsOne) {
  const std::string csv = "cp,age\na,1\n";
  options_.weights = "personal";
  EXPECT_THAT(Predict(csv).status, HasCode(ErrorCode::kModelNeedsPersonal));
  Configure("path = \"none.csv\"\n");
  const absl::Status refused = Predict(csv).status;
  EXPECT_THAT(refused, HasCode(ErrorCode::kModelNeedsPersonal));
  EXPECT_THAT(std::string(refused.message()), HasSubstr(folder_.PathOf("data")));
  options_.weights = "";
  EXPECT_THAT(Predict(csv).talk, Not(HasSubstr("own model")));

  std::string text = ModelOf("none");
  text.replace(text.find("[1, -2]"), 7, "[10, 0]").replace(text.find("[0.5]"), 5, "[0]");
  ASSERT_OK_AND_ASSIGN(const wire::StatePart model, learn::DecodeModel(AsBytes(ModelOf("none"))));
  PosixStorage storage;
  session::PersonalModels models(folder_.PathOf("data"), storage);
  const JobId job("0011223344556677");
  ASSERT_THAT(models.Stage(job, StepNumber(9), session::ModelDigest(model), AsBytes(text), 1),
              IsOk());
  EXPECT_THAT(Predict(csv).rows, HasSubstr("new,1,1.5,"));  // staged is not counted
  ASSERT_THAT(models.Advance(job, StepNumber(9)), IsOk());
  for (const char* weights : {"", "personal"}) {
    options_.weights = weights;
    const Said said = Predict(csv);
    ASSERT_THAT(said.status, IsOk());
    EXPECT_THAT(said.rows, HasSubstr("new,1,10,"));
    EXPECT_THAT(said.talk, HasSubstr("by this site's own model of it"));
  }
  options_.json = true;
  EXPECT_THAT(json::parse(Predict(csv).rows)["data"]["personal"].get<std::string>(),
              HasSubstr(folder_.PathOf("data")));
  options_.json = false;
  options_.weights = "global";
  EXPECT_THAT(Predict(csv).rows, HasSubstr("new,1,1.5,"));
}

TEST_F(PredictRowsTest, AModelWhoseLayersStayAtTheSitesPredictsOnlyThere) {
  std::string text = ModelOf("none");
  const std::string bias = ",\n              {\"name\": \"b\"";
  const size_t from = text.find(bias);
  ASSERT_NE(from, std::string::npos);
  text.erase(from, text.find("}", from) + 1 - from);
  const std::string job = "\"hidden\":[]";
  text.replace(text.find(job), job.size(), job + ",\"personal\":[\"b\"]");
  options_.model = folder_.Write("shared.json", text);
  const Said said = Predict("cp,age\na,1\n");
  EXPECT_THAT(said.status, HasCode(ErrorCode::kModelNeedsPersonal));
  EXPECT_THAT(std::string(said.status.message()), HasSubstr("b of the model stays at the sites"));
}

TEST_F(PredictRowsTest, AModelOfSiteStandardisationWantsTheStatisticsOfThisSite) {
  options_.model = folder_.Write("model.json", ModelOf("site"));
  const std::string csv = "cp,age\na,70\nb,50\n";
  EXPECT_THAT(Predict(csv).status, HasCode(ErrorCode::kModelNeedsStatistics));
  Configure("path = \"none.csv\"\n");
  const absl::Status refused = Predict(csv).status;
  EXPECT_THAT(refused, HasCode(ErrorCode::kModelNeedsStatistics));
  EXPECT_THAT(std::string(refused.message()), HasSubstr(folder_.PathOf("data")));

  PosixStorage storage;
  ASSERT_OK_AND_ASSIGN(const wire::StatePart model, learn::DecodeModel(AsBytes(ModelOf("site"))));
  session::SiteScalings scalings(folder_.PathOf("data"), storage);
  ASSERT_THAT(scalings.Keep(session::ModelDigest(model),
                            {.rows = 40, .scaling = {.mean = {60, 0.5}, .scale = {10, 0.5}}}, 1),
              IsOk());
  const Said said = Predict(csv);
  ASSERT_THAT(said.status, IsOk());
  // (70 - 60) / 10 - 2 (0 - 0.5) / 0.5 + 0.5, and (50 - 60) / 10 - 2 (1 - 0.5) / 0.5 + 0.5
  EXPECT_THAT(said.rows, AllOf(HasSubstr("new,1,3.5,"), HasSubstr("new,2,-2.5,")));
}

}  // namespace
}  // namespace consilium::client::app
