#include "server/round/round_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"

namespace consilium::server::round {
namespace {

constexpr Instant kNever = Instant::max();

bool IsOpen(SiteResult result) {
  return result == SiteResult::kOffered || result == SiteResult::kWorking;
}

// What a site is told when the step has ended.
wire::OutcomeKind OutcomeOf(SiteResult result, bool committed) {
  if (result == SiteResult::kRefused) return wire::OutcomeKind::kRefused;
  if (result == SiteResult::kFailed) return wire::OutcomeKind::kFailed;
  if (!committed) return wire::OutcomeKind::kRoundFailed;
  return result == SiteResult::kCounted ? wire::OutcomeKind::kCounted
                                        : wire::OutcomeKind::kLateDropped;
}

}  // namespace

RoundState::RoundState(RoundPlan plan) : plan_(std::move(plan)), next_lease_(kNever) {
  for (const SiteId& site : plan_.selected) reports_[site];
}

std::vector<Action> RoundState::Apply(const Event& event, Instant now) {
  actions_.clear();
  std::visit([this, now](const auto& e) { Handle(e, now); }, event);
  if (phase_ == Phase::kTraining) {
    ExpireLeases(now);
    if (MayClose(now)) Close(now);
  }
  return std::exchange(actions_, {});
}

void RoundState::Handle(const Start&, Instant now) {
  if (phase_ != Phase::kSelecting) return;
  phase_ = Phase::kTraining;
  started_ = now;
  for (auto& [site, report] : reports_) {
    // An update that was accepted before a restart is already counted.
    if (report.result == SiteResult::kWaiting) SendOffer(site, now);
  }
}

void RoundState::Handle(const OfferAccepted& event, Instant now) {
  SiteReport* report = OpenReport(event.site);
  if (report == nullptr || !IsOpen(report->result)) return;
  report->result = SiteResult::kWorking;
  Renew(event.site, now);
}

void RoundState::Handle(const OfferRefused& event, Instant now) {
  SiteReport* report = OpenReport(event.site);
  if (report == nullptr || !IsOpen(report->result)) return;
  End(event.site, SiteResult::kRefused, fmt::format("{}: {}", event.rule, event.message), now);
}

void RoundState::Handle(const Progress& event, Instant now) {
  SiteReport* report = OpenReport(event.site);
  if (report == nullptr || !IsOpen(report->result)) return;
  report->result = SiteResult::kWorking;
  Lease& lease = leases_[event.site];
  if (report->phase != event.phase || event.done < report->done) {
    lease.phase_began = now;
    lease.phase_first = event.done;
  }
  report->phase = event.phase;
  report->done = event.done;
  report->total = event.total;
  Renew(event.site, now);
}

void RoundState::Handle(const UpdateAccepted& event, Instant now) {
  const auto found = reports_.find(event.site);
  if (found == reports_.end()) return;
  SiteReport& report = found->second;
  const bool open = phase_ == Phase::kSelecting || phase_ == Phase::kTraining;
  if (!open || report.result == SiteResult::kCounted) return;
  End(event.site, SiteResult::kCounted, "", now);
  report.update_bytes = event.bytes;
  report.weight = event.weight;
  report.digest = event.digest;
  report.kernel = event.kernel;
  ++counted_;
}

void RoundState::Handle(const SiteFailed& event, Instant now) {
  SiteReport* report = OpenReport(event.site);
  if (report == nullptr || !IsOpen(report->result)) return;
  End(event.site, SiteResult::kFailed, event.reason, now);
}

void RoundState::Handle(const SiteAttended& event, Instant now) {
  SiteReport* report = OpenReport(event.site);
  if (report == nullptr) return;
  report->away = false;
  const bool came_back = report->result == SiteResult::kFailed && leases_[event.site].expired;
  if (IsOpen(report->result) || came_back) SendOffer(event.site, now);
}

void RoundState::Handle(const SiteLeft& event, Instant) {
  if (SiteReport* report = OpenReport(event.site)) report->away = true;
}

void RoundState::Handle(const LateHere& event, Instant) { late_here_ = event.updates; }

void RoundState::Handle(const Tick&, Instant) {}  // Apply looks at the time after every event

void RoundState::Handle(const Cancel& event, Instant now) {
  if (phase_ == Phase::kCommitting) {
    // The commit may already be on disk: its result decides.
    cancel_reason_ = event.reason;
    return;
  }
  if (phase_ != Phase::kSelecting && phase_ != Phase::kTraining) return;
  EndStragglers(event.reason, /*carry=*/false, now);
  Finish(false, Digest{}, event.reason);
}

void RoundState::Handle(const Committed& event, Instant) {
  if (phase_ == Phase::kCommitting) Finish(true, event.state, "");
}

void RoundState::Handle(const CommitFailed& event, Instant) {
  if (phase_ != Phase::kCommitting) return;
  Finish(false, Digest{}, cancel_reason_.empty() ? event.reason : cancel_reason_);
}

SiteReport* RoundState::OpenReport(const SiteId& site) {
  if (phase_ != Phase::kTraining) return nullptr;
  const auto found = reports_.find(site);
  return found == reports_.end() ? nullptr : &found->second;
}

void RoundState::SendOffer(const SiteId& site, Instant now) {
  SiteReport& report = reports_[site];
  const auto [lease, first] = leases_.try_emplace(site, Lease{now, now, false, now, 0});
  lease->second.expired = false;
  if (!IsOpen(report.result)) ++working_;
  report.result = SiteResult::kOffered;
  report.reason.clear();
  Renew(site, now);
  const Duration left = started_ + plan_.deadline - now;
  actions_.push_back(Offer{site, std::max(left, Duration(0))});
}

Duration RoundState::LeaseOf(SiteResult result) const {
  return result == SiteResult::kOffered ? plan_.accept_lease : plan_.progress_lease;
}

void RoundState::Renew(const SiteId& site, Instant now) {
  leases_[site].renewed = now;
  const Duration length = LeaseOf(reports_[site].result);
  if (length > Duration(0)) next_lease_ = std::min(next_lease_, now + length);
}

void RoundState::End(const SiteId& site, SiteResult result, std::string reason, Instant now) {
  SiteReport& report = reports_[site];
  if (IsOpen(report.result)) --working_;
  report.result = result;
  report.reason = std::move(reason);
  if (const auto lease = leases_.find(site); lease != leases_.end()) {
    report.elapsed = now - lease->second.offered;
  }
}

void RoundState::ExpireLeases(Instant now) {
  if (now < next_lease_) return;
  next_lease_ = kNever;
  for (const auto& [site, report] : reports_) {
    if (!IsOpen(report.result)) continue;
    const bool offered = report.result == SiteResult::kOffered;
    const Duration length = LeaseOf(report.result);
    if (length == Duration(0)) continue;
    Lease& lease = leases_[site];
    if (now < lease.renewed + length) {
      next_lease_ = std::min(next_lease_, lease.renewed + length);
      continue;
    }
    lease.expired = true;
    std::string reason =
        fmt::format("{}: {} for {}", CodeName(ErrorCode::kLeaseExpired),
                    offered ? "no answer to the offer" : "no progress", FormatDuration(length));
    actions_.push_back(Withdraw{site, reason});
    End(site, SiteResult::kFailed, std::move(reason), now);
  }
}

// Late updates alone never end a round: what it reports is of the sites that it asked.
bool RoundState::GoalReached() const {
  const uint32_t late = plan_.late_fill_goal ? late_here_ : 0;
  return plan_.goal > 0 && counted_ > 0 && counted_ >= plan_.min_sites &&
         counted_ + late >= plan_.goal;
}

bool RoundState::MayClose(Instant now) const {
  if (working_ == 0 || now >= started_ + plan_.deadline) return true;
  if (!GoalReached()) return false;
  // The goal is reached: only a required site is still worth the wait.
  return std::none_of(plan_.required.begin(), plan_.required.end(), [this](const SiteId& site) {
    const auto found = reports_.find(site);
    return found != reports_.end() && IsOpen(found->second.result);
  });
}

void RoundState::Close(Instant now) {
  phase_ = Phase::kClosing;
  const bool in_time = now < started_ + plan_.deadline;
  const bool carry = plan_.carry_late && Shortfall().empty();
  EndStragglers(
      fmt::format("{}{}",
                  in_time ? fmt::format("the step closed at its goal of {} updates", plan_.goal)
                          : fmt::format("not finished by the deadline of {}",
                                        FormatDuration(plan_.deadline)),
                  carry ? "; it goes on, for a later round" : ""),
      carry, now);
  if (const std::string shortfall = Shortfall(); !shortfall.empty()) {
    Finish(false, Digest{}, shortfall);
    return;
  }
  phase_ = Phase::kCommitting;
  Commit commit;
  for (const auto& [site, report] : reports_) {
    if (report.result == SiteResult::kCounted) commit.counted.push_back(site);
  }
  actions_.push_back(std::move(commit));
}

void RoundState::EndStragglers(const std::string& reason, bool carry, Instant now) {
  for (const auto& [site, report] : reports_) {
    if (report.result == SiteResult::kWaiting) {
      End(site, SiteResult::kLate, reason, now);
    } else if (IsOpen(report.result)) {
      if (!carry) actions_.push_back(Withdraw{site, reason});
      End(site, SiteResult::kLate, reason, now);
      reports_[site].carried = carry;
    }
  }
}

void RoundState::Finish(bool committed, const Digest& state, const std::string& reason) {
  phase_ = committed ? Phase::kDone : Phase::kFailed;
  actions_.push_back(Finished{committed, state, reason});
  for (const auto& [site, report] : reports_) {
    const bool asked = report.result == SiteResult::kCounted || leases_.contains(site);
    if (!asked || (committed && report.carried)) continue;  // carried: the outcome comes later
    actions_.push_back(Notify{site, OutcomeOf(report.result, committed),
                              report.reason.empty() ? reason : report.reason});
  }
}

std::optional<Instant> RoundState::NextDeadline() const {
  if (phase_ != Phase::kTraining) return std::nullopt;
  return std::min(started_ + plan_.deadline, next_lease_);
}

}  // namespace consilium::server::round
