#include "client/policy/policy.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "fmt/format.h"

namespace consilium::client::policy {
namespace {

using wire::Workload;

bool Contains(const std::vector<std::string>& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// By whole SPIFFE id, by its last part, or by "*".
bool ListsResearcher(const std::vector<std::string>& researchers, std::string_view researcher) {
  if (Contains(researchers, "*")) return true;
  if (researcher.empty()) return false;
  const std::string_view last = researcher.substr(researcher.rfind('/') + 1);  // npos + 1 = 0
  return Contains(researchers, researcher) || (!last.empty() && Contains(researchers, last));
}

// What a whole job comes to.
std::vector<Workload> WorkloadsOf(const job::JobSpec& job) {
  if (job.data.standardize == job::Standardize::kFederated) {
    return {Workload::kMeans, Workload::kVariances, Workload::kTrain, Workload::kEvaluate};
  }
  return {Workload::kTrain, Workload::kEvaluate};
}

}  // namespace

Policy::Policy(PolicyOptions options) : options_(std::move(options)) {}

Decision Policy::Decide(const PolicyQuestion& question, const PolicyFacts& facts) const {
  if (question.job == nullptr) return Refuse{"datasets", "no job was named"};
  const std::string& dataset = question.job->data.dataset;
  if (!Contains(options_.datasets, dataset)) {
    return Refuse{"datasets", fmt::format("[policy] datasets does not list `{}`", dataset)};
  }
  if (!ListsResearcher(options_.researchers, question.researcher)) {
    return Refuse{"researchers",
                  fmt::format("[policy] researchers does not list `{}`", question.researcher)};
  }
  const std::vector<Workload> asked =
      question.workload ? std::vector<Workload>{*question.workload} : WorkloadsOf(*question.job);
  for (const Workload workload : asked) {
    if (Contains(options_.workloads, wire::NameOf(workload))) continue;
    return Refuse{"workloads",
                  fmt::format("[policy] workloads does not list `{}`", wire::NameOf(workload))};
  }
  if (facts.training_rows && *facts.training_rows < options_.min_rows) {
    return Refuse{"min_rows", fmt::format("fewer training rows than [policy] min_rows = {}",
                                          options_.min_rows)};
  }
  return Allow{};
}

Decision Policy::DecideRelease(const tensor::Layout& layout,
                               const std::vector<uint64_t>& support) const {
  if (support.size() != layout.size()) {
    return Refuse{"min_cell", "the contribution does not say how many rows each tensor rests on"};
  }
  for (size_t i = 0; i < layout.size(); ++i) {
    const tensor::TensorSpec& tensor = layout.tensors()[i];
    if (tensor.tag == tensor::Tag::kUpdate) continue;
    if (support[i] == 0 || support[i] >= options_.min_cell) continue;
    return Refuse{"min_cell", fmt::format("`{}` rests on fewer rows than [policy] min_cell = {}",
                                          tensor.name, options_.min_cell)};
  }
  return Allow{};
}

}  // namespace consilium::client::policy
