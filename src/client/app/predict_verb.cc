#include "client/app/predict_verb.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "client/app/client_config.h"
#include "client/app/prediction_text.h"
#include "client/data/array_dataset.h"
#include "client/session/personal_models.h"
#include "client/session/site_scalings.h"
#include "client/train/predict.h"
#include "client/train/site_statistics.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/config/nearest.h"
#include "common/learn/model_file.h"
#include "common/learn/model_text.h"
#include "common/pki/authority.h"
#include "fmt/format.h"

extern char** environ;

namespace consilium::client::app {
namespace {

// A dataset as it will be read.
struct Rows {
  data::DatasetConfig dataset;
  bool configured = false;  // from client.toml
  std::string site_folder;  // [client] data; empty without a client.toml
  SiteId site;              // keys the hold-out
};

absl::StatusOr<std::optional<ClientConfig>> ReadConfig(const std::string& file, bool needed) {
  if (file.empty() && !needed && !std::filesystem::exists(kDefaultConfig)) return std::nullopt;
  CN_ASSIGN_OR_RETURN(
      ClientConfig config,
      ReadClientConfig(file, {.flags = {}, .environment = config::ReadEnvironment(environ)}));
  return config;
}

// The certificate's site; its dates do not matter here.
absl::StatusOr<SiteId> SiteOf(const ClientConfig& config) {
  if (!config.site.empty()) return SiteId(config.site);
  CN_ASSIGN_OR_RETURN(const auto facts, pki::ShowCertificate(config.tls.cert));
  if (facts.uris.size() != 1) {
    return Error(ErrorCode::kBadCertificate,
                 fmt::format("{} has {} URI names, want one", config.tls.cert, facts.uris.size()));
  }
  CN_ASSIGN_OR_RETURN(const pki::Identity identity, pki::ParseIdentity(facts.uris.front()));
  return SiteId(identity.id);
}

absl::StatusOr<Rows> FindRows(const std::string& config_file, const PredictOptions& options,
                              const std::string& name) {
  Rows rows;
  CN_ASSIGN_OR_RETURN(const auto config, ReadConfig(config_file, options.data.empty()));
  if (config) rows.site_folder = config->data;
  std::vector<std::string> names;
  for (const data::DatasetConfig& dataset :
       config ? config->datasets : std::vector<data::DatasetConfig>()) {
    names.push_back(dataset.name);
    if (dataset.name != name) continue;
    rows.dataset = dataset;
    rows.configured = true;
  }
  if (!rows.configured && (options.data.empty() || !options.dataset.empty())) {
    return Error(ErrorCode::kDatasetUnknown, fmt::format("there is no [datasets.{}]", name),
                 config::SuggestFrom(name, names));
  }
  if (rows.configured && rows.dataset.split.holdout > 0) {
    CN_ASSIGN_OR_RETURN(rows.site, SiteOf(*config));
  }
  if (!options.data.empty()) data::ReplaceFile(rows.dataset, options.data);
  return rows;
}

// Where the model wants them: those that this site trained it with, from its own disk.
absl::StatusOr<std::optional<train::SiteStatistics>> StatisticsFor(const job::JobSpec& spec,
                                                                   const wire::StatePart& model,
                                                                   const Rows& rows,
                                                                   Storage& storage) {
  if (spec.data.standardize != job::Standardize::kSite || rows.site_folder.empty()) {
    return std::nullopt;
  }
  const session::SiteScalings scalings(rows.site_folder, storage);
  CN_ASSIGN_OR_RETURN(auto statistics, scalings.Find(session::ModelDigest(model)));
  if (statistics) return statistics;
  return Error(
      ErrorCode::kModelNeedsStatistics,
      fmt::format("the model was trained with standardize = \"site\", and {} holds no "
                  "statistics of this site for it",
                  rows.site_folder),
      "predict at a site that trained or evaluated this very state (a finished job's newest "
      "model is evaluated at the end), or train with standardize = \"federated\"");
}

// What predicts: the model, or what this site has made of it for itself.
struct Chosen {
  wire::StatePart model;
  std::string file;  // of the site's own; empty: it is the model
};

absl::StatusOr<Chosen> ChooseWeights(wire::StatePart model, const Rows& rows,
                                     const PredictOptions& options, Storage& storage) {
  std::optional<std::string> file;
  if (options.weights != "global" && !rows.site_folder.empty()) {
    const session::PersonalModels models(rows.site_folder, storage);
    CN_ASSIGN_OR_RETURN(file, models.Find(session::ModelDigest(model)));
  }
  if (file) {
    CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadWhole(storage, *file, learn::kMaxModelFileBytes));
    CN_ASSIGN_OR_RETURN(wire::StatePart own, learn::DecodeModel(bytes));
    return Chosen{std::move(own), *std::move(file)};
  }
  if (options.weights != "personal") return Chosen{std::move(model), ""};
  return Error(
      ErrorCode::kModelNeedsPersonal,
      rows.site_folder.empty()
          ? std::string("`--weights personal` without a client.toml")
          : fmt::format("{} holds no weights of this site for the model", rows.site_folder),
      "predict at a site that took part until a job with [personal] was done, with its "
      "--config client.toml; or leave --weights out");
}

bool HasLabel(const data::Split& rows) {
  return std::ranges::any_of(rows.y, [](double label) { return !std::isnan(label); });
}

// Which rows: those asked for; else the hold-out, whose metrics can be compared, where there is
// one; and every row where there is no label to compare with.
absl::StatusOr<std::vector<std::string_view>> SplitsOf(const data::Dataset& dataset,
                                                       const job::JobSpec& spec,
                                                       const std::string& wanted) {
  if (!dataset.has_label_column) {
    if (wanted.empty() || wanted == "all") return std::vector<std::string_view>{"new"};
    return Error(ErrorCode::kUsage,
                 fmt::format("`--rows {}`: the file has no column for the label `{}`, so its rows "
                             "are not split",
                             wanted, spec.data.label),
                 "leave --rows out: every row is predicted");
  }
  if (wanted == "train") return std::vector<std::string_view>{"train"};
  const bool labelled = HasLabel(dataset.train) || HasLabel(dataset.test);
  if (wanted == "test" || (wanted.empty() && labelled && dataset.test.rows() > 0)) {
    return std::vector<std::string_view>{"test"};
  }
  std::vector<std::string_view> both{"train"};
  if (dataset.test.rows() > 0) both.push_back("test");
  return both;
}

absl::Status Write(const std::string& file, const std::string& text) {
  std::FILE* out = file.empty() ? stdout : std::fopen(file.c_str(), "w");
  const bool written =
      out != nullptr && std::fwrite(text.data(), 1, text.size(), out) == text.size();
  const bool closed = out != nullptr && (file.empty() ? std::fflush(out) : std::fclose(out)) == 0;
  if (written && closed) return absl::OkStatus();
  return Error(ErrorCode::kStorageIo,
               fmt::format("cannot write {}", file.empty() ? "the rows" : file));
}

}  // namespace

