// One seed: a federation, a job, faults for three minutes, then none, in which the job must end.
//
// What happens follows from the seed alone: loss up to 30 %, repeats up to 50 %, delays up to 5 s,
// partitions of one direction or both, broken connections, disk faults up to 10 %, crashes of
// server and sites between any two disk operations and at any time, with power cuts and torn
// writes, wall clocks an hour wrong, sites that refuse, fail or go for good. A quarter of the seeds
// only has a slow network, and must lose nothing at all.
#ifndef CONSILIUM_TESTS_SIMULATION_SIMULATION_H_
#define CONSILIUM_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <string>

#include "server/jobs/job_view.h"
#include "tests/simulation/planted_bug.h"

namespace consilium::simulation {

struct SeedResult {
  std::string violation;  // the first broken invariant; empty: none
  server::jobs::JobStatus status = server::jobs::JobStatus::kQueued;
  uint64_t events = 0;
  uint64_t crashes = 0;
  uint64_t failed_rounds = 0;
  uint64_t resumed_bytes = 0;
};

SeedResult RunSeed(uint64_t seed, PlantedBug bug = PlantedBug::kNone);

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_SIMULATION_H_
