// The lab file, and the texts that a lab writes.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "cli/lab/lab.h"
#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/config/toml_file.h"
#include "common/config/toml_node.h"
#include "common/config/toml_text.h"
#include "common/job/job_spec.h"

namespace consilium::cli {
namespace {

constexpr uint64_t kMaxLabFileBytes = 256 * 1024;

constexpr const char* kSyntheticClient = R"([datasets.heart]
path = "{data}"
filter = "site == {index}"
fold_column = "fold"
train = ["train"]
test = ["test"]

[datasets.heart.columns]
disease = { column = "y", positive = ["1"] }

[policy]
datasets = ["heart"]
workloads = ["means", "variances", "train", "evaluate"]
researchers = ["*"]
min_rows = 20
min_cell = 5
)";

absl::Status CheckSites(const std::vector<std::string>& sites, const std::string& file) {
  std::set<std::string> seen;
  for (const std::string& site : sites) {
    if (!IsValidName(site)) {
      return Error(ErrorCode::kConfigOutOfRange,
                   fmt::format("{}: `{}` is no name for a site, want 1 to 64 of a-z 0-9 - _ .",
                               file, Printable(site)));
    }
    if (!seen.insert(site).second) {
      return Error(ErrorCode::kConfigConflict,
                   fmt::format("{}: two sites are named {}", file, site));
    }
  }
  if (sites.empty()) {
    return Error(ErrorCode::kConfigMissingKey,
                 fmt::format("{}: no sites, want at least one", file));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LabPlan> ReadLabPlan(const LabOptions& options) {
  LabPlan plan;
  if (options.lab_file.empty()) {
    plan.federation = "lab";
    plan.sites = {"north", "east", "south", "west"};
    plan.client = kSyntheticClient;
    plan.synthetic = options.data.empty();
    return plan;
  }
  CN_ASSIGN_OR_RETURN(const std::string text, ReadFile(options.lab_file, kMaxLabFileBytes));
  CN_ASSIGN_OR_RETURN(config::TomlFile file,
                      config::TomlFile::Parse(text, options.lab_file, config::kConfigErrors));
  const config::TomlTable root = file.root();
  plan.federation = root.Text("federation").value_or("lab");
  plan.sites = root.Texts("sites", kMaxLabSites).value_or(std::vector<std::string>());
  plan.client = root.Text("client").value_or("");
  CN_RETURN_IF_ERROR(file.Finish());
  CN_RETURN_IF_ERROR(CheckSites(plan.sites, options.lab_file));
  if (plan.client.find("{data}") != std::string::npos && options.data.empty()) {
    return Error(ErrorCode::kUsage, fmt::format("{} needs a data file", options.lab_file),
                 "give it with --data FILE");
  }
  return plan;
}

std::string FillIn(std::string_view text, const std::string& site, size_t index,
                   const std::string& data) {
  std::string out;
  while (!text.empty()) {
    const auto starts = [&](std::string_view word) { return text.substr(0, word.size()) == word; };
    if (starts("{name}")) {
      out += site;
      text.remove_prefix(6);
    } else if (starts("{index}")) {
      out += std::to_string(index);
      text.remove_prefix(7);
    } else if (starts("{data}")) {
      out += data;
      text.remove_prefix(6);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

absl::StatusOr<std::string> JobForOneSite(std::string_view file, const std::string& site) {
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, job::ParseJob(AsBytes(file), "job"));
  CN_ASSIGN_OR_RETURN(config::TomlNode root, config::ReadToml(file, "job", ErrorCode::kJobSyntax));
  using Kind = config::TomlNode::Kind;
  config::ChildOf(root, "name", Kind::kText).text =
      (spec.name + " (" + site + " alone)").substr(0, 64);
  config::TomlNode& participation = config::ChildOf(root, "participation", Kind::kTable);
  config::RemoveChild(participation, "required_sites");
  config::ChildOf(participation, "min_sites", Kind::kInteger).integer = 1;
  config::TomlNode& sites = config::ChildOf(participation, "sites", Kind::kList);
  sites.children.assign(1, config::TomlNode());
  sites.children[0].kind = Kind::kText;
  sites.children[0].text = site;
  return config::TomlText(root);
}

}  // namespace consilium::cli
