// What a benchmark measures with and how it reports: clocks of processes, medians, one line a
// figure.
//
// A line is `name value unit floor ratio`; floor and ratio are "-" where a figure has none.
// CPU time is preferred to wall time: it hardly depends on what else the machine does.
// Thread-safe, except that one PeakMemory belongs to one thread.
#ifndef CONSILIUM_TESTS_BENCH_FIGURES_H_
#define CONSILIUM_TESTS_BENCH_FIGURES_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bounded_queue.h"

namespace consilium::bench {

void Print(std::string_view name, double value, std::string_view unit,
           std::optional<double> floor = std::nullopt, std::optional<double> ratio = std::nullopt);

// REQUIRES: not empty.
double Median(std::vector<double> values);

double WallSeconds();          // since some instant
double ThreadCpuSeconds();     // of the calling thread
double CpuSecondsOf(int pid);  // of a whole process, user and system; 0 when it is gone
// Private memory in use, without mapped files.
uint64_t AnonymousBytesOf(int pid);

// Looks at a process every few milliseconds until Stop; the most it saw.
class PeakMemory {
 public:
  explicit PeakMemory(int pid);
  ~PeakMemory() { Stop(); }
  uint64_t Stop();

 private:
  const int pid_;
  uint64_t most_ = 0;
  BoundedQueue<bool> stop_;
  std::thread thread_;
};

// A benchmark cannot go on after an error: says it and ends the process with 1.
void Must(const absl::Status& status);
template <typename T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

// Words of the command line: `--full`, `--work FOLDER`.
struct Arguments {
  bool full = false;  // the sizes of the goals, not those of a short run
  std::string work;   // folder for files that are removed again; made when absent
};
Arguments ParseArguments(int argc, char** argv);

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_FIGURES_H_
