// Seeds that have found a bug, and what it was. They run with every change.
#ifndef CONSILIUM_TESTS_SIMULATION_REGRESSION_SEEDS_H_
#define CONSILIUM_TESTS_SIMULATION_REGRESSION_SEEDS_H_

#include <cstdint>

namespace consilium::simulation {

struct RegressionSeed {
  uint64_t seed;
  const char* found;
};

inline constexpr RegressionSeed kRegressionSeeds[] = {
    {9, "after the disk had refused once, a job that waited for sites never slept"},
    {13, "an outcome that the site's disk refused was forgotten with the job"},
    {65, "a kept update that was folded went when a power cut had undone its renaming"},
    {273, "an accepted update that the disk did not read at a restart was asked for again"},
    {301, "a state whose manifest the disk did not read at a start lost its parts"},
    {633, "a site whose disk failed at the admission stayed out of the job"},
    {664, "an accepted update was taken for lost when the disk did not answer for its other name"},
    {847, "an update of a site that had failed was accepted while a late one was let in"},
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_REGRESSION_SEEDS_H_
