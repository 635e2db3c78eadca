#include "cli/output/metric_columns.h"

namespace consilium::cli {
namespace {

using Split = v1::SplitMetricsView;

constexpr MetricColumn kAccuracy = {"ACCURACY", "accuracy", [](const Split& split) {
                                      return split.has_accuracy() ? std::optional(split.accuracy())
                                                                  : std::nullopt;
                                    }};
constexpr MetricColumn kAuc = {"AUC", "auc", [](const Split& split) {
                                 return split.has_auc() ? std::optional(split.auc()) : std::nullopt;
                               }};
constexpr MetricColumn kF1 = {"F1", "f1", [](const Split& split) {
                                return split.has_f1() ? std::optional(split.f1()) : std::nullopt;
                              }};
constexpr MetricColumn kMae = {"MAE", "mae", [](const Split& split) {
                                 return split.has_mae() ? std::optional(split.mae()) : std::nullopt;
                               }};
constexpr MetricColumn kRmse = {"RMSE", "rmse", [](const Split& split) {
                                  return split.has_rmse() ? std::optional(split.rmse())
                                                          : std::nullopt;
                                }};
constexpr MetricColumn kCIndex = {"C-INDEX", "c_index", [](const Split& split) {
                                    return split.has_c_index() ? std::optional(split.c_index())
                                                               : std::nullopt;
                                  }};
constexpr MetricColumn kDeviance = {"DEVIANCE", "deviance", [](const Split& split) {
                                      return split.has_deviance() ? std::optional(split.deviance())
                                                                  : std::nullopt;
                                    }};

}  // namespace

std::vector<MetricColumn> MetricColumnsOf(const v1::SplitMetricsView& all) {
  if (all.has_c_index()) return {kCIndex};
  if (all.has_deviance()) return {kDeviance, kMae};
  if (all.has_rmse()) return {kMae, kRmse};
  if (all.has_accuracy() && !all.has_auc()) return {kAccuracy, kF1};
  return {kAccuracy, kAuc};
}

}  // namespace consilium::cli
