#include "client/app/predict_verb.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "client/app/client_config.h"
#include "client/data/csv_dataset.h"
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
  std::string own_path;     // of the configured dataset
  SiteId site;              // keys the hold-out
};

struct Predicted {
  std::string split;
  train::Prediction prediction;
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
  std::vector<std::string> names;
  for (const data::DatasetConfig& dataset :
       config ? config->datasets : std::vector<data::DatasetConfig>()) {
    names.push_back(dataset.name);
    if (dataset.name != name) continue;
    rows.dataset = dataset;
    rows.own_path = dataset.path;
    rows.configured = true;
  }
  if (!rows.configured && (options.data.empty() || !options.dataset.empty())) {
    return Error(ErrorCode::kDatasetUnknown, fmt::format("there is no [datasets.{}]", name),
                 config::SuggestFrom(name, names));
  }
  if (rows.configured && rows.dataset.split.holdout > 0) {
    CN_ASSIGN_OR_RETURN(rows.site, SiteOf(*config));
  }
  if (!options.data.empty()) rows.dataset.path = options.data;
  return rows;
}

// The site's own, where the model wants them and client.toml says of which rows.
absl::StatusOr<std::optional<train::SiteStatistics>> StatisticsFor(const job::JobSpec& spec,
                                                                   const Rows& rows,
                                                                   const Storage& storage) {
  if (spec.data.standardize != job::Standardize::kSite || !rows.configured) return std::nullopt;
  data::DatasetConfig own = rows.dataset;
  own.path = rows.own_path;
  CN_ASSIGN_OR_RETURN(const auto dataset, data::LoadCsv(own, spec, rows.site, storage));
  CN_ASSIGN_OR_RETURN(auto statistics, train::SiteStatisticsOf(dataset.train));
  return statistics;
}

nlohmann::json JsonOf(const learn::SplitMetrics& metrics) {
  nlohmann::json json = {{"rows", metrics.rows}, {"loss", metrics.loss}};
  if (metrics.accuracy) json["accuracy"] = *metrics.accuracy;
  if (metrics.auc) json["auc"] = *metrics.auc;
  return json;
}

std::string TextOf(const learn::SplitMetrics& metrics) {
  std::string text = fmt::format("{} rows, loss {:.6f}", metrics.rows, metrics.loss);
  if (metrics.accuracy) text += fmt::format(", accuracy {:.4f}", *metrics.accuracy);
  if (metrics.auc) text += fmt::format(", AUC {:.4f}", *metrics.auc);
  return text;
}

// What a row's columns are called.
std::vector<std::string> ColumnsOf(const job::JobSpec& spec, const train::Prediction& one) {
  if (one.classes == 0) return {"value"};
  if (one.classes == 2 && spec.data.label_levels.empty()) return {"score", "probability"};
  std::vector<std::string> columns;
  columns.reserve(one.classes);
  for (uint32_t i = 0; i < one.classes; ++i) {
    columns.push_back(
        "p_" + (i < spec.data.label_levels.size() ? spec.data.label_levels[i] : std::to_string(i)));
  }
  return columns;
}

std::vector<double> ValuesOf(const job::JobSpec& spec, const train::Prediction& one, size_t row) {
  if (one.classes == 0) return {static_cast<double>(one.scores[row])};
  if (one.classes == 2 && spec.data.label_levels.empty()) {
    return {static_cast<double>(one.scores[row]), one.probabilities[2 * row + 1]};
  }
  const auto first = one.probabilities.begin() + static_cast<ptrdiff_t>(row * one.classes);
  return {first, first + static_cast<ptrdiff_t>(one.classes)};
}

size_t RowsOf(const train::Prediction& one) { return one.scores.size() / one.outputs; }

