// Folding: accepted updates into generations, and the sum of a step at its end.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/store/update_slot.h"
#include "server/store/update_store.h"

namespace consilium::server::store {
namespace {

constexpr std::string_view kFoldSuffix = ".fold";
constexpr std::string_view kUnfinishedFold = ".new";

// What a pass writes when only its digest is wanted.
class Nowhere final : public AppendFile {
 public:
  absl::Status Append(ByteSpan bytes) override {
    size_ += bytes.size();
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  uint64_t size() const override { return size_; }

 private:
  uint64_t size_ = 0;
};

// The number of "<prefix><number>.fold"; 0 for any other name.
uint64_t GenerationOf(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(kFoldSuffix)) return 0;
  name.remove_prefix(prefix.size());
  name.remove_suffix(kFoldSuffix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

absl::Status NotAccepted(const JobId& job, StepNumber step, const SiteId& site) {
  return Error(ErrorCode::kUpdateUnknownTask,
               fmt::format("job {} step {}: no accepted update of site {} on disk", job.value(),
                           step.value(), site.value()));
}

}  // namespace

// ---- recovery

absl::StatusOr<std::optional<Generation>> UpdateStore::OpenGeneration(const StepEntry& entry,
                                                                      uint64_t number) const {
  if (number == 0) return std::nullopt;
  CN_ASSIGN_OR_RETURN(std::unique_ptr<FileReader> file,
                      storage_.OpenRead(entry.GenerationPath(number)));
  CN_ASSIGN_OR_RETURN(Generation generation, ReadGeneration(std::move(file), entry.step.layout));
  const GenerationHeader& header = generation.header;
  const bool right = header.number == number && header.job == entry.step.job &&
                     header.step == entry.step.step && header.base_state == entry.step.base_state &&
                     generation.sum.head().options == entry.step.sum;
  if (!right) {
    return Error(ErrorCode::kStateCorrupt,
                 fmt::format("{} is of another step", entry.GenerationPath(number)));
  }
  return generation;
}

// The newest that is whole and names accepted updates only. What a damaged one held is asked for
// again: the sites keep their updates until the Outcome. One that the disk does not read now may be
// whole: kStorageIo, try again.
absl::Status UpdateStore::RecoverGeneration(StepEntry& entry,
                                            const std::vector<AcceptedUpdate>& accepted) const {
  std::map<SiteId, Digest> known;
  for (const AcceptedUpdate& update : accepted) known[update.key.site] = update.digest;
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(entry.folder));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const uint64_t number = GenerationOf(name, entry.prefix)) numbers.push_back(number);
  }
  std::ranges::sort(numbers, std::ranges::greater());
  for (const uint64_t number : numbers) {
    auto generation = OpenGeneration(entry, number);
    absl::Status status = generation.status();
    if (status.ok()) status = (*generation)->sum.Verify();
    if (CodeOf(status) == ErrorCode::kStorageIo) return status;
    if (!status.ok()) {
      LogStatus(Level::kWarning, "a generation of a sum is damaged", status,
                {{"job", entry.step.job.value()}, {"step", entry.step.step.value()}});
      continue;
    }
    const std::vector<FoldedUpdate>& updates = (*generation)->header.updates;
    if (!std::ranges::all_of(updates, [&known](const FoldedUpdate& update) {
          const auto found = known.find(update.site);
          return found != known.end() && found->second == update.digest;
        })) {
      continue;
    }
    entry.generation = number;
    for (const FoldedUpdate& update : updates) entry.folded.emplace(update.site, update);
    break;
  }
  return absl::OkStatus();
}

// ---- what is there

std::vector<SiteId> UpdateStore::DueForFold(const JobId& job, StepNumber step) const {
  MutexLock lock(mutex_);
  const auto found = steps_.find({job, step});
  if (found == steps_.end() || !found->second->step.fold) return {};
  std::vector<SiteId> sites;
  uint64_t bytes = 0;
  for (const auto& [site, slot] : found->second->slots) {
    if (!slot.accepted || found->second->folded.contains(site)) continue;
    if (slot.accepted->in_segment) continue;  // small, and its file would stay
    sites.push_back(site);
    bytes += slot.accepted->update.bytes;
  }
  const bool due = sites.size() >= CN_CRASH_BOUND(options_.fold_updates, 1) ||
                   (sites.size() > 1 && bytes >= options_.fold_bytes);
  return due ? sites : std::vector<SiteId>();
}

