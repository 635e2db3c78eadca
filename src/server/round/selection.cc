#include "server/round/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "server/round/site_names.h"

namespace consilium::server::round {
namespace {

std::string StandingOf(const Candidates& candidates, const SiteId& site) {
  const auto found = candidates.find(site);
  if (found == candidates.end()) return site.value() + " (not connected)";
  const Candidate& candidate = found->second;
  if (candidate.verdict == wire::Verdict::kRefused) {
    return fmt::format("{} (refused by {}: {})", site.value(), candidate.rule, candidate.message);
  }
  if (!candidate.connected) return site.value() + " (not connected)";
  if (candidate.verdict == wire::Verdict::kPending) return site.value() + " (pending approval)";
  return fmt::format("{} ({})", site.value(), candidate.verdict ? "admitted" : "no answer");
}

// Sites that are known, named or required, and are not taking part.
std::vector<SiteId> OthersThan(const std::vector<SiteId>& chosen,
                               const job::ParticipationSpec& participation,
                               const Candidates& candidates) {
  std::set<SiteId> others(participation.sites.begin(), participation.sites.end());
  others.insert(participation.required_sites.begin(), participation.required_sites.end());
  for (const auto& [site, candidate] : candidates) others.insert(site);
  for (const SiteId& site : chosen) others.erase(site);
  return {others.begin(), others.end()};
}

TooFew TooFewOf(std::string reason, const std::vector<SiteId>& others,
                const Candidates& candidates) {
  std::vector<std::string> standings;
  standings.reserve(others.size());
  for (const SiteId& site : others) standings.push_back(StandingOf(candidates, site));
  if (!standings.empty()) reason += "; not taking part: " + NamesOf(standings);
  return TooFew{std::move(reason), others};
}

}  // namespace

bool MayTakePart(const job::ParticipationSpec& participation, const SiteId& site) {
  const std::vector<SiteId>& named = participation.sites;
  return named.empty() || std::ranges::find(named, site) != named.end();
}

Selection SelectSites(const job::ParticipationSpec& participation, const Candidates& candidates,
                      Duration lease, Instant now) {
  Selected selected;
  std::vector<std::string> awaited;
  std::vector<SiteId> awaited_sites;
  Instant until{};
  for (const auto& [site, candidate] : candidates) {
    const bool admitted = candidate.verdict == wire::Verdict::kAdmitted;
    if (candidate.connected && admitted) selected.sites.push_back(site);
    const bool unanswered = candidate.connected && !candidate.verdict;
    const bool away = !candidate.connected && admitted;
    if ((unanswered || away) && now < candidate.since + lease) {
      awaited.push_back(fmt::format("{} ({})", site.value(), away ? "to come back" : "to answer"));
      awaited_sites.push_back(site);
      until = std::max(until, candidate.since + lease);
    }
  }
  if (!awaited.empty()) {
    return AwaitAnswers{NamesOf(awaited), std::move(awaited_sites), until};
  }
  std::vector<std::string> missing;
  for (const SiteId& site : participation.required_sites) {
    if (!std::ranges::binary_search(selected.sites, site)) missing.push_back(site.value());
  }
  const std::vector<SiteId> others = OthersThan(selected.sites, participation, candidates);
  if (!missing.empty()) {
    return TooFewOf(fmt::format("required sites {} are not here", NamesOf(missing)), others,
                    candidates);
  }
  const size_t wanted = std::max<uint32_t>(participation.min_sites, 1);
  if (selected.sites.size() < wanted) {
    return TooFewOf(fmt::format("{} of min_sites={} sites are connected and have admitted the job",
                                selected.sites.size(), wanted),
                    others, candidates);
  }
  return selected;
}

}  // namespace consilium::server::round
