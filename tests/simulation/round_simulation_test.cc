// Seeds of a whole federation under faults, in shards that ctest runs side by side.
//   CONSILIUM_SEED=123 round_simulation_test      that seed again (or --seed=123); with
//                                                 CONSILIUM_TRACE=1 it tells what happens
//   CONSILIUM_SEEDS=100000 ...                    so many instead of 2,000
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "tests/simulation/regression_seeds.h"
#include "tests/simulation/simulation.h"

namespace consilium::simulation {
namespace {

using server::jobs::JobStatus;

constexpr uint64_t kSeeds = 2000;
constexpr uint64_t kShards = 8;

std::optional<uint64_t> Given(const char* name) {
  const char* given = std::getenv(name);
  if (given == nullptr) return std::nullopt;
  return std::strtoull(given, nullptr, 10);
}

std::optional<uint64_t> GivenSeed() {
  for (const std::string& argument : ::testing::internal::GetArgvs()) {
    if (argument.starts_with("--seed=")) return std::strtoull(argument.c_str() + 7, nullptr, 10);
  }
  return Given("CONSILIUM_SEED");
}

struct Tally {
  uint64_t seeds = 0;
  uint64_t done = 0;
  uint64_t events = 0;
  uint64_t crashes = 0;
  uint64_t failed_rounds = 0;
  uint64_t resumed_bytes = 0;
};

void RunOne(uint64_t seed, Tally& tally) {
  const SeedResult result = RunSeed(seed);
  ASSERT_EQ(result.violation, "") << fmt::format(
      "seed {}; again: CONSILIUM_SEED={} round_simulation_test", seed, seed);
  ++tally.seeds;
  tally.done += result.status == JobStatus::kDone ? 1 : 0;
  tally.events += result.events;
  tally.crashes += result.crashes;
  tally.failed_rounds += result.failed_rounds;
  tally.resumed_bytes += result.resumed_bytes;
}

class RoundSimulation : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RoundSimulation, CountedAtMostOnceExactlySummedNamedAndNeverHanging) {
  Tally tally;
  if (const std::optional<uint64_t> seed = GivenSeed()) {
    if (GetParam() == 0) RunOne(*seed, tally);
    return;
  }
  const uint64_t seeds = std::max(Given("CONSILIUM_SEEDS").value_or(kSeeds), kShards);
  for (uint64_t seed = 1 + GetParam(); seed <= seeds; seed += kShards) {
    RunOne(seed, tally);
    if (HasFailure()) return;
  }
  fmt::print("{} seeds, {} done, {} events, {} crashes, {} failed rounds, {} bytes resumed\n",
             tally.seeds, tally.done, tally.events, tally.crashes, tally.failed_rounds,
             tally.resumed_bytes);
  EXPECT_GE(tally.done, tally.seeds * 3 / 4) << "most jobs survive what happens to them";
}

INSTANTIATE_TEST_SUITE_P(Shards, RoundSimulation, ::testing::Range<uint64_t>(0, kShards));

TEST(RoundSimulationRegressions, WhatWasFoundOnceStaysFixed) {
  Tally tally;
  for (const RegressionSeed& known : kRegressionSeeds) {
    SCOPED_TRACE(known.found);
    RunOne(known.seed, tally);
  }
}

}  // namespace
}  // namespace consilium::simulation
