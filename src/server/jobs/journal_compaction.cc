#include "server/jobs/journal_compaction.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/journal/journal.h"
#include "common/journal/record.h"
#include "server/jobs/job_records.h"

namespace consilium::server::jobs {
namespace {

constexpr const char* kCompacted = ".compacted";

// What a first pass learns.
struct Survey {
  uint64_t bytes = 0;  // of all records
  std::set<JobId> forgotten;
  std::map<JobId, uint64_t> bytes_of_job;
  uint64_t epoch_bytes = 0;
  std::map<SiteId, std::pair<uint64_t, uint64_t>> newest_epoch;  // position and bytes

  void See(const JobRecord& record, uint64_t position, uint64_t size) {
    bytes += size;
    if (const std::optional<JobId> job = JobOf(record)) bytes_of_job[*job] += size;
    if (const auto* gone = std::get_if<JobForgotten>(&record)) forgotten.insert(gone->job);
    if (const auto* epoch = std::get_if<SiteEpoch>(&record)) {
      epoch_bytes += size;
      newest_epoch[epoch->site] = {position, size};
    }
  }
  uint64_t NeedlessBytes() const {
    uint64_t needless = epoch_bytes;
    for (const auto& [site, newest] : newest_epoch) needless -= newest.second;
    for (const JobId& job : forgotten) needless += bytes_of_job.at(job);
    return needless;
  }
  bool Needs(const JobRecord& record, uint64_t position) const {
    if (const auto* epoch = std::get_if<SiteEpoch>(&record)) {
      return newest_epoch.at(epoch->site).first == position;
    }
    const std::optional<JobId> job = JobOf(record);
    return !job || !forgotten.contains(*job);
  }
};

// Every record that is there, decoded.
template <typename Visit>
absl::Status ForEach(const Storage& storage, const std::string& path, const Visit& visit) {
  return journal::ReadJournal(
      storage, path, [&visit](const journal::Record& record) -> absl::Status {
        CN_ASSIGN_OR_RETURN(const JobRecord decoded,
                            Decode(record.kind, record.version, record.payload));
        return visit(record, decoded);
      });
}

absl::Status WriteNeeded(Storage& storage, const std::string& path, const std::string& to,
                         const Survey& survey) {
  CN_RETURN_IF_ERROR(storage.Remove(to));  // of an attempt before
  CN_ASSIGN_OR_RETURN(
      const auto compacted,
      journal::Journal::Open(storage, to, [](const journal::Record&) { return absl::OkStatus(); }));
  uint64_t end = compacted->size();
  CN_RETURN_IF_ERROR(
      ForEach(storage, path, [&](const journal::Record& record, const JobRecord& decoded) {
        if (!survey.Needs(decoded, record.position)) {
          return absl::OkStatus();
        }
        const auto after = compacted->Append(record.kind, record.payload, record.version);
        if (after.ok()) end = *after;
        return after.status();
      }));
  return compacted->SyncTo(end);
}

}  // namespace

absl::StatusOr<bool> CompactJournal(Storage& storage, const std::string& path,
                                    uint64_t least_bytes) {
  if (!Exists(storage, path)) return false;
  Survey survey;
  CN_RETURN_IF_ERROR(
      ForEach(storage, path, [&survey](const journal::Record& record, const JobRecord& decoded) {
        survey.See(decoded, record.position, journal::kHeadBytes + record.payload.size());
        return absl::OkStatus();
      }));
  const uint64_t needless = survey.NeedlessBytes();
  if (needless < CN_CRASH_BOUND(least_bytes, 1) || needless < survey.bytes / 2) return false;
  const std::string compacted = path + kCompacted;
  CN_RETURN_IF_ERROR(WriteNeeded(storage, path, compacted, survey));
  CN_CRASH_POINT("compaction.synced");
  CN_RETURN_IF_ERROR(storage.Rename(compacted, path));
  CN_CRASH_POINT("compaction.renamed");
  CN_RETURN_IF_ERROR(storage.SyncFolder(path.substr(0, path.rfind('/'))));
  Log(Level::kInfo, "journal is compacted",
      {{"path", path}, {"bytes", survey.bytes}, {"gone", needless}});
  return true;
}

}  // namespace consilium::server::jobs
