// By which metrics a model is judged, as columns of a table: accuracy and AUC of a classifier with
// two classes, accuracy and F1 with more, MAE and RMSE of a regression, deviance and MAE of counts,
// the C-index of a survival model. Pure; thread-safe.
#ifndef CONSILIUM_CLI_OUTPUT_METRIC_COLUMNS_H_
#define CONSILIUM_CLI_OUTPUT_METRIC_COLUMNS_H_

#include <optional>
#include <vector>

#include "consilium/v1/control.pb.h"

namespace consilium::cli {

struct MetricColumn {
  const char* title;  // "C-INDEX"
  const char* key;    // as in the JSON: "c_index"
  std::optional<double> (*of)(const v1::SplitMetricsView& split);
};

// What is known of `all`, the metrics over all rows, says what kind of model it is.
std::vector<MetricColumn> MetricColumnsOf(const v1::SplitMetricsView& all);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_METRIC_COLUMNS_H_
