#include "common/learn/contribution.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/learn/model.h"
#include "common/learn/personal_layout.h"
#include "common/learn/strategy_layout.h"

namespace consilium::learn {
namespace {

using Tensors = std::vector<tensor::TensorSpec>;

tensor::TensorSpec Statistic(std::string name, uint32_t elements, tensor::Tag tag) {
  return {.name = std::move(name),
          .shape = {elements},
          .dtype = tensor::DType::kFloat64,
          .bound_log2 = tag == tensor::Tag::kCount ? kCountBoundLog2 : kSumBoundLog2,
          .weighting = tensor::Weighting::kOne,
          .tag = tag};
}

// The sums of one model: `which` is kGlobalPrefix or kPersonalPrefix.
void AddEvaluation(const ModelShape& shape, std::string_view which, Tensors& tensors) {
  using tensor::Tag;
  for (const char* split : {"train.", "test."}) {
    const std::string prefix = std::string(which) + split;
    tensors.push_back(Statistic(prefix + "rows", 1, Tag::kCount));
    tensors.push_back(Statistic(prefix + "loss_sum", 1, Tag::kSum));
    if (shape.loss == LossKind::kSquared || shape.loss == LossKind::kPoisson) {
      tensors.push_back(Statistic(prefix + "absolute_error", 1, Tag::kSum));
    }
    if (shape.loss == LossKind::kPoisson) {
      tensors.push_back(Statistic(prefix + "squared_error", 1, Tag::kSum));
    }
    if (shape.loss == LossKind::kCox) {
      tensors.push_back(Statistic(prefix + "concordant", 1, Tag::kSum));
      tensors.push_back(Statistic(prefix + "comparable", 1, Tag::kSum));
    }
    if (shape.classes() >= 2) {
      tensors.push_back(Statistic(prefix + "hits", 1, Tag::kCount));
      tensors.push_back(Statistic(prefix + "squared_error", 1, Tag::kSum));
      for (const char* count : {"class_rows", "class_hits", "class_said"}) {
        tensors.push_back(Statistic(prefix + count, shape.outputs, Tag::kCount));
      }
      tensors.push_back(Statistic(prefix + "bin_rows", kCalibrationBins, Tag::kCount));
      tensors.push_back(Statistic(prefix + "bin_hits", kCalibrationBins, Tag::kCount));
      tensors.push_back(Statistic(prefix + "bin_chances", kCalibrationBins, Tag::kSum));
    }
    if (shape.classes() != 2) continue;
    for (const char* side : {"histogram_negative", "histogram_positive"}) {
      tensors.push_back(Statistic(prefix + side, kHistogramBins, Tag::kCount));
    }
  }
}

}  // namespace

absl::StatusOr<tensor::Layout> ContributionLayout(const job::JobSpec& spec,
                                                  wire::Workload workload) {
  CN_ASSIGN_OR_RETURN(const ModelShape shape, ShapeOf(spec));
  Tensors tensors;
  switch (workload) {
    case wire::Workload::kMeans:
      tensors = {Statistic("count", shape.inputs, tensor::Tag::kCount),
                 Statistic("sum", shape.inputs, tensor::Tag::kSum)};
      break;
    case wire::Workload::kVariances:
      tensors = {Statistic("count", shape.inputs, tensor::Tag::kCount),
                 Statistic("centred_squares", shape.inputs, tensor::Tag::kSum)};
      break;
    case wire::Workload::kTrain: {
      CN_ASSIGN_OR_RETURN(const tensor::Layout parameters, SharedLayout(spec));
      tensors = ScalarTensors(spec);
      for (tensor::TensorSpec& tensor : StepTensors(spec, parameters)) {
        tensors.push_back(std::move(tensor));
      }
      AddEvaluation(shape, kGlobalPrefix, tensors);
      break;
    }
    case wire::Workload::kEvaluate:
      AddEvaluation(shape, kGlobalPrefix, tensors);
      break;
  }
  if (EvaluatesPersonal(spec, workload)) AddEvaluation(shape, kPersonalPrefix, tensors);
  return tensor::Layout::Create(std::move(tensors));
}

size_t FirstStatistic(const tensor::Layout& contribution) {
  size_t first = contribution.size();
  while (first > 0 && contribution.tensors()[first - 1].dtype == tensor::DType::kFloat64) --first;
  return first;
}

}  // namespace consilium::learn
