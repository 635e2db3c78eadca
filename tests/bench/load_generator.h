// Many sites in one process, and when each step of a job reached its marks.
//
// A mark is taken when the last site got there: wall time, and the server's CPU time by then.
// Thread-safe.
#ifndef CONSILIUM_TESTS_BENCH_LOAD_GENERATOR_H_
#define CONSILIUM_TESTS_BENCH_LOAD_GENERATOR_H_

#include <map>
#include <memory>
#include <vector>

#include "common/base/mutex.h"
#include "tests/bench/lab.h"
#include "tests/bench/load_site.h"

namespace consilium::bench {

struct Mark {
  size_t sites = 0;  // that got there
  double wall = 0;   // seconds, of the last
  double cpu = 0;    // seconds of the server's processes so far
  double first_wall = 0;
  double first_cpu = 0;
};
struct StepMarks {
  Mark offered;
  Mark receipted;
  Mark outcome;
};

class LoadGenerator {
 public:
  struct Options {
    size_t sites = 1;
    bool fetch = true;
    bool by_stream = true;
    std::string target;  // empty: the lab's server
    client::rpc::Backoff::Options backoff;
  };
  // The lab's server runs and outlives this.
  LoadGenerator(Lab& lab, const Options& options);
  ~LoadGenerator();  // closes every connection

  // Every site has been welcomed (again: `times` per site in all).
  void WaitForWelcomes(uint64_t times = 1);
  void WaitForReceipts(StepNumber step, size_t sites);
  // Every site has heard the outcome of the job's last step: the one evaluation behind its rounds.
  void WaitForLastOutcome(uint32_t rounds);
  // After the job is done.
  std::map<StepNumber, StepMarks> marks() const;
  const LoadShared& shared() const { return shared_; }

 private:
  void OnEvent(LoadEvent event, StepNumber step);
  Lab& lab_;
  const Options options_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<StepNumber, StepMarks> marks_ ABSL_GUARDED_BY(mutex_);
  LoadShared shared_;
  std::vector<std::shared_ptr<LoadSite>> sites_;
};

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_LOAD_GENERATOR_H_
