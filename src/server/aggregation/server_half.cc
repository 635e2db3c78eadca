#include "server/aggregation/server_half.h"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "common/learn/standardize.h"
#include "common/learn/start.h"
#include "server/aggregation/model_step.h"

namespace consilium::server::aggregation {
namespace {

using learn::Statistics;

// A state with nothing private: federated averaging keeps no moments.
wire::State WithoutPrivatePart(wire::StatePart broadcast) {
  wire::State state;
  state.broadcast = std::move(broadcast);
  state.private_part.tensors = tensor::Bundle(tensor::Layout());
  state.private_part.texts = {{"format", learn::kModelFormat}};
  return state;
}

wire::StatePart Clone(const wire::StatePart& part) { return {part.tensors.Clone(), part.texts}; }

// The broadcast part with room for the tensors of `statistics`; what it had is copied.
absl::StatusOr<wire::StatePart> Widened(const job::JobSpec& spec, const wire::StatePart& part,
                                        Statistics statistics) {
  CN_ASSIGN_OR_RETURN(const learn::ModelShape shape, learn::ShapeOf(spec));
  CN_ASSIGN_OR_RETURN(tensor::Layout layout, learn::StateLayout(shape, statistics));
  wire::StatePart wider{tensor::Bundle(std::move(layout)), part.texts};
  learn::CopyTensors(part.tensors, wider.tensors);
  return wider;
}

// A statistic of the report, [columns]. The layout is the step's own, so absence is a mismatch
// between job and report, never a site's doing.
absl::StatusOr<std::span<const double>> Statistic(const sum::SumReport& report, const char* name,
                                                  size_t columns) {
  const auto found = report.values.layout().Find(name);
  if (!found || report.values.layout().tensors()[*found].dtype != tensor::DType::kFloat64 ||
      report.values.Float64(*found).size() != columns) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("the step's sum has no tensor `{}` of {} columns", name, columns));
  }
  return report.values.Float64(*found);
}

absl::Status NeedCount(double count) {
  if (count >= 2) return absl::OkStatus();
  return Error(ErrorCode::kSupportTooSmall,
               "federated statistics rest on fewer than 2 training rows, want at least 2",
               "check the datasets' filters and hold-outs, or let more sites take part");
}

// mean = sum / count per column.
absl::StatusOr<wire::StatePart> StepMeans(const job::JobSpec& spec, const wire::StatePart& part,
                                          const sum::SumReport& report) {
  const size_t columns = spec.design_columns();
  CN_ASSIGN_OR_RETURN(const auto counts, Statistic(report, "count", columns));
  CN_ASSIGN_OR_RETURN(const auto sums, Statistic(report, "sum", columns));
  CN_ASSIGN_OR_RETURN(wire::StatePart next, Widened(spec, part, Statistics::kMeans));
  const std::span<double> means = next.tensors.Float64(next.tensors.IndexOf(learn::kMeanTensor));
  for (size_t c = 0; c < columns; ++c) {
    CN_RETURN_IF_ERROR(NeedCount(counts[c]));
    means[c] = sums[c] / counts[c];
  }
  return next;
}

// scale = sd + 1e-9 per column, ddof 1 over all counted sites.
absl::StatusOr<wire::StatePart> StepVariances(const job::JobSpec& spec, const wire::StatePart& part,
                                              const sum::SumReport& report) {
  const size_t columns = spec.design_columns();
  CN_ASSIGN_OR_RETURN(const auto counts, Statistic(report, "count", columns));
  CN_ASSIGN_OR_RETURN(const auto squares, Statistic(report, "centred_squares", columns));
  CN_ASSIGN_OR_RETURN(const std::vector<double> means, learn::ReadMeans(part.tensors, columns));
  CN_ASSIGN_OR_RETURN(wire::StatePart next, Widened(spec, part, Statistics::kMeansAndScales));
  const std::span<double> scales = next.tensors.Float64(next.tensors.IndexOf(learn::kScaleTensor));
  for (size_t c = 0; c < columns; ++c) {
    CN_RETURN_IF_ERROR(NeedCount(counts[c]));
    scales[c] = learn::ScaleOf(means[c], squares[c], counts[c]);
  }
  return next;
}

