// How often a value fell into each of a few ranges. Not thread-safe.
#ifndef CONSILIUM_COMMON_METRICS_HISTOGRAM_H_
#define CONSILIUM_COMMON_METRICS_HISTOGRAM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace consilium::metrics {

class Histogram {
 public:
  // Upper bounds (inclusive), ascending; what is above the last one counts in count() and sum()
  // only.
  explicit Histogram(std::vector<double> bounds)
      : bounds_(std::move(bounds)), counts_(bounds_.size()) {
    CN_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()));
  }

  void Observe(double value) {
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    if (at != bounds_.end()) ++counts_[static_cast<size_t>(at - bounds_.begin())];
    ++count_;
    sum_ += value;
  }

  const std::vector<double>& bounds() const { return bounds_; }
  const std::vector<uint64_t>& counts() const { return counts_; }  // per range, not cumulative
  uint64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace consilium::metrics

#endif  // CONSILIUM_COMMON_METRICS_HISTOGRAM_H_
