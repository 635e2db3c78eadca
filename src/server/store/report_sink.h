// Who takes the report of a sum while a pass over its columns makes it.
#ifndef CONSILIUM_SERVER_STORE_REPORT_SINK_H_
#define CONSILIUM_SERVER_STORE_REPORT_SINK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "common/tensor/bundle.h"

namespace consilium::server::store {

class ReportSink {
 public:
  virtual ~ReportSink() = default;
  // Elements [first, first + values.size()) of a tensor: means of float32 tensors, sums of float64
  // ones (sum::SumReport). Tensors come in order, each from its start to its end. An error ends
  // the pass, which returns it.
  virtual absl::Status Take(size_t tensor, uint64_t first, std::span<const double> values) = 0;
};

// Keeps the tensors from `first_tensor` on; `layout` is theirs in the report (all float64).
class ReportTail final : public ReportSink {
 public:
  ReportTail(tensor::Layout layout, size_t first_tensor)
      : values_(std::move(layout)), first_tensor_(first_tensor) {}
  absl::Status Take(size_t tensor, uint64_t first, std::span<const double> values) override {
    if (tensor < first_tensor_) return absl::OkStatus();
    const std::span<double> kept = values_.Float64(tensor - first_tensor_);
    std::copy(values.begin(), values.end(), kept.begin() + static_cast<ptrdiff_t>(first));
    return absl::OkStatus();
  }
  const tensor::Bundle& values() const { return values_; }

 private:
  tensor::Bundle values_;
  const size_t first_tensor_;
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_REPORT_SINK_H_
