#include "cli/output/job_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/output/figures.h"
#include "cli/output/job_json.h"
#include "cli/output/kernels_text.h"
#include "cli/output/metric_columns.h"
#include "cli/output/setback_text.h"
#include "cli/output/table.h"
#include "cli/output/wait_text.h"
#include "common/base/clock.h"

namespace consilium::cli {
namespace {

Style StyleOf(v1::JobStatus status) {
  switch (status) {
    case v1::JOB_STATUS_DONE:
      return Style::kGood;
    case v1::JOB_STATUS_FAILED:
      return Style::kBad;
    case v1::JOB_STATUS_WAITING:
    case v1::JOB_STATUS_CANCELLED:
      return Style::kWarning;
    default:
      return Style::kAccent;
  }
}

std::string Label(const v1::StepView& step, uint32_t rounds) {
  if (step.workload() != v1::WORKLOAD_TRAIN) return NameOf(step.workload());
  const size_t width = std::to_string(rounds).size();
  return fmt::format("round {:>{}}", step.round(), width);
}

int CountedSites(const v1::StepView& step) {
  return static_cast<int>(std::ranges::count_if(
      step.sites(), [](const auto& site) { return site.result() == "counted"; }));
}

std::string MetricsText(const v1::StepView& step) {
  std::string text;
  const auto& metrics = step.metrics();
  if (metrics.has_train() && metrics.train().rows() > 0) {
    text += fmt::format("  loss {:.4f}", metrics.train().loss());
  }
  if (metrics.has_test() && metrics.test().rows() > 0) {
    if (metrics.test().has_accuracy())
      text += fmt::format("  acc {:.4f}", metrics.test().accuracy());
    if (metrics.test().has_auc()) text += fmt::format("  auc {:.4f}", metrics.test().auc());
    if (metrics.test().has_rmse()) text += fmt::format("  rmse {:.4f}", metrics.test().rmse());
    if (metrics.test().has_c_index()) text += fmt::format("  c {:.4f}", metrics.test().c_index());
  }
  if (const v1::SplitMetricsView& own = metrics.personal_test(); own.rows() > 0) {
    text += fmt::format("  personal loss {:.4f}", own.loss());
    if (own.has_accuracy()) text += fmt::format(" acc {:.4f}", own.accuracy());
  }
  return text;
}

// Rounds behind the state that this step's metrics describe; nullopt for statistics steps.
std::optional<double> RoundsBehind(const v1::JobView& job, const v1::StepView& step) {
  if (!step.committed()) return std::nullopt;
  if (step.workload() == v1::WORKLOAD_TRAIN) return static_cast<double>(step.round()) - 1;
  if (step.workload() == v1::WORKLOAD_EVALUATE) return static_cast<double>(job.rounds());
  return std::nullopt;
}

void AppendHead(const Terminal& terminal, const v1::JobView& job, std::string& out) {
  out += fmt::format("{}  {}  {}\n", terminal.Paint(Style::kBold, Printable(job.name())),
                     terminal.Paint(Style::kDim, job.job_id()),
                     terminal.Paint(StyleOf(job.status()), NameOf(job.status())));
  out += fmt::format("  submitted  {} by {}\n", FormatUtc(job.submitted_utc_ms()),
                     Printable(job.researcher()));
  if (job.ended_utc_ms() > 0) {
    out += fmt::format("  ended      {} after {}\n", FormatUtc(job.ended_utc_ms()),
                       FormatSeconds(static_cast<uint64_t>(
                           std::max<int64_t>(0, job.ended_utc_ms() - job.submitted_utc_ms()))));
  }
  out += fmt::format("  rounds     {} of {} committed, {} failed\n", job.rounds_committed(),
                     job.rounds(), job.rounds_failed());
  if (!job.reason().empty()) out += fmt::format("  reason     {}\n", Printable(job.reason()));
  if (const std::string wait = WaitText(job); !wait.empty()) {
    out += fmt::format("  waiting    {}\n", wait);
  }
  out += SetbackLines(job);
  out += fmt::format("  job file   sha256:{}\n", HexOfBytes(job.job_digest()));
  if (const std::string state = HexOfBytes(job.state()); !state.empty()) {
    out += fmt::format("  state      sha256:{}\n", state);
  }
}

std::string NoteOn(const v1::SiteView& site) {
  if (site.contested() > 0) {
    return fmt::format("two clients use its certificate: {} fenced", site.contested());
  }
  return site.store_changed() ? "its store is new: the disk was lost or replaced" : "";
}

}  // namespace

std::string JobsTable(const Terminal& terminal, const v1::ListJobsReply& jobs) {
  Table table({{"JOB"},
               {"NAME"},
               {"STATUS"},
               {"ROUNDS", Align::kRight},
               {"SUBMITTED"},
               {"BY"},
               {"REASON"}});
  for (const auto& job : jobs.jobs()) {
    table.AddRow({job.job_id(), Printable(job.name()),
                  terminal.Paint(StyleOf(job.status()), NameOf(job.status())),
                  fmt::format("{}/{}", job.rounds_committed(), job.rounds()),
                  FormatUtc(job.submitted_utc_ms()).substr(0, 19), Printable(job.researcher()),
                  Printable(job.reason().empty() ? job.waiting() : job.reason())});
  }
  return table.Render(terminal);
}

std::string SitesTable(const Terminal& terminal, const v1::ListSitesReply& sites) {
  Table table({{"SITE"}, {"STATE"}, {"VERSION"}, {"DATASETS"}, {"LAST SEEN"}, {"NOTE"}});
  for (const auto& site : sites.sites()) {
    std::string datasets;
    for (const auto& dataset : site.datasets()) {
      datasets += (datasets.empty() ? "" : ", ") + Printable(dataset);
    }
    table.AddRow({site.site(),
                  site.connected() ? terminal.Paint(Style::kGood, "connected")
                                   : terminal.Paint(Style::kWarning, "away"),
                  Printable(site.version()), datasets,
                  FormatUtc(site.last_seen_utc_ms()).substr(0, 19), NoteOn(site)});
  }
  return table.Render(terminal);
}

std::string StepLine(const Terminal& terminal, const v1::StepView& step, uint32_t rounds) {
  const int counted = CountedSites(step);
  const std::string sites = fmt::format("{}/{} sites", counted, step.sites_size());
  std::string line = fmt::format(
      "{:<9}  {}{}  {}  {}", Label(step, rounds),
      counted == step.sites_size() ? sites : terminal.Paint(Style::kWarning, sites),
      MetricsText(step), FormatSeconds(step.elapsed_ms()), FormatBytes(step.update_bytes()));
  if (!step.committed()) {
    line += "  " + terminal.Paint(Style::kBad, "failed: " + Printable(step.reason()));
  }
  return line;
}

std::string Exceptions(const Terminal& terminal, const v1::StepView& step) {
  std::string out;
  for (const auto& site : step.sites()) {
    const bool counted = site.result() == "counted";
    if (counted && site.reason().empty()) continue;
    out += fmt::format(
        "  {} {}: {}\n", site.site(),
        terminal.Paint(counted ? Style::kPlain : Style::kWarning, Printable(site.result())),
        Printable(site.reason()));
  }
  for (const auto& late : step.late()) {
    const bool counted = late.counted_weight() > 0;
    out += fmt::format(
        "  {} {}: its update of round {}, {}\n", late.site(),
        terminal.Paint(counted ? Style::kPlain : Style::kWarning, Printable(late.result())),
        late.round(), Printable(late.reason()));
  }
  return out;
}

std::string JobDetails(const Terminal& terminal, const v1::JobView& job, int newest) {
  std::string out;
  AppendHead(terminal, job, out);
  if (job.admissions_size() > 0) {
    out += "\n";
    Table table({{"SITE"}, {"ADMISSION"}, {"RULE"}, {"MESSAGE"}});
    for (const auto& admission : job.admissions()) {
      const bool refused = admission.verdict() == v1::VERDICT_REFUSED;
      const char* verdict = refused                                       ? "refused"
                            : admission.verdict() == v1::VERDICT_ADMITTED ? "admitted"
                                                                          : "pending";
      table.AddRow({admission.site(),
                    terminal.Paint(refused ? Style::kBad : Style::kPlain, verdict),
                    Printable(admission.rule()), Printable(admission.message())});
    }
    out += table.Render(terminal);
  }
  const int first = std::max(0, job.steps_size() - newest);
  if (job.steps_size() > 0) out += "\n";
  if (first > 0) out += fmt::format("  ... {} earlier steps (--all shows them)\n", first);
  for (int i = first; i < job.steps_size(); ++i) {
    out += StepLine(terminal, job.steps(i), job.rounds()) + "\n";
    out += Exceptions(terminal, job.steps(i));
  }
  if (job.has_current() && !HasEnded(job.status())) {
    const v1::StepView& step = job.current();
    out += fmt::format("\n{}  {}{}\n", Label(step, job.rounds()),
                       terminal.Paint(Style::kAccent, step.result()),
                       step.has_left_ms() ? ", closes in " + FormatSeconds(step.left_ms()) : "");
    out += OpenStep(terminal, step);
  }
  if (const std::string kernels = KernelsTable(terminal, job); !kernels.empty()) {
    out += "\n" + kernels;
  }
  if (const v1::StepView* evaluation = EvaluationOf(job)) {
    out += "\n" + FinalTable(terminal, *evaluation, {});
  }
  return out;
}

const v1::StepView* EvaluationOf(const v1::JobView& job) {
  for (int i = job.steps_size() - 1; i >= 0; --i) {
    if (job.steps(i).workload() == v1::WORKLOAD_EVALUATE && job.steps(i).committed()) {
      return &job.steps(i);
    }
  }
  return nullptr;
}

namespace {

struct Mean {
  double sum = 0;
  int count = 0;
  void Take(std::optional<double> value) {
    if (!value.has_value() || !std::isfinite(*value)) return;
    sum += *value;
    ++count;
  }
  std::optional<double> Value() const {
    return count > 0 ? std::optional<double>(sum / count) : std::nullopt;
  }
};

// Without test rows, or with fewer than its policy lets it speak of, a site evaluates nothing.
std::string RowsText(const v1::SplitMetricsView& test) {
  return test.rows() > 0 ? std::to_string(test.rows()) : "not evaluated";
}
std::optional<double> Loss(const v1::SplitMetricsView& test) {
  return test.rows() > 0 ? std::optional<double>(test.loss()) : std::nullopt;
}

}  // namespace

std::string FinalTable(const Terminal& terminal, const v1::StepView& evaluation,
                       const std::map<std::string, v1::SplitMetricsView>& alone) {
  const auto& all = evaluation.metrics().test();
  const std::vector<MetricColumn> shown = MetricColumnsOf(all);
  const auto& own_of_all = evaluation.metrics().personal_test();
  std::vector<Column> columns = {{"SITE"}, {"TEST ROWS", Align::kRight}, {"LOSS", Align::kRight}};
  for (const MetricColumn& metric : shown) columns.push_back({metric.title, Align::kRight});
  const bool personal = evaluation.metrics().has_personal_test();
  const std::vector<MetricColumn> of_own = personal ? shown : std::vector<MetricColumn>();
  if (personal) columns.push_back({"OWN LOSS", Align::kRight});
  for (const MetricColumn& metric : of_own) {
    columns.push_back({"OWN " + std::string(metric.title), Align::kRight});
  }
  for (size_t i = 0; i < shown.size() && !alone.empty(); ++i) {
    columns.push_back({(i == 0 ? "ALONE: " : "") + std::string(shown[i].title), Align::kRight});
  }
  Table table(columns);
  std::vector<Mean> means(columns.size() - 2);  // from LOSS on
  for (const auto& site : evaluation.sites()) {
    if (site.result() != "counted") continue;
    const auto& test = site.metrics().test();
    std::vector<std::string> row = {site.site(), RowsText(test)};
    const auto add = [&](std::optional<double> value) {
      means[row.size() - 2].Take(value);
      row.push_back(FormatMetric(value));
    };
    add(Loss(test));
    for (const MetricColumn& metric : shown) add(metric.of(test));
    const auto& own_test = site.metrics().personal_test();
    if (personal) add(Loss(own_test));
    for (const MetricColumn& metric : of_own) add(metric.of(own_test));
    if (const auto own = alone.find(site.site()); own != alone.end()) {
      for (const MetricColumn& metric : shown) add(metric.of(own->second));
    }
    table.AddRow(std::move(row));
  }
  table.AddRule();
  std::vector<std::string> mean = {"mean of sites", ""};
  for (const Mean& value : means) mean.push_back(FormatMetric(value.Value()));
  table.AddRow(std::move(mean));
  std::vector<std::string> last = {terminal.Paint(Style::kBold, "all test rows"), RowsText(all),
                                   FormatMetric(Loss(all))};
  for (const MetricColumn& metric : shown) {
    last.push_back(terminal.Paint(Style::kBold, FormatMetric(metric.of(all))));
  }
  if (personal) last.push_back(FormatMetric(Loss(own_of_all)));
  for (const MetricColumn& metric : of_own) {
    last.push_back(terminal.Paint(Style::kBold, FormatMetric(metric.of(own_of_all))));
  }
  table.AddRow(std::move(last));
  return table.Render(terminal);
}

std::vector<Panel> CurvesOf(const v1::JobView& job) {
  Panel loss{"loss", "rounds", {}};
  Panel metric{"on test rows", "rounds", {}};
  Series train{"training", {}, {}, true}, test{"test", {}, {}, false};
  Series accuracy{"accuracy", {}, {}, true}, auc{"AUC", {}, {}, false};
  Series concordance{"C-index", {}, {}, true}, rmse{"RMSE", {}, {}, true},
      mae{"MAE", {}, {}, false};
  Series own_test{"test, personal", {}, {}, false}, own_auc{"AUC, personal", {}, {}, false};
  for (const auto& step : job.steps()) {
    const std::optional<double> x = RoundsBehind(job, step);
    if (!x.has_value()) continue;
    const auto& metrics = step.metrics();
    const auto take = [&](Series& series, bool known, double value) {
      if (!known) return;
      series.x.push_back(*x);
      series.y.push_back(value);
    };
    take(train, metrics.train().rows() > 0, metrics.train().loss());
    take(test, metrics.test().rows() > 0, metrics.test().loss());
    take(accuracy, metrics.test().has_accuracy(), metrics.test().accuracy());
    take(auc, metrics.test().has_auc(), metrics.test().auc());
    take(concordance, metrics.test().has_c_index(), metrics.test().c_index());
    take(rmse, metrics.test().has_rmse(), metrics.test().rmse());
    take(mae, metrics.test().has_mae(), metrics.test().mae());
    const v1::SplitMetricsView& own = metrics.personal_test();
    take(own_test, own.rows() > 0, own.loss());
    take(own_auc, own.has_auc(), own.auc());
  }
  for (Series* series : {&train, &test, &own_test}) {
    if (!series->x.empty()) loss.series.push_back(std::move(*series));
  }
  for (Series* series : {&accuracy, &auc, &concordance, &rmse, &mae, &own_auc}) {
    if (!series->x.empty()) metric.series.push_back(std::move(*series));
  }
  std::vector<Panel> panels;
  if (!loss.series.empty()) panels.push_back(std::move(loss));
  if (!metric.series.empty()) panels.push_back(std::move(metric));
  return panels;
}

}  // namespace consilium::cli
