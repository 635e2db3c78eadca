// The vectors that a job's strategy adds (job/strategy.h), as tensors: the one place that gives
// them names, order, bounds and weighting.
//
//   train step's contribution   scalars, the model's deltas, variate.* (changes), evaluation
//   broadcast part of a state   the model, variate.*, standardisation
//   private part of a state     optimizer.* [elements, slots] float64: what belongs to one element
//                               stands together, so that a pass over the model reads it in order
// Pure; thread-safe.
#ifndef CONSILIUM_COMMON_LEARN_STRATEGY_LAYOUT_H_
#define CONSILIUM_COMMON_LEARN_STRATEGY_LAYOUT_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/learn/model_state.h"
#include "common/tensor/bundle.h"
#include "common/tensor/layout.h"
#include "common/wire/state_file.h"

namespace consilium::learn {

inline constexpr std::string_view kSitesTensor = "strategy.sites";
inline constexpr std::string_view kVariatePrefix = "variate.";
inline constexpr std::string_view kOptimizerPrefix = "optimizer.";

const job::StrategyVectors& VectorsOf(const job::JobSpec& spec);

// What stands before the model in a train step's contribution, each [1]: kSitesTensor (float64),
// then the strategy's own.
std::vector<tensor::TensorSpec> ScalarTensors(const job::JobSpec& spec);
// Of a contribution, after the scalars: the deltas of `parameters`, then the variates' changes.
std::vector<tensor::TensorSpec> StepTensors(const job::JobSpec& spec,
                                            const tensor::Layout& parameters);
// As StateLayout(shape, statistics), without what stays at the sites, with the strategy's variates.
absl::StatusOr<tensor::Layout> StateLayout(const job::JobSpec& spec, Statistics statistics);
// Tensors of the broadcast part that a train step moves: the model's and the variates.
size_t SteppedTensors(const job::JobSpec& spec, const tensor::Layout& parameters);
// Empty where the strategy keeps nothing to itself.
absl::StatusOr<tensor::Layout> PrivateLayout(const job::JobSpec& spec,
                                             const tensor::Layout& parameters);

// A broadcast part without the variates: what a model file holds and a site predicts with.
wire::StatePart ModelIn(const wire::StatePart& broadcast);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_STRATEGY_LAYOUT_H_