std::optional<Bytes> UpdateStore::NoteOf(const JobId& job, StepNumber step,
                                         const SiteId& site) const {
  MutexLock lock(mutex_);
  const auto found = steps_.find({job, step});
  if (found == steps_.end()) return std::nullopt;
  const auto update = found->second->folded.find(site);
  if (update == found->second->folded.end()) return std::nullopt;
  return update->second.note;
}

absl::StatusOr<UpdateStore::FoldState> UpdateStore::StateForFold(
    const JobId& job, StepNumber step, const std::vector<SiteId>& sites) const {
  MutexLock lock(mutex_);
  const auto found = steps_.find({job, step});
  if (found == steps_.end()) {
    return Error(ErrorCode::kUpdateUnknownTask,
                 fmt::format("job {} step {} is not open", job.value(), step.value()));
  }
  FoldState state{found->second, found->second->generation, found->second->folded, {}, {}, 0};
  for (const SiteId& site : sites) {
    if (state.folded.contains(site)) continue;
    const auto slot = state.entry->slots.find(site);
    if (slot == state.entry->slots.end() || !slot->second.accepted) {
      return NotAccepted(job, step, site);
    }
    state.files.push_back(*slot->second.accepted);
  }
  return state;
}

absl::StatusOr<Bytes> UpdateStore::ReadTail(const JobId& job, StepNumber step, const SiteId& site,
                                            size_t first_tensor) const {
  CN_ASSIGN_OR_RETURN(const FoldState state, StateForFold(job, step, {site}));
  if (state.files.empty()) return NotAccepted(job, step, site);
  const tensor::Layout& layout = state.entry->step.layout;
  if (first_tensor >= layout.size()) return Bytes();
  const uint64_t offset = layout.OffsetOf(first_tensor);
  Bytes tail(layout.payload_bytes() - offset);
  const AcceptedFile& update = state.files.front();
  CN_ASSIGN_OR_RETURN(const auto file, OpenUpdate(update));
  CN_RETURN_IF_ERROR(file->ReadAt(update.header_bytes + offset, tail));
  return tail;
}

// ---- folding

absl::StatusOr<Folded> UpdateStore::WriteGeneration(const FoldState& state, const Bytes& header,
                                                    const std::string& path,
                                                    ReportSink* report) const {
  const OpenStep& step = state.entry->step;
  CN_ASSIGN_OR_RETURN(const sum::SumRule rule, sum::SumRule::Create(step.layout, step.sum));
  CN_ASSIGN_OR_RETURN(const auto before, OpenGeneration(*state.entry, state.generation));
  std::vector<ColumnInput> inputs;
  for (const auto* files : {&state.files, &state.carried}) {
    for (const AcceptedFile& file : *files) {
      inputs.push_back({file.path, file.offset + file.header_bytes, file.update.weight});
    }
  }
  CN_ASSIGN_OR_RETURN(ColumnReader columns,
                      ColumnReader::Open(storage_, step.layout, std::move(inputs)));
  const bool is_sum = header.empty();
  const FoldInput input{columns, before ? &before->sum : nullptr, is_sum, state.carried.size(),
                        state.carried_tensors};
  if (path.empty()) {
    Nowhere nowhere;
    return FoldColumns(rule, input, nowhere, report);
  }
  const std::string unfinished = path + std::string(kUnfinishedFold);
  const auto write = [&]() -> absl::StatusOr<Folded> {
    CN_ASSIGN_OR_RETURN(const auto file, storage_.OpenBulk(unfinished));
    CN_RETURN_IF_ERROR(file->Append(header));
    CN_ASSIGN_OR_RETURN(const Folded folded, FoldColumns(rule, input, *file, report));
    CN_RETURN_IF_ERROR(file->Sync());
    return folded;
  };
  absl::StatusOr<Folded> folded = write();
  if (!folded.ok()) {
    storage_.Remove(unfinished).IgnoreError();  // what went wrong first is what matters
    return folded;
  }
  if (is_sum) {
    CN_CRASH_POINT("sum.synced");
  } else {
    CN_CRASH_POINT("generation.synced");
  }
  CN_RETURN_IF_ERROR(storage_.Rename(unfinished, path));
  if (is_sum) {
    CN_CRASH_POINT("sum.renamed");
  } else {
    CN_CRASH_POINT("generation.renamed");
  }
  CN_RETURN_IF_ERROR(storage_.SyncFolder(ParentOf(path)));
  return folded;
}

