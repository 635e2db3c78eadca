#include "server/jobs/server_journal.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/jobs/journal_compaction.h"

namespace consilium::server::jobs {
namespace {

// The same error in a body of its own. Statuses share theirs by count, and Debian's build of that
// count is invisible to ThreadSanitizer: what several threads hold must not be shared.
absl::Status Unshared(const absl::Status& status) {
  if (const std::optional<ErrorCode> code = CodeOf(status)) {
    return Error(*code, std::string(status.message()), HelpOf(status));
  }
  return absl::Status(status.code(), std::string(status.message()));
}

// Appends all, then one sync, or one write. Returns the position after them.
absl::StatusOr<uint64_t> AppendAll(journal::Journal& journal, const std::vector<Bytes>& payloads,
                                   std::span<const JobRecord> records, bool sync) {
  uint64_t position = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    CN_ASSIGN_OR_RETURN(position,
                        journal.Append(KindOf(records[i]), payloads[i], VersionOf(records[i])));
  }
  CN_RETURN_IF_ERROR(sync ? journal.SyncTo(position) : journal.WriteTo(position));
  return position;
}

}  // namespace

ServerJournal::ServerJournal(Storage& storage, std::string path, const Clock& clock,
                             JobHistory& history, JobWatchers& watchers)
    : storage_(storage),
      path_(std::move(path)),
      clock_(clock),
      history_(history),
      watchers_(watchers) {}

absl::StatusOr<std::unique_ptr<ServerJournal>> ServerJournal::Open(Storage& storage,
                                                                   std::string path,
                                                                   const Clock& clock,
                                                                   JobHistory& history,
                                                                   JobWatchers& watchers) {
  std::unique_ptr<ServerJournal> self(
      new ServerJournal(storage, std::move(path), clock, history, watchers));
  const auto replay = [&history](const journal::Record& record) -> absl::Status {
    CN_ASSIGN_OR_RETURN(const JobRecord decoded,
                        Decode(record.kind, record.version, record.payload));
    history.Apply(decoded);
    return absl::OkStatus();
  };
  if (const absl::Status compacted = CompactJournal(storage, self->path_).status();
      !compacted.ok()) {
    LogStatus(Level::kWarning, "journal is not compacted", compacted, {{"path", self->path_}});
  }
  CN_ASSIGN_OR_RETURN(auto opened, journal::Journal::Open(storage, self->path_, replay));
  if (opened->cut_bytes() > 0) {
    Log(Level::kWarning, "journal had a torn tail",
        {{"path", self->path_}, {"cut_bytes", opened->cut_bytes()}});
  }
  MutexLock lock(self->mutex_);
  self->acknowledged_ = opened->size();
  self->journal_ = std::move(opened);
  return self;
}

absl::Status ServerJournal::Put(std::span<const JobRecord> records, bool sync) {
  if (records.empty()) return absl::OkStatus();
  std::vector<Bytes> payloads;
  payloads.reserve(records.size());
  for (const JobRecord& record : records) payloads.push_back(Encode(record));
  CN_ASSIGN_OR_RETURN(journal::Journal * journal, Enter());
  absl::StatusOr<uint64_t> durable_to = AppendAll(*journal, payloads, records, sync);
  if (!durable_to.ok()) durable_to = Unshared(durable_to.status());
  Leave(durable_to);
  if (!durable_to.ok()) return std::move(durable_to).status();
  for (const JobRecord& record : records) history_.Apply(record);
  for (const JobRecord& record : records) {
    if (const std::optional<JobId> job = JobOf(record)) watchers_.Changed(*job);
  }
  return absl::OkStatus();
}

absl::StatusOr<journal::Journal*> ServerJournal::Enter() {
  uint64_t length = 0;
  {
    MutexLock lock(mutex_);
    while (reopening_) idle_.Wait(mutex_);
    if (broken_.ok()) {
      ++in_flight_;
      return journal_.get();
    }
    if (clock_.Now() < next_reopen_) return Unshared(broken_);
    reopening_ = true;
    while (in_flight_ > 0) idle_.Wait(mutex_);
    length = acknowledged_;
    journal_.reset();
  }
  auto opened = Reopen(length);
  MutexLock lock(mutex_);
  reopening_ = false;
  idle_.NotifyAll();
  if (!opened.ok()) {
    broken_ = Unshared(opened.status());
    next_reopen_ = clock_.Now() + kReopenPause;
    return std::move(opened).status();
  }
  broken_ = absl::OkStatus();
  journal_ = *std::move(opened);
  acknowledged_ = journal_->size();
  ++in_flight_;
  return journal_.get();
}

absl::Status ServerJournal::Compact() {
  {
    MutexLock lock(mutex_);
    while (reopening_) idle_.Wait(mutex_);
    if (!broken_.ok()) return Unshared(broken_);
    reopening_ = true;
    while (in_flight_ > 0) idle_.Wait(mutex_);
    journal_.reset();
  }
  absl::Status compacted = CompactJournal(storage_, path_).status();
  auto opened = journal::Journal::Open(storage_, path_,
                                       [](const journal::Record&) { return absl::OkStatus(); });
  MutexLock lock(mutex_);
  reopening_ = false;
  idle_.NotifyAll();
  if (!opened.ok()) {
    acknowledged_ = UINT64_MAX;  // the next opening cuts a torn tail and nothing else
    broken_ = Unshared(opened.status());
    next_reopen_ = clock_.Now() + kReopenPause;
    return std::move(opened).status();
  }
  journal_ = *std::move(opened);
  acknowledged_ = journal_->size();
  return compacted;
}

void ServerJournal::Leave(const absl::StatusOr<uint64_t>& durable_to) {
  MutexLock lock(mutex_);
  --in_flight_;
  if (durable_to.ok()) {
    acknowledged_ = std::max(acknowledged_, *durable_to);
  } else if (broken_.ok()) {
    broken_ = Unshared(durable_to.status());
    next_reopen_ = clock_.Now() + kReopenPause;
  }
  idle_.NotifyAll();
}

absl::StatusOr<std::unique_ptr<journal::Journal>> ServerJournal::Reopen(uint64_t length) {
  Log(Level::kWarning, "journal is opened again", {{"path", path_}, {"length", length}});
  {
    // What was written after the last acknowledged byte was refused to its writers.
    CN_ASSIGN_OR_RETURN(const auto cut, storage_.OpenAppend(path_, length));
    CN_RETURN_IF_ERROR(cut->Sync());
  }
  return journal::Journal::Open(storage_, path_,
                                [](const journal::Record&) { return absl::OkStatus(); });
}

}  // namespace consilium::server::jobs
