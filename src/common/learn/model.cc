#include "common/learn/model.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <cmath>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_kinds.h"

namespace consilium::learn {
namespace {

absl::Status Mismatch(std::string_view message) {
  return Error(ErrorCode::kModelMismatch, message);
}

absl::Status CheckSize(const ModelShape& shape) {
  if (shape.hidden.size() > kMaxHiddenLayers) {
    return Mismatch(fmt::format("the model has {} hidden layers, want at most {}",
                                shape.hidden.size(), kMaxHiddenLayers));
  }
  uint64_t count = 0;
  uint64_t in = shape.inputs;
  std::vector<uint32_t> widths = shape.hidden;
  widths.push_back(shape.outputs);
  for (const uint64_t out : widths) {
    if (out == 0 || out > kMaxParameters || in > kMaxParameters) {
      return Mismatch(
          fmt::format("a layer of {} by {} values, want 1 to {} each", in, out, kMaxParameters));
    }
    count += (in + 1) * out;
    in = out;
  }
  if (count > kMaxParameters) {
    return Mismatch(
        fmt::format("the model has {} parameters, want at most {}", count, kMaxParameters));
  }
  return absl::OkStatus();
}

tensor::TensorSpec Parameter(std::string name, std::vector<uint32_t> dimensions) {
  return {.name = std::move(name),
          .shape = std::move(dimensions),
          .dtype = tensor::DType::kFloat32,
          .bound_log2 = kDeltaBoundLog2,
          .weighting = tensor::Weighting::kSamples,
          .tag = tensor::Tag::kUpdate};
}

// The order of a blocked product's additions follows the cache sizes it believes in: fixed ones
// give the same bits on every machine with the same kernel.
void FixBlocking() {
  [[maybe_unused]] static const bool fixed = [] {
    Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 4 << 20);
    return true;
  }();
}

}  // namespace

uint32_t ModelShape::classes() const {
  switch (loss) {
    case LossKind::kLogistic:
      return 2;
    case LossKind::kSquared:
    case LossKind::kCox:
    case LossKind::kPoisson:
      return 0;
    case LossKind::kSoftmax:
      return outputs;
  }
  return 0;
}

absl::StatusOr<ModelShape> ShapeOf(const job::JobSpec& spec) {
  ModelShape shape;
  shape.kind = spec.model.kind;
  shape.inputs = spec.design_columns();
  if (shape.inputs == 0) return Mismatch("the model has no input columns, want at least one");
  switch (shape.kind) {
    case job::ModelKind::kLogistic:
      shape.loss = LossKind::kLogistic;
      break;
    case job::ModelKind::kLinear:
      shape.loss = LossKind::kSquared;
      break;
    case job::ModelKind::kPoisson:
      shape.loss = LossKind::kPoisson;
      break;
    case job::ModelKind::kCox:
      shape.loss = LossKind::kCox;
      shape.ties = spec.model.ties;
      break;
    case job::ModelKind::kMlp:
      shape.hidden = spec.model.hidden;
      shape.activation = spec.model.activation;
      [[fallthrough]];
    case job::ModelKind::kSoftmax: {
      const bool one_score = shape.kind == job::ModelKind::kMlp && spec.data.classes == 2 &&
                             spec.data.label_levels.empty();
      if (spec.data.classes < 2) return Mismatch("the label has one class, want at least two");
      shape.loss = one_score ? LossKind::kLogistic : LossKind::kSoftmax;
      shape.outputs = one_score ? 1 : spec.data.classes;
      break;
    }
  }
  CN_RETURN_IF_ERROR(CheckSize(shape));
  shape.class_weights = spec.train.class_weights;
  if (!shape.class_weights.empty() && shape.class_weights.size() != shape.classes()) {
    return Mismatch(fmt::format("{} class weights for {} classes", shape.class_weights.size(),
                                shape.classes()));
  }
  return shape;
}

absl::StatusOr<tensor::Layout> ParameterLayout(const ModelShape& shape) {
  std::vector<tensor::TensorSpec> tensors;
  switch (shape.kind) {
    case job::ModelKind::kLogistic:
    case job::ModelKind::kLinear:
    case job::ModelKind::kPoisson:
      tensors = {Parameter("w", {shape.inputs}), Parameter("b", {1})};
      break;
    case job::ModelKind::kCox:
      tensors = {Parameter("w", {shape.inputs})};
      break;
    case job::ModelKind::kSoftmax:
      tensors = {Parameter("w", {shape.inputs, shape.outputs}), Parameter("b", {shape.outputs})};
      break;
    case job::ModelKind::kMlp: {
      uint32_t in = shape.inputs;
      std::vector<uint32_t> widths = shape.hidden;
      widths.push_back(shape.outputs);
      for (size_t l = 0; l < widths.size(); ++l) {
        tensors.push_back(Parameter(fmt::format("layer{}.w", l), {in, widths[l]}));
        tensors.push_back(Parameter(fmt::format("layer{}.b", l), {widths[l]}));
        in = widths[l];
      }
      break;
    }
  }
  return tensor::Layout::Create(std::move(tensors));
}

size_t ParameterCount(const tensor::Layout& parameters) {
  size_t count = 0;
  for (const tensor::TensorSpec& spec : parameters.tensors()) count += tensor::ElementsOf(spec);
  return count;
}

std::vector<FlatRange> WeightRanges(const tensor::Layout& parameters) {
  std::vector<FlatRange> ranges;
  size_t next = 0;
  for (const tensor::TensorSpec& spec : parameters.tensors()) {
    const size_t begin = next;
    next += tensor::ElementsOf(spec);
    if (spec.name != "b" && !spec.name.ends_with(".b")) ranges.push_back({begin, next});
  }
  return ranges;
}

absl::StatusOr<AlignedVector<float>> ReadParameters(const tensor::Layout& parameters,
                                                    const tensor::Bundle& state) {
  AlignedVector<float> flat;
  flat.reserve(ParameterCount(parameters));
  for (const tensor::TensorSpec& wanted : parameters.tensors()) {
    const auto found = state.layout().Find(wanted.name);
    if (!found) return Mismatch(fmt::format("the state has no tensor `{}`", wanted.name));
    const tensor::TensorSpec& held = state.layout().tensors()[*found];
    if (held.shape != wanted.shape || held.dtype != wanted.dtype) {
      return Mismatch(fmt::format("tensor `{}` of the state has shape [{}], want float32 [{}]",
                                  wanted.name, fmt::join(held.shape, ", "),
                                  fmt::join(wanted.shape, ", ")));
    }
    for (const float value : state.Float32(*found)) {
      if (!std::isfinite(value)) {
        return Mismatch(fmt::format("tensor `{}` of the state holds NaN or infinity", held.name));
      }
      flat.push_back(value);
    }
  }
  return flat;
}

template <typename T>
std::unique_ptr<BasicModel<T>> MakeModel(const ModelShape& shape) {
  FixBlocking();
  switch (shape.kind) {
    case job::ModelKind::kLogistic:
    case job::ModelKind::kLinear:
    case job::ModelKind::kPoisson:
      return MakeLinearModel<T>(shape);
    case job::ModelKind::kCox:
      return MakeCoxModel<T>(shape);
    case job::ModelKind::kSoftmax:
    case job::ModelKind::kMlp:
      return MakeDenseModel<T>(shape);
  }
  CN_CHECK(false);
  return nullptr;
}
template std::unique_ptr<BasicModel<float>> MakeModel(const ModelShape& shape);
template std::unique_ptr<BasicModel<double>> MakeModel(const ModelShape& shape);

}  // namespace consilium::learn
