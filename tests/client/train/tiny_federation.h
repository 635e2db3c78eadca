// A federation without a transport, for the tests of both halves: every site in turn, the exact
// sum, the next state. The steps are those of job::StepAfter.
#ifndef CONSILIUM_TESTS_CLIENT_TRAIN_TINY_FEDERATION_H_
#define CONSILIUM_TESTS_CLIENT_TRAIN_TINY_FEDERATION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "common/job/job_spec.h"
#include "server/aggregation/server_half.h"

namespace consilium::testing {

struct StepResult {
  wire::Workload workload;
  server::aggregation::Metrics all;                 // over all sites
  std::vector<server::aggregation::Metrics> sites;  // in the order of the datasets
};
struct JobResult {
  wire::State state;
  std::vector<StepResult> steps;
  // What each site made of the model for itself; empty without [personal].
  std::vector<std::vector<float>> own_models = {};
};

struct RunOptions {
  const wire::State* put = nullptr;  // where the job starts from, in place of zeros
  // The batches of site k in a training round, in place of its own order.
  std::function<std::vector<std::vector<uint32_t>>(RoundNumber round, size_t k)> batches = nullptr;
  // Whether site k takes part in a training round; the others miss it.
  std::function<bool(RoundNumber round, size_t k)> takes_part = nullptr;
};
// Runs the whole job; site k is "site-k", and keeps from round to round what its strategy wants.
absl::StatusOr<JobResult> RunJob(const job::JobSpec& spec,
                                 const std::vector<client::data::Dataset>& sites,
                                 const RunOptions& options = {});

// A job of `columns` numeric features x0, x1, ... with a binary label, as ParseJob would fill it.
job::JobSpec LogisticJob(uint32_t columns);
// Rows in the unit cube with labels from a plane, the same for the same seed; 4/5 train, 1/5 test.
client::data::Dataset Synthetic(uint64_t seed, uint32_t rows, uint32_t columns);

// Real data (tests/support/data_folder.h); empty where the file is absent.
std::vector<client::data::Dataset> HeartSites();
std::vector<client::data::Dataset> WdbcSites();

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_CLIENT_TRAIN_TINY_FEDERATION_H_
