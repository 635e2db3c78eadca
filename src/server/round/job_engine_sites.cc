// What a JobEngine hears of sites: who came, who left, what they answered.
#include <span>
#include <string>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/log.h"
#include "server/round/job_engine.h"

namespace consilium::server::round {

void JobEngine::Handle(const Attended& event, Instant now) {
  if (!loaded_ || !MayTakePart(standing_.spec->participation, event.site)) return;
  Candidate& candidate = candidates_[event.site];
  if (candidate.verdict && event.arrival == registry::Arrival::kRestarted) {
    Note(jobs::Setback::kSiteRestarted, event.site);
  } else if (candidate.verdict && event.arrival == registry::Arrival::kReconnected) {
    Note(jobs::Setback::kSiteReconnected, event.site);
  }
  candidate.connected = SendNotice(event.site);
  candidate.since = now;
  if (step_ != nullptr) step_->Apply(SiteAttended{event.site}, now);
  OfferLate(event.site, now);
}

void JobEngine::Handle(const Left& event, Instant now) {
  const auto found = candidates_.find(event.site);
  if (found == candidates_.end()) return;
  // It may be back already: leaving and attending again can be heard in either order.
  found->second.connected = SendNotice(event.site);
  found->second.since = now;
  if (step_ != nullptr && !found->second.connected) step_->Apply(SiteLeft{event.site}, now);
}

void JobEngine::Handle(const Answered& event, Instant) {
  if (!loaded_ || !MayTakePart(standing_.spec->participation, event.site)) return;
  Candidate& candidate = candidates_[event.site];
  const bool changed = candidate.verdict != event.reply.verdict ||
                       candidate.rule != event.reply.rule ||
                       candidate.message != event.reply.message;
  candidate.verdict = event.reply.verdict;
  candidate.rule = event.reply.rule;
  candidate.message = event.reply.message;
  if (!changed) return;
  Log(Level::kInfo, "site answered the job",
      {{"job", job_.value()},
       {"site", event.site.value()},
       {"verdict", wire::NameOf(event.reply.verdict)},
       {"rule", event.reply.rule}});
  const absl::Status written = world_.journal.Write(jobs::Admission{
      job_, {event.site, event.reply.verdict, event.reply.rule, event.reply.message}});
  CN_CRASH_POINT("admission.journalled");
  // Not lost for long: the site is asked again when it attends next.
  if (!written.ok()) LogStatus(Level::kWarning, "admission is not in the journal", written);
}

// Written, and durable with what comes next: a power cut may cost a line of the story.
void JobEngine::Note(jobs::Setback what, const SiteId& site) {
  if (!world_.history.MayNote(job_, what, site)) return;
  jobs::SetbackNoted noted{job_, {}};
  noted.setback.what = what;
  noted.setback.site = site;
  noted.setback.utc = world_.clock.UtcNow();
  if (step_ != nullptr || standing_.open) {
    const jobs::StepOpened& opened = step_ != nullptr ? step_->opened() : standing_.open->opened;
    noted.setback.step = opened.step;
    noted.setback.workload = opened.workload;
    noted.setback.round = opened.round;
    noted.setback.selected = static_cast<uint32_t>(opened.selected.size());
    noted.setback.accepted = step_ != nullptr
                                 ? step_->counted()
                                 : static_cast<uint32_t>(standing_.open->accepted.size());
  }
  const jobs::JobRecord record = std::move(noted);
  if (const absl::Status written = world_.journal.WriteUnsynced(std::span(&record, 1));
      !written.ok()) {
    LogStatus(Level::kWarning, "a setback is not in the journal", written,
              {{"job", job_.value()}, {"setback", jobs::NameOf(what)}});
  }
}

void JobEngine::ReadAgain(Instant now) {
  Log(Level::kWarning, "events were lost, reading again", {{"job", job_.value()}});
  for (const registry::SiteStatus& site : world_.federation.Sites()) {
    const auto known = candidates_.find(site.site);
    const bool was_connected = known != candidates_.end() && known->second.connected;
    const bool answered = known != candidates_.end() && known->second.verdict.has_value();
    if (site.connected && !(was_connected && answered)) Handle(Attended{site.site}, now);
    if (!site.connected && was_connected) Handle(Left{site.site}, now);
  }
  Handle(CancelAsked{}, now);
  if (step_ == nullptr) return;
  for (const store::AcceptedUpdate& update : world_.stores.updates.Accepted(job_, step_->step())) {
    step_->Apply(EventOf(update), now);
  }
}

bool JobEngine::SendNotice(const SiteId& site) {
  return world_.federation.SendTo(
      site, wire::JobNotice{job_, standing_.researcher, standing_.envelope, standing_.file});
}

}  // namespace consilium::server::round
