#include "server/aggregation/server_half.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "common/learn/model_state.h"
#include "common/learn/personal_layout.h"
#include "common/learn/standardize.h"
#include "common/learn/strategy_layout.h"

namespace consilium::server::aggregation {
namespace {

using learn::Statistics;

absl::Status CheckModel(const tensor::Layout& parameters, const tensor::Layout& state) {
  for (size_t t = 0; t < parameters.size(); ++t) {
    const tensor::TensorSpec& wanted = parameters.tensors()[t];
    const bool there = t < state.size() && state.tensors()[t].name == wanted.name &&
                       state.tensors()[t].shape == wanted.shape &&
                       state.tensors()[t].dtype == wanted.dtype;
    if (there) continue;
    return Error(
        ErrorCode::kModelMismatch,
        fmt::format("tensor {} of the state is not `{}` of the job's model", t, wanted.name));
  }
  return absl::OkStatus();
}

// A statistic of the report, [columns]. The layout is the step's own, so absence is a mismatch
// between job and report, never a site's doing.
absl::StatusOr<std::span<const double>> Statistic(const tensor::Bundle& statistics,
                                                  const char* name, size_t columns) {
  const auto found = statistics.layout().Find(name);
  if (!found || statistics.layout().tensors()[*found].dtype != tensor::DType::kFloat64 ||
      statistics.Float64(*found).size() != columns) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("the step's sum has no tensor `{}` of {} columns", name, columns));
  }
  return statistics.Float64(*found);
}

absl::Status NeedCount(double count) {
  if (count >= 2) return absl::OkStatus();
  return Error(ErrorCode::kSupportTooSmall,
               "federated statistics rest on fewer than 2 training rows, want at least 2",
               "check the datasets' filters and hold-outs, or let more sites take part");
}

// mean = sum / count per column.
absl::Status StepMeans(const job::DataSpec& data, const tensor::Bundle& statistics,
                       tensor::Bundle& next) {
  const std::span<double> means = next.Float64(next.IndexOf(learn::kMeanTensor));
  CN_ASSIGN_OR_RETURN(const auto counts, Statistic(statistics, "count", means.size()));
  CN_ASSIGN_OR_RETURN(const auto sums, Statistic(statistics, "sum", means.size()));
  for (size_t c = 0; c < means.size(); ++c) {
    CN_RETURN_IF_ERROR(NeedCount(counts[c]));
    means[c] = sums[c] / counts[c];
  }
  learn::LeaveUnscaled(data, 0, means);
  return absl::OkStatus();
}

// The means stay; scale = sd + 1e-9 per column, ddof 1 over all counted sites.
absl::Status StepVariances(const job::DataSpec& data, const tensor::Bundle& tail,
                           const tensor::Bundle& statistics, tensor::Bundle& next) {
  const std::span<double> scales = next.Float64(next.IndexOf(learn::kScaleTensor));
  CN_ASSIGN_OR_RETURN(const auto counts, Statistic(statistics, "count", scales.size()));
  CN_ASSIGN_OR_RETURN(const auto squares, Statistic(statistics, "centred_squares", scales.size()));
  CN_ASSIGN_OR_RETURN(const std::vector<double> means, learn::ReadMeans(tail, scales.size()));
  std::ranges::copy(means, next.Float64(next.IndexOf(learn::kMeanTensor)).begin());
  for (size_t c = 0; c < scales.size(); ++c) {
    CN_RETURN_IF_ERROR(NeedCount(counts[c]));
    scales[c] = learn::ScaleOf(means[c], squares[c], counts[c]);
  }
  learn::LeaveUnscaled(data, 1, scales);
  return absl::OkStatus();
}

// The tensors of a train step's report that are taken by their place: name, shape, float64.
absl::Status CheckReport(const std::vector<tensor::TensorSpec>& wanted,
                         const tensor::Layout& report) {
  for (size_t t = 0; t < wanted.size(); ++t) {
    const bool there = t < report.size() && report.tensors()[t].name == wanted[t].name &&
                       report.tensors()[t].shape == wanted[t].shape &&
                       report.tensors()[t].dtype == tensor::DType::kFloat64;
    if (there) continue;
    return Error(
        ErrorCode::kModelMismatch,
        fmt::format("the step's sum has no tensor `{}` of the model's shape", wanted[t].name));
  }
  return absl::OkStatus();
}

// The model and the variates of `next`, and `own`, from those of the base by a train step's report.
absl::Status StepAll(ServerHalf& half, const sum::SumReport& report, wire::StatePart& next,
                     tensor::Bundle& own) {
  for (size_t s = 0; s < half.scalars(); ++s) half.TakeScalar(s, report.values.Float64(s)[0]);
  for (size_t t = 0; t < half.stepped_tensors(); ++t) {
    const bool has_own = half.slots() > 0 && t < half.model_tensors();
    CN_RETURN_IF_ERROR(half.Step(t, 0, report.values.Float64(half.scalars() + t),
                                 next.tensors.Float32(t),
                                 has_own ? own.Float64(t) : std::span<double>()));
  }
  return absl::OkStatus();
}

