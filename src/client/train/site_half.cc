#include "client/train/site_half.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "client/train/local_rule.h"
#include "client/train/personal.h"
#include "client/train/prepared.h"
#include "client/train/sgd.h"
#include "client/train/site_statistics.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/batch_order.h"
#include "common/learn/contribution.h"
#include "common/learn/evaluate.h"
#include "common/learn/fill.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "common/learn/personal_layout.h"
#include "common/learn/standardize.h"
#include "common/sum/exact_sum.h"

namespace consilium::client::train {
namespace {

// Everything a task works on.
struct Work {
  const job::JobSpec& spec;
  const SiteTask& task;
  const wire::StatePart& state;
  const data::Dataset& dataset;
  const Progress& progress;
  learn::ModelShape shape;
  tensor::Layout layout;     // of the contribution
  uint64_t local_steps = 0;  // of a training
};

absl::Status NeedTrainingRows(const Work& work) {
  if (work.dataset.train.rows() > 0) return absl::OkStatus();
  return Error(ErrorCode::kDataTooFewRows,
               fmt::format("no complete training row for the step `{}`, want at least 1",
                           wire::NameOf(work.task.workload)),
               "check the dataset's filter, its hold-out and its missing markers in client.toml");
}

absl::Status NeedColumns(const Work& work) {
  const data::Split& train = work.dataset.train;
  if (train.columns == work.shape.inputs && train.x.size() == train.rows() * train.columns) {
    return absl::OkStatus();
  }
  return Error(ErrorCode::kModelMismatch,
               fmt::format("the data has {} design columns, the job wants {}", train.columns,
                           work.shape.inputs));
}

Contribution EmptyContribution(const Work& work) {
  const uint64_t rows = work.dataset.train.rows();
  Contribution contribution;
  contribution.values = tensor::Bundle(work.layout);
  contribution.weight = static_cast<uint32_t>(std::clamp<uint64_t>(rows, 1, sum::kMaxWeight));
  contribution.support.assign(work.layout.size(), rows);
  return contribution;
}

// A column that few rows have a value in stays out: zeros, as if no row had one. What is left rests
// on the fewest rows of a column.
void HideSmallColumns(const Work& work, std::vector<double>& counts, std::vector<double>& sums,
                      Contribution& contribution) {
  const auto rows = static_cast<double>(work.dataset.train.rows());
  double fewest = rows;
  for (size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] < rows && counts[c] < static_cast<double>(work.task.min_cell)) {
      counts[c] = sums[c] = 0;
    } else {
      fewest = std::min(fewest, counts[c]);
    }
  }
  std::fill(contribution.support.begin(), contribution.support.end(),
            static_cast<uint64_t>(fewest));
}

// Statistics passes: the count in every column, and one sum.
absl::StatusOr<Contribution> ColumnStatistics(const Work& work) {
  CN_RETURN_IF_ERROR(NeedTrainingRows(work));
  CN_RETURN_IF_ERROR(NeedColumns(work));
  const data::Split& train = work.dataset.train;
  Contribution contribution = EmptyContribution(work);
  std::vector<double> sums;
  if (work.task.workload == wire::Workload::kMeans) {
    sums = learn::ColumnSums(train.x, train.columns);
  } else {
    CN_ASSIGN_OR_RETURN(const std::vector<double> means,
                        learn::ReadMeans(work.state.tensors, train.columns));
    sums = learn::CentredSquares(train.x, means);
  }
  learn::LeaveUnscaled(work.spec.data, 0, sums);  // nobody asks for these
  std::vector<double> counts = learn::ColumnCounts(train.x, train.columns);
  HideSmallColumns(work, counts, sums, contribution);
  std::copy(counts.begin(), counts.end(), contribution.values.Float64(0).begin());
  std::copy(sums.begin(), sums.end(), contribution.values.Float64(1).begin());
  return contribution;
}

struct Prepared {
  PreparedSplit train;
  PreparedSplit test;
};

absl::StatusOr<Prepared> PrepareBoth(const Work& work) {
  CN_RETURN_IF_ERROR(work.task.texts != nullptr
                         ? learn::CheckTextsFit(*work.task.texts, work.state.texts)
                         : learn::CheckModelFits(work.spec, work.state.texts));
  CN_ASSIGN_OR_RETURN(const std::optional<learn::Scaling> scaling,
                      ScalingFor(work.spec, work.state, work.dataset.train));
  const learn::Scaling* by = scaling ? &*scaling : nullptr;
  const std::vector<float> fill =
      scaling ? learn::FillOf(work.spec, *scaling) : std::vector<float>();
  Prepared prepared;
  CN_ASSIGN_OR_RETURN(prepared.train, Prepare(work.shape, work.dataset.train, by, fill));
  CN_ASSIGN_OR_RETURN(prepared.test, Prepare(work.shape, work.dataset.test, by, fill));
  return prepared;
}

