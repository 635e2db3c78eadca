#include "client/train/local_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "client/train/local_step.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "common/learn/evaluate.h"
#include "common/learn/strategy_layout.h"

namespace consilium::client::train {
namespace {

using job::StrategyKind;

constexpr double kLossFloor = 1e-10;

// `values`, flat, into the tensors `prefix` + parameter's name; what is not finite or beyond its
// tensor's bound has diverged. What `personal` keeps stays out: it has no tensor there.
absl::Status WriteFlat(const tensor::Layout& parameters, const job::PersonalSpec& personal,
                       std::string_view prefix, std::span<const float> values,
                       tensor::Bundle& into) {
  size_t next = 0;
  for (const tensor::TensorSpec& parameter : parameters.tensors()) {
    if (personal.Keeps(parameter.name)) {
      next += tensor::ElementsOf(parameter);
      continue;
    }
    const size_t index = into.IndexOf(std::string(prefix) + parameter.name);
    const float bound = std::ldexp(1.0f, into.layout().tensors()[index].bound_log2);
    const std::span<float> out = into.Float32(index);
    for (size_t i = 0; i < out.size(); ++i, ++next) {
      out[i] = values[next];
      if (std::abs(out[i]) <= bound) continue;
      return Error(
          ErrorCode::kTrainingDiverged,
          fmt::format("{}{}[{}] {} in local training, want a change of at most {}", prefix,
                      parameter.name, i,
                      std::isfinite(out[i]) ? "moved too far" : "became NaN or infinite", bound),
          "lower learning_rate, or standardise the features");
    }
  }
  return absl::OkStatus();
}

// The broadcast variates, flat.
absl::StatusOr<learn::AlignedVector<float>> ReadVariates(const tensor::Layout& parameters,
                                                         const tensor::Bundle& state) {
  std::vector<tensor::TensorSpec> named = parameters.tensors();
  for (tensor::TensorSpec& spec : named) spec.name = std::string(learn::kVariatePrefix) + spec.name;
  CN_ASSIGN_OR_RETURN(const tensor::Layout variates, tensor::Layout::Create(std::move(named)));
  return learn::ReadParameters(variates, state);
}

}  // namespace

absl::StatusOr<LocalRule> LocalRule::Create(const Input& input, const wire::StatePart& state) {
  LocalRule rule(input);
  const job::StrategySpec& strategy = input.spec.strategy;
  const size_t count = input.start.size();
  if (!input.own.empty() && input.own.size() != count) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("this site's own vector has {} elements, the model {}",
                             input.own.size(), count));
  }
  if (strategy.kind == StrategyKind::kFedProx) rule.pull_ = static_cast<float>(strategy.mu);
  if (strategy.kind == StrategyKind::kScaffold) {
    CN_ASSIGN_OR_RETURN(rule.variate_, ReadVariates(input.parameters, state.tensors));
    rule.offset_ = rule.variate_;
    for (size_t i = 0; i < count; ++i) rule.offset_[i] -= rule.OwnAt(i);
  }
  if (strategy.kind == StrategyKind::kFedDyn) {
    rule.pull_ = static_cast<float>(strategy.alpha);
    rule.offset_.resize(count);
    for (size_t i = 0; i < count; ++i) rule.offset_[i] = -rule.OwnAt(i);
  }
  return rule;
}

void LocalRule::Correct(std::span<const float> parameters, std::span<float> gradient) const {
  if (pull_ != 0) {
    for (size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] += pull_ * (parameters[i] - in_.start[i]);
    }
  }
  for (size_t i = 0; i < offset_.size(); ++i) gradient[i] += offset_[i];
}

