// How long work takes in simulated time, who is slow, and who drops out: options as people write
// them, and the draws that follow from a seed.
//
//   --slow 0.1:10     a tenth of the sites, drawn once, takes ten times as long
//   --drop 0.05       each time a site is asked to train, one time in twenty it goes away in the
//   --drop 0.05:2m    midst of it, and comes back after ten minutes, or after 2m
// A task takes `row_time` for each visit of a row: a training visits local epochs times all rows,
// or local steps times a batch of them, and its evaluation all rows once more.
// Plain values and pure functions; thread-safe.
#ifndef CONSILIUM_SIMULATOR_PACE_H_
#define CONSILIUM_SIMULATOR_PACE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/job/job_spec.h"
#include "common/wire/messages.h"

namespace consilium::simulator {

inline constexpr double kMostSlowness = 1e6;

struct Slow {
  double share = 0;   // of the sites, 0 to 1
  double factor = 1;  // they take so many times as long
};
struct Drop {
  double chance = 0;  // each time a site is asked to train, 0 to 1
  Duration away = std::chrono::minutes(10);
};
struct Pace {
  Slow slow;
  Drop drop;
  Duration row_time = std::chrono::milliseconds(1);
};

// kUsage says what was wanted.
absl::StatusOr<Slow> ParseSlow(std::string_view text);
absl::StatusOr<Drop> ParseDrop(std::string_view text);

// The factor of each of `sites` sites: round(share * sites) of them are slow.
std::vector<double> Slowness(const Slow& slow, size_t sites, uint64_t seed);

// Visits of rows that a task of a site with so many training and test rows takes, when one visit
// takes `row_time`: of a training with `local_time` only the steps that fit, at least one.
uint64_t RowVisits(const job::JobSpec& spec, wire::Workload workload, uint64_t train_rows,
                   uint64_t test_rows, Duration row_time = Duration(0));

// The clock of one training: each look at it but the first is a local step later, and training
// looks once before its first step and once after each (client/train/sgd.h). Not thread-safe.
class StepClock final : public Clock {
 public:
  explicit StepClock(Duration step) : step_(step) {}
  Instant Now() const override { return Instant(step_ * looks_++); }
  UtcMillis UtcNow() const override { return 0; }

 private:
  const Duration step_;
  mutable int64_t looks_ = 0;
};
// How long a local step takes.
Duration StepTime(const job::JobSpec& spec, uint64_t train_rows, Duration row_time);

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_PACE_H_
