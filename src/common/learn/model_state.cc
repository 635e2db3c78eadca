#include "common/learn/model_state.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "common/learn/standardize.h"

namespace consilium::learn {

absl::StatusOr<tensor::Layout> StateLayout(const ModelShape& shape, Statistics statistics) {
  CN_ASSIGN_OR_RETURN(const tensor::Layout parameters, ParameterLayout(shape));
  std::vector<tensor::TensorSpec> tensors = parameters.tensors();
  const auto add = [&](const char* name) {
    tensors.push_back({.name = name,
                       .shape = {shape.inputs},
                       .dtype = tensor::DType::kFloat64,
                       .bound_log2 = kSumBoundLog2,
                       .weighting = tensor::Weighting::kOne,
                       .tag = tensor::Tag::kSum});
  };
  if (statistics != Statistics::kNone) add(kMeanTensor);
  if (statistics == Statistics::kMeansAndScales) add(kScaleTensor);
  return tensor::Layout::Create(std::move(tensors));
}

Statistics StatisticsIn(const tensor::Layout& state) {
  if (!state.Find(kMeanTensor)) return Statistics::kNone;
  return state.Find(kScaleTensor) ? Statistics::kMeansAndScales : Statistics::kMeans;
}

void CopyTensors(const tensor::Bundle& from, tensor::Bundle& to) {
  for (size_t t = 0; t < from.layout().size(); ++t) {
    const tensor::TensorSpec& spec = from.layout().tensors()[t];
    const auto target = to.layout().Find(spec.name);
    if (!target) continue;
    const tensor::TensorSpec& held = to.layout().tensors()[*target];
    CN_CHECK(held.shape == spec.shape && held.dtype == spec.dtype);
    const size_t bytes = tensor::ElementsOf(spec) * tensor::BytesPerElement(spec.dtype);
    std::memcpy(&to.payload()[to.layout().OffsetOf(*target)],
                &from.payload()[from.layout().OffsetOf(t)], bytes);
  }
}

void WriteParameters(const tensor::Layout& parameters, std::span<const float> flat,
                     tensor::Bundle& values) {
  CN_CHECK(flat.size() == ParameterCount(parameters));
  for (const tensor::TensorSpec& spec : parameters.tensors()) {
    const std::span<float> target = values.Float32(values.IndexOf(spec.name));
    std::copy_n(flat.begin(), target.size(), target.begin());
    flat = flat.subspan(target.size());
  }
}

}  // namespace consilium::learn
