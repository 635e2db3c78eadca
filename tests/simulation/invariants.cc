#include "tests/simulation/invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/session/what_left.h"
#include "common/journal/journal.h"
#include "common/learn/contribution.h"
#include "common/sum/exact_sum.h"
#include "server/aggregation/server_half.h"
#include "server/round/rule_commit.h"
#include "server/store/state_store.h"
#include "tests/simulation/tiny_workload.h"

namespace consilium::simulation {
namespace {

using client::session::SiteRecord;
using server::jobs::JobStatus;
using server::jobs::JobView;
using server::jobs::LateUpdateView;
using server::jobs::SiteStepView;
using server::jobs::StepView;

std::string NameOf(StepNumber step, const SiteId& site) {
  return fmt::format("step {} site {}", step.value(), site.value());
}

bool SameReport(const StepView& a, const StepView& b) {
  const auto same_row = [](const SiteStepView& x, const SiteStepView& y) {
    return x.site == y.site && x.result == y.result && x.update_digest == y.update_digest &&
           x.weight == y.weight && x.reason == y.reason;
  };
  const auto same_late = [](const LateUpdateView& x, const LateUpdateView& y) {
    return x.site == y.site && x.step == y.step && x.result == y.result &&
           x.update_digest == y.update_digest && x.counted_weight == y.counted_weight;
  };
  return a.committed == b.committed && a.state == b.state && a.base_state == b.base_state &&
         a.reason == b.reason && std::ranges::equal(a.sites, b.sites, same_row) &&
         std::ranges::equal(a.late, b.late, same_late);
}

}  // namespace

Invariants::Invariants(JobId job, job::JobSpec spec)
    : job_(std::move(job)), spec_(std::move(spec)) {}

void Invariants::Violated(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

const SiteStepView* Invariants::RowOf(const Key& key) const {
  const auto report = reports_.find(key.first);
  if (report == reports_.end()) return nullptr;
  const auto row = std::ranges::find(report->second.sites, key.second, &SiteStepView::site);
  return row == report->second.sites.end() ? nullptr : &*row;
}

void Invariants::Tell(const std::string& what) const {
  if (trace_) trace_(what);
}

void Invariants::OnServerMessage(const SiteId& site, const wire::ServerMessage& message) {
  if (const auto* offer = std::get_if<wire::TaskOffer>(&message)) {
    Tell(NameOf(offer->step, site) + " is offered");
    auto& cohort = cohorts_[offer->step];
    if (offer->cohort != nullptr) cohort.insert(offer->cohort->begin(), offer->cohort->end());
    if (!cohort.contains(site)) Violated(NameOf(offer->step, site) + " was not selected");
    if (receipts_.contains({offer->step, site})) {
      Violated(NameOf(offer->step, site) + " is asked again for what was accepted");
    }
  } else if (const auto* outcome = std::get_if<wire::Outcome>(&message)) {
    const Key key(outcome->step, site);
    Tell(fmt::format("{}: outcome {}", NameOf(outcome->step, site), wire::NameOf(outcome->kind)));
    const auto [known, fresh] = outcomes_.try_emplace(key, outcome->kind);
    if (known->second != outcome->kind) {
      Violated(fmt::format("{}: outcome {} after outcome {}", NameOf(key.first, site),
                           wire::NameOf(outcome->kind), wire::NameOf(known->second)));
    }
    if (fresh) unchecked_outcomes_.push_back(key);
  }
}

void Invariants::OnSiteMessage(const SiteId& site, const wire::SiteMessage& message) {
  const auto* progress = std::get_if<wire::TaskProgress>(&message);
  if (progress != nullptr && progress->phase == "train") computing_[site] = progress->step;
  if (const auto* failed = std::get_if<wire::TaskFailed>(&message)) {
    Tell(fmt::format("{} fails: {} {}", NameOf(failed->step, site), failed->code, failed->message));
  }
}

void Invariants::OnCompute(const SiteId& site) {
  const auto step = computing_.find(site);
  if (step != computing_.end() && receipts_.contains({step->second, site})) {
    Violated(NameOf(step->second, site) + " computes again what has its receipt");
  }
}

void Invariants::OnOwnVector(const SiteId& site, RoundNumber round, std::span<const float> own) {
  uint64_t counted = 0;
  for (const auto& [_, step] : reports_) {
    if (!step.committed || step.workload != wire::Workload::kTrain || step.round >= round) continue;
    for (const server::jobs::SiteStepView& row : step.sites) {
      counted += row.site == site && row.WasTaken() ? 1 : 0;
    }
  }
  const auto found = own.empty() ? 0 : static_cast<uint64_t>(own[0]);
  if (found == counted) return;
  Violated(fmt::format("{} goes on from {} counted contributions, the server from {}", site.value(),
                       found, counted));
}

void Invariants::OnReceipt(const wire::Receipt& receipt) {
  const Key key(receipt.key.step, receipt.key.site);
  Tell(NameOf(key.first, key.second) + " gets its receipt");
  const auto [known, fresh] = receipts_.try_emplace(key, receipt.digest);
  if (known->second != receipt.digest) {
    Violated(NameOf(key.first, key.second) + " has receipts of two digests");
  }
  if (fresh && reports_.contains(key.first) && !MayStillCount(key)) {
    Violated(NameOf(key.first, key.second) + " is accepted after the step ended");
  }
}

bool Invariants::MayStillCount(const Key& key) const {
  const SiteStepView* row = RowOf(key);
  return spec_.participation.late == job::Late::kNextRound && row != nullptr &&
         row->result == "late" && reports_.at(key.first).committed && !late_.contains(key);
}

wire::OutcomeKind Invariants::RightOutcome(const Key& key) const {
  if (!reports_.at(key.first).committed) return wire::OutcomeKind::kRoundFailed;
  if (RowOf(key)->WasTaken()) return wire::OutcomeKind::kCounted;
  const auto late = late_.find(key);
  const bool carried = late != late_.end() && late->second.counted_weight > 0;
  return carried ? wire::OutcomeKind::kLateCarried : wire::OutcomeKind::kLateDropped;
}

void Invariants::OnUploadBegun(const wire::UploadHeader& header, uint64_t written) {
  Tell(fmt::format("{}: upload from byte {}", NameOf(header.key.step, header.key.site), written));
  const auto known = uploads_.find({header.key.step, header.key.site});
  if (known != uploads_.end() && known->second.digest == header.digest &&
      written < known->second.bytes) {
    Violated(fmt::format("{}: {} bytes were acknowledged, the upload goes on at {}",
                         NameOf(header.key.step, header.key.site), known->second.bytes, written));
  }
  resumed_ += written;
}

void Invariants::OnUploadWritten(const wire::UploadHeader& header, uint64_t written) {
  uploads_[{header.key.step, header.key.site}] = {header.digest, written};
}

void Invariants::OnUploadRefused(const wire::UploadHeader& header) {
  uploads_.erase({header.key.step, header.key.site});
}

void Invariants::Check(server::round::Coordinator& server) {
  const auto view = server.Show(job_, checked_);
  if (!view.ok()) return Violated("the job is lost: " + view.status().ToString());
  for (const StepView& step : view->steps) CheckStep(step, server);
  CheckOutcomes();
  if (view->status == JobStatus::kWaiting && view->wait.text.empty()) {
    Violated("it waits and does not say for what");
  }
  if (ended_ && (view->status != last_.status || view->state != last_.state)) {
    Violated("the job ended otherwise before");
  }
  if (!ended_ && view->ended != 0) {
    Tell(fmt::format("the job is {} {}", server::jobs::NameOf(view->status), view->reason));
  }
  ended_ = view->ended != 0;
  last_ = *view;
  if (view->status == JobStatus::kFailed && view->reason.empty()) {
    Violated("the job failed and does not say why");
  }
  if (view->status == JobStatus::kDone && view->rounds_committed != spec_.rounds) {
    Violated(fmt::format("done after {} of {} rounds", view->rounds_committed, spec_.rounds));
  }
}

void Invariants::CheckAgain(server::round::Coordinator& server) {
  const auto view = server.Show(job_);
  if (!view.ok()) return Violated("the job is lost: " + view.status().ToString());
  if (view->steps.size() < reports_.size()) return Violated("a reported step is lost");
  for (const StepView& step : view->steps) {
    const auto known = reports_.find(step.step);
    if (known != reports_.end() && !SameReport(known->second, step)) {
      Violated(fmt::format("the report of step {} has changed", step.step.value()));
    }
  }
}

void Invariants::CheckStep(const StepView& step, server::round::Coordinator& server) {
  if (step.step != checked_.Next()) {
    return Violated(fmt::format("step {} follows step {}", step.step.value(), checked_.value()));
  }
  checked_ = step.step;
  Tell(fmt::format("step {} {} {}", step.step.value(), step.result, step.reason));
  reports_[step.step] = step;
  std::set<SiteId> named;
  for (const SiteStepView& site : step.sites) {
    if (!named.insert(site.site).second) {
      Violated(NameOf(step.step, site.site) + " is named twice");
    }
    if (site.result != "counted" && site.reason.empty()) {
      Violated(NameOf(step.step, site.site) + " is " + site.result + " without a reason");
    }
  }
  // Offers that were never sent (everybody's update was there after a restart) leave no cohort.
  const bool may_be_none =
      spec_.participation.sampling == job::Sampling::kPoisson && !step.committed;
  if ((named.empty() && !may_be_none) ||
      (cohorts_.contains(step.step) && named != cohorts_[step.step])) {
    Violated(fmt::format("the report of step {} has not the selected sites", step.step.value()));
  }
  CheckReceipts(step);
  if (step.committed) return CheckCommitted(step, server);
  const auto counted = std::ranges::count_if(step.sites, &SiteStepView::WasTaken);
  if (counted >= spec_.participation.min_sites) {
    Violated(fmt::format("step {} failed although {} were counted: {}", step.step.value(), counted,
                         step.reason));
  }
  if (step.reason.empty()) {
    Violated(fmt::format("step {} failed without a reason", step.step.value()));
  }
}

void Invariants::CheckReceipts(const StepView& step) {
  if (!step.committed) return;
  for (const auto& [key, digest] : receipts_) {
    if (key.first != step.step) continue;
    const SiteStepView* row = RowOf(key);
    if (MayStillCount(key)) continue;
    if (row == nullptr || !row->WasTaken() || row->update_digest != digest) {
      Violated(fmt::format("{} has a receipt and is {}", NameOf(key.first, key.second),
                           row == nullptr ? "not named" : row->result));
    }
  }
}

// Adds those that count to `sum`.
void Invariants::CheckLate(const StepView& step, sum::ExactSum& sum) {
  const auto layout = learn::ContributionLayout(spec_, step.workload);
  for (const LateUpdateView& late : step.late) {
    const Key key(late.step, late.site);
    const std::string name = NameOf(late.step, late.site) + ", late";
    Tell(fmt::format("{}: {}, {}", name, late.result, late.reason));
    if (!MayStillCount(key)) Violated(name + ", is ended twice, or was not late");
    const auto receipt = receipts_.find(key);
    late_[key] = late;
    if (late.reason.empty()) Violated(name + ", without a reason");
    if (late.counted_weight == 0) {
      if (receipt != receipts_.end()) Violated(name + ", has a receipt and is dropped");
      continue;
    }
    const auto& table = spec_.participation.staleness;
    const uint64_t age = step.round.value() - reports_[late.step].round.value();
    if (late.age != age || age < 1 || age > table.size()) Violated(name + ", has a wrong age");
    if (receipt != receipts_.end() && receipt->second != late.update_digest) {
      Violated(name + ", counts with another digest than its receipt");
    }
    auto contribution = TinyHalf(spec_, {step.workload, reports_[late.step].round, late.site});
    const uint64_t scaled = uint64_t{contribution->weight} * table[age - 1] / 65536;
    if (late.counted_weight != std::max<uint64_t>(1, scaled)) Violated(name + ": wrong weight");
    // Its statistics are about a state that is past.
    const size_t statistics = learn::FirstStatistic(*layout);
    for (size_t t = statistics; t < layout->size(); ++t) {
      for (double& x : contribution->values.Float64(t)) x = 0;
    }
    if (!sum.Accumulate(late.counted_weight, contribution->values.payload()).ok()) {
      Violated(name + ": the sum overflows");
    }
  }
}

void Invariants::CheckCommitted(const StepView& step, server::round::Coordinator& server) {
  const std::string name = fmt::format("step {}", step.step.value());
  const auto layout = learn::ContributionLayout(spec_, step.workload);
  auto sum = sum::ExactSum::Create(*layout, {.weight_cap = spec_.weight_cap});
  uint32_t counted = 0;
  for (const SiteStepView& site : step.sites) {
    if (!site.WasTaken()) continue;
    ++counted;
    const auto contribution = TinyHalf(spec_, {step.workload, step.round, site.site});
    if (site.weight != contribution->weight) Violated(name + ": a wrong weight");
    if (!sum->Accumulate(contribution->weight, contribution->values.payload()).ok()) {
      return Violated(name + ": its sum overflows");
    }
  }
  CheckLate(step, *sum);
  if (counted < spec_.participation.min_sites) Violated(name + ": too few sites");
  if (step.total_weight != sum->total_weight()) Violated(name + ": a wrong total weight");
  if (state_ && step.base_state != *state_) Violated(name + " starts from another state");
  state_ = step.state;
  if (server::round::GoesByRule(spec_, step.workload)) return;  // no sum: a replay tells
  const auto base = server.states().Get(step.base_state);
  if (!base.ok()) return;  // the disk may fail; the chain of digests still holds
  const auto next = server::aggregation::NextState(spec_, step.workload, *base, sum->Report());
  if (!next.ok()) return Violated(name + ": " + next.status().ToString());
  MemoryStorage scratch;
  const auto digest = server::store::StateStore("s", scratch).Put(*next);
  if (!digest.ok() || *digest != step.state) {
    Violated(name + ": the state is not that of the exact sum of the counted");
  }
}

void Invariants::CheckOutcomes() {
  for (const Key& key : std::exchange(unchecked_outcomes_, {})) {
    const SiteStepView* row = RowOf(key);
    const std::string name = NameOf(key.first, key.second);
    if (row == nullptr) {
      Violated(name + " hears an outcome that is in no report");
      continue;
    }
    const bool counted = row->WasTaken() && reports_[key.first].committed;
    const bool carried = RightOutcome(key) == wire::OutcomeKind::kLateCarried;
    if (counted != (outcomes_[key] == wire::OutcomeKind::kCounted) ||
        carried != (outcomes_[key] == wire::OutcomeKind::kLateCarried)) {
      Violated(
          fmt::format("{} is {} and hears {}", name, row->result, wire::NameOf(outcomes_[key])));
    }
  }
}

void Invariants::CheckSite(const SiteId& site, const Storage& disk) {
  std::map<StepNumber, Digest> left;
  std::map<StepNumber, std::vector<wire::OutcomeKind>> heard;
  std::set<StepNumber> forgotten;
  const absl::Status read = journal::ReadJournal(
      disk, "site/journal", [&](const journal::Record& record) -> absl::Status {
        if (static_cast<SiteRecord>(record.kind) == SiteRecord::kLeft) {
          const auto one = client::session::DecodeLeft(record.payload);
          if (one.ok()) left[one->step] = one->digest;
        } else if (static_cast<SiteRecord>(record.kind) == SiteRecord::kForgotten) {
          const auto one = client::session::DecodeSettled(record.payload);
          if (one.ok()) forgotten.insert(one->step);
        } else if (static_cast<SiteRecord>(record.kind) == SiteRecord::kOutcome) {
          const auto one = client::session::DecodeSettled(record.payload);
          if (one.ok()) heard[one->step].push_back(one->outcome);
        }
        return absl::OkStatus();
      });
  if (!read.ok()) return Violated(site.value() + ": " + read.ToString());
  for (const auto& [key, digest] : receipts_) {
    if (key.second != site) continue;
    const std::string name = NameOf(key.first, site);
    if (!left.contains(key.first) || left[key.first] != digest) {
      Violated(name + " left without a record at the site");
    }
    // Twice is the same: a disk may keep a record and say that it did not.
    if (heard[key.first].empty()) {
      const bool forgot = forgotten.contains(key.first);
      Violated(name + (forgot ? " was forgotten at the site" : " has no outcome at the site"));
    }
    for (const wire::OutcomeKind kind : heard[key.first]) {
      const wire::OutcomeKind right = RightOutcome(key);
      const bool of_committed = reports_[key.first].committed;
      if (of_committed ? kind != right : kind == wire::OutcomeKind::kCounted) {
        Violated(name + " has a wrong outcome at the site");
      }
    }
  }
}

}  // namespace consilium::simulation