absl::StatusOr<wire::StatePart> StepTraining(const job::JobSpec& spec, const wire::StatePart& part,
                                             const sum::SumReport& report) {
  CN_ASSIGN_OR_RETURN(const learn::ModelShape shape, learn::ShapeOf(spec));
  CN_ASSIGN_OR_RETURN(const tensor::Layout parameters, learn::ParameterLayout(shape));
  CN_RETURN_IF_ERROR(learn::ReadParameters(parameters, part.tensors).status());
  wire::StatePart next = Clone(part);
  CN_RETURN_IF_ERROR(StepModel(parameters, report.values, next.tensors));
  return next;
}

absl::StatusOr<wire::StatePart> NextBroadcast(const job::JobSpec& spec, wire::Workload workload,
                                              const wire::StatePart& part,
                                              const sum::SumReport& report) {
  switch (workload) {
    case wire::Workload::kMeans:
      return StepMeans(spec, part, report);
    case wire::Workload::kVariances:
      return StepVariances(spec, part, report);
    case wire::Workload::kTrain:
      return StepTraining(spec, part, report);
    case wire::Workload::kEvaluate:
      return Clone(part);
  }
  return Error(ErrorCode::kProtocol, "a step of an unknown workload");
}

}  // namespace

absl::StatusOr<wire::State> FirstState(const job::JobSpec& spec, const wire::StatePart* put) {
  CN_ASSIGN_OR_RETURN(const learn::ModelShape shape, learn::ShapeOf(spec));
  CN_ASSIGN_OR_RETURN(const tensor::Layout parameters, learn::ParameterLayout(shape));
  learn::AlignedVector<float> start;
  if (spec.model.start == job::StartKind::kState) {
    if (put == nullptr) {
      return Error(
          ErrorCode::kStateNotFound,
          fmt::format("init names the state {}, which is not here", HexOf(spec.model.start_state)),
          "put the model first: consilium model put FILE");
    }
    CN_RETURN_IF_ERROR(learn::CheckModelFits(spec, *put));
    CN_ASSIGN_OR_RETURN(start, learn::ReadParameters(parameters, put->tensors));
  } else {
    start = learn::StartParameters(spec, parameters);
  }
  CN_ASSIGN_OR_RETURN(tensor::Layout layout, learn::StateLayout(shape, Statistics::kNone));
  wire::StatePart broadcast{tensor::Bundle(std::move(layout)), learn::ModelTexts(spec)};
  CN_RETURN_IF_ERROR(learn::CheckTexts(broadcast.texts));
  learn::WriteParameters(parameters, start, broadcast.tensors);
  return WithoutPrivatePart(std::move(broadcast));
}

absl::StatusOr<wire::State> NextState(const job::JobSpec& spec, wire::Workload workload,
                                      const wire::State& state, const sum::SumReport& report) {
  CN_ASSIGN_OR_RETURN(wire::StatePart broadcast,
                      NextBroadcast(spec, workload, state.broadcast, report));
  wire::State next;
  next.broadcast = std::move(broadcast);
  next.private_part = Clone(state.private_part);
  return next;
}

Metrics MetricsOf(const job::JobSpec& spec, wire::Workload workload, const tensor::Bundle& values) {
  Metrics metrics;
  const auto shape = learn::ShapeOf(spec);
  if (!shape.ok() ||
      (workload != wire::Workload::kTrain && workload != wire::Workload::kEvaluate)) {
    return metrics;
  }
  if (const auto sums = learn::ReadSums(*shape, "eval.train.", values)) {
    metrics.train = learn::MetricsOf(*shape, *sums);
  }
  if (const auto sums = learn::ReadSums(*shape, "eval.test.", values)) {
    metrics.test = learn::MetricsOf(*shape, *sums);
  }
  return metrics;
}

}  // namespace consilium::server::aggregation