// A model that is evaluated: the global one, or the site's own.
struct Judged {
  std::string_view prefix;  // of its tensors in the contribution
  std::span<const float> parameters;
  learn::Model& model;
};

// Fills the tensors of an evaluation and their support. A split of fewer rows than min_cell stays
// out: zeros that rest on no row, so that a site with a handful of test rows trains like any other.
// CancelledError when the task was cancelled.
absl::Status AddEvaluation(const Work& work, const Prepared& rows, const Judged& judged,
                           Contribution& contribution) {
  bool cancelled = false;
  const auto go_on = [&] {
    cancelled = work.progress && !work.progress(0, work.local_steps);
    return !cancelled;
  };
  for (const bool test : {false, true}) {
    const PreparedSplit& split = test ? rows.test : rows.train;
    const std::string prefix = std::string(judged.prefix) + (test ? "test." : "train.");
    const bool enough = split.rows() >= work.task.min_cell;
    const learn::EvaluationSums sums =
        learn::Evaluate(judged.model, work.shape, judged.parameters,
                        enough ? split.All() : learn::Batch<float>{}, go_on);
    if (cancelled) return absl::CancelledError("the task was cancelled");
    if (!std::isfinite(sums.loss_sum)) {
      return Error(
          ErrorCode::kTrainingDiverged,
          fmt::format("the loss over the {} rows of the {} that this step starts from "
                      "is not finite",
                      test ? "test" : "training",
                      judged.prefix == learn::kGlobalPrefix ? "model" : "site's own model"));
    }
    learn::WriteSums(sums, prefix, contribution.values);
    for (size_t t = 0; t < work.layout.size(); ++t) {
      if (work.layout.tensors()[t].name.starts_with(prefix)) {
        contribution.support[t] = enough ? split.rows() : 0;
      }
    }
  }
  return absl::OkStatus();
}

// With the learning rate of this round.
job::TrainSpec TrainOfRound(const job::JobSpec& spec, RoundNumber round) {
  job::TrainSpec train = spec.train;
  train.learning_rate =
      job::LearningRateIn(train.schedule, train.learning_rate, spec.rounds, round);
  return train;
}

absl::StatusOr<Contribution> Train(Work& work) {
  CN_RETURN_IF_ERROR(NeedTrainingRows(work));
  CN_ASSIGN_OR_RETURN(const Prepared rows, PrepareBoth(work));
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout, learn::ParameterLayout(work.shape));
  CN_ASSIGN_OR_RETURN(learn::AlignedVector<float> start,
                      learn::ReadShared(work.spec, layout, work.state.tensors));
  const std::unique_ptr<learn::Model> model = learn::MakeModel<float>(work.shape);
  Contribution contribution = EmptyContribution(work);
  learn::BatchOrder order(learn::BatchKey(work.spec, work.task.round, work.task.site),
                          static_cast<uint32_t>(rows.train.rows()), work.spec.train.batch_size);
  const job::TrainSpec train = TrainOfRound(work.spec, work.task.round);
  work.local_steps = LocalSteps(train, order);
  CN_RETURN_IF_ERROR(
      AddEvaluation(work, rows, {learn::kGlobalPrefix, start, *model}, contribution));
  const bool personal = learn::EvaluatesPersonal(work.spec, work.task.workload);
  const bool layers = work.spec.personal.kind == job::PersonalKind::kLayers;
  learn::AlignedVector<float> own;
  if (personal) {
    CN_ASSIGN_OR_RETURN(own, OwnModel(work.spec, layout, start, work.task.own));
    CN_RETURN_IF_ERROR(
        AddEvaluation(work, rows, {learn::kPersonalPrefix, own, *model}, contribution));
  }
  if (layers) start = own;  // shared and personal layers are trained together
  const LocalRule::Input input{work.spec,
                               work.shape,
                               layout,
                               rows.train,
                               *model,
                               start,
                               personal ? std::span<const float>() : work.task.own,
                               train.learning_rate};
  CN_ASSIGN_OR_RETURN(const LocalRule rule, LocalRule::Create(input, work.state));
  learn::AlignedVector<float> end = start;
  const std::vector<learn::FlatRange> weights = learn::WeightRanges(layout);
  std::optional<learn::Dropout> dropout;
  if (train.dropout > 0) {
    dropout.emplace(learn::DropoutKey(work.spec, work.task.round, work.task.site), train.dropout);
  }
  const Trainee trainee{rows.train,
                        *model,
                        end,
                        work.task.checkpoints,
                        kWorkPerReport,
                        &rule,
                        work.task.batches,
                        work.task.clock,
                        weights,
                        dropout ? &*dropout : nullptr};
  CN_ASSIGN_OR_RETURN(work.local_steps, RunSgd(train, std::move(order), trainee, work.progress));
  const auto go_on = [&] {
    return !work.progress || work.progress(work.local_steps, work.local_steps);
  };
  CN_RETURN_IF_ERROR(rule.Contribute(end, work.local_steps, go_on, contribution));
  if (!personal) return contribution;
  if (!layers) CN_RETURN_IF_ERROR(TrainOwn(input, work.task, work.progress, own));
  CN_ASSIGN_OR_RETURN(contribution.next_own, KeptOf(work.spec, layout, layers ? end : own));
  return contribution;
}

