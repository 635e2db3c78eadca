#include "server/round/selection.h"

#include <fmt/format.h>

#include <algorithm>

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

std::string WhyTooFew(const job::ParticipationSpec& participation, const Candidates& candidates,
                      const std::vector<SiteId>& chosen) {
  const std::vector<SiteId>& named = participation.sites;
  std::vector<std::string> others;
  const auto add = [&](const SiteId& site) {
    if (!std::ranges::binary_search(chosen, site)) others.push_back(StandingOf(candidates, site));
  };
  for (const auto& [site, candidate] : candidates) add(site);
  for (const SiteId& site : named) {
    if (!candidates.contains(site)) add(site);
  }
  for (const SiteId& site : participation.required_sites) {
    const bool listed = candidates.contains(site) || std::ranges::find(named, site) != named.end();
    if (!listed) add(site);
  }
  return others.empty() ? "" : "; not taking part: " + NamesOf(others);
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
  Instant until{};
  for (const auto& [site, candidate] : candidates) {
    const bool admitted = candidate.verdict == wire::Verdict::kAdmitted;
    if (candidate.connected && admitted) selected.sites.push_back(site);
    const bool unanswered = candidate.connected && !candidate.verdict;
    const bool away = !candidate.connected && admitted;
    if ((unanswered || away) && now < candidate.since + lease) {
      awaited.push_back(fmt::format("{} ({})", site.value(), away ? "to come back" : "to answer"));
      until = std::max(until, candidate.since + lease);
    }
  }
  if (!awaited.empty()) {
    return AwaitAnswers{
        fmt::format("waiting for {} until {}", NamesOf(awaited), FormatDuration(until - now)),
        until};
  }
  std::vector<std::string> missing;
  for (const SiteId& site : participation.required_sites) {
    if (!std::ranges::binary_search(selected.sites, site)) missing.push_back(site.value());
  }
  const auto others = [&] { return WhyTooFew(participation, candidates, selected.sites); };
  if (!missing.empty()) {
    return TooFew{fmt::format("required sites {} are not here{}", NamesOf(missing), others())};
  }
  const size_t wanted = std::max<uint32_t>(participation.min_sites, 1);
  if (selected.sites.size() < wanted) {
    return TooFew{fmt::format("{} of min_sites={} sites are connected and have admitted the job{}",
                              selected.sites.size(), wanted, others())};
  }
  return selected;
}

}  // namespace consilium::server::round
