#include "client/app/prediction_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

namespace consilium::client::app {
namespace {

using nlohmann::json;

// One score, and the probability of class 1.
bool HasOneProbability(const job::JobSpec& spec, const train::Prediction& one) {
  return one.classes == 2 && spec.data.label_levels.empty();
}

// What a row's values are called.
std::vector<std::string> ColumnsOf(const job::JobSpec& spec, const train::Prediction& one) {
  if (spec.model.kind == job::ModelKind::kCox) return {"log_hazard"};
  if (spec.model.kind == job::ModelKind::kPoisson) return {"log_mean", "mean"};
  if (one.classes == 0) return {"value"};
  if (HasOneProbability(spec, one)) return {"score", "probability"};
  std::vector<std::string> columns;
  columns.reserve(one.classes);
  for (uint32_t i = 0; i < one.classes; ++i) {
    columns.push_back(
        "p_" + (i < spec.data.label_levels.size() ? spec.data.label_levels[i] : std::to_string(i)));
  }
  return columns;
}

std::vector<double> ValuesOf(const job::JobSpec& spec, const train::Prediction& one, size_t row) {
  const auto score = static_cast<double>(one.scores[row]);
  if (spec.model.kind == job::ModelKind::kPoisson) return {score, std::exp(score)};
  if (one.classes == 0) return {score};
  if (HasOneProbability(spec, one)) {
    return {static_cast<double>(one.scores[row]), one.probabilities[2 * row + 1]};
  }
  const auto first = one.probabilities.begin() + static_cast<ptrdiff_t>(row * one.classes);
  return {first, first + static_cast<ptrdiff_t>(one.classes)};
}

// A cell of our own CSV: levels are texts of a job, and may hold anything.
std::string CellOf(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + "\"";
}

std::string RowsSaid(uint64_t count, std::string_view which = "") {
  return fmt::format("{}{}{} {}", count, which.empty() ? "" : " ", which,
                     count == 1 ? "row" : "rows");
}

struct Line {
  uint64_t place;
  const PredictedSplit* part;
  size_t row;
};

std::vector<Line> LinesOf(const PredictionReport& report) {
  std::vector<Line> lines;
  for (const PredictedSplit& part : report.parts) {
    for (size_t row = 0; row < part.prediction.rows(); ++row) {
      lines.push_back({part.rows.places[row], &part, row});
    }
  }
  std::ranges::sort(lines, {}, &Line::place);
  return lines;
}

json MetricsJson(const learn::SplitMetrics& metrics) {
  json object = {{"rows", metrics.rows}, {"loss", metrics.loss}};
  if (metrics.accuracy) object["accuracy"] = *metrics.accuracy;
  if (metrics.auc) object["auc"] = *metrics.auc;
  for (const learn::NamedMetric& metric : learn::kFurtherMetrics) {
    if (const auto& value = metrics.*metric.value) object[metric.name] = *value;
  }
  return object;
}

std::string MetricsText(const PredictedSplit& part) {
  const learn::SplitMetrics& metrics = *part.prediction.metrics;
  std::string text =
      fmt::format("{}: {}, loss {:.6f}", part.split, RowsSaid(metrics.rows), metrics.loss);
  if (metrics.accuracy) text += fmt::format(", accuracy {:.4f}", *metrics.accuracy);
  if (metrics.auc) text += fmt::format(", AUC {:.4f}", *metrics.auc);
  for (const learn::NamedMetric& metric : learn::kFurtherMetrics) {
    if (const auto& value = metrics.*metric.value) {
      text += fmt::format(", {} {:.4f}", metric.name, *value);
    }
  }
  const uint64_t unlabelled = part.prediction.rows() - metrics.rows;
  if (unlabelled > 0) text += fmt::format(" (and {} without a label)", RowsSaid(unlabelled));
  return text + "\n";
}

// The logical name of the column that a dropped row misses.
const std::string& MissingColumn(const job::JobSpec& spec, const data::IncompleteRow& row) {
  const auto& features = spec.data.features;
  return row.column < features.size() ? features[row.column].name : spec.data.label;
}

std::string IncompleteText(const PredictionReport& report) {
  const std::vector<data::IncompleteRow>& rows = report.dataset.incomplete;
  if (rows.empty()) return "";
  std::string text = fmt::format("left out: {} with a missing value:", RowsSaid(rows.size()));
  for (size_t i = 0; i < std::min(rows.size(), kMaxRowsNamed); ++i) {
    fmt::format_to(std::back_inserter(text), "{} row {} (`{}`)", i == 0 ? "" : ",", rows[i].place,
                   MissingColumn(report.spec, rows[i]));
  }
  if (rows.size() > kMaxRowsNamed) {
    text += fmt::format(" and {} more (--json names all)", rows.size() - kMaxRowsNamed);
  }
  return text + "\n";
}

std::string NoMetricsText(const PredictionReport& report) {
  const auto measured = [](const PredictedSplit& part) {
    return part.prediction.metrics.has_value();
  };
  if (std::ranges::any_of(report.parts, measured)) return "";
  const std::string& label = report.spec.data.label;
  if (!report.dataset.has_label_column) {
    return fmt::format("no metrics: the file has no column for the label `{}`\n", label);
  }
  return fmt::format("no metrics: no row has a value for the label `{}`\n", label);
}

// Complete rows of the dataset that were not asked for.
std::string OtherSplitText(const PredictionReport& report) {
  uint64_t taken = 0;
  for (const PredictedSplit& part : report.parts) taken += part.prediction.rows();
  const uint64_t there = report.dataset.train.rows() + report.dataset.test.rows();
  if (taken == there) return "";
  const bool test = report.parts.front().split == "test";
  return fmt::format("left out: {} (--rows all takes them too)\n",
                     RowsSaid(there - taken, test ? "training" : "test"));
}

}  // namespace

std::string CsvOf(const PredictionReport& report) {
  std::string out = "split,row";
  for (const std::string& column : ColumnsOf(report.spec, report.parts.front().prediction)) {
    out += "," + CellOf(column);
  }
  out += "\n";
  for (const Line& line : LinesOf(report)) {
    fmt::format_to(std::back_inserter(out), "{},{}", line.part->split, line.place);
    for (const double value : ValuesOf(report.spec, line.part->prediction, line.row)) {
      fmt::format_to(std::back_inserter(out), ",{}", value);
    }
    out += "\n";
  }
  return out;
}

std::string JsonOf(const PredictionReport& report, const std::string& model) {
  json data = {{"model", model},
               {"metrics", json::object()},
               {"columns", ColumnsOf(report.spec, report.parts.front().prediction)},
               {"rows", json::object()},
               {"row_numbers", json::object()},
               {"left_out", json::array()}};
  if (!report.personal.empty()) data["personal"] = report.personal;
  for (const PredictedSplit& part : report.parts) {
    const std::string split(part.split);
    if (part.prediction.metrics) data["metrics"][split] = MetricsJson(*part.prediction.metrics);
    json rows = json::array();
    for (size_t row = 0; row < part.prediction.rows(); ++row) {
      rows.push_back(ValuesOf(report.spec, part.prediction, row));
    }
    data["rows"][split] = std::move(rows);
    data["row_numbers"][split] = part.rows.places;
  }
  for (const data::IncompleteRow& row : report.dataset.incomplete) {
    data["left_out"].push_back({{"row", row.place}, {"column", MissingColumn(report.spec, row)}});
  }
  return json{{"consilium", 1}, {"kind", "prediction"}, {"data", std::move(data)}}.dump() + "\n";
}

std::string TalkOf(const PredictionReport& report) {
  std::string talk;
  if (!report.personal.empty()) {
    talk =
        fmt::format("by this site's own model of it, {} (--weights global: the model as it is)\n",
                    report.personal);
  }
  for (const PredictedSplit& part : report.parts) {
    if (part.prediction.metrics) talk += MetricsText(part);
  }
  talk += NoMetricsText(report) + IncompleteText(report);
  const data::Dataset& dataset = report.dataset;
  if (dataset.rows_filtered > 0) {
    talk += fmt::format("left out: {} by the dataset's filter\n", RowsSaid(dataset.rows_filtered));
  }
  if (dataset.rows_in_no_split > 0) {
    talk += fmt::format("left out: {} that the fold column gives to neither split\n",
                        RowsSaid(dataset.rows_in_no_split));
  }
  return talk + OtherSplitText(report);
}

}  // namespace consilium::client::app
