#include "client/train/personal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "client/train/sgd.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/job/schedule.h"
#include "common/learn/batch_order.h"
#include "common/learn/dropout.h"
#include "common/learn/personal_layout.h"

namespace consilium::client::train {
namespace {

using job::PersonalKind;

absl::Status CheckFiniteOwn(std::span<const float> own) {
  if (std::ranges::all_of(own, [](float value) { return std::isfinite(value); })) {
    return absl::OkStatus();
  }
  return Error(
      ErrorCode::kTrainingDiverged,
      "the site's own model became NaN or infinite in personal training",
      "lower `personal.learning_rate` (or `personal.lambda`), or standardise the features");
}

// As a round's local training, with the steps and the rate of [personal]; a schedule goes for
// rounds, not for what comes after them.
job::TrainSpec PersonalTraining(const job::JobSpec& spec, RoundNumber round) {
  job::TrainSpec train = spec.train;
  train.learning_rate = spec.personal.learning_rate;
  if (round.value() > 0) {
    train.learning_rate =
        job::LearningRateIn(train.schedule, train.learning_rate, spec.rounds, round);
  }
  train.local_epochs = spec.personal.epochs;
  train.local_steps = spec.personal.steps;
  return train;
}

}  // namespace

absl::StatusOr<learn::AlignedVector<float>> OwnModel(const job::JobSpec& spec,
                                                     const tensor::Layout& parameters,
                                                     std::span<const float> global,
                                                     std::span<const float> own) {
  learn::AlignedVector<float> model(global.begin(), global.end());
  if (own.empty() || spec.personal.kind == PersonalKind::kFineTune) return model;
  const bool layers = spec.personal.kind == PersonalKind::kLayers;
  const size_t wanted = layers ? learn::PersonalCount(spec.personal, parameters) : model.size();
  if (own.size() != wanted) {
    return Error(
        ErrorCode::kModelMismatch,
        fmt::format("this site keeps {} personal weights of the job, want {}", own.size(), wanted));
  }
  if (layers) {
    learn::PlacePersonal(spec.personal, parameters, own, model);
  } else {
    std::ranges::copy(own, model.begin());
  }
  return model;
}

absl::Status TrainOwn(const LocalRule::Input& global, const SiteTask& task,
                      const Progress& progress, std::span<float> own) {
  const job::JobSpec& spec = global.spec;
  const bool pulled = spec.personal.kind == PersonalKind::kDitto;
  const LocalRule rule = LocalRule::Towards(global, pulled ? spec.personal.lambda : 0);
  const Digest key = learn::PersonalBatchKey(spec, task.round, task.site);
  learn::BatchOrder order(key, static_cast<uint32_t>(global.rows.rows()), spec.train.batch_size);
  const job::TrainSpec train = PersonalTraining(spec, task.round);
  std::optional<learn::Dropout> dropout;
  if (train.dropout > 0) {
    const std::array<ByteSpan, 1> parts = {std::as_bytes(std::span(key.bytes))};
    dropout.emplace(crypto::DeriveKey("consilium-personal-dropout-v1", parts), train.dropout);
  }
  const std::vector<learn::FlatRange> weights = learn::WeightRanges(global.parameters);
  const Trainee trainee{
      global.rows, global.model, own,        nullptr, kWorkPerReport,
      &rule,       nullptr,      task.clock, weights, dropout ? &*dropout : nullptr};
  CN_RETURN_IF_ERROR(RunSgd(train, std::move(order), trainee, progress).status());
  return CheckFiniteOwn(own);
}

absl::StatusOr<learn::AlignedVector<float>> KeptOf(const job::JobSpec& spec,
                                                   const tensor::Layout& parameters,
                                                   std::span<const float> own) {
  CN_RETURN_IF_ERROR(CheckFiniteOwn(own));
  if (spec.personal.kind == PersonalKind::kLayers) {
    return learn::TakePersonal(spec.personal, parameters, own);
  }
  return learn::AlignedVector<float>(own.begin(), own.end());
}

}  // namespace consilium::client::train
