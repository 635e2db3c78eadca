#include "cli/output/run_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cli/output/figures.h"
#include "cli/output/table.h"
#include "common/base/error.h"

namespace consilium::cli {
namespace {

using nlohmann::json;

const json kNothing = json::object();

const json& PartOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : kNothing;
}
std::string TextOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}
uint64_t CountOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}
bool IsTrue(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// Numbers under metrics.train, metrics.test and those of personal models: "test_loss" -> 0.25.
std::map<std::string, double> MetricsOf(const json& step) {
  std::map<std::string, double> numbers;
  for (const char* split : {"train", "test", "personal_train", "personal_test"}) {
    for (const auto& [key, value] : PartOf(PartOf(step, "metrics"), split).items()) {
      if (value.is_number()) numbers[fmt::format("{}_{}", split, key)] = value.get<double>();
    }
  }
  return numbers;
}

std::set<std::string> MetricNames(const json& job) {
  std::set<std::string> names;
  for (const json& step : job["steps"]) {
    for (const auto& [name, value] : MetricsOf(step)) names.insert(name);
  }
  return names;
}

size_t CountedOf(const json& step, std::string_view result) {
  const auto sites = step.find("sites");
  if (sites == step.end() || !sites->is_array()) return 0;
  return static_cast<size_t>(std::ranges::count_if(*sites, [&](const json& site) {
    return site.is_object() && TextOf(site, "result") == result;
  }));
}

// Rounds behind the state that a step's metrics describe; nullopt for other steps.
std::optional<double> RoundsBehind(const json& job, const json& step) {
  if (!IsTrue(step, "committed")) return std::nullopt;
  const std::string workload = TextOf(step, "workload");
  if (workload == "train") return static_cast<double>(CountOf(step, "round")) - 1;
  if (workload == "evaluate") return static_cast<double>(CountOf(job, "rounds"));
  return std::nullopt;
}

struct Summary {
  uint64_t rounds = 0;
  uint64_t failed = 0;
  uint64_t update_bytes = 0;
  uint64_t elapsed_ms = 0;  // of all steps
  std::map<std::string, double> last;
};

Summary SummaryOf(const json& job) {
  Summary summary;
  summary.rounds = CountOf(job, "rounds_committed");
  summary.failed = CountOf(job, "rounds_failed");
  for (const json& step : job["steps"]) {
    summary.update_bytes += CountOf(step, "update_bytes");
    summary.elapsed_ms += CountOf(step, "elapsed_ms");
    if (!RoundsBehind(job, step)) continue;
    const auto metrics = MetricsOf(step);
    if (!metrics.empty()) summary.last = metrics;
  }
  return summary;
}

bool IsOfTestRows(std::string_view name) {
  return name.starts_with("test_") || name.starts_with("personal_test_");
}
bool IsMetric(const std::string& name) { return !name.ends_with("_rows"); }

std::string Number(const std::map<std::string, double>& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? "" : fmt::format("{}", found->second);
}

}  // namespace

absl::StatusOr<json> ReadRun(std::string_view text, const std::string& file) {
  const auto refuse = [&](const char* why) {
    return Error(ErrorCode::kUsage, fmt::format("{} {}", file, why),
                 "give the run.json or the --out folder of `consilium simulate`, or what "
                 "`consilium show JOB --json` prints");
  };
  // Of several envelopes, one a line, the last.
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  json envelope = json::parse(text, nullptr, false);
  if (envelope.is_discarded()) {
    const size_t line = text.rfind('\n');
    if (line != std::string_view::npos)
      envelope = json::parse(text.substr(line + 1), nullptr, false);
  }
  if (!envelope.is_object()) return refuse("is not JSON");
  const std::string kind = TextOf(envelope, "kind");
  if (kind != "job" && kind != "simulation") return refuse("is not the JSON of a job");
  json job = PartOf(envelope, "data");
  const auto steps = job.find("steps");
  if (steps == job.end() || !steps->is_array() || steps->empty()) return refuse("has no steps");
  for (const json& step : *steps) {
    if (!step.is_object()) return refuse("has a step that is none");
  }
  return job;
}

