// Small updates: many of a step in one segment, with one sync for all that arrive together.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "server/store/update_slot.h"
#include "server/store/update_store.h"

namespace consilium::server::store {
namespace {

constexpr std::string_view kSmallStem = "small.";
constexpr uint64_t kMaxSegmentBytes = uint64_t{8} * 1024 * 1024;  // a longer one gets a successor

// n of "<prefix><n>.seg"; 0 for any other name.
uint64_t NumberOf(std::string_view name, std::string_view prefix) {
  constexpr std::string_view kSuffix = ".seg";
  if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return 0;
  name.remove_prefix(prefix.size());
  name.remove_suffix(std::min(kSuffix.size(), name.size()));
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Segment>> UpdateStore::SegmentOf(StepEntry& entry) {
  SegmentSeries& series = *entry.segments;
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    while (series.opening) put_back_.Wait(mutex_);
    if (series.current != nullptr) return series.current;
    series.opening = true;
    number = ++series.last;
  }
  absl::StatusOr<std::shared_ptr<Segment>> segment =
      Segment::Create(storage_, series.PathOf(number));
  CN_CRASH_POINT("segment.created");
  MutexLock lock(mutex_);
  series.opening = false;
  put_back_.NotifyAll();
  if (segment.ok()) series.current = *segment;
  return segment;
}

absl::Status UpdateStore::KeepSmall(StepEntry& entry, const std::vector<Ready*>& updates) {
  CN_ASSIGN_OR_RETURN(const std::shared_ptr<Segment> segment, SegmentOf(entry));
  uint64_t end = 0;
  absl::Status kept;
  for (Ready* const ready : updates) {
    const auto place = segment->Add(ready->accepted.update.key.site, ready->accepted.update.digest,
                                    ready->lease.upload->data);
    kept = place.status();
    if (!kept.ok()) break;
    end = place->end;
    ready->accepted.path = place->path;
    ready->accepted.offset = place->offset;
    ready->accepted.in_segment = true;
  }
  if (kept.ok()) kept = segment->KeepTo(end, entry.step.sync == Sync::kUpdate);
  if (!kept.ok()) {
    MutexLock lock(mutex_);
    // Abandoned: the next has a new file.
    if (entry.segments->current == segment) entry.segments->current = nullptr;
  }
  return kept;
}

absl::Status UpdateStore::Keep(const std::vector<Ready*>& of_one_step) {
  StepEntry& entry = of_one_step.front()->lease.entry();
  CN_CRASH_POINT("accept.verified");
  absl::Status kept = KeepSmall(entry, of_one_step);
  if (kept.ok()) {
    CN_CRASH_POINT("accept.synced");
    std::vector<AcceptedUpdate> accepted;
    accepted.reserve(of_one_step.size());
    for (const Ready* const ready : of_one_step) accepted.push_back(ready->accepted.update);
    kept = journal_(accepted, entry.step.sync);
  }
  for (Ready* const ready : of_one_step) {
    ready->lease.upload.reset();
    ready->lease.NoteDisk(kept);
    if (kept.ok()) ready->lease.accepted = ready->accepted;  // from here on it counts
  }
  if (kept.ok()) CN_CRASH_POINT("accept.journalled");
  return kept;
}

absl::StatusOr<UpdateStore::Ready> UpdateStore::Prepare(const WholeUpdate& update) {
  const wire::UploadHeader header{update.key, Epoch(), update.digest, update.file.size(), 0};
  CN_RETURN_IF_ERROR(Begin(header).status());
  CN_ASSIGN_OR_RETURN(Lease lease, Take(update.key));
  if (lease.accepted) {
    if (lease.accepted->update.digest != update.digest) return Conflict(update.key);
    AcceptedFile accepted = *lease.accepted;
    return Ready{std::move(lease), std::move(accepted)};
  }
  const bool fits = lease.upload != nullptr && lease.upload->digest == update.digest &&
                    lease.upload->is_small && lease.upload->written == 0;
  if (!fits) {
    return Error(ErrorCode::kOverloaded, fmt::format("{}: want an upload", NameOf(update.key)));
  }
  lease.upload->data.assign(update.file.begin(), update.file.end());
  lease.upload->hash.Update(update.file);
  lease.upload->written = update.file.size();
  absl::StatusOr<AcceptedFile> verified = Verify(lease.entry(), update.key, *lease.upload);
  if (!verified.ok()) {
    lease.upload.reset();
    return std::move(verified).status();
  }
  return Ready{std::move(lease), *std::move(verified)};
}

std::vector<absl::StatusOr<wire::Receipt>> UpdateStore::AcceptWhole(
    std::span<const WholeUpdate> updates) {
  std::vector<absl::StatusOr<wire::Receipt>> results;
  std::vector<absl::StatusOr<Ready>> prepared;
  std::map<const StepEntry*, std::vector<size_t>> by_step;
  for (const WholeUpdate& update : updates) {
    prepared.push_back(Prepare(update));
    const auto& ready = prepared.back();
    if (ready.ok()) {
      results.emplace_back(ReceiptFor(ready->accepted.update));
      const bool is_new = !ready->lease.accepted;
      if (is_new) by_step[&ready->lease.entry()].push_back(prepared.size() - 1);
    } else {
      results.emplace_back(ready.status());
    }
  }
  for (const auto& [step, indices] : by_step) {
    std::vector<Ready*> ready;
    for (const size_t i : indices) ready.push_back(&*prepared[i]);
    const absl::Status kept = Keep(ready);
    for (const size_t i : indices) {
      if (!kept.ok()) results[i] = kept;
    }
  }
  return results;
}

std::shared_ptr<UpdateStore::SegmentSeries> UpdateStore::SeriesOfStep(const StepEntry& entry) {
  auto own = std::make_shared<SegmentSeries>();
  own->stem = entry.folder + "/" + entry.prefix;
  return own;
}

std::shared_ptr<UpdateStore::SegmentSeries> UpdateStore::SeriesOf(const StepEntry& entry) {
  // Updates that are kept are looked for step by step, long after.
  if (entry.step.keep_updates) return SeriesOfStep(entry);
  MutexLock lock(mutex_);
  std::shared_ptr<SegmentSeries>& series = segments_[entry.step.job];
  if (series == nullptr) {
    series = std::make_shared<SegmentSeries>();
    series->stem = entry.folder + "/" + std::string(kSmallStem);
  }
  return series;
}

absl::Status UpdateStore::ReadSegments(StepEntry& entry, bool contents) const {
  SegmentSeries& series = *entry.segments;
  if (series.known && !contents) return absl::OkStatus();
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(entry.folder));
  const std::string prefix = series.stem.substr(entry.folder.size() + 1);
  for (const std::string& name : names) {
    const uint64_t number = NumberOf(name, prefix);
    if (number == 0) continue;
    if (contents) CN_RETURN_IF_ERROR(ReadSegment(storage_, series.PathOf(number), entry.small));
    MutexLock lock(mutex_);
    series.last = std::max(series.last, number);
  }
  series.known = true;
  return absl::OkStatus();
}

absl::Status UpdateStore::TrimSegments(const JobId& job) {
  std::vector<std::string> paths;
  {
    MutexLock lock(mutex_);
    const auto found = segments_.find(job);
    if (found == segments_.end()) return absl::OkStatus();
    std::set<std::string> held;  // by late updates
    for (auto step = steps_.lower_bound({job, StepNumber(0)});
         step != steps_.end() && step->first.first == job; ++step) {
      if (!step->second->step.late) return absl::OkStatus();
      for (const auto& [site, slot] : step->second->slots) {
        if (slot.accepted && slot.accepted->in_segment) held.insert(slot.accepted->path);
      }
    }
    SegmentSeries& series = *found->second;
    if (series.current != nullptr && series.current->size() > kMaxSegmentBytes) {
      series.current = nullptr;
    }
    const uint64_t stays = series.current != nullptr ? series.last : series.last + 1;
    while (series.first < stays && !held.contains(series.PathOf(series.first))) {
      paths.push_back(series.PathOf(series.first++));
    }
  }
  for (const std::string& path : paths) CN_RETURN_IF_ERROR(storage_.Remove(path));
  return absl::OkStatus();
}

absl::Status UpdateStore::EndJob(const JobId& job) {
  {
    MutexLock lock(mutex_);
    segments_.erase(job);
  }
  const std::string folder = FolderOf(job);
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(folder));
  for (const std::string& name : names) {
    if (NumberOf(name, kSmallStem) == 0) continue;
    CN_RETURN_IF_ERROR(storage_.Remove(fmt::format("{}/{}", folder, name)));
    CN_CRASH_POINT("segment.removed");
  }
  return absl::OkStatus();
}

}  // namespace consilium::server::store