absl::Status UpdateStore::Fold(const JobId& job, StepNumber step,
                               const std::vector<UpdateNote>& updates) {
  std::vector<SiteId> sites;
  sites.reserve(updates.size());
  for (const UpdateNote& update : updates) sites.push_back(update.site);
  CN_ASSIGN_OR_RETURN(const FoldState state, StateForFold(job, step, sites));
  if (state.files.empty()) return absl::OkStatus();
  std::map<SiteId, FoldedUpdate> folded = state.folded;
  for (const AcceptedFile& file : state.files) {
    const AcceptedUpdate& update = file.update;
    const auto noted = std::ranges::find(updates, update.key.site, &UpdateNote::site);
    folded[update.key.site] = {update.key.site, update.digest, update.weight, update.bytes,
                               noted->note};
  }
  const OpenStep& of = state.entry->step;
  GenerationHeader header{state.generation + 1, of.job, of.step, of.base_state, {}};
  for (const auto& [site, update] : folded) header.updates.push_back(update);
  CN_RETURN_IF_ERROR(WriteGeneration(state, EncodeGenerationHeader(header),
                                     state.entry->GenerationPath(header.number), nullptr)
                         .status());
  {
    MutexLock lock(mutex_);
    const auto found = steps_.find({job, step});
    if (found == steps_.end() || found->second != state.entry) return absl::OkStatus();
    found->second->generation = header.number;
    found->second->folded = std::move(folded);
  }
  RemoveFolded(state);
  return absl::OkStatus();
}

// A file that cannot be removed now is in the set of the generation: it goes at the next start, or
// with the step.
void UpdateStore::RemoveFolded(const FoldState& state) const {
  std::vector<std::string> paths;
  if (state.generation > 0) paths.push_back(state.entry->GenerationPath(state.generation));
  for (const AcceptedFile& file : state.files) {
    const bool goes = !state.entry->step.keep_updates && !file.in_segment;
    if (goes) paths.push_back(file.path);
  }
  for (const std::string& path : paths) {
    if (const absl::Status removed = storage_.Remove(path); !removed.ok()) {
      LogStatus(Level::kWarning, "a folded file stays", removed, {{"path", path}});
    }
    CN_CRASH_POINT("folded_file.removed");
  }
}

absl::StatusOr<StepSum> UpdateStore::WriteSum(const JobId& job, StepNumber step,
                                              const Counted& counted, const std::string& path,
                                              ReportSink* report) const {
  const std::vector<SiteId>& sites = counted.sites;
  CN_ASSIGN_OR_RETURN(FoldState state, StateForFold(job, step, sites));
  CN_RETURN_IF_ERROR(AddCarried(counted.carried, state));
  for (const auto& [site, update] : state.folded) {
    if (std::ranges::find(sites, site) != sites.end()) continue;
    return Error(ErrorCode::kInternal,
                 fmt::format("job {} step {}: the update of site {} is folded and not counted",
                             job.value(), step.value(), site.value()));
  }
  CN_ASSIGN_OR_RETURN(const Folded folded, WriteGeneration(state, {}, path, report));
  return StepSum{folded.digest, folded.totals};
}

absl::StatusOr<UpdateStore::FoldState> UpdateStore::KeptState(
    const OpenStep& step, const std::vector<AcceptedUpdate>& updates) const {
  auto entry = std::make_shared<StepEntry>();
  entry->step = step;
  entry->folder = FolderOf(step.job);
  entry->prefix = fmt::format("{}.", step.step.value());
  entry->segments = SeriesOfStep(*entry);
  CN_RETURN_IF_ERROR(ReadSegments(*entry, /*contents=*/true));
  FoldState state{entry, 0, {}, {}, {}, 0};
  for (const AcceptedUpdate& update : updates) {
    CN_ASSIGN_OR_RETURN(AcceptedFile file, Recover(*entry, update));
    state.files.push_back(std::move(file));
  }
  return state;
}

absl::StatusOr<Digest> UpdateStore::DigestOfKept(const OpenStep& step,
                                                 const std::vector<AcceptedUpdate>& updates,
                                                 const CarriedUpdates& carried) const {
  CN_ASSIGN_OR_RETURN(FoldState state, KeptState(step, updates));
  state.carried_tensors = carried.tensors;
  for (const CarriedUpdate& one : carried.updates) {
    OpenStep origin = step;
    origin.step = one.update.key.step;
    origin.base_state = one.base_state;
    CN_ASSIGN_OR_RETURN(const FoldState of_origin, KeptState(origin, {one.update}));
    state.carried.push_back(of_origin.files.front());
    state.carried.back().update.weight = one.weight;
  }
  CN_ASSIGN_OR_RETURN(const Folded folded, WriteGeneration(state, {}, "", nullptr));
  return folded.digest;
}

}  // namespace consilium::server::store
