// Sites whose update of an older round is on its way (late = "next_round").
//
// Such a site is not asked for another update until the one is here, has failed, or shows no sign
// of life for a progress lease: it would only hold up the next round as well. What the journal
// knows of late updates (JobHistory::LateOf) is the truth; late_ is who is at work on one.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "server/round/job_engine.h"
#include "server/round/site_names.h"

namespace consilium::server::round {

bool JobEngine::HasArrived(StepNumber step, const SiteId& site) const {
  const auto here = world_.stores.updates.Accepted(job_, step);
  return std::ranges::any_of(here, [&site](const auto& update) { return update.key.site == site; });
}

// After a start of the server: late steps take uploads again.
absl::Status JobEngine::OpenLate(Instant now) {
  late_.clear();
  const job::JobSpec& spec = *standing_.spec;
  for (const auto& [step, late] : standing_.late) {
    CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                        learn::ContributionLayout(spec, wire::Workload::kTrain));
    std::vector<SiteId> sites;
    std::vector<store::AcceptedUpdate> accepted;
    for (const auto& [site, update] : late.sites) {
      sites.push_back(site);
      if (!update) continue;
      accepted.push_back(
          {update->key, update->digest, update->weight, update->bytes, update->kernel});
    }
    store::OpenStep open{job_, step, late.base_state, layout,
                         SumOptionsOf(spec, late.selected.size())};
    open.keep_updates = spec.retain == job::Retain::kUpdates;
    if (spec.durability == job::Durability::kRound) open.sync = store::Sync::kStep;
    open.late = true;
    CN_RETURN_IF_ERROR(world_.stores.updates.OpenForUploads(open, sites, accepted).status());
    NoteLate(step, now);
  }
  return absl::OkStatus();
}

// Those who did not make it into the step, and go on.
void JobEngine::NoteLate(StepNumber step, Instant now) {
  const jobs::LateSteps late = world_.history.LateOf(job_);
  const auto of_step = late.find(step);
  if (of_step == late.end()) return;
  for (const auto& [site, update] : of_step->second.sites) {
    if (!HasArrived(step, site)) late_[site] = {step, now};
  }
}

// The site is here again: it may have lost its task, or hold its update.
void JobEngine::OfferLate(const SiteId& site, Instant now) {
  const job::JobSpec& spec = *standing_.spec;
  if (spec.participation.late == job::Late::kDrop) return;
  for (const auto& [step, late] : world_.history.LateOf(job_)) {
    if (!late.sites.contains(site) || HasArrived(step, site)) continue;
    late_[site] = {step, now};
    world_.federation.SendTo(
        site, wire::TaskOffer{job_, step, wire::Workload::kTrain, late.round, late.base_state,
                              spec.participation.round_deadline, world_.progress_lease,
                              std::make_shared<const std::vector<SiteId>>(late.selected), nullptr});
  }
}

void JobEngine::HearLate(const StepEvent& event, Instant now) {
  const auto hear = [&](const SiteId& site, bool at_work) {
    const auto late = late_.find(site);
    if (late == late_.end() || late->second.step != event.step) return;
    late->second.renewed = now;
    if (!at_work) late_.erase(late);
  };
  if (const auto* e = std::get_if<OfferAccepted>(&event.event)) hear(e->site, true);
  if (const auto* e = std::get_if<Progress>(&event.event)) hear(e->site, true);
  if (const auto* e = std::get_if<UpdateAccepted>(&event.event)) hear(e->site, false);
  if (const auto* e = std::get_if<SiteFailed>(&event.event)) hear(e->site, false);
  if (const auto* e = std::get_if<OfferRefused>(&event.event)) hear(e->site, false);
}

// What of older rounds the open step would count.
void JobEngine::TellLateHere(Instant now) {
  if (step_ == nullptr) return;
  uint32_t here = 0;
  for (const auto& [step, late] : world_.history.LateOf(job_)) {
    const auto accepted = world_.stores.updates.Accepted(job_, step);
    here += static_cast<uint32_t>(std::ranges::count_if(
        accepted, [&late](const auto& one) { return late.sites.contains(one.key.site); }));
  }
  if (here > 0) step_->Apply(LateHere{here}, now);
}

void JobEngine::PruneLate(Instant now) {
  if (late_.empty()) return;
  const jobs::LateSteps late = world_.history.LateOf(job_);
  std::erase_if(late_, [&](const auto& entry) {
    const auto& [site, at] = entry;
    const auto of_step = late.find(at.step);
    return of_step == late.end() || !of_step->second.sites.contains(site) ||
           now >= at.renewed + world_.progress_lease || HasArrived(at.step, site);
  });
}

bool JobEngine::LeaveOutLate(std::vector<SiteId>& sites, Instant now) {
  PruneLate(now);
  const job::ParticipationSpec& wanted = standing_.spec->participation;
  const bool trains =
      job::StepAfter(*standing_.spec, standing_.commits)->workload == wire::Workload::kTrain;
  if (late_.empty() || !trains) return true;
  std::vector<SiteId> free;
  std::ranges::copy_if(sites, std::back_inserter(free),
                       [this](const SiteId& site) { return !late_.contains(site); });
  const bool required = std::ranges::none_of(
      wanted.required_sites, [this](const SiteId& site) { return late_.contains(site); });
  if (required && free.size() >= std::max<uint32_t>(wanted.min_sites, 1)) {
    sites = std::move(free);
    return true;
  }
  std::vector<SiteId> awaited;
  std::vector<std::string> names;
  look_again_.reset();
  for (const auto& [site, at] : late_) {
    awaited.push_back(site);
    names.push_back(site.value());
    const Instant until = at.renewed + world_.progress_lease;
    look_again_ = std::min(look_again_.value_or(until), until);
  }
  status_ = jobs::JobStatus::kRunning;
  wait_ = {"late",
           fmt::format("{} of min_sites={} sites are free; waiting for late updates of {}",
                       free.size(), std::max<uint32_t>(wanted.min_sites, 1), NamesOf(names)),
           std::move(awaited), Duration(0), std::nullopt};
  too_few_since_.reset();
  return false;
}

void JobEngine::TellDropped(const jobs::LateSteps& late) {
  for (const auto& [step, of_step] : late) {
    for (const auto& [site, update] : of_step.sites) {
      world_.federation.SendTo(site, wire::Outcome{job_, step, wire::OutcomeKind::kLateDropped,
                                                   "the job ended before another round"});
    }
  }
}

}  // namespace consilium::server::round
