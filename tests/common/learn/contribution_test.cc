#include "common/learn/contribution.h"

#include <gtest/gtest.h>

#include <string>

#include "common/learn/evaluate.h"

namespace consilium::learn {
namespace {

job::JobSpec Job(job::ModelKind kind, uint32_t classes) {
  job::JobSpec spec;
  spec.model.kind = kind;
  spec.data.classes = classes;
  spec.data.features.resize(3);
  spec.data.features[2].type = job::ColumnType::kCategory;
  spec.data.features[2].levels = {"a", "b", "c"};
  return spec;
}

std::string NamesOf(const tensor::Layout& layout) {
  std::string names;
  for (const auto& tensor : layout.tensors()) names += tensor.name + " ";
  return names;
}

TEST(Contribution, StatisticsHaveACountAndASumPerDesignColumn) {
  const auto spec = Job(job::ModelKind::kLogistic, 2);
  const auto means = ContributionLayout(spec, wire::Workload::kMeans).value();
  EXPECT_EQ(NamesOf(means), "count sum ");
  EXPECT_EQ(means.tensors()[1].shape, std::vector<uint32_t>{4});  // two numbers, two dummies
  EXPECT_EQ(means.tensors()[0].tag, tensor::Tag::kCount);
  EXPECT_EQ(means.tensors()[1].tag, tensor::Tag::kSum);
  EXPECT_EQ(NamesOf(ContributionLayout(spec, wire::Workload::kVariances).value()),
            "count centred_squares ");
}

TEST(Contribution, TrainCarriesDeltasThenTheEvaluation) {
  const auto layout =
      ContributionLayout(Job(job::ModelKind::kLogistic, 2), wire::Workload::kTrain).value();
  EXPECT_EQ(NamesOf(layout),
            "w b eval.train.rows eval.train.loss_sum eval.train.hits eval.train.squared_error "
            "eval.train.class_rows eval.train.class_hits eval.train.class_said eval.train.bin_rows "
            "eval.train.bin_hits eval.train.bin_chances "
            "eval.train.histogram_negative eval.train.histogram_positive "
            "eval.test.rows eval.test.loss_sum eval.test.hits eval.test.squared_error "
            "eval.test.class_rows eval.test.class_hits eval.test.class_said eval.test.bin_rows "
            "eval.test.bin_hits eval.test.bin_chances "
            "eval.test.histogram_negative eval.test.histogram_positive ");
  EXPECT_EQ(FirstStatistic(layout), 2u);
  EXPECT_EQ(layout.tensors()[0].weighting, tensor::Weighting::kSamples);
  for (size_t t = 2; t < layout.size(); ++t) {
    EXPECT_EQ(layout.tensors()[t].dtype, tensor::DType::kFloat64);
    EXPECT_NE(layout.tensors()[t].tag, tensor::Tag::kUpdate);
  }
}

TEST(Contribution, EvaluationHasWhatTheLabelAllows) {
  EXPECT_EQ(
      NamesOf(
          ContributionLayout(Job(job::ModelKind::kLinear, 1), wire::Workload::kEvaluate).value()),
      "eval.train.rows eval.train.loss_sum eval.train.absolute_error "
      "eval.test.rows eval.test.loss_sum eval.test.absolute_error ");
  EXPECT_EQ(
      NamesOf(
          ContributionLayout(Job(job::ModelKind::kSoftmax, 3), wire::Workload::kEvaluate).value()),
      "eval.train.rows eval.train.loss_sum eval.train.hits eval.train.squared_error "
      "eval.train.class_rows eval.train.class_hits eval.train.class_said eval.train.bin_rows "
      "eval.train.bin_hits eval.train.bin_chances "
      "eval.test.rows eval.test.loss_sum eval.test.hits eval.test.squared_error "
      "eval.test.class_rows eval.test.class_hits eval.test.class_said eval.test.bin_rows "
      "eval.test.bin_hits eval.test.bin_chances ");
  EXPECT_EQ(
      NamesOf(
          ContributionLayout(Job(job::ModelKind::kPoisson, 1), wire::Workload::kEvaluate).value()),
      "eval.train.rows eval.train.loss_sum eval.train.absolute_error eval.train.squared_error "
      "eval.test.rows eval.test.loss_sum eval.test.absolute_error eval.test.squared_error ");
  EXPECT_EQ(
      NamesOf(ContributionLayout(Job(job::ModelKind::kCox, 1), wire::Workload::kEvaluate).value()),
      "eval.train.rows eval.train.loss_sum eval.train.concordant eval.train.comparable "
      "eval.test.rows eval.test.loss_sum eval.test.concordant eval.test.comparable ");
}

TEST(Contribution, SumsGoInAndComeOut) {
  const auto spec = Job(job::ModelKind::kLogistic, 2);
  const ModelShape shape = ShapeOf(spec).value();
  tensor::Bundle values(ContributionLayout(spec, wire::Workload::kEvaluate).value());
  const std::vector<float> scores = {1, -2, 3}, labels = {1, 0, 0};
  const EvaluationSums sums = SumScores(shape, scores, labels);
  WriteSums(sums, "eval.test.", values);
  const auto back = ReadSums(shape, "eval.test.", values);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->rows, 3);
  EXPECT_EQ(back->loss_sum, sums.loss_sum);
  EXPECT_EQ(back->hits, sums.hits);
  EXPECT_EQ(back->histogram_positive, sums.histogram_positive);
  EXPECT_EQ(back->histogram_negative, sums.histogram_negative);
  EXPECT_EQ(back->squared_error, sums.squared_error);
  EXPECT_EQ(back->class_said, sums.class_said);
  EXPECT_EQ(back->bin_chances, sums.bin_chances);
  EXPECT_FALSE(ReadSums(shape, "eval.train.", values).has_value());  // no rows
}

}  // namespace
}  // namespace consilium::learn
