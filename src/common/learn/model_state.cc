#include "common/learn/model_state.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "common/learn/standardize.h"

namespace consilium::learn {

std::vector<tensor::TensorSpec> StatisticsTensors(uint32_t columns, Statistics statistics) {
  std::vector<tensor::TensorSpec> tensors;
  const auto add = [&](const char* name) {
    tensors.push_back({.name = name,
                       .shape = {columns},
                       .dtype = tensor::DType::kFloat64,
                       .bound_log2 = kSumBoundLog2,
                       .weighting = tensor::Weighting::kOne,
                       .tag = tensor::Tag::kSum});
  };
  if (statistics != Statistics::kNone) add(kMeanTensor);
  if (statistics == Statistics::kMeansAndScales) add(kScaleTensor);
  return tensors;
}

absl::StatusOr<tensor::Layout> StateLayout(const ModelShape& shape, Statistics statistics) {
  CN_ASSIGN_OR_RETURN(const tensor::Layout parameters, ParameterLayout(shape));
  std::vector<tensor::TensorSpec> tensors = parameters.tensors();
  for (tensor::TensorSpec& tensor : StatisticsTensors(shape.inputs, statistics)) {
    tensors.push_back(std::move(tensor));
  }
  return tensor::Layout::Create(std::move(tensors));
}

Statistics StatisticsIn(const tensor::Layout& state) {
  if (!state.Find(kMeanTensor)) return Statistics::kNone;
  return state.Find(kScaleTensor) ? Statistics::kMeansAndScales : Statistics::kMeans;
}

}  // namespace consilium::learn
