#include "server/aggregation/server_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/base/error.h"

namespace consilium::server::aggregation {
namespace {

using job::StrategyKind;

absl::Status CheckFinite(const tensor::TensorSpec& tensor, uint64_t first,
                         std::span<const float> values) {
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return absl::OkStatus();
  return Error(ErrorCode::kTrainingDiverged,
               fmt::format("{}[{}] of the next model is not finite", tensor.name,
                           first + static_cast<uint64_t>(bad - values.begin())),
               "lower learning_rate, or standardise the features");
}

}  // namespace

ServerRule::ServerRule(const job::StrategySpec& strategy)
    : strategy_(strategy), vectors_(job::RowOf(strategy.kind).vectors) {}

void ServerRule::FillFirst(std::span<double> own) const {
  std::ranges::fill(own, 0.0);
  if (slots() != 2) return;  // m, v
  for (size_t i = 1; i < own.size(); i += 2) own[i] = strategy_.initial_v;
}

void ServerRule::TakeScalar(size_t scalar, double value) {
  if (scalar == 0 && vectors_.counts_sites) {
    sites_ = value;
  } else {
    scalar_ = value;
  }
}

double ServerRule::Part() const {
  if (strategy_.population == 0) return 1;
  return std::min(1.0, sites_ / strategy_.population);
}

double ServerRule::AdaptiveMove(double d, double* moments) const {
  double& m = moments[0];
  double& v = moments[1];
  const double fresh = 1 - strategy_.beta2;
  const double square = d * d;
  m = strategy_.beta1 * m + (1 - strategy_.beta1) * d;
  if (strategy_.kind == StrategyKind::kFedAdagrad) {
    v += square;
  } else if (strategy_.kind == StrategyKind::kFedAdam) {
    v = strategy_.beta2 * v + fresh * square;
  } else if (v != square) {
    v -= std::copysign(fresh * square, v - square);
  }
  return strategy_.server_learning_rate * m / (std::sqrt(v) + strategy_.tau);
}

absl::Status ServerRule::StepModel(const tensor::TensorSpec& tensor, uint64_t first,
                                   std::span<const double> report, std::span<float> weights,
                                   std::span<double> own) const {
  CN_CHECK(report.size() == weights.size() && own.size() == weights.size() * slots());
  // `move` says how far an element goes.
  const auto each = [&](auto move) {
    for (size_t i = 0; i < weights.size(); ++i) {
      const double step = move(report[i], own.data() + i * slots());
      weights[i] = static_cast<float>(static_cast<double>(weights[i]) + step);
    }
  };
  const double rate = strategy_.server_learning_rate;
  switch (strategy_.kind) {
    case StrategyKind::kFedAvg:
    case StrategyKind::kFedSgd:
    case StrategyKind::kFedProx:
      each([](double d, double*) { return d; });
      break;
    case StrategyKind::kFedAvgM:
      each([&](double d, double* m) { return rate * (*m = strategy_.beta1 * *m + d); });
      break;
    case StrategyKind::kFedAdagrad:
    case StrategyKind::kFedAdam:
    case StrategyKind::kFedYogi:
      each([&](double d, double* moments) { return AdaptiveMove(d, moments); });
      break;
    case StrategyKind::kScaffold:
    case StrategyKind::kFedBuff:
      each([&](double d, double*) { return rate * d; });
      break;
    case StrategyKind::kFedNova:
      each([&](double d, double*) { return d * scalar_; });
      break;
    case StrategyKind::kQFedAvg:
      if (scalar_ > 0) each([&](double d, double*) { return d * sites_ / scalar_; });
      break;
    case StrategyKind::kFedDyn:
      each([&, part = Part()](double d, double* h) {
        *h -= strategy_.alpha * part * d;
        return d - *h / strategy_.alpha;
      });
      break;
  }
  return CheckFinite(tensor, first, weights);
}

absl::Status ServerRule::StepVariates(const tensor::TensorSpec& tensor, uint64_t first,
                                      std::span<const double> report,
                                      std::span<float> variates) const {
  CN_CHECK(report.size() == variates.size());
  const double part = Part();
  for (size_t i = 0; i < variates.size(); ++i) {
    variates[i] = static_cast<float>(static_cast<double>(variates[i]) + part * report[i]);
  }
  return CheckFinite(tensor, first, variates);
}

}  // namespace consilium::server::aggregation