absl::Status PredictRows(const std::string& config_file, const PredictOptions& options) {
  PosixStorage storage;
  CN_ASSIGN_OR_RETURN(const Bytes file,
                      ReadWhole(storage, options.model, learn::kMaxModelFileBytes));
  CN_ASSIGN_OR_RETURN(wire::StatePart model, learn::DecodeModel(file));
  CN_ASSIGN_OR_RETURN(job::JobSpec spec, learn::SpecOfModel(model));
  if (!options.dataset.empty()) spec.data.dataset = options.dataset;
  CN_ASSIGN_OR_RETURN(Rows rows, FindRows(config_file, options, spec.data.dataset));
  rows.dataset.name = spec.data.dataset;
  CN_ASSIGN_OR_RETURN(const auto dataset, data::LoadDataset(rows.dataset, spec, rows.site, storage,
                                                            {.labels = data::Labels::kOptional}));
  CN_ASSIGN_OR_RETURN(const auto statistics, StatisticsFor(spec, model, rows, storage));
  CN_ASSIGN_OR_RETURN(const auto splits, SplitsOf(dataset, spec, options.rows));
  CN_ASSIGN_OR_RETURN(const Chosen chosen, ChooseWeights(std::move(model), rows, options, storage));
  PredictionReport report{spec, dataset, {}, chosen.file};
  for (const std::string_view split : splits) {
    const data::Split& part = split == "train" ? dataset.train : dataset.test;
    CN_ASSIGN_OR_RETURN(auto prediction,
                        train::Predict(chosen.model, part, statistics ? &*statistics : nullptr));
    report.parts.push_back({split, part, std::move(prediction)});
  }
  if (options.json) return Write(options.output, JsonOf(report, options.model));
  CN_RETURN_IF_ERROR(Write(options.output, CsvOf(report)));
  fmt::print(stderr, "{}", TalkOf(report));
  return absl::OkStatus();
}

}  // namespace consilium::client::app
