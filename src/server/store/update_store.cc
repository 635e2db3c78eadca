// Steps: opened, closed, folded, discarded. The uploads themselves are in update_upload.cc.
#include "server/store/update_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/store/update_check.h"
#include "server/store/update_slot.h"

namespace consilium::server::store {
namespace {

constexpr std::string_view kPartSuffix = ".part";
constexpr std::string_view kUpdateSuffix = ".update";
constexpr std::string_view kSegmentSuffix = ".seg";

// The site of "<prefix><site>.<64 hex digits>.part"; empty for any other name.
std::string_view SiteOfPart(std::string_view name, std::string_view prefix) {
  constexpr size_t kDigestChars = 65;  // with its dot
  if (!name.starts_with(prefix) || !name.ends_with(kPartSuffix)) return {};
  name.remove_prefix(prefix.size());
  name.remove_suffix(kPartSuffix.size());
  if (name.size() <= kDigestChars) return {};
  return name.substr(0, name.size() - kDigestChars);
}

}  // namespace

UpdateStore::UpdateStore(Options options, Storage& storage, AcceptJournal journal)
    : options_(std::move(options)), storage_(storage), journal_(std::move(journal)) {}
UpdateStore::~UpdateStore() = default;

absl::StatusOr<UpdateStore::AcceptedFile> UpdateStore::Recover(const StepEntry& entry,
                                                               const AcceptedUpdate& update) const {
  AcceptedFile accepted{update, entry.UpdatePath(update.key.site)};
  if (const auto small = entry.small.find({update.key.site, update.digest});
      small != entry.small.end()) {
    accepted.path = small->second.path;
    accepted.offset = small->second.offset;
    accepted.in_segment = true;
  }
  auto opened = OpenUpdate(accepted);
  if (!accepted.in_segment && CodeOf(opened.status()) == ErrorCode::kFileNotFound) {
    accepted.path = entry.PartPath(update.key.site, update.digest);
    opened = OpenUpdate(accepted);
  }
  const std::string& path = accepted.path;
  CN_ASSIGN_OR_RETURN(const auto file, std::move(opened));
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
  accepted.header_bytes = parsed.header_bytes;
  return accepted;
}

absl::StatusOr<std::unique_ptr<FileReader>> UpdateStore::OpenUpdate(
    const AcceptedFile& accepted) const {
  CN_ASSIGN_OR_RETURN(std::unique_ptr<FileReader> file, storage_.OpenRead(accepted.path));
  if (!accepted.in_segment) return file;
  return std::make_unique<FileSlice>(std::move(file), accepted.offset, accepted.update.bytes);
}

// Those of a job have other names, and go by TrimSegments.
void UpdateStore::KeepSegments(const StepEntry& entry, std::vector<std::string>& keep) {
  if (!entry.step.keep_updates) return;
  for (uint64_t n = 1; n <= entry.segments->last; ++n) keep.push_back(entry.segments->PathOf(n));
}

// Under either name: a power cut may have undone the renaming.
void UpdateStore::KeepUpdate(const StepEntry& entry, const AcceptedUpdate& update,
                             std::vector<std::string>& keep) {
  keep.push_back(entry.UpdatePath(update.key.site));
  keep.push_back(entry.PartPath(update.key.site, update.digest));
}

absl::StatusOr<std::vector<SiteId>> UpdateStore::OpenForUploads(
    const OpenStep& step, const std::vector<SiteId>& sites,
    const std::vector<AcceptedUpdate>& accepted) {
  auto entry = std::make_shared<StepEntry>();
  entry->step = step;
  entry->folder = FolderOf(step.job);
  entry->prefix = fmt::format("{}.", step.step.value());
  CN_RETURN_IF_ERROR(storage_.CreateFolder(entry->folder));
  entry->segments = SeriesOf(*entry);
  for (const SiteId& site : sites) entry->slots.try_emplace(site);
  CN_RETURN_IF_ERROR(ReadSegments(*entry, /*contents=*/!accepted.empty()));
  CN_RETURN_IF_ERROR(RecoverGeneration(*entry, accepted));

  std::vector<SiteId> lost;
  std::vector<std::string> keep;
  if (entry->generation > 0) keep.push_back(entry->GenerationPath(entry->generation));
  KeepSegments(*entry, keep);
  for (const AcceptedUpdate& update : accepted) {
    Slot& slot = entry->slots[update.key.site];
    if (entry->folded.contains(update.key.site)) {
      slot.accepted = AcceptedFile{update, ""};
      if (step.keep_updates) KeepUpdate(*entry, update, keep);
      continue;
    }
    absl::StatusOr<AcceptedFile> file = Recover(*entry, update);
    if (file.ok()) {
      keep.push_back(file->path);
      slot.accepted = *std::move(file);
    } else if (CodeOf(file.status()) == ErrorCode::kStorageIo) {
      return file.status();  // the disk may answer later: nothing is lost yet
    } else {
      LogStatus(Level::kWarning, "accepted update is lost", file.status(),
                {{"job", step.job.value()}, {"site", update.key.site.value()}});
      lost.push_back(update.key.site);
    }
  }
  CN_RETURN_IF_ERROR(KeepUnfinished(*entry, keep));
  // Of a late step that keeps its updates those that were counted are here as well.
  if (!(step.late && step.keep_updates)) CN_RETURN_IF_ERROR(RemoveParts(*entry, keep));

  MutexLock lock(mutex_);
  std::shared_ptr<StepEntry>& known = steps_[{step.job, step.step}];
  if (known != nullptr) known->open = false;
  known = std::move(entry);
  return lost;
}

// What sites have not finished, as they left it.
absl::Status UpdateStore::KeepUnfinished(const StepEntry& entry, std::vector<std::string>& keep) {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(entry.folder));
  MutexLock lock(mutex_);
  for (const std::string& name : names) {
    const SiteId site(std::string(SiteOfPart(name, entry.prefix)));
    const auto slot = entry.slots.find(site);
    if (slot != entry.slots.end() && !slot->second.accepted) {
      keep.push_back(entry.folder + "/" + name);
    }
  }
  return absl::OkStatus();
}

