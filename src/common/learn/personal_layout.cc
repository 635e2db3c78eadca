#include "common/learn/personal_layout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "common/learn/standardize.h"
#include "common/learn/start.h"
#include "common/learn/strategy_layout.h"

namespace consilium::learn {
namespace {

using job::PersonalKind;

// Calls take(first, count) for every personal tensor's place in the flat model.
template <typename Take>
void EachPersonal(const job::PersonalSpec& personal, const tensor::Layout& parameters, Take take) {
  size_t first = 0;
  for (const tensor::TensorSpec& tensor : parameters.tensors()) {
    const size_t count = tensor::ElementsOf(tensor);
    if (personal.Keeps(tensor.name)) take(first, count);
    first += count;
  }
}

}  // namespace

absl::StatusOr<tensor::Layout> SharedLayout(const job::JobSpec& spec) {
  CN_ASSIGN_OR_RETURN(const ModelShape shape, ShapeOf(spec));
  CN_ASSIGN_OR_RETURN(tensor::Layout all, ParameterLayout(shape));
  if (spec.personal.tensors.empty()) return all;
  std::vector<tensor::TensorSpec> shared = all.tensors();
  std::erase_if(shared, [&](const auto& tensor) { return spec.personal.Keeps(tensor.name); });
  if (shared.empty() || shared.size() + spec.personal.tensors.size() != all.size()) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("{} are to stay at the sites, want some of the model's tensors, each "
                             "once, and not all",
                             fmt::join(spec.personal.tensors, ", ")));
  }
  return tensor::Layout::Create(std::move(shared));
}

bool EvaluatesPersonal(const job::JobSpec& spec, wire::Workload workload) {
  if (spec.personal.kind == PersonalKind::kNone) return false;
  if (workload == wire::Workload::kEvaluate) return true;
  return workload == wire::Workload::kTrain && job::RowOf(spec.personal.kind).in_every_round;
}

bool NeedsOwnVector(const job::JobSpec& spec, wire::Workload workload) {
  if (workload == wire::Workload::kTrain && VectorsOf(spec).site_vector) return true;
  return EvaluatesPersonal(spec, workload) && job::RowOf(spec.personal.kind).in_every_round;
}

AlignedVector<float> StartParameters(const job::JobSpec& spec, const tensor::Layout& parameters) {
  job::JobSpec drawn = spec;
  if (drawn.model.start == job::StartKind::kState) {
    const bool mlp = spec.model.kind == job::ModelKind::kMlp;
    drawn.model.start = mlp ? job::StartKind::kSeed : job::StartKind::kZeros;
  }
  StartDraw draw(drawn, parameters);
  AlignedVector<float> model(ParameterCount(parameters));
  std::span<float> left(model);
  for (const tensor::TensorSpec& tensor : parameters.tensors()) {
    const size_t count = tensor::ElementsOf(tensor);
    draw.Next(left.first(count));
    left = left.subspan(count);
  }
  return model;
}

absl::StatusOr<AlignedVector<float>> ReadShared(const job::JobSpec& spec,
                                                const tensor::Layout& parameters,
                                                const tensor::Bundle& state) {
  if (spec.personal.tensors.empty()) return ReadParameters(parameters, state);
  CN_ASSIGN_OR_RETURN(const tensor::Layout shared, SharedLayout(spec));
  CN_ASSIGN_OR_RETURN(const AlignedVector<float> values, ReadParameters(shared, state));
  AlignedVector<float> model = StartParameters(spec, parameters);
  size_t from = 0, first = 0;
  for (const tensor::TensorSpec& tensor : parameters.tensors()) {
    const size_t count = tensor::ElementsOf(tensor);
    if (!spec.personal.Keeps(tensor.name)) {
      std::copy_n(values.begin() + static_cast<ptrdiff_t>(from), count,
                  model.begin() + static_cast<ptrdiff_t>(first));
      from += count;
    }
    first += count;
  }
  return model;
}

size_t PersonalCount(const job::PersonalSpec& personal, const tensor::Layout& parameters) {
  size_t all = 0;
  EachPersonal(personal, parameters, [&](size_t, size_t count) { all += count; });
  return all;
}

AlignedVector<float> TakePersonal(const job::PersonalSpec& personal,
                                  const tensor::Layout& parameters, std::span<const float> model) {
  CN_CHECK(model.size() == ParameterCount(parameters));
  AlignedVector<float> own;
  EachPersonal(personal, parameters, [&](size_t first, size_t count) {
    const std::span<const float> tensor = model.subspan(first, count);
    own.insert(own.end(), tensor.begin(), tensor.end());
  });
  return own;
}

void PlacePersonal(const job::PersonalSpec& personal, const tensor::Layout& parameters,
                   std::span<const float> own, std::span<float> model) {
  CN_CHECK(model.size() == ParameterCount(parameters) &&
           own.size() == PersonalCount(personal, parameters));
  size_t from = 0;
  EachPersonal(personal, parameters, [&](size_t first, size_t count) {
    std::ranges::copy(own.subspan(from, count), model.subspan(first, count).begin());
    from += count;
  });
}

wire::StatePart PersonalModel(const job::JobSpec& spec, const wire::StatePart& broadcast,
                              std::span<const float> model) {
  job::JobSpec whole = spec;
  whole.personal = {};
  auto shape = ShapeOf(whole);
  CN_CHECK(shape.ok());
  auto layout = StateLayout(*shape, StatisticsIn(broadcast.tensors.layout()));
  CN_CHECK(layout.ok());  // the job was trained with it
  wire::StatePart part{tensor::Bundle(*std::move(layout)), ModelTexts(whole)};
  for (size_t t = 0; t < part.tensors.layout().size(); ++t) {
    const tensor::TensorSpec& tensor = part.tensors.layout().tensors()[t];
    if (tensor.dtype == tensor::DType::kFloat64) {
      std::ranges::copy(broadcast.tensors.Float64(broadcast.tensors.IndexOf(tensor.name)),
                        part.tensors.Float64(t).begin());
      continue;
    }
    const std::span<float> out = part.tensors.Float32(t);
    CN_CHECK(model.size() >= out.size());
    std::ranges::copy(model.first(out.size()), out.begin());
    model = model.subspan(out.size());
  }
  CN_CHECK(model.empty());
  return part;
}

}  // namespace consilium::learn