wire::StatePart Clone(const wire::StatePart& part) { return {part.tensors.Clone(), part.texts}; }

}  // namespace

absl::StatusOr<ServerHalf> ServerHalf::Create(const job::JobSpec& spec, wire::Workload workload,
                                              const wire::StatePartHead& base) {
  ServerHalf half(spec, workload);
  CN_ASSIGN_OR_RETURN(const tensor::Layout parameters, learn::SharedLayout(spec));
  CN_ASSIGN_OR_RETURN(const tensor::Layout stepped, learn::StateLayout(spec, Statistics::kNone));
  CN_RETURN_IF_ERROR(CheckModel(stepped, base.layout));
  CN_ASSIGN_OR_RETURN(half.private_layout_, learn::PrivateLayout(spec, parameters));
  half.scalars_ = learn::ScalarTensors(spec).size();
  half.model_tensors_ = parameters.size();
  half.stepped_tensors_ = stepped.size();
  half.next_ = base;
  if (workload == wire::Workload::kMeans || workload == wire::Workload::kVariances) {
    const bool means = workload == wire::Workload::kMeans;
    CN_ASSIGN_OR_RETURN(
        half.next_.layout,
        learn::StateLayout(spec, means ? Statistics::kMeans : Statistics::kMeansAndScales));
  }
  return half;
}

absl::Status ServerHalf::CheckPrivatePart(const tensor::Layout& layout) const {
  if (slots() == 0 || layout == private_layout_) return absl::OkStatus();
  return Error(ErrorCode::kModelMismatch,
               "the private part of the state is not that of the job's strategy");
}

absl::Status ServerHalf::Step(size_t tensor, uint64_t first, std::span<const double> report,
                              std::span<float> values, std::span<double> own) const {
  const tensor::TensorSpec& spec = next_.layout.tensors()[tensor];
  if (tensor < model_tensors_) return rule_.StepModel(spec, first, report, values, own);
  return rule_.StepVariates(spec, first, report, values);
}

absl::StatusOr<tensor::Bundle> ServerHalf::NextTail(const tensor::Bundle& tail,
                                                    const tensor::Bundle& statistics) const {
  if (workload_ == wire::Workload::kTrain || workload_ == wire::Workload::kEvaluate) {
    return tail.Clone();
  }
  tensor::Bundle next(next_.layout.From(stepped_tensors_));
  if (workload_ == wire::Workload::kMeans) {
    CN_RETURN_IF_ERROR(StepMeans(data_, statistics, next));
  } else {
    CN_RETURN_IF_ERROR(StepVariances(data_, tail, statistics, next));
  }
  return next;
}

absl::StatusOr<wire::State> NextState(const job::JobSpec& spec, wire::Workload workload,
                                      const wire::State& state, const sum::SumReport& report) {
  const wire::StatePart& base = state.broadcast;
  CN_ASSIGN_OR_RETURN(ServerHalf half,
                      ServerHalf::Create(spec, workload, {base.tensors.layout(), base.texts}));
  CN_RETURN_IF_ERROR(half.CheckPrivatePart(state.private_part.tensors.layout()));
  const size_t stepped = half.stepped_tensors();
  wire::State next{{tensor::Bundle(half.next().layout), half.next().texts},
                   Clone(state.private_part)};
  for (size_t t = 0; t < stepped; ++t) {
    std::ranges::copy(base.tensors.Float32(t), next.broadcast.tensors.Float32(t).begin());
  }
  if (half.MovesModel()) {
    CN_ASSIGN_OR_RETURN(const tensor::Layout wanted, learn::ContributionLayout(spec, workload));
    CN_RETURN_IF_ERROR(
        CheckReport({wanted.tensors().begin(),
                     wanted.tensors().begin() + static_cast<ptrdiff_t>(half.scalars() + stepped)},
                    report.values.layout()));
    CN_RETURN_IF_ERROR(StepAll(half, report, next.broadcast, next.private_part.tensors));
  }
  const size_t statistics = half.MovesModel() ? half.scalars() + stepped : 0;
  CN_ASSIGN_OR_RETURN(const tensor::Bundle tail,
                      half.NextTail(base.tensors.From(stepped), report.values.From(statistics)));
  const ByteSpan bytes = tail.payload();
  std::ranges::copy(bytes, next.broadcast.tensors.payload().last(bytes.size()).begin());
  return next;
}

Metrics MetricsOf(const job::JobSpec& spec, wire::Workload workload, const tensor::Bundle& values) {
  Metrics metrics;
  const auto shape = learn::ShapeOf(spec);
  if (!shape.ok() ||
      (workload != wire::Workload::kTrain && workload != wire::Workload::kEvaluate)) {
    return metrics;
  }
  const auto read = [&](std::string_view prefix, std::optional<SplitMetrics>& split) {
    if (const auto sums = learn::ReadSums(*shape, prefix, values)) {
      split = learn::MetricsOf(*shape, *sums);
    }
  };
  read("eval.train.", metrics.train);
  read("eval.test.", metrics.test);
  read("personal.train.", metrics.personal_train);
  read("personal.test.", metrics.personal_test);
  return metrics;
}

}  // namespace consilium::server::aggregation
