#include "simulator/app/run_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "cli/output/console.h"
#include "cli/output/curve_svg.h"
#include "cli/output/job_json.h"
#include "cli/output/job_text.h"
#include "cli/output/metric_columns.h"
#include "cli/output/run_record.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_file.h"
#include "common/learn/model_npz.h"

namespace consilium::simulator::app {
namespace {

using nlohmann::json;

int64_t Millis(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string SitesCsv(const RunResult& result) {
  std::map<std::string, const v1::SplitMetricsView*> tests;
  const v1::StepView* evaluation = cli::EvaluationOf(result.job);
  if (evaluation != nullptr) {
    for (const auto& site : evaluation->sites()) {
      if (site.metrics().test().rows() > 0) tests[site.site()] = &site.metrics().test();
    }
  }
  const std::vector<cli::MetricColumn> shown = cli::MetricColumnsOf(
      evaluation == nullptr ? v1::SplitMetricsView() : evaluation->metrics().test());
  std::string csv = "site,train_rows,test_rows,test_loss";
  for (const cli::MetricColumn& metric : shown) csv += fmt::format(",test_{}", metric.key);
  csv += "\n";
  for (const SiteSize& site : result.sites) {
    csv += fmt::format("{},{},{}", site.site.value(), site.train_rows, site.test_rows);
    const auto found = tests.find(site.site.value());
    if (found == tests.end()) {
      csv += std::string(1 + shown.size(), ',') + "\n";
      continue;
    }
    csv += fmt::format(",{}", found->second->loss());
    for (const cli::MetricColumn& metric : shown) {
      const std::optional<double> value = metric.of(*found->second);
      csv += value ? fmt::format(",{}", *value) : ",";
    }
    csv += "\n";
  }
  return csv;
}

}  // namespace

json RunJson(const RunOptions& options, const RunResult& result) {
  json run = cli::ToJson(result.job);
  const Pace& pace = options.pace;
  run["simulation"] = {
      {"sites", result.sites.size()},
      {"partition", TextOf(options.partition)},
      {"seed", options.seed},
      {"slow", {{"share", pace.slow.share}, {"factor", pace.slow.factor}}},
      {"drop", {{"chance", pace.drop.chance}, {"away_ms", Millis(pace.drop.away)}}},
      {"row_time_ms", std::chrono::duration<double, std::milli>(pace.row_time).count()},
      {"dropped_out", result.dropped},
      {"simulated_ms", Millis(result.simulated)},
      {"took_ms", Millis(result.took)}};
  return run;
}

absl::Status WriteRunFiles(const RunOptions& options, const RunResult& result) {
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) {
    return Error(ErrorCode::kStorageIo,
                 fmt::format("cannot make the folder {}: {}", options.out, error.message()));
  }
  const std::string at = options.out + "/";
  const json run = RunJson(options, result);
  CN_RETURN_IF_ERROR(cli::WriteFile(at + "run.json", cli::EnvelopeOf("simulation", run)));
  CN_RETURN_IF_ERROR(cli::WriteFile(at + "rounds.csv", cli::RoundsCsv(run)));
  CN_RETURN_IF_ERROR(cli::WriteFile(at + "sites.csv", SitesCsv(result)));
  CN_RETURN_IF_ERROR(cli::WriteFile(
      at + "curves.svg", cli::RenderCurves(result.job.name(), cli::CurvesOf(result.job))));
  if (result.job.state().empty()) return absl::OkStatus();
  CN_RETURN_IF_ERROR(learn::CheckModel(result.model));
  CN_RETURN_IF_ERROR(
      cli::WriteFile(at + "model.safetensors", AsText(learn::EncodeSafetensors(result.model))));
  CN_ASSIGN_OR_RETURN(const Bytes npz, learn::EncodeNpz(result.model));
  return cli::WriteFile(at + "model.npz", AsText(npz));
}

}  // namespace consilium::simulator::app
