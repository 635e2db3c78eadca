// A number that only grows, added to on a hot path and read at a scrape. Thread-safe.
#ifndef CONSILIUM_COMMON_METRICS_COUNTER_H_
#define CONSILIUM_COMMON_METRICS_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace consilium::metrics {

class Counter {
 public:
  void Add(uint64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace consilium::metrics

#endif  // CONSILIUM_COMMON_METRICS_COUNTER_H_
