// One scrape: metric families in, Prometheus text format 0.0.4 out.
//
// A scrape is built afresh from what is true now (jobs, sites, counters), so nothing has to be kept
// in step. Names start with `consilium_`; counters end in `_total`, durations are seconds, sizes
// are bytes. The text comes from prometheus-cpp's serialiser.
// https://prometheus.io/docs/instrumenting/exposition_formats/
// Not thread-safe: one per scrape.
#ifndef CONSILIUM_COMMON_METRICS_EXPOSITION_H_
#define CONSILIUM_COMMON_METRICS_EXPOSITION_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/histogram.h"
#include "prometheus/metric_family.h"

namespace consilium::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Exposition {
 public:
  // Calls with one name must follow each other: they become one family. Label values may be any
  // UTF-8 text (they are escaped).
  void Counter(std::string_view name, std::string_view help, double value,
               const Labels& labels = {});
  void Gauge(std::string_view name, std::string_view help, double value, const Labels& labels = {});
  void AddHistogram(std::string_view name, std::string_view help, const Histogram& histogram);

  std::string Text() const;

 private:
  prometheus::MetricFamily& FamilyOf(std::string_view name, std::string_view help,
                                     prometheus::MetricType type);
  std::vector<prometheus::MetricFamily> families_;
};

inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4";

}  // namespace consilium::metrics

#endif  // CONSILIUM_COMMON_METRICS_EXPOSITION_H_