absl::Status UpdateStore::RemoveParts(const StepEntry& entry,
                                      const std::vector<std::string>& keep) {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(entry.folder));
  for (const std::string& name : names) {
    const std::string path = entry.folder + "/" + name;
    if (!name.starts_with(entry.prefix) || std::ranges::find(keep, path) != keep.end()) continue;
    CN_RETURN_IF_ERROR(storage_.Remove(path));
    CN_CRASH_POINT("spool.removed");
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
    if (entry->generation > 0) keep.push_back(entry->GenerationPath(entry->generation));
    for (auto& [site, slot] : entry->slots) {
      if (slot.upload != nullptr) uploads.push_back(std::move(slot.upload));
      if (slot.accepted) keep.push_back(slot.accepted->path);
      if (slot.accepted && entry->step.keep_updates) {
        KeepUpdate(*entry, slot.accepted->update, keep);
      }
    }
    KeepSegments(*entry, keep);
  }
  // What was counted before is no slot's any more, and stays.
  if (entry->step.late && entry->step.keep_updates) return;
  if (const absl::Status removed = RemoveParts(*entry, keep); !removed.ok()) {
    LogStatus(Level::kWarning, "unaccepted spools stay", removed, {{"job", job.value()}});
  }
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

std::string UpdateStore::RefusedByDisk(const JobId& job, StepNumber step) const {
  MutexLock lock(mutex_);
  const auto found = steps_.find({job, step});
  return found == steps_.end() ? "" : found->second->refused;
}

absl::Status UpdateStore::Discard(const JobId& job, StepNumber step, Spools spools) {
  CloseForUploads(job, step);
  {
    MutexLock lock(mutex_);
    steps_.erase({job, step});
  }
  StepEntry entry;
  entry.folder = FolderOf(job);
  entry.prefix = fmt::format("{}.", step.value());
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(entry.folder));
  std::vector<std::string> keep;
  for (const std::string& name : names) {
    const bool spool = name.ends_with(kUpdateSuffix) || name.ends_with(kPartSuffix) ||
                       name.ends_with(kSegmentSuffix);
    if (spool && spools == Spools::kStay) keep.push_back(entry.folder + "/" + name);
  }
  CN_RETURN_IF_ERROR(TrimSegments(job));
  return RemoveParts(entry, keep);
}

}  // namespace consilium::server::store
