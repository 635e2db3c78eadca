#include "simulator/app/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "cli/output/figures.h"
#include "cli/output/job_json.h"
#include "cli/output/job_text.h"
#include "cli/output/metric_columns.h"
#include "cli/output/table.h"

namespace consilium::simulator::app {
namespace {

using cli::Align;
using cli::Terminal;

constexpr int kMostSiteRows = 12;

std::string Range(uint64_t least, uint64_t most) {
  return least == most ? std::to_string(least) : fmt::format("{} to {}", least, most);
}

std::string RowsOfSites(const std::vector<SiteSize>& sites) {
  uint64_t train = 0, test = 0, least = UINT64_MAX, most = 0;
  for (const SiteSize& site : sites) {
    train += site.train_rows;
    test += site.test_rows;
    least = std::min(least, site.train_rows);
    most = std::max(most, site.train_rows);
  }
  return fmt::format("{} training rows ({} a site), {} test rows", train, Range(least, most), test);
}

// "1000 updates asked for: 947 counted, 40 late, 13 failed"
std::string Fates(const v1::JobView& job) {
  std::map<std::string, uint64_t> fates;
  uint64_t asked = 0;
  for (const auto& step : job.steps()) {
    for (const auto& site : step.sites()) {
      ++asked;
      ++fates[site.result()];
    }
  }
  std::string text = fmt::format("{} updates asked for:", asked);
  const char* separator = " ";
  for (const auto& [fate, count] : fates) {
    text += fmt::format("{}{} {}", std::exchange(separator, ", "), count, fate);
  }
  return text;
}

double Quantile(const std::vector<double>& sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// The loss and each metric, sorted, over the sites that were counted and have test rows.
std::vector<std::vector<double>> MetricsOverSites(const v1::StepView& evaluation,
                                                  const std::vector<cli::MetricColumn>& shown) {
  std::vector<std::vector<double>> over(1 + shown.size());
  for (const auto& site : evaluation.sites()) {
    const auto& test = site.metrics().test();
    if (site.result() != "counted" || test.rows() == 0) continue;
    over[0].push_back(test.loss());
    for (size_t i = 0; i < shown.size(); ++i) {
      if (const auto value = shown[i].of(test)) over[1 + i].push_back(*value);
    }
  }
  for (std::vector<double>& values : over) std::ranges::sort(values);
  return over;
}

// Quartiles over the sites, and the whole.
std::string QuartileTable(const Terminal& terminal, const v1::StepView& evaluation) {
  const std::vector<cli::MetricColumn> shown = cli::MetricColumnsOf(evaluation.metrics().test());
  const std::vector<std::vector<double>> over = MetricsOverSites(evaluation, shown);
  std::vector<cli::Column> columns = {
      {"ON TEST ROWS"}, {"ROWS", Align::kRight}, {"LOSS", Align::kRight}};
  for (const cli::MetricColumn& metric : shown) columns.push_back({metric.title, Align::kRight});
  cli::Table table(columns);
  const std::pair<const char*, double> rows[] = {{"lowest of a site", 0},
                                                 {"a quarter of the sites below", 0.25},
                                                 {"median of the sites", 0.5},
                                                 {"a quarter of the sites above", 0.75},
                                                 {"highest of a site", 1}};
  for (const auto& [name, part] : rows) {
    std::vector<std::string> row = {name, ""};
    for (const std::vector<double>& values : over) {
      row.push_back(cli::FormatMetric(
          values.empty() ? std::nullopt : std::optional<double>(Quantile(values, part))));
    }
    table.AddRow(std::move(row));
  }
  table.AddRule();
  const auto add = [&](const char* name, bool known, const v1::SplitMetricsView& split) {
    if (!known || split.rows() == 0) return;
    std::vector<std::string> row = {terminal.Paint(cli::Style::kBold, name),
                                    std::to_string(split.rows()), cli::FormatMetric(split.loss())};
    for (const cli::MetricColumn& metric : shown) {
      row.push_back(cli::FormatMetric(metric.of(split)));
    }
    table.AddRow(std::move(row));
  };
  add("all test rows", evaluation.metrics().has_test(), evaluation.metrics().test());
  add("all training rows", evaluation.metrics().has_train(), evaluation.metrics().train());
  return table.Render(terminal);
}

}  // namespace

std::string Summary(const Terminal& terminal, const RunOptions& options, const RunResult& result) {
  const v1::JobView& job = result.job;
  uint64_t bytes = 0;
  for (const auto& step : job.steps()) bytes += step.update_bytes();
  std::string text = fmt::format("{}  {} sites, {}, seed {}\n",
                                 terminal.Paint(cli::Style::kBold, cli::Printable(job.name())),
                                 result.sites.size(), TextOf(options.partition), options.seed);
  text += fmt::format("  {}\n", RowsOfSites(result.sites));
  text += fmt::format("  {} of {} rounds, {} failed; {}\n", job.rounds_committed(), job.rounds(),
                      job.rounds_failed(), Fates(job));
  if (result.dropped > 0) text += fmt::format("  {} times a site dropped out\n", result.dropped);
  text += fmt::format("  {} simulated in {}; {} of updates\n", FormatDuration(result.simulated),
                      FormatDuration(result.took), cli::FormatBytes(bytes));
  if (const v1::StepView* evaluation = cli::EvaluationOf(job)) {
    text += "\n";
    text += evaluation->sites_size() <= kMostSiteRows ? cli::FinalTable(terminal, *evaluation, {})
                                                      : QuartileTable(terminal, *evaluation);
  }
  if (const std::string state = cli::HexOfBytes(job.state()); !state.empty()) {
    text += fmt::format("\nstate sha256:{}\n", state);
  }
  return text;
}

}  // namespace consilium::simulator::app