absl::Status LocalRule::Contribute(std::span<const float> end, uint64_t steps,
                                   const std::function<bool()>& go_on,
                                   Contribution& contribution) const {
  const job::StrategyVectors& vectors = learn::VectorsOf(in_.spec);
  tensor::Bundle& values = contribution.values;
  if (vectors.counts_sites) values.Float64(values.IndexOf(learn::kSitesTensor))[0] = 1;
  float factor = 1;
  switch (in_.spec.strategy.kind) {
    case StrategyKind::kScaffold:
      CN_RETURN_IF_ERROR(ContributeVariates(end, steps, contribution));
      break;
    case StrategyKind::kFedNova: {
      const size_t scalar = values.IndexOf(vectors.scalar);
      const auto gradients = static_cast<float>(job::GradientsIn(in_.spec.train.optimizer, steps));
      if (gradients > std::ldexp(1.0F, values.layout().tensors()[scalar].bound_log2)) {
        return Error(ErrorCode::kTrainingDiverged,
                     fmt::format("{} local steps add up to {} gradients, too large a number", steps,
                                 gradients),
                     "take fewer local steps, or less momentum");
      }
      values.Float32(scalar)[0] = gradients;
      factor = 1.0F / gradients;
      break;
    }
    case StrategyKind::kQFedAvg:
      return WriteFair(end, go_on, contribution);
    case StrategyKind::kFedDyn: {
      const auto alpha = static_cast<float>(in_.spec.strategy.alpha);
      contribution.next_own.resize(end.size());
      for (size_t i = 0; i < end.size(); ++i) {
        contribution.next_own[i] = OwnAt(i) - alpha * (end[i] - in_.start[i]);
      }
      break;
    }
    default:
      break;
  }
  return WriteDeltas(end, factor, contribution);
}

absl::Status LocalRule::WriteDeltas(std::span<const float> end, float factor,
                                    Contribution& contribution) const {
  learn::AlignedVector<float> deltas(end.size());
  for (size_t i = 0; i < end.size(); ++i) deltas[i] = factor * (end[i] - in_.start[i]);
  return WriteFlat(in_.parameters, in_.spec.personal, "", deltas, contribution.values);
}

absl::Status LocalRule::ContributeVariates(std::span<const float> end, uint64_t steps,
                                           Contribution& contribution) const {
  learn::AlignedVector<float>& next = contribution.next_own;
  next.resize(end.size());
  if (in_.spec.strategy.option == 1) {
    in_.model.LossAndGradient(in_.start, in_.rows.All(), next);
    AddL2(in_.spec.train.optimizer.l2, learn::WeightRanges(in_.parameters), in_.start, next);
  } else {
    const float length = static_cast<float>(static_cast<double>(steps) * in_.learning_rate);
    for (size_t i = 0; i < end.size(); ++i) {
      next[i] = (OwnAt(i) - variate_[i]) + (in_.start[i] - end[i]) / length;
    }
  }
  learn::AlignedVector<float> changes = next;
  for (size_t i = 0; i < changes.size(); ++i) changes[i] -= OwnAt(i);
  return WriteFlat(in_.parameters, in_.spec.personal, learn::kVariatePrefix, changes,
                   contribution.values);
}

double LocalRule::SquareMoved(std::span<const float> end) const {
  double square = 0;
  size_t i = 0;
  for (const tensor::TensorSpec& parameter : in_.parameters.tensors()) {
    const size_t past = i + tensor::ElementsOf(parameter);
    if (in_.spec.personal.Keeps(parameter.name)) i = past;
    for (; i < past; ++i) {
      const double delta = static_cast<double>(end[i]) - in_.start[i];
      square += delta * delta;
    }
  }
  return square;
}

absl::Status LocalRule::WriteFair(std::span<const float> end, const std::function<bool()>& go_on,
                                  Contribution& contribution) const {
  bool cancelled = false;
  const learn::EvaluationSums sums =
      learn::Evaluate(in_.model, in_.shape, in_.start, in_.rows.All(), [&] {
        cancelled = !go_on();
        return !cancelled;
      });
  if (cancelled) return absl::CancelledError("the task was cancelled");
  const double q = in_.spec.strategy.q;
  const double loss = sums.loss_sum / sums.rows + kLossFloor;
  const double rate = in_.learning_rate;
  const double power = std::pow(loss, q);
  const double h = q * std::pow(loss, q - 1) * SquareMoved(end) / rate + power;
  if (!std::isfinite(h) || h > std::ldexp(1.0, learn::kSumBoundLog2)) {
    return Error(ErrorCode::kTrainingDiverged, "the power q of the loss is too large a number",
                 "lower q or learning_rate");
  }
  tensor::Bundle& values = contribution.values;
  values.Float64(values.IndexOf(learn::VectorsOf(in_.spec).scalar))[0] = h;
  return WriteDeltas(end, static_cast<float>(power), contribution);
}

}  // namespace consilium::client::train
