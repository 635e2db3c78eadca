#include "common/metrics/exposition.h"

#include <limits>
#include <sstream>

#include "prometheus/text_serializer.h"

namespace consilium::metrics {
namespace {

prometheus::ClientMetric WithLabels(const Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

}  // namespace

prometheus::MetricFamily& Exposition::FamilyOf(std::string_view name, std::string_view help,
                                               prometheus::MetricType type) {
  if (families_.empty() || families_.back().name != name) {
    families_.push_back({std::string(name), std::string(help), type, {}});
  }
  return families_.back();
}

void Exposition::Counter(std::string_view name, std::string_view help, double value,
                         const Labels& labels) {
  auto metric = WithLabels(labels);
  metric.counter.value = value;
  FamilyOf(name, help, prometheus::MetricType::Counter).metric.push_back(std::move(metric));
}

void Exposition::Gauge(std::string_view name, std::string_view help, double value,
                       const Labels& labels) {
  auto metric = WithLabels(labels);
  metric.gauge.value = value;
  FamilyOf(name, help, prometheus::MetricType::Gauge).metric.push_back(std::move(metric));
}

void Exposition::AddHistogram(std::string_view name, std::string_view help,
                              const Histogram& histogram) {
  prometheus::ClientMetric metric;
  metric.histogram.sample_count = histogram.count();
  metric.histogram.sample_sum = histogram.sum();
  uint64_t cumulative = 0;
  for (size_t i = 0; i < histogram.bounds().size(); ++i) {
    cumulative += histogram.counts()[i];
    metric.histogram.bucket.push_back({cumulative, histogram.bounds()[i]});
  }
  metric.histogram.bucket.push_back({histogram.count(), std::numeric_limits<double>::infinity()});
  FamilyOf(name, help, prometheus::MetricType::Histogram).metric.push_back(std::move(metric));
}

std::string Exposition::Text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_);
  return out.str();
}

}  // namespace consilium::metrics
