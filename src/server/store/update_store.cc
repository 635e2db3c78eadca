// Steps: opened, closed, folded, discarded. The uploads themselves are in update_upload.cc.
#include "server/store/update_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/store/update_check.h"
#include "server/store/update_fold.h"
#include "server/store/update_slot.h"

namespace consilium::server::store {
namespace {

absl::Status NoSuchStep(const JobId& job, StepNumber step) {
  return Error(ErrorCode::kUpdateUnknownTask,
               fmt::format("job {} step {} is not open", job.value(), step.value()));
}

// The site of "<prefix><site>.<64 hex digits>.part"; empty for any other name.
std::string_view SiteOfPart(std::string_view name, std::string_view prefix) {
  constexpr std::string_view kPart = ".part";
  constexpr size_t kDigestChars = 65;  // with its dot
  if (!name.starts_with(prefix) || !name.ends_with(kPart)) return {};
  name.remove_prefix(prefix.size());
  name.remove_suffix(kPart.size());
  if (name.size() <= kDigestChars) return {};
  return name.substr(0, name.size() - kDigestChars);
}

}  // namespace

UpdateStore::UpdateStore(Options options, Storage& storage, AcceptJournal journal)
    : options_(std::move(options)), storage_(storage), journal_(std::move(journal)) {}
UpdateStore::~UpdateStore() = default;

std::string UpdateStore::JobFolder(const JobId& job) const {
  return options_.folder + "/" + job.value();
}

absl::StatusOr<UpdateStore::AcceptedFile> UpdateStore::Recover(const StepEntry& entry,
                                                               const AcceptedUpdate& update) const {
  std::string path = entry.UpdatePath(update.key.site);
  if (!Exists(storage_, path)) path = entry.PartPath(update.key.site, update.digest);
  CN_ASSIGN_OR_RETURN(const auto file, storage_.OpenRead(path));
  if (file->size() != update.bytes) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("{} has {} bytes, want {}", path, file->size(), update.bytes));
  }
  CN_ASSIGN_OR_RETURN(const Digest digest, DigestOfFile(*file, file->size()));
  if (digest != update.digest) {
    return Error(ErrorCode::kUpdateDigest, fmt::format("{} is not what was accepted", path));
  }
  CN_ASSIGN_OR_RETURN(const wire::ParsedUpdateHeader parsed,
                      CheckHeader(*file, {update.key, entry.step.base_state, entry.step.layout}));
  return AcceptedFile{update, path, parsed.header_bytes};
}

absl::StatusOr<std::vector<SiteId>> UpdateStore::OpenForUploads(
    const OpenStep& step, const std::vector<SiteId>& sites,
    const std::vector<AcceptedUpdate>& accepted) {
  auto entry = std::make_shared<StepEntry>();
  entry->step = step;
  entry->folder = JobFolder(step.job);
  entry->prefix = fmt::format("{}.", step.step.value());
  CN_RETURN_IF_ERROR(storage_.CreateFolder(entry->folder));
  for (const SiteId& site : sites) entry->slots.try_emplace(site);

  std::vector<SiteId> lost;
  std::vector<std::string> keep;
  for (const AcceptedUpdate& update : accepted) {
    Slot& slot = entry->slots[update.key.site];
    absl::StatusOr<AcceptedFile> file = Recover(*entry, update);
    if (file.ok()) {
      keep.push_back(file->path);
      slot.accepted = *std::move(file);
    } else {
      LogStatus(Level::kWarning, "accepted update is lost", file.status(),
                {{"job", step.job.value()}, {"site", update.key.site.value()}});
      lost.push_back(update.key.site);
    }
  }
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(entry->folder));
  for (const std::string& name : names) {
    const SiteId site(std::string(SiteOfPart(name, entry->prefix)));
    const auto slot = entry->slots.find(site);
    if (slot != entry->slots.end() && !slot->second.accepted) {
      keep.push_back(entry->folder + "/" + name);
    }
  }
  CN_RETURN_IF_ERROR(RemoveParts(*entry, keep));

  MutexLock lock(mutex_);
  std::shared_ptr<StepEntry>& known = steps_[{step.job, step.step}];
  if (known != nullptr) known->open = false;
  known = std::move(entry);
  return lost;
}