// The site's own model beside the global one: as it stands, or trained now, at the job's end.
absl::Status EvaluateOwn(const Work& work, const Prepared& rows, const LocalRule::Input& global,
                         Contribution& contribution) {
  CN_ASSIGN_OR_RETURN(learn::AlignedVector<float> own,
                      OwnModel(work.spec, global.parameters, global.start, work.task.own));
  // A site without training rows has nothing to tune on: its own model is the global one.
  if (!job::RowOf(work.spec.personal.kind).in_every_round && rows.train.rows() > 0) {
    CN_RETURN_IF_ERROR(TrainOwn(global, work.task, work.progress, own));
  }
  CN_RETURN_IF_ERROR(
      AddEvaluation(work, rows, {learn::kPersonalPrefix, own, global.model}, contribution));
  contribution.own_model = std::move(own);
  return absl::OkStatus();
}

absl::StatusOr<Contribution> EvaluateOnly(const Work& work) {
  CN_ASSIGN_OR_RETURN(const Prepared rows, PrepareBoth(work));
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout, learn::ParameterLayout(work.shape));
  CN_ASSIGN_OR_RETURN(const learn::AlignedVector<float> parameters,
                      learn::ReadShared(work.spec, layout, work.state.tensors));
  const std::unique_ptr<learn::Model> model = learn::MakeModel<float>(work.shape);
  Contribution contribution = EmptyContribution(work);
  CN_RETURN_IF_ERROR(
      AddEvaluation(work, rows, {learn::kGlobalPrefix, parameters, *model}, contribution));
  if (learn::EvaluatesPersonal(work.spec, work.task.workload)) {
    CN_RETURN_IF_ERROR(EvaluateOwn(work, rows,
                                   {work.spec,
                                    work.shape,
                                    layout,
                                    rows.train,
                                    *model,
                                    parameters,
                                    {},
                                    work.spec.personal.learning_rate},
                                   contribution));
  }
  return contribution;
}

}  // namespace

absl::StatusOr<Contribution> RunSiteHalf(const job::JobSpec& spec, const SiteTask& task,
                                         const wire::StatePart& state, const data::Dataset& dataset,
                                         const Progress& progress) {
  if (dataset.train.rows() > sum::kMaxWeight) {
    return Error(ErrorCode::kDataTooLarge, fmt::format("{} training rows, want at most {}",
                                                       dataset.train.rows(), sum::kMaxWeight));
  }
  Work work{spec, task, state, dataset, progress, {}, {}, 0};
  CN_ASSIGN_OR_RETURN(work.shape, learn::ShapeOf(spec));
  CN_ASSIGN_OR_RETURN(work.layout, learn::ContributionLayout(spec, task.workload));
  switch (task.workload) {
    case wire::Workload::kMeans:
    case wire::Workload::kVariances:
      return ColumnStatistics(work);
    case wire::Workload::kTrain:
      return Train(work);
    case wire::Workload::kEvaluate:
      return EvaluateOnly(work);
  }
  return Error(ErrorCode::kProtocol, "a task of an unknown workload");
}

}  // namespace consilium::client::train
