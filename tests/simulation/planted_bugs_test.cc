// Each bug that is planted on purpose is found within a few seeds, by the invariant it breaks.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/simulation/simulation.h"

namespace consilium::simulation {
namespace {

constexpr uint64_t kMostSeeds = 300;

// The first thing that is seen of a bug differs from seed to seed; among the first seeds that find
// it is one that names it.
void ExpectFound(PlantedBug bug, const std::string& named) {
  std::string seen;
  for (uint64_t seed = 1; seed <= kMostSeeds; ++seed) {
    const std::string violation = RunSeed(seed, bug).violation;
    if (violation.empty()) continue;
    seen += fmt::format("seed {}: {}\n", seed, violation);
    if (violation.find(named) != std::string::npos) return;
  }
  FAIL() << kMostSeeds << " seeds did not say \"" << named << "\" but: " << seen;
}

TEST(PlantedBugs, CountingTwiceIsFound) {
  ExpectFound(PlantedBug::kCountTwice, "not that of the exact sum of the counted");
}

TEST(PlantedBugs, ForgettingToSyncASpoolIsFound) {
  ExpectFound(PlantedBug::kForgetSpoolSync, "asked again for what was accepted");
}

TEST(PlantedBugs, ForgettingToSyncTheJournalIsFound) {
  ExpectFound(PlantedBug::kForgetJournalSync, "a reported step is lost");
}

TEST(PlantedBugs, DeletingASpoolEarlyIsFound) {
  ExpectFound(PlantedBug::kDeleteSpoolEarly, "failed although");
}

TEST(PlantedBugs, LosingAnOutcomeIsFound) {
  ExpectFound(PlantedBug::kLoseOutcome, "was forgotten at the site");
}

TEST(PlantedBugs, AcceptingAfterTheCloseIsFound) {
  ExpectFound(PlantedBug::kAcceptAfterClose, "is accepted after the step ended");
}

}  // namespace
}  // namespace consilium::simulation
