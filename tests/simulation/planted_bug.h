// Bugs planted on purpose, around production code and never in it: what the simulation must find.
#ifndef CONSILIUM_TESTS_SIMULATION_PLANTED_BUG_H_
#define CONSILIUM_TESTS_SIMULATION_PLANTED_BUG_H_

namespace consilium::simulation {

enum class PlantedBug {
  kNone,
  kCountTwice,         // the fold reads one site's update where another's belongs as well
  kForgetSpoolSync,    // the spool's sync does nothing and says ok
  kForgetJournalSync,  // the journal's sync does nothing and says ok
  kDeleteSpoolEarly,   // spools go when the sum is kept, before the commit is journalled
  kLoseOutcome,        // some outcomes are never told, nor answered later
  kAcceptAfterClose,   // an upload to a closed step gets a receipt
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_PLANTED_BUG_H_
