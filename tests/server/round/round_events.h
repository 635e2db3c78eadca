// A step of four sites at most, its events, and what is asked of the actions that they cause.
#ifndef CONSILIUM_TESTS_SERVER_ROUND_ROUND_EVENTS_H_
#define CONSILIUM_TESTS_SERVER_ROUND_ROUND_EVENTS_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/round/round_state.h"

namespace consilium::server::round {

inline const SiteId kA("a"), kB("b"), kC("c"), kD("d");
inline constexpr Instant kStart{std::chrono::seconds(100)};

inline RoundPlan PlanOf(std::vector<SiteId> sites, uint32_t min_sites) {
  RoundPlan plan;
  plan.step = StepNumber(1);
  plan.selected = std::move(sites);
  plan.min_sites = min_sites;
  plan.deadline = std::chrono::minutes(5);
  plan.accept_lease = std::chrono::seconds(30);
  plan.progress_lease = std::chrono::seconds(60);
  return plan;
}

inline Digest DigestOf(uint8_t value) {
  Digest digest;
  digest.bytes[0] = value;
  return digest;
}

template <typename T>
std::vector<T> Only(const std::vector<Action>& actions) {
  std::vector<T> found;
  for (const Action& action : actions) {
    if (const T* match = std::get_if<T>(&action)) found.push_back(*match);
  }
  return found;
}

inline std::vector<std::string> SitesOf(const std::vector<SiteId>& sites) {
  std::vector<std::string> names;
  for (const SiteId& site : sites) names.push_back(site.value());
  return names;
}

inline wire::OutcomeKind OutcomeFor(const std::vector<Action>& actions, const SiteId& site) {
  for (const Notify& notify : Only<Notify>(actions)) {
    if (notify.site == site) return notify.outcome;
  }
  ADD_FAILURE() << site.value() << " was not notified";
  return wire::OutcomeKind::kLateCarried;
}

inline UpdateAccepted Accepted(const SiteId& site, uint32_t weight = 10) {
  return UpdateAccepted{site, DigestOf(static_cast<uint8_t>(weight)), weight, 1000};
}

}  // namespace consilium::server::round

#endif  // CONSILIUM_TESTS_SERVER_ROUND_ROUND_EVENTS_H_
