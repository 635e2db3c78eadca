#include "tests/simulation/in_memory_lab.h"

#include <memory>
#include <string_view>
#include <utility>

#include "client/data/dataset_config.h"
#include "client/policy/policy_config.h"
#include "client/session/csv_source.h"
#include "common/base/status_macros.h"
#include "common/config/toml_file.h"

namespace consilium::simulation {
namespace {

void ReplaceAll(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
}

struct ReadSite {
  std::unique_ptr<client::session::CsvSource> datasets;
  client::policy::PolicyOptions policy;
};

absl::StatusOr<ReadSite> Read(const LabSite& site) {
  CN_ASSIGN_OR_RETURN(
      config::TomlFile file,
      config::TomlFile::Parse(site.client_toml, site.name + "/client.toml", config::kConfigErrors));
  ReadSite read;
  auto datasets = client::data::ParseDatasets(file.root().Table("datasets"), ".");
  read.policy = client::policy::ParsePolicy(file.root().Table("policy"));
  CN_RETURN_IF_ERROR(file.Finish());
  read.datasets =
      std::make_unique<client::session::CsvSource>(std::move(datasets), SiteId(site.name));
  return read;
}

}  // namespace

std::vector<LabSite> LabSites(const std::vector<std::string>& names, const std::string& client,
                              const std::string& data) {
  std::vector<LabSite> sites;
  for (size_t i = 0; i < names.size(); ++i) {
    LabSite& site = sites.emplace_back(LabSite{.name = names[i], .client_toml = client});
    ReplaceAll(site.client_toml, "{name}", names[i]);
    ReplaceAll(site.client_toml, "{index}", std::to_string(i));
    ReplaceAll(site.client_toml, "{data}", data);
  }
  return sites;
}

absl::StatusOr<FinishedJob> RunInMemory(const std::string& job_file,
                                        const std::vector<LabSite>& sites) {
  std::vector<ReadSite> read;
  InMemoryFederation::Options options;
  for (const LabSite& site : sites) {
    CN_ASSIGN_OR_RETURN(read.emplace_back(), Read(site));
    SiteConfig& config = options.sites.emplace_back();
    config.site = SiteId(site.name);
    config.datasets = read.back().datasets.get();
    config.policy = read.back().policy;
    config.site_half = site.site_half;
  }
  InMemoryFederation federation(std::move(options));
  return federation.RunJob(job_file);
}

}  // namespace consilium::simulation
