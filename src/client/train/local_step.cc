#include "client/train/local_step.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace consilium::client::train {
namespace {

using job::OptimizerKind;

float SignOf(float value) { return value > 0 ? 1.0F : value < 0 ? -1.0F : 0.0F; }

void Clip(double longest, std::span<float> gradient) {
  Eigen::Map<Eigen::VectorXf> g(gradient.data(), static_cast<Eigen::Index>(gradient.size()));
  const double norm = std::sqrt(g.cast<double>().squaredNorm());
  if (norm > longest) g *= static_cast<float>(longest / norm);
}

}  // namespace

LocalStep::LocalStep(const job::TrainSpec& train, std::span<const learn::FlatRange> weights,
                     size_t parameters)
    : spec_(train.optimizer),
      rate_(train.learning_rate),
      weights_(weights),
      plain_(spec_.kind == OptimizerKind::kSgd && spec_.l1 == 0 && spec_.l2 == 0 &&
             spec_.clip_norm == 0) {
  if (spec_.kind != OptimizerKind::kSgd) first_.resize(parameters);
  if (spec_.kind >= OptimizerKind::kAdam) second_.resize(parameters);
}

void LocalStep::Shape(std::span<const float> parameters, std::span<float> gradient) const {
  if (spec_.l2 > 0) AddL2(spec_.l2, weights_, parameters, gradient);
  if (spec_.l1 > 0 && spec_.kind != OptimizerKind::kSgd) {
    const auto l1 = static_cast<float>(spec_.l1);
    for (const learn::FlatRange& range : weights_) {
      for (size_t i = range.begin; i < range.end; ++i) gradient[i] += l1 * SignOf(parameters[i]);
    }
  }
  if (spec_.clip_norm > 0) Clip(spec_.clip_norm, gradient);
}

void LocalStep::Move(uint64_t step, std::span<float> parameters, std::span<const float> direction) {
  CN_CHECK(parameters.size() == direction.size() && step > 0);
  const auto momentum = static_cast<float>(spec_.momentum);
  switch (spec_.kind) {
    case OptimizerKind::kSgd:
      for (size_t i = 0; i < parameters.size(); ++i) parameters[i] -= rate_ * direction[i];
      if (spec_.l1 > 0) Shrink(parameters);
      break;
    case OptimizerKind::kMomentum:
      for (size_t i = 0; i < parameters.size(); ++i) {
        first_[i] = momentum * first_[i] + direction[i];
        parameters[i] -= rate_ * first_[i];
      }
      break;
    case OptimizerKind::kNesterov:
      for (size_t i = 0; i < parameters.size(); ++i) {
        first_[i] = momentum * first_[i] + direction[i];
        parameters[i] -= rate_ * (direction[i] + momentum * first_[i]);
      }
      break;
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      MoveAdam(step, parameters, direction);
      break;
  }
}

void LocalStep::Shrink(std::span<float> parameters) const {
  const auto by = static_cast<float>(static_cast<double>(rate_) * spec_.l1);
  for (const learn::FlatRange& range : weights_) {
    for (size_t i = range.begin; i < range.end; ++i) {
      parameters[i] = std::copysign(std::max(std::abs(parameters[i]) - by, 0.0F), parameters[i]);
    }
  }
}

void LocalStep::MoveAdam(uint64_t step, std::span<float> parameters,
                         std::span<const float> direction) {
  if (spec_.kind == OptimizerKind::kAdamW) {
    const auto by = static_cast<float>(static_cast<double>(rate_) * spec_.weight_decay);
    for (const learn::FlatRange& range : weights_) {
      for (size_t i = range.begin; i < range.end; ++i) parameters[i] -= by * parameters[i];
    }
  }
  const auto t = static_cast<double>(step);
  const auto rate = static_cast<float>(rate_ / (1 - std::pow(spec_.beta1, t)));
  const auto unbias = static_cast<float>(1 / (1 - std::pow(spec_.beta2, t)));
  const auto beta1 = static_cast<float>(spec_.beta1), rest1 = static_cast<float>(1 - spec_.beta1);
  const auto beta2 = static_cast<float>(spec_.beta2), rest2 = static_cast<float>(1 - spec_.beta2);
  const auto epsilon = static_cast<float>(spec_.epsilon);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const float g = direction[i];
    first_[i] = beta1 * first_[i] + rest1 * g;
    second_[i] = beta2 * second_[i] + rest2 * (g * g);
    parameters[i] -= rate * first_[i] / (std::sqrt(second_[i] * unbias) + epsilon);
  }
}

std::vector<PointVector> LocalStep::Kept() {
  switch (spec_.kind) {
    case OptimizerKind::kSgd:
      return {};
    case OptimizerKind::kMomentum:
    case OptimizerKind::kNesterov:
      return {{"momentum", first_}};
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      return {{"adam.m", first_}, {"adam.v", second_}};
  }
  return {};
}

void AddL2(double l2, std::span<const learn::FlatRange> weights, std::span<const float> parameters,
           std::span<float> gradient) {
  const auto by = static_cast<float>(l2);
  for (const learn::FlatRange& range : weights) {
    for (size_t i = range.begin; i < range.end; ++i) gradient[i] += by * parameters[i];
  }
}

}  // namespace consilium::client::train