std::string RoundsCsv(const json& job) {
  const std::set<std::string> names = MetricNames(job);
  std::string csv =
      "step,workload,round,committed,sites,counted,late,failed,refused,elapsed_ms,update_bytes,"
      "total_weight";
  for (const std::string& name : names) csv += "," + name;
  csv += "\n";
  for (const json& step : job["steps"]) {
    const auto sites = step.find("sites");
    csv += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{}", CountOf(step, "step"), TextOf(step, "workload"),
        CountOf(step, "round"), IsTrue(step, "committed") ? 1 : 0,
        sites == step.end() ? 0 : sites->size(), CountedOf(step, "counted"),
        CountedOf(step, "late"), CountedOf(step, "failed"), CountedOf(step, "refused"),
        CountOf(step, "elapsed_ms"), CountOf(step, "update_bytes"), CountOf(step, "total_weight"));
    const auto metrics = MetricsOf(step);
    for (const std::string& name : names) csv += "," + Number(metrics, name);
    csv += "\n";
  }
  return csv;
}

std::string CompareTable(const Terminal& terminal, const std::vector<RunRecord>& runs) {
  std::set<std::string> names;
  for (const RunRecord& run : runs) {
    for (const auto& [name, value] : SummaryOf(run.job).last) {
      if (IsOfTestRows(name) && IsMetric(name)) names.insert(name);
    }
  }
  std::vector<Column> columns = {
      {"RUN"}, {"JOB"}, {"ROUNDS", Align::kRight}, {"FAILED", Align::kRight}};
  for (const std::string& name : names) {
    std::string title = name;
    std::ranges::replace(title, '_', ' ');
    std::ranges::transform(title, title.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    columns.push_back({std::move(title), Align::kRight});
  }
  columns.push_back({"UPDATES", Align::kRight});
  columns.push_back({"TIME", Align::kRight});
  Table table(columns);
  for (const RunRecord& run : runs) {
    const Summary summary = SummaryOf(run.job);
    std::vector<std::string> row = {Printable(run.name), Printable(TextOf(run.job, "name")),
                                    std::to_string(summary.rounds), std::to_string(summary.failed)};
    for (const std::string& name : names) {
      const auto found = summary.last.find(name);
      row.push_back(FormatMetric(
          found == summary.last.end() ? std::nullopt : std::optional<double>(found->second)));
    }
    row.push_back(FormatBytes(summary.update_bytes));
    row.push_back(FormatSeconds(summary.elapsed_ms));
    table.AddRow(std::move(row));
  }
  return table.Render(terminal);
}

json CompareJson(const std::vector<RunRecord>& runs) {
  json list = json::array();
  for (const RunRecord& run : runs) {
    const Summary summary = SummaryOf(run.job);
    list.push_back({{"run", run.name},
                    {"job", TextOf(run.job, "job")},
                    {"name", TextOf(run.job, "name")},
                    {"state", TextOf(run.job, "state")},
                    {"rounds_committed", summary.rounds},
                    {"rounds_failed", summary.failed},
                    {"update_bytes", summary.update_bytes},
                    {"elapsed_ms", summary.elapsed_ms},
                    {"metrics", summary.last}});
  }
  return list;
}

std::vector<Panel> CompareCurves(const std::vector<RunRecord>& runs) {
  std::set<std::string> names;
  for (const RunRecord& run : runs) {
    for (const std::string& name : MetricNames(run.job)) {
      if (IsMetric(name) && (IsOfTestRows(name) || name == "train_loss")) {
        names.insert(name);
      }
    }
  }
  std::vector<Panel> panels;
  for (const std::string& name : names) {
    Panel panel{name, "rounds", {}};
    std::ranges::replace(panel.title, '_', ' ');
    for (const RunRecord& run : runs) {
      Series series{run.name, {}, {}, false};
      for (const json& step : run.job["steps"]) {
        const std::optional<double> behind = RoundsBehind(run.job, step);
        const auto metrics = MetricsOf(step);
        const auto found = metrics.find(name);
        if (!behind || found == metrics.end()) continue;
        series.x.push_back(*behind);
        series.y.push_back(found->second);
      }
      if (!series.x.empty()) panel.series.push_back(std::move(series));
    }
    if (!panel.series.empty()) panels.push_back(std::move(panel));
  }
  return panels;
}

}  // namespace consilium::cli
