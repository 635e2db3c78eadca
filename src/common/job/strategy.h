// The table of strategies: what each is called, what a job may set, and which vectors it needs.
//
// A strategy is a row here, its rule at the sites (client/train/local_rule.cc) and its rule at the
// server (server/aggregation/server_rule.cc); docs/adding-a-strategy.md. All else (layouts, states,
// parsing, documentation, what is durable where) follows from the row.
// Plain values; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_STRATEGY_H_
#define CONSILIUM_COMMON_JOB_STRATEGY_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "common/job/optimizer.h"

namespace consilium::job {

enum class StrategyKind {
  kFedAvg,
  kFedSgd,
  kFedProx,
  kFedAvgM,
  kFedAdagrad,
  kFedAdam,
  kFedYogi,
  kScaffold,
  kFedNova,
  kQFedAvg,
  kFedDyn,
  kFedBuff,
};

enum class VariateMean { kWeighted, kPlain };

// The strategy of a job with its parameters; those that it has not stay as they are here.
struct StrategySpec {
  StrategyKind kind = StrategyKind::kFedAvg;
  double server_learning_rate = 1;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double tau = 1e-3;
  double initial_v = 1e-6;  // where a job does not say: tau^2
  double mu = 0.01;
  double alpha = 0.01;
  double q = 1;
  uint32_t option = 2;
  VariateMean variate_mean = VariateMean::kWeighted;
  uint32_t population = 0;  // sites in all; 0: those that a round counts
  uint32_t buffer = 0;      // updates, of whatever age, that move the model; 0: has no buffer
  double staleness_exponent = 0.5;
};

// A number that a strategy lets a job set: a key of [aggregation].
struct StrategyNumber {
  std::string_view key;
  double StrategySpec::* field;
  double fallback;
  double least;
  double most;
  bool open = false;  // more than `least`, not at least
};

// The vectors that a strategy adds to job, contribution and state.
struct StrategyVectors {
  bool plain_mean = false;       // deltas are averaged over sites, not over their rows
  uint32_t private_slots = 0;    // doubles per element of the model that never leave the server
  bool variates = false;         // a second vector like the model, broadcast and contributed
  bool site_vector = false;      // a third one that stays at each site (durable, moved by Outcome)
  bool counts_sites = false;     // a contribution says 1: the sum knows how many sites are in it
  std::string_view scalar = {};  // a number of its own in each contribution; empty: none ..
  bool scalar_by_rows = false;   // .. whose mean is weighted by rows; else summed in float64
};

// What a strategy's maths asks of local steps; a job that says otherwise is refused.
struct StepDemands {
  OptimizerKind up_to = OptimizerKind::kAdamW;
  bool clips = true;          // gradients may be clipped
  bool plain_loss = false;    // the loss has neither penalties nor class weights
  std::string_view why = {};  // where anything is refused
};

struct StrategyRow {
  StrategyKind kind;
  std::string_view name;
  std::string_view meaning;
  std::string_view reference;
  std::span<const StrategyNumber> numbers = {};
  bool has_option = false;        // `option`
  bool has_variate_mean = false;  // `variate_mean`
  bool has_population = false;    // `population`
  bool has_buffer = false;        // `buffer`, `max_staleness`: asynchronous
  bool one_full_step = false;     // local training is one step over all rows, and cannot be set
  StrategyVectors vectors = {};
  StepDemands steps = {};
};

// In the order of StrategyKind.
std::span<const StrategyRow> StrategyTable();
const StrategyRow& RowOf(StrategyKind kind);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_STRATEGY_H_
