#include "server/round/late_updates.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/base/check.h"

namespace consilium::server::round {
namespace {

uint64_t AgeOf(const jobs::StepOpened& opened, const jobs::LateStep& late) {
  return opened.round.value() - late.round.value();
}

// Why an update of `late` that does not count in this round never will; empty: it may.
std::string WhyNeverLater(const job::JobSpec& spec, const jobs::StepOpened& opened,
                          const jobs::LateStep& late) {
  if (opened.round.value() >= spec.rounds) return "no further round could count it";
  const size_t most = spec.participation.staleness.size();
  if (AgeOf(opened, late) < most) return "";
  return fmt::format("it is more than {} rounds late, the most that the job counts", most);
}

std::string CountedText(const jobs::LateUpdateView& view, const jobs::StepOpened& opened) {
  return fmt::format("counted in round {}, {} round{} late, as {} of {} rows", opened.round.value(),
                     view.age, view.age == 1 ? "" : "s", view.counted_weight, view.weight);
}

}  // namespace

uint32_t LateWeight(const job::JobSpec& spec, uint32_t weight, uint64_t age) {
  const std::vector<uint32_t>& table = spec.participation.staleness;
  CN_CHECK(age <= table.size());
  const uint64_t factor = age == 0 ? job::kFullStaleness : table[age - 1];
  const uint64_t capped = std::min(weight, spec.weight_cap);
  return static_cast<uint32_t>(std::max<uint64_t>(1, (capped * factor) >> 16));
}

void CloseLate(const job::JobSpec& spec, const jobs::StepOpened& opened,
               const jobs::LateSteps& late, store::UpdateStore& updates) {
  for (const auto& [step, of_step] : late) {
    if (!WhyNeverLater(spec, opened, of_step).empty()) updates.CloseForUploads(opened.job, step);
  }
}

std::vector<jobs::LateUpdateView> EndedBy(const job::JobSpec& spec, const jobs::StepOpened& opened,
                                          const jobs::LateSteps& late, size_t room,
                                          const store::UpdateStore& updates) {
  std::vector<jobs::LateUpdateView> ended;
  for (const auto& [step, of_step] : late) {
    std::map<SiteId, store::AcceptedUpdate> here;
    for (store::AcceptedUpdate& update : updates.Accepted(opened.job, step)) {
      here.emplace(update.key.site, std::move(update));
    }
    const std::string never = WhyNeverLater(spec, opened, of_step);
    for (const auto& [site, journalled] : of_step.sites) {
      jobs::LateUpdateView view;
      view.site = site;
      view.step = step;
      view.round = of_step.round;
      view.age = static_cast<uint32_t>(AgeOf(opened, of_step));
      const auto update = here.find(site);
      if (update != here.end()) {
        view.update_bytes = update->second.bytes;
        view.weight = update->second.weight;
        view.update_digest = update->second.digest;
        view.kernel = update->second.kernel;
      }
      if (update != here.end() && room > 0) {
        --room;
        view.counted_weight = LateWeight(spec, view.weight, view.age);
        view.result = wire::NameOf(wire::OutcomeKind::kLateCarried);
        view.reason = CountedText(view, opened);
      } else if (!never.empty()) {
        view.result = wire::NameOf(wire::OutcomeKind::kLateDropped);
        view.reason = never;
      } else {
        continue;
      }
      ended.push_back(std::move(view));
    }
  }
  return ended;
}

store::CarriedUpdates CarriedBy(const JobId& job, const std::vector<jobs::LateUpdateView>& ended,
                                size_t tensors, const std::map<StepNumber, Digest>& bases) {
  store::CarriedUpdates carried;
  carried.tensors = tensors;
  for (const jobs::LateUpdateView& view : ended) {
    if (view.counted_weight == 0) continue;
    const auto base = bases.find(view.step);
    carried.updates.push_back({{{job, view.step, view.site},
                                view.update_digest,
                                view.weight,
                                view.update_bytes,
                                view.kernel},
                               base == bases.end() ? Digest() : base->second,
                               view.counted_weight});
  }
  return carried;
}

}  // namespace consilium::server::round
