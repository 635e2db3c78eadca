// The server half of every workload: (state, aggregate of contributions) -> next state.
//
// It never sees a network, a disk or a certificate. Pure and deterministic: same state and same
// report, same bits (compiled with -ffp-contract=off, one thread). The step is computed in double
// and the broadcast model is stored as float32.
// A state's broadcast part is the model's tensors, the variates of strategies that have them, then
// a tail (what statistics steps have found). The tail is small; the others may be large and are
// stepped a block at a time, in order, and with the model what the server keeps to itself of it.
#ifndef CONSILIUM_SERVER_AGGREGATION_SERVER_HALF_H_
#define CONSILIUM_SERVER_AGGREGATION_SERVER_HALF_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/learn/evaluate.h"
#include "common/sum/exact_sum.h"
#include "common/tensor/bundle.h"
#include "common/wire/messages.h"
#include "common/wire/state_file.h"
#include "server/aggregation/server_rule.h"

namespace consilium::server::aggregation {

class ServerHalf {
 public:
  // `base` is the head of the broadcast part that the step starts from. kModelMismatch when it does
  // not hold the job's model, or that cannot be built.
  static absl::StatusOr<ServerHalf> Create(const job::JobSpec& spec, wire::Workload workload,
                                           const wire::StatePartHead& base);

  // False: an evaluation, whose next state is its base.
  bool MakesState() const { return workload_ != wire::Workload::kEvaluate; }
  // A train step's report begins with scalars() tensors of one element, then those of the model and
  // the variates, which it moves; in others these stay as they are.
  bool MovesModel() const { return workload_ == wire::Workload::kTrain; }
  size_t scalars() const { return scalars_; }
  // Tensors [0, model_tensors()) of base and next state are the model's, up to stepped_tensors()
  // the variates; float32.
  size_t model_tensors() const { return model_tensors_; }
  size_t stepped_tensors() const { return stepped_tensors_; }
  const wire::StatePartHead& next() const { return next_; }
  // Doubles of the private part per element of the model; kModelMismatch: that has other tensors.
  uint32_t slots() const { return rule_.slots(); }
  absl::Status CheckPrivatePart(const tensor::Layout& layout) const;

  // What the report has of a scalar: all of them before the first Step.
  void TakeScalar(size_t scalar, double value) { rule_.TakeScalar(scalar, value); }
  // Elements [first, first + values.size()) of a tensor: the base's in, the next state's out.
  // `report` has their mean changes, `own` [elements, slots()] what is private of a tensor of the
  // model; empty for variates. kTrainingDiverged.
  absl::Status Step(size_t tensor, uint64_t first, std::span<const double> report,
                    std::span<float> values, std::span<double> own) const;
  // What stands behind these in the next state, from the same of the base and the report's
  // statistics (its float64 tensors, as sums). kSupportTooSmall, kModelMismatch.
  absl::StatusOr<tensor::Bundle> NextTail(const tensor::Bundle& tail,
                                          const tensor::Bundle& statistics) const;

 private:
  ServerHalf(const job::JobSpec& spec, wire::Workload workload)
      : workload_(workload), data_(spec.data), rule_(spec.strategy) {}

  wire::Workload workload_;
  job::DataSpec data_;
  ServerRule rule_;
  size_t scalars_ = 0;
  size_t model_tensors_ = 0;
  size_t stepped_tensors_ = 0;
  tensor::Layout private_layout_;
  wire::StatePartHead next_;
};

// A whole step in memory. The errors of ServerHalf.
absl::StatusOr<wire::State> NextState(const job::JobSpec& spec, wire::Workload workload,
                                      const wire::State& state, const sum::SumReport& report);

// Metrics from a contribution (one site) or a report (over all counted sites).
using SplitMetrics = learn::SplitMetrics;
using Metrics = learn::Metrics;
// Of train and evaluate steps; empty for statistics. `values` holds the statistics of the step's
// contribution (float64 tensors as sums); what else it holds is not read.
Metrics MetricsOf(const job::JobSpec& spec, wire::Workload workload, const tensor::Bundle& values);

}  // namespace consilium::server::aggregation

#endif  // CONSILIUM_SERVER_AGGREGATION_SERVER_HALF_H_
