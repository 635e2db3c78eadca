// Every command of the README and of the three door pages runs, in order, as written.
//
// scripts/demo.sh and scripts/test.sh run outside (scripts/test.sh runs the demo as a step of its
// own and cannot run itself).
#include <gtest/gtest.h>

#include "tests/integration/page.h"

namespace consilium::testing {
namespace {

TEST(Documentation, EveryCommandOfTheReadmeRuns) {
  RunPage("README.md", {.run_outside = {"scripts/demo.sh", "scripts/test.sh"}});
}
TEST(Documentation, EveryCommandForHospitalsRuns) { RunPage("docs/hospital.md"); }
TEST(Documentation, EveryCommandForResearchersRuns) { RunPage("docs/researcher.md"); }
TEST(Documentation, EveryCommandForOperatorsRuns) { RunPage("docs/operator.md"); }

}  // namespace
}  // namespace consilium::testing
