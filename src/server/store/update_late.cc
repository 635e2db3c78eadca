// Updates that outlive their step: kept, or still coming, until a later step counts them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/store/update_slot.h"
#include "server/store/update_store.h"

namespace consilium::server::store {

void UpdateStore::CloseForAllBut(const JobId& job, StepNumber step, std::set<SiteId> sites) {
  MutexLock lock(mutex_);
  const auto found = steps_.find({job, step});
  if (found == steps_.end()) return;
  const std::shared_ptr<StepEntry> entry = found->second;
  entry->only = std::move(sites);
  for (auto& [site, slot] : entry->slots) {
    while (slot.taken && !entry->only->contains(site)) put_back_.Wait(mutex_);
  }
}

absl::Status UpdateStore::KeepLate(const JobId& job, StepNumber step,
                                   const std::set<SiteId>& sites) {
  std::shared_ptr<StepEntry> entry;
  std::vector<std::string> keep;
  std::vector<std::unique_ptr<Upload>> gone;
  {
    MutexLock lock(mutex_);
    const auto found = steps_.find({job, step});
    if (found == steps_.end()) return absl::OkStatus();
    entry = found->second;
    entry->step.late = true;
    entry->generation = 0;
    entry->folded.clear();
    for (auto slot = entry->slots.begin(); slot != entry->slots.end();) {
      if (sites.contains(slot->first)) {
        ++slot;
        continue;
      }
      while (slot->second.taken) put_back_.Wait(mutex_);
      gone.push_back(std::move(slot->second.upload));
      slot = entry->slots.erase(slot);
    }
    for (const auto& [site, slot] : entry->slots) {
      if (slot.accepted) keep.push_back(slot.accepted->path);
    }
  }
  gone.clear();
  CN_RETURN_IF_ERROR(TrimSegments(job));
  if (entry->step.keep_updates) return absl::OkStatus();  // all of it stays
  CN_RETURN_IF_ERROR(KeepUnfinished(*entry, keep));
  return RemoveParts(*entry, keep);
}

// The carried updates' files, each with what it counts.
absl::Status UpdateStore::AddCarried(const CarriedUpdates& carried, FoldState& state) const {
  state.carried_tensors = carried.tensors;
  MutexLock lock(mutex_);
  for (const CarriedUpdate& one : carried.updates) {
    const wire::TaskKey& key = one.update.key;
    const auto found = steps_.find({key.job, key.step});
    const AcceptedFile* file = nullptr;
    if (found != steps_.end()) {
      const auto slot = found->second->slots.find(key.site);
      const bool here = slot != found->second->slots.end() && slot->second.accepted;
      if (here) file = &*slot->second.accepted;
    }
    if (file == nullptr || file->path.empty()) {
      return Error(ErrorCode::kInternal,
                   fmt::format("{}: the carried update is not here", NameOf(key)));
    }
    state.carried.push_back(*file);
    state.carried.back().update.weight = one.weight;
  }
  return absl::OkStatus();
}

}  // namespace consilium::server::store