absl::Status UpdateStore::RemoveParts(const StepEntry& entry,
                                      const std::vector<std::string>& keep) {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(entry.folder));
  for (const std::string& name : names) {
    const std::string path = entry.folder + "/" + name;
    if (!name.starts_with(entry.prefix) || std::ranges::find(keep, path) != keep.end()) continue;
    CN_RETURN_IF_ERROR(storage_.Remove(path));
  }
  return absl::OkStatus();
}

void UpdateStore::WaitUntilIdle(const StepEntry& entry) {
  const auto taken = [](const auto& slot) { return slot.second.taken; };
  while (std::ranges::any_of(entry.slots, taken)) put_back_.Wait(mutex_);
}

void UpdateStore::CloseForUploads(const JobId& job, StepNumber step) {
  std::shared_ptr<StepEntry> entry;
  std::vector<std::unique_ptr<Upload>> uploads;
  std::vector<std::string> keep;
  {
    MutexLock lock(mutex_);
    const auto found = steps_.find({job, step});
    if (found == steps_.end()) return;
    entry = found->second;
    entry->open = false;
    WaitUntilIdle(*entry);
    for (auto& [site, slot] : entry->slots) {
      if (slot.upload != nullptr) uploads.push_back(std::move(slot.upload));
      if (slot.accepted) keep.push_back(slot.accepted->path);
    }
  }
  if (const absl::Status removed = RemoveParts(*entry, keep); !removed.ok()) {
    LogStatus(Level::kWarning, "unaccepted spools stay", removed, {{"job", job.value()}});
  }
}

absl::StatusOr<std::vector<UpdateStore::AcceptedFile>> UpdateStore::Gather(
    const JobId& job, StepNumber step, const std::vector<SiteId>& sites,
    tensor::Layout& layout) const {
  MutexLock lock(mutex_);
  const auto found = steps_.find({job, step});
  if (found == steps_.end()) return NoSuchStep(job, step);
  const StepEntry& entry = *found->second;
  layout = entry.step.layout;
  std::vector<AcceptedFile> files;
  for (const SiteId& site : sites) {
    const auto slot = entry.slots.find(site);
    if (slot == entry.slots.end() || !slot->second.accepted) {
      return Error(ErrorCode::kUpdateUnknownTask,
                   fmt::format("job {} step {}: no accepted update of site {}", job.value(),
                               step.value(), site.value()));
    }
    files.push_back(*slot->second.accepted);
  }
  return files;
}

absl::StatusOr<sum::ExactSum> UpdateStore::Fold(const JobId& job, StepNumber step,
                                                const std::vector<SiteId>& sites,
                                                const sum::SumOptions& options) const {
  tensor::Layout layout;
  CN_ASSIGN_OR_RETURN(const std::vector<AcceptedFile> files, Gather(job, step, sites, layout));
  std::vector<FoldInput> inputs;
  for (const AcceptedFile& file : files) {
    inputs.push_back({file.path, file.header_bytes, file.update.weight});
  }
  return FoldFiles(storage_, layout, inputs, options);
}

absl::StatusOr<Bytes> UpdateStore::ReadTail(const JobId& job, StepNumber step, const SiteId& site,
                                            size_t first_tensor) const {
  tensor::Layout layout;
  CN_ASSIGN_OR_RETURN(const std::vector<AcceptedFile> files, Gather(job, step, {site}, layout));
  if (first_tensor >= layout.size()) return Bytes();
  const uint64_t offset = layout.OffsetOf(first_tensor);
  Bytes tail(layout.payload_bytes() - offset);
  CN_ASSIGN_OR_RETURN(const auto file, storage_.OpenRead(files[0].path));
  CN_RETURN_IF_ERROR(file->ReadAt(files[0].header_bytes + offset, tail));
  return tail;
}

std::vector<AcceptedUpdate> UpdateStore::Accepted(const JobId& job, StepNumber step) const {
  MutexLock lock(mutex_);
  std::vector<AcceptedUpdate> updates;
  const auto found = steps_.find({job, step});
  if (found == steps_.end()) return updates;
  for (const auto& [site, slot] : found->second->slots) {
    if (slot.accepted) updates.push_back(slot.accepted->update);
  }
  return updates;
}

absl::Status UpdateStore::Discard(const JobId& job, StepNumber step) {
  CloseForUploads(job, step);
  {
    MutexLock lock(mutex_);
    steps_.erase({job, step});
  }
  StepEntry entry;
  entry.folder = JobFolder(job);
  entry.prefix = fmt::format("{}.", step.value());
  return RemoveParts(entry, {});
}

}  // namespace consilium::server::store
