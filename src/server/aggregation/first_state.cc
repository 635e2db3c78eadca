#include "server/aggregation/first_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "common/learn/personal_layout.h"
#include "common/learn/strategy_layout.h"

namespace consilium::server::aggregation {
namespace {

absl::Status Mismatch(const std::string& what) {
  return Error(ErrorCode::kModelMismatch, what, "start from a model of the same shape");
}

}  // namespace

absl::StatusOr<FirstState> FirstState::Create(const job::JobSpec& spec,
                                              const wire::StatePartHead* put) {
  FirstState first(spec);
  CN_ASSIGN_OR_RETURN(const learn::ModelShape shape, learn::ShapeOf(spec));
  CN_ASSIGN_OR_RETURN(first.parameters_, learn::SharedLayout(spec));
  CN_ASSIGN_OR_RETURN(first.head_.layout, learn::StateLayout(spec, learn::Statistics::kNone));
  CN_ASSIGN_OR_RETURN(first.private_head_.layout, learn::PrivateLayout(spec, first.parameters_));
  first.private_head_.texts = {{"format", learn::kModelFormat}};
  first.head_.texts = learn::ModelTexts(spec);
  if (spec.model.start == job::StartKind::kState) {
    CN_RETURN_IF_ERROR(first.FindInPut(spec, put));
  } else {
    CN_ASSIGN_OR_RETURN(tensor::Layout whole, learn::ParameterLayout(shape));
    first.draw_.emplace(spec, std::move(whole));
  }
  CN_RETURN_IF_ERROR(learn::CheckTexts(first.head_.texts));
  return first;
}

absl::Status FirstState::FindInPut(const job::JobSpec& spec, const wire::StatePartHead* put) {
  if (put == nullptr) {
    return Error(
        ErrorCode::kStateNotFound,
        fmt::format("init names the state {}, which is not here", HexOf(spec.model.start_state)),
        "put the model first: consilium model put FILE");
  }
  CN_RETURN_IF_ERROR(learn::CheckModelFits(spec, put->texts));
  for (const tensor::TensorSpec& wanted : parameters_.tensors()) {
    const auto found = put->layout.Find(wanted.name);
    if (!found) return Mismatch(fmt::format("the state has no tensor `{}`", wanted.name));
    const tensor::TensorSpec& held = put->layout.tensors()[*found];
    if (held.shape != wanted.shape || held.dtype != wanted.dtype) {
      return Mismatch(fmt::format("tensor `{}` of the state has shape [{}], want float32 [{}]",
                                  wanted.name, fmt::join(held.shape, ", "),
                                  fmt::join(wanted.shape, ", ")));
    }
    offsets_.push_back(put->layout.OffsetOf(*found));
  }
  return absl::OkStatus();
}

std::optional<uint64_t> FirstState::OffsetInPut(size_t tensor) const {
  if (tensor >= offsets_.size()) return std::nullopt;
  return offsets_[tensor];
}

void FirstState::Draw(size_t tensor, std::span<float> out) {
  if (tensor < parameters_.size()) {
    draw_->SkipTo(parameters_.tensors()[tensor].name);
    return draw_->Next(out);
  }
  std::ranges::fill(out, 0.0F);
}

absl::Status FirstState::CheckPut(size_t tensor, std::span<const float> values) const {
  if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    return absl::OkStatus();
  }
  return Mismatch(fmt::format("tensor `{}` of the state holds NaN or infinity",
                              head_.layout.tensors()[tensor].name));
}

}  // namespace consilium::server::aggregation
