// The parts of a simulated job file that a seed draws aside from the rest, so that a new one leaves
// what else the seed does as it was.
// Pure: the same seed, the same lines.
#ifndef CONSILIUM_TESTS_SIMULATION_SIMULATED_JOB_H_
#define CONSILIUM_TESTS_SIMULATION_SIMULATED_JOB_H_

#include <cstdint>
#include <string>

namespace consilium::simulation {

// A third of the jobs counts late updates in a later round; some of these close at a goal, so that
// many are late. Drawn aside: it changes nothing else of a seed.
struct Late {
  explicit Late(uint64_t seed);
  uint32_t more_rounds = 0;
  bool buffered = false;  // then the strategy stands in `lines`
  std::string lines;
};

// Rules in place of the mean, and other ways to draw a cohort. From seed 1,000 on: those before it
// are as the regression seeds were found. Drawn aside, as Late, whose jobs it leaves alone.
struct Otherwise {
  Otherwise(uint64_t seed, bool late, bool lenient);
  std::string rule;           // empty: the mean
  std::string participation;  // lines
};

// [aggregation] by the seed. `late`: the job counts late updates.
std::string StrategyLines(uint64_t seed, bool late, const Otherwise& otherwise);

// In some of the jobs each site keeps a model of its own. (No regression seed is one of
// them.) `plain`: this one does not.
std::string PersonalLines(uint64_t seed, bool plain);

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_SIMULATED_JOB_H_