std::string CsvOf(const job::JobSpec& spec, const std::vector<Predicted>& parts) {
  std::string out = "split,row";
  for (const std::string& column : ColumnsOf(spec, parts.front().prediction)) out += "," + column;
  out += "\n";
  for (const Predicted& part : parts) {
    for (size_t row = 0; row < RowsOf(part.prediction); ++row) {
      fmt::format_to(std::back_inserter(out), "{},{}", part.split, row + 1);
      for (const double value : ValuesOf(spec, part.prediction, row)) {
        fmt::format_to(std::back_inserter(out), ",{}", value);
      }
      out += "\n";
    }
  }
  return out;
}

nlohmann::json JsonOf(const job::JobSpec& spec, const PredictOptions& options,
                      const std::vector<Predicted>& parts) {
  nlohmann::json data = {{"model", options.model}, {"metrics", nlohmann::json::object()}};
  data["columns"] = ColumnsOf(spec, parts.front().prediction);
  for (const Predicted& part : parts) {
    if (part.prediction.metrics) data["metrics"][part.split] = JsonOf(*part.prediction.metrics);
    nlohmann::json rows = nlohmann::json::array();
    for (size_t row = 0; row < RowsOf(part.prediction); ++row) {
      rows.push_back(ValuesOf(spec, part.prediction, row));
    }
    data["rows"][part.split] = std::move(rows);
  }
  return {{"consilium", 1}, {"kind", "prediction"}, {"data", std::move(data)}};
}

absl::StatusOr<std::vector<Predicted>> PredictAll(const wire::StatePart& model,
                                                  const data::Dataset& dataset,
                                                  const train::SiteStatistics* statistics,
                                                  const std::string& wanted) {
  const bool only_test = wanted == "test" || (wanted.empty() && dataset.test.rows() > 0);
  std::vector<Predicted> parts;
  if (!only_test) {
    CN_ASSIGN_OR_RETURN(auto train, train::Predict(model, dataset.train, statistics));
    parts.push_back({"train", std::move(train)});
  }
  if (wanted != "train" && (only_test || dataset.test.rows() > 0)) {
    CN_ASSIGN_OR_RETURN(auto test, train::Predict(model, dataset.test, statistics));
    parts.push_back({"test", std::move(test)});
  }
  return parts;
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
  const PosixStorage storage;
  CN_ASSIGN_OR_RETURN(const Bytes file,
                      ReadWhole(storage, options.model, learn::kMaxModelFileBytes));
  CN_ASSIGN_OR_RETURN(const wire::StatePart model, learn::DecodeModel(file));
  CN_ASSIGN_OR_RETURN(job::JobSpec spec, learn::SpecOfModel(model));
  if (!options.dataset.empty()) spec.data.dataset = options.dataset;
  CN_ASSIGN_OR_RETURN(Rows rows, FindRows(config_file, options, spec.data.dataset));
  rows.dataset.name = spec.data.dataset;
  CN_ASSIGN_OR_RETURN(const auto dataset, data::LoadCsv(rows.dataset, spec, rows.site, storage));
  CN_ASSIGN_OR_RETURN(const auto statistics, StatisticsFor(spec, rows, storage));
  CN_ASSIGN_OR_RETURN(
      const auto parts,
      PredictAll(model, dataset, statistics ? &*statistics : nullptr, options.rows));
  if (options.json) {
    CN_RETURN_IF_ERROR(Write(options.output, JsonOf(spec, options, parts).dump() + "\n"));
  } else {
    CN_RETURN_IF_ERROR(Write(options.output, CsvOf(spec, parts)));
    for (const Predicted& part : parts) {
      if (!part.prediction.metrics) continue;
      fmt::print(stderr, "{}: {}\n", part.split, TextOf(*part.prediction.metrics));
    }
    if (dataset.rows_incomplete > 0) {
      fmt::print(stderr,
                 "left out: {} rows with a missing value (rows are numbered without them)\n",
                 dataset.rows_incomplete);
    }
  }
  return absl::OkStatus();
}

}  // namespace consilium::client::app
