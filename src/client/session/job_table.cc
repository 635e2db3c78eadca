#include "client/session/job_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/wire/envelope.h"

namespace consilium::client::session {
namespace {

constexpr std::string_view kEnding = ".job";
constexpr uint64_t kMaxRecordBytes = 2 * wire::kMaxJobFileBytes;

// training rows, researcher, envelope, file.
Bytes Encode(const wire::JobNotice& notice, uint64_t training_rows) {
  Bytes bytes;
  bytes.reserve(notice.file.size() + notice.envelope.size() + wire::kMaxTextBytes);
  ByteWriter writer(bytes);
  writer.Put(training_rows);
  writer.PutText(notice.researcher);
  writer.PutText(AsText(notice.envelope));
  writer.PutText(AsText(notice.file));
  return bytes;
}

Bytes GetBytes(ByteReader& reader) {
  const ByteSpan bytes = AsBytes(reader.GetText(kMaxRecordBytes));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

absl::StatusOr<std::shared_ptr<const job::JobSpec>> ParseForSite(ByteSpan file,
                                                                 std::string_view name) {
  CN_ASSIGN_OR_RETURN(job::JobSpec spec, job::ParseJob(file, name));
  return std::make_shared<const job::JobSpec>(std::move(spec));
}

absl::StatusOr<std::shared_ptr<const job::JobSpec>> ReadNotice(const wire::JobNotice& notice,
                                                               const JobParser& parse) {
  if (notice.file.size() > wire::kMaxJobFileBytes) {
    return Error(ErrorCode::kMessageTooLarge,
                 fmt::format("the job file has {} bytes, want at most {}", notice.file.size(),
                             wire::kMaxJobFileBytes));
  }
  const JobId id = wire::JobIdOf(notice.envelope, crypto::Sha256Of(notice.file));
  if (id != notice.job) {
    return Error(ErrorCode::kProtocol, fmt::format("the notice names job {}, its bytes are job {}",
                                                   notice.job.value(), id.value()));
  }
  CN_RETURN_IF_ERROR(wire::DecodeEnvelope(notice.envelope).status());
  return parse(notice.file, "job.toml");
}

JobTable::JobTable(std::string folder, Storage& storage, size_t max_jobs)
    : folder_(std::move(folder)), storage_(storage), max_jobs_(max_jobs) {}

std::string JobTable::PathOf(const JobId& job) const {
  return fmt::format("{}/{}{}", folder_, job.value(), kEnding);
}

absl::Status JobTable::Load() {
  CN_RETURN_IF_ERROR(storage_.CreateFolder(folder_));
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(folder_));
  for (const std::string& name : names) {
    const std::string path = folder_ + "/" + name;
    CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadWhole(storage_, path, kMaxRecordBytes));
    ByteReader reader(bytes);
    KnownJob known;
    known.training_rows = reader.Get<uint64_t>();
    known.researcher = reader.GetText(wire::kMaxTextBytes);
    wire::JobNotice notice{
        JobId(name.substr(0, name.size() - std::min(name.size(), kEnding.size()))),
        known.researcher, GetBytes(reader), GetBytes(reader)};
    auto spec = ReadNotice(notice);
    if (!reader.done() || !spec.ok()) {
      CN_RETURN_IF_ERROR(storage_.Remove(path));
      continue;
    }
    known.spec = *std::move(spec);
    if (const JobId gone = Insert(notice.job, std::move(known)); !gone.empty()) {
      CN_RETURN_IF_ERROR(storage_.Remove(PathOf(gone)));
    }
  }
  return absl::OkStatus();
}

JobId JobTable::Insert(const JobId& job, KnownJob known) {
  MutexLock lock(mutex_);
  jobs_[job] = {std::make_shared<const KnownJob>(std::move(known)), ++uses_};
  if (jobs_.size() <= max_jobs_) return JobId();
  const auto oldest =
      std::ranges::min_element(jobs_, {}, [](const auto& entry) { return entry.second.used; });
  const JobId gone = oldest->first;
  jobs_.erase(oldest);
  return gone;
}

std::shared_ptr<const KnownJob> JobTable::Find(const JobId& job) {
  MutexLock lock(mutex_);
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return nullptr;
  found->second.used = ++uses_;
  return found->second.job;
}

absl::Status JobTable::Add(const wire::JobNotice& notice, KnownJob known) {
  const Bytes record = Encode(notice, known.training_rows);
  const JobId gone = Insert(notice.job, std::move(known));
  CN_RETURN_IF_ERROR(WriteDurably(storage_, PathOf(notice.job), record));
  CN_CRASH_POINT("job.kept");
  return gone.empty() ? absl::OkStatus() : storage_.Remove(PathOf(gone));
}

absl::Status JobTable::Remove(const JobId& job) {
  {
    MutexLock lock(mutex_);
    if (jobs_.erase(job) == 0) return absl::OkStatus();
  }
  CN_RETURN_IF_ERROR(storage_.Remove(PathOf(job)));
  CN_CRASH_POINT("job.forgotten");
  return absl::OkStatus();
}

}  // namespace consilium::client::session
