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

// ",test_loss,test_accuracy,test_auc"
std::string TitlesOf(std::string_view rows, const std::vector<cli::MetricColumn>& shown) {
  std::string titles = fmt::format(",{}_loss", rows);
  for (const cli::MetricColumn& metric : shown) titles += fmt::format(",{}_{}", rows, metric.key);
  return titles;
}

// The same of one site; empty where they are not known.
std::string CellsOf(const v1::SplitMetricsView& test, const std::vector<cli::MetricColumn>& shown) {
  if (test.rows() == 0) return std::string(1 + shown.size(), ',');
  std::string cells = fmt::format(",{}", test.loss());
  for (const cli::MetricColumn& metric : shown) {
    const std::optional<double> value = metric.of(test);
    cells += value ? fmt::format(",{}", *value) : ",";
  }
  return cells;
}

std::string SitesCsv(const RunResult& result) {
  std::map<std::string, const v1::MetricsView*> metrics;
  const v1::StepView* evaluation = cli::EvaluationOf(result.job);
  if (evaluation != nullptr) {
    for (const auto& site : evaluation->sites()) metrics[site.site()] = &site.metrics();
  }
  const std::vector<cli::MetricColumn> shown = cli::MetricColumnsOf(
      evaluation == nullptr ? v1::SplitMetricsView() : evaluation->metrics().test());
  const bool personal = evaluation != nullptr && evaluation->metrics().has_personal_test();
  std::string csv = "site,train_rows,test_rows" + TitlesOf("test", shown);
  if (personal) csv += TitlesOf("personal_test", shown);
  csv += "\n";
  for (const SiteSize& site : result.sites) {
    csv += fmt::format("{},{},{}", site.site.value(), site.train_rows, site.test_rows);
    const auto found = metrics.find(site.site.value());
    const v1::MetricsView none;
    const v1::MetricsView& known = found == metrics.end() ? none : *found->second;
    csv += CellsOf(known.test(), shown);
    if (personal) csv += CellsOf(known.personal_test(), shown);
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
