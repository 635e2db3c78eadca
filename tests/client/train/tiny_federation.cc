#include "tests/client/train/tiny_federation.h"

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "client/train/site_half.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "common/job/step_plan.h"
#include "common/learn/aligned_vector.h"
#include "common/learn/batch_order.h"
#include "common/learn/contribution.h"
#include "common/sum/exact_sum.h"
#include "tests/support/data_folder.h"
#include "tests/support/first_state.h"

namespace consilium::testing {
namespace {

using client::data::Dataset;
using client::data::Split;

std::vector<std::vector<std::string>> ReadCells(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    if (!row.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

void AddRow(const std::vector<std::string>& cells, size_t first, size_t last, double label,
            Split& split) {
  split.columns = static_cast<uint32_t>(last - first);
  for (size_t c = first; c < last; ++c) split.x.push_back(std::atof(cells[c].c_str()));
  split.y.push_back(label);
}

using OwnVectors = std::vector<learn::AlignedVector<float>>;

class TinyFederation {
 public:
  TinyFederation(const job::JobSpec& spec, const std::vector<Dataset>& sites,
                 const RunOptions& options)
      : spec_(spec), sites_(sites), options_(options), own_(sites.size()) {}

  absl::StatusOr<StepResult> RunStep(const job::StepKind& kind, wire::State& state) {
    CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                        learn::ContributionLayout(spec_, kind.workload));
    CN_ASSIGN_OR_RETURN(sum::ExactSum sum,
                        sum::ExactSum::Create(layout, {.weight_cap = spec_.weight_cap}));
    StepResult result{kind.workload, {}, {}};
    for (size_t k = 0; k < sites_.size(); ++k) {
      const bool train = kind.workload == wire::Workload::kTrain;
      if (train && options_.takes_part && !options_.takes_part(kind.round, k)) continue;
      CN_ASSIGN_OR_RETURN(client::train::Contribution contribution, RunSite(kind, k, state));
      CN_RETURN_IF_ERROR(sum::ValidateValues(layout, contribution.values.payload()));
      CN_RETURN_IF_ERROR(sum.Accumulate(contribution.weight, contribution.values.payload()));
      result.sites.push_back(
          server::aggregation::MetricsOf(spec_, kind.workload, contribution.values));
      if (train) own_[k] = std::move(contribution.next_own);
      if (!contribution.own_model.empty()) {
        own_models_.resize(sites_.size());
        own_models_[k].assign(contribution.own_model.begin(), contribution.own_model.end());
      }
    }
    const sum::SumReport report = sum.Report();
    result.all = server::aggregation::MetricsOf(spec_, kind.workload, report.values);
    CN_ASSIGN_OR_RETURN(state, server::aggregation::NextState(spec_, kind.workload, state, report));
    return result;
  }
  const std::vector<std::vector<float>>& own_models() const { return own_models_; }

 private:
  absl::StatusOr<client::train::Contribution> RunSite(const job::StepKind& kind, size_t k,
                                                      const wire::State& state) {
    std::optional<learn::ListedBatches> batches;
    if (options_.batches && kind.workload == wire::Workload::kTrain) {
      batches.emplace(options_.batches(kind.round, k));
    }
    client::train::SiteTask task{kind.workload, kind.round, SiteId("site-" + std::to_string(k))};
    task.own = own_[k];
    if (batches) task.batches = &*batches;
    return client::train::RunSiteHalf(spec_, task, state.broadcast, sites_[k], nullptr);
  }

  const job::JobSpec& spec_;
  const std::vector<Dataset>& sites_;
  const RunOptions& options_;
  OwnVectors own_;
  std::vector<std::vector<float>> own_models_;
};

}  // namespace

absl::StatusOr<JobResult> RunJob(const job::JobSpec& spec, const std::vector<Dataset>& sites,
                                 const RunOptions& options) {
  JobResult result;
  CN_ASSIGN_OR_RETURN(result.state, testing::FirstStateOf(spec, options.put));
  TinyFederation federation(spec, sites, options);
  for (uint32_t commits = 0; const auto kind = job::StepAfter(spec, commits); ++commits) {
    CN_ASSIGN_OR_RETURN(StepResult step, federation.RunStep(*kind, result.state));
    result.steps.push_back(std::move(step));
  }
  result.own_models = federation.own_models();
  return result;
}

job::JobSpec LogisticJob(uint32_t columns) {
  job::JobSpec spec;
  spec.name = "test";
  spec.rounds = 3;
  spec.seed = 7;
  spec.seed_given = true;
  spec.data.dataset = "d";
  spec.data.label = "y";
  for (uint32_t c = 0; c < columns; ++c) {
    job::FeatureSpec feature;
    feature.name = "x" + std::to_string(c);
    spec.data.features.push_back(feature);
  }
  return spec;
}

Dataset Synthetic(uint64_t seed, uint32_t rows, uint32_t columns) {
  Random random(seed);
  Dataset dataset;
  dataset.train.columns = dataset.test.columns = columns;
  for (uint32_t i = 0; i < rows; ++i) {
    Split& split = i % 5 == 4 ? dataset.test : dataset.train;
    double height = 0.3 * random.Normal();
    for (uint32_t c = 0; c < columns; ++c) {
      split.x.push_back(random.Uniform());
      height += (c % 2 == 0 ? 2.0 : -1.0) * (split.x.back() - 0.5);
    }
    split.y.push_back(height > 0 ? 1 : 0);
  }
  return dataset;
}

std::vector<Dataset> HeartSites() {
  const auto path = DataFile("uci_heart/heart_flamby.csv");
  if (!path) return {};
  std::vector<Dataset> sites(4);
  auto rows = ReadCells(*path);
  rows.erase(rows.begin());  // site,site_name,fold,13 features,y
  for (const auto& cells : rows) {
    Dataset& site = sites[static_cast<size_t>(std::atoi(cells[0].c_str()))];
    AddRow(cells, 3, 16, std::atof(cells[16].c_str()),
           cells[2] == "train" ? site.train : site.test);
  }
  return sites;
}

std::vector<Dataset> WdbcSites() {
  const auto path = DataFile("wdbc/wdbc.data");
  if (!path) return {};
  std::vector<Dataset> sites(3);
  const auto rows = ReadCells(*path);  // id,diagnosis,30 features
  for (size_t i = 0; i < rows.size(); ++i) {
    Dataset& site = sites[i < 100 ? 0 : i < 250 ? 1 : 2];
    AddRow(rows[i], 2, 32, rows[i][1] == "M" ? 1 : 0, i % 5 == 4 ? site.test : site.train);
  }
  return sites;
}

}  // namespace consilium::testing
