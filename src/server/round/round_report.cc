// What a RoundState says of itself to people: names, what it waits for, what was missing.
#include <fmt/format.h>

#include <algorithm>

#include "server/round/round_state.h"
#include "server/round/site_names.h"

namespace consilium::server::round {
namespace {

bool IsWaitedFor(SiteResult result) {
  return result == SiteResult::kOffered || result == SiteResult::kWorking;
}

// "20.5 KB/s"; a site of a DSL line and one of a data centre in the same unit family.
std::string RateText(uint64_t bytes_per_second) {
  const auto rate = static_cast<double>(bytes_per_second);
  if (rate < 1e6) return fmt::format("{:.1f} KB/s", rate / 1e3);
  return fmt::format("{:.1f} MB/s", rate / 1e6);
}

// "submit 35% at 20.5 KB/s", "train 80%", "load"
std::string PhaseText(const SiteReport& report, uint64_t per_second) {
  if (report.total == 0) return report.phase;
  const double share = 100.0 * static_cast<double>(report.done) / static_cast<double>(report.total);
  std::string text = fmt::format("{} {:.0f}%", report.phase, share);
  const bool bytes = report.phase == "submit" || report.phase == "fetch";
  if (bytes && per_second > 0) text += " at " + RateText(per_second);
  return text;
}

}  // namespace

const char* NameOf(Phase phase) {
  switch (phase) {
    case Phase::kSelecting:
      return "selecting";
    case Phase::kTraining:
      return "training";
    case Phase::kClosing:
      return "closing";
    case Phase::kCommitting:
      return "committing";
    case Phase::kDone:
      return "done";
    case Phase::kFailed:
      return "failed";
  }
  return "unknown";
}

const char* NameOf(SiteResult result) {
  switch (result) {
    case SiteResult::kWaiting:
      return "waiting";
    case SiteResult::kOffered:
      return "offered";
    case SiteResult::kWorking:
      return "working";
    case SiteResult::kCounted:
      return "counted";
    case SiteResult::kRefused:
      return "refused";
    case SiteResult::kFailed:
      return "failed";
    case SiteResult::kLate:
      return "late";
  }
  return "unknown";
}

std::vector<SiteId> RoundState::WaitedFor() const {
  std::vector<SiteId> sites;
  if (phase_ != Phase::kTraining) return sites;
  for (const auto& [site, report] : reports_) {
    if (IsWaitedFor(report.result)) sites.push_back(site);
  }
  return sites;
}

std::optional<SiteWait> RoundState::WaitOf(const SiteId& site, Instant now) const {
  const auto found = reports_.find(site);
  const auto lease = leases_.find(site);
  if (phase_ != Phase::kTraining || found == reports_.end() || lease == leases_.end() ||
      !IsWaitedFor(found->second.result)) {
    return std::nullopt;
  }
  SiteWait wait;
  wait.quiet = std::max(now - lease->second.renewed, Duration(0));
  Instant end = started_ + plan_.deadline;
  const Duration length = LeaseOf(found->second.result);
  if (length > Duration(0)) end = std::min(end, lease->second.renewed + length);
  wait.left = std::max(end - now, Duration(0));
  const double seconds =
      std::chrono::duration<double>(lease->second.renewed - lease->second.phase_began).count();
  const uint64_t moved =
      found->second.done - std::min(found->second.done, lease->second.phase_first);
  if (seconds > 0) wait.per_second = static_cast<uint64_t>(static_cast<double>(moved) / seconds);
  return wait;
}

std::optional<Duration> RoundState::TimeLeft(Instant now) const {
  if (phase_ != Phase::kTraining) return std::nullopt;
  return std::max(started_ + plan_.deadline - now, Duration(0));
}

// "b (submit 35% at 20.5 KB/s)", "c (asked 3.2s ago)", "d (away, given up in 48.0s)"
std::string RoundState::StandingOf(const SiteId& site, Instant now) const {
  const SiteReport& report = reports_.at(site);
  const SiteWait wait = WaitOf(site, now).value_or(SiteWait{});
  std::string text;
  if (report.away) {
    text = "away";
  } else if (report.result == SiteResult::kOffered) {
    text = fmt::format("asked {} ago", FormatDuration(wait.quiet));
  } else if (report.phase.empty()) {
    text = "has begun";
  } else {
    text = PhaseText(report, wait.per_second);
  }
  // Near its end a lease is worth a word; before, it only says that all is well.
  const bool near_end = wait.quiet > wait.left;
  if (report.away || near_end) text += fmt::format(", given up in {}", FormatDuration(wait.left));
  return fmt::format("{} ({})", site.value(), text);
}

std::string RoundState::WaitingFor(Instant now) const {
  switch (phase_) {
    case Phase::kSelecting:
      return fmt::format("about to ask {} sites", reports_.size());
    case Phase::kClosing:
    case Phase::kCommitting:
      return fmt::format("committing {} updates", counted_);
    case Phase::kDone:
    case Phase::kFailed:
      return "";
    case Phase::kTraining:
      break;
  }
  std::vector<std::string> standings;
  const std::vector<SiteId> waited = WaitedFor();
  for (const SiteId& site : waited) {
    if (standings.size() > kMaxNamesInText) break;  // the rest is a number
    standings.push_back(StandingOf(site, now));
  }
  standings.resize(waited.size());
  return fmt::format("waiting for {} of {} sites, at most {}: {}", waited.size(), reports_.size(),
                     FormatDuration(*TimeLeft(now)), NamesOf(standings));
}

std::string RoundState::Shortfall() const {
  const auto why = [this](const SiteId& site) {
    const auto found = reports_.find(site);
    if (found == reports_.end()) return site.value() + " (not selected)";
    const SiteReport& report = found->second;
    return fmt::format("{} ({}{}{})", site.value(), NameOf(report.result),
                       report.reason.empty() ? "" : ": ", report.reason);
  };
  std::vector<std::string> required;
  for (const SiteId& site : plan_.required) {
    const auto found = reports_.find(site);
    const bool counted = found != reports_.end() && found->second.result == SiteResult::kCounted;
    if (!counted) required.push_back(why(site));
  }
  if (!required.empty()) return fmt::format("required sites are missing: {}", NamesOf(required));
  const uint32_t wanted = std::max<uint32_t>(plan_.min_sites, 1);
  if (counted_ >= wanted) return "";
  std::vector<std::string> missing;
  for (const auto& [site, report] : reports_) {
    if (report.result != SiteResult::kCounted) missing.push_back(why(site));
  }
  const std::string names = missing.empty() ? "no further site was selected" : NamesOf(missing);
  return fmt::format("{} of {} selected sites counted, want min_sites={}; missing: {}", counted_,
                     reports_.size(), wanted, names);
}

}  // namespace consilium::server::round
