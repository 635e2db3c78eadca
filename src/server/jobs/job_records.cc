#include "server/jobs/job_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/base/error.h"
#include "common/wire/envelope.h"
#include "server/jobs/step_codec.h"

namespace consilium::server::jobs {
namespace {

// The version of UpdateAccepted and StepClosed from which they name training kernels.
constexpr uint16_t kWithKernels = 2;
// The version of StepClosed from which it names late updates.
constexpr uint16_t kWithLate = 3;
// The version of StepClosed from which its metrics may have a deviance; from 4 they may be more
// than accuracy and AUC. Their bytes say which there are: older ones read the same.
constexpr uint16_t kWithDeviance = 5;
// The version of StepClosed from which they may be of personal models too. Likewise.
constexpr uint16_t kWithPersonalMetrics = kWithDeviance + 1;

// The version of SiteEpoch from which it names the client's process.
constexpr uint16_t kWithProcess = 2;

template <typename Record>
constexpr uint16_t kNewest = 1;
template <>
constexpr uint16_t kNewest<UpdateAccepted> = kWithKernels;
template <>
constexpr uint16_t kNewest<StepClosed> = kWithPersonalMetrics;
template <>
constexpr uint16_t kNewest<SiteEpoch> = kWithProcess;

void Write(ByteWriter& out, const JobSubmitted& r) {
  PutName(out, r.job);
  PutCut(out, r.researcher, kMaxRecordTextBytes);
  out.Put(r.utc);
  out.PutText(AsText(r.envelope));
  out.PutText(AsText(r.file));
}
void Read(ByteReader& in, JobSubmitted& r) {
  GetName(in, r.job);
  r.researcher = in.GetText(kMaxRecordTextBytes);
  r.utc = in.Get<UtcMillis>();
  const ByteSpan envelope = AsBytes(in.GetText(wire::kMaxEnvelopeBytes));
  r.envelope.assign(envelope.begin(), envelope.end());
  const ByteSpan file = AsBytes(in.GetText(wire::kMaxJobFileBytes));
  r.file.assign(file.begin(), file.end());
}

void Write(ByteWriter& out, const CancelRequested& r) {
  PutName(out, r.job);
  PutCut(out, r.who, kMaxRecordTextBytes);
  out.Put(r.utc);
}
void Read(ByteReader& in, CancelRequested& r) {
  GetName(in, r.job);
  r.who = in.GetText(kMaxRecordTextBytes);
  r.utc = in.Get<UtcMillis>();
}

void Write(ByteWriter& out, const JobEnded& r) {
  PutName(out, r.job);
  out.Put(static_cast<uint8_t>(r.status));
  PutCut(out, r.reason, kMaxRecordTextBytes);
  out.Put(r.utc);
}
void Read(ByteReader& in, JobEnded& r) {
  GetName(in, r.job);
  GetEnum(in, r.status, JobStatus::kQueued, JobStatus::kCancelled);
  r.reason = in.GetText(kMaxRecordTextBytes);
  r.utc = in.Get<UtcMillis>();
}

void Write(ByteWriter& out, const SiteEpoch& r) {
  PutName(out, r.site);
  out.Put(r.epoch.value());
  PutCut(out, r.store_id, wire::kMaxTextBytes);
  out.Put(r.process);
}
void Read(ByteReader& in, SiteEpoch& r, uint16_t version) {
  GetName(in, r.site);
  r.epoch = Epoch(in.Get<uint64_t>());
  r.store_id = in.GetText(wire::kMaxTextBytes);
  if (version >= kWithProcess) r.process = in.Get<uint64_t>();
}

void Write(ByteWriter& out, const Admission& r) {
  PutName(out, r.job);
  PutName(out, r.answer.site);
  out.Put(static_cast<uint8_t>(r.answer.verdict));
  PutCut(out, r.answer.rule, wire::kMaxTextBytes);
  PutCut(out, r.answer.message, wire::kMaxTextBytes);
}
void Read(ByteReader& in, Admission& r) {
  GetName(in, r.job);
  GetName(in, r.answer.site);
  GetEnum(in, r.answer.verdict, wire::Verdict::kAdmitted, wire::Verdict::kRefused);
  r.answer.rule = in.GetText(wire::kMaxTextBytes);
  r.answer.message = in.GetText(wire::kMaxTextBytes);
}

void Write(ByteWriter& out, const StepOpened& r) {
  PutName(out, r.job);
  out.Put(r.step.value());
  out.Put(static_cast<uint8_t>(r.workload));
  out.Put(r.round.value());
  PutDigest(out, r.base_state);
  out.Put(static_cast<int64_t>(r.deadline.count()));
  out.Put(static_cast<uint32_t>(r.selected.size()));
  for (const SiteId& site : r.selected) PutName(out, site);
}
void Read(ByteReader& in, StepOpened& r) {
  GetName(in, r.job);
  r.step = StepNumber(in.Get<uint64_t>());
  GetEnum(in, r.workload, wire::Workload::kMeans, wire::Workload::kEvaluate);
  r.round = RoundNumber(in.Get<uint64_t>());
  r.base_state = GetDigest(in);
  r.deadline = Duration(in.Get<int64_t>());
  const size_t count = GetCount(in, wire::kMaxCohort);
  for (size_t i = 0; i < count && in.ok(); ++i) GetName(in, r.selected.emplace_back());
}

void Write(ByteWriter& out, const UpdateAccepted& r) {
  PutName(out, r.key.job);
  out.Put(r.key.step.value());
  PutName(out, r.key.site);
  PutDigest(out, r.digest);
  out.Put(r.weight);
  out.Put(r.bytes);
  PutCut(out, r.kernel, kMaxNameBytes);
}
void Read(ByteReader& in, UpdateAccepted& r, uint16_t version) {
  GetName(in, r.key.job);
  r.key.step = StepNumber(in.Get<uint64_t>());
  GetName(in, r.key.site);
  r.digest = GetDigest(in);
  r.weight = in.Get<uint32_t>();
  r.bytes = in.Get<uint64_t>();
  if (version >= kWithKernels) r.kernel = in.GetText(kMaxNameBytes);
}

void Write(ByteWriter& out, const StepClosed& r) {
  PutName(out, r.job);
  PutStep(out, r.report);
}
void Read(ByteReader& in, StepClosed& r, uint16_t version) {
  GetName(in, r.job);
  r.report = GetStep(in, version >= kWithLate      ? StepFields::kWithLate
                         : version >= kWithKernels ? StepFields::kWithKernels
                                                   : StepFields::kFirst);
}

void Write(ByteWriter& out, const StepCommitted& r) {
  PutName(out, r.job);
  out.Put(r.step.value());
  PutDigest(out, r.state);
  PutDigest(out, r.accumulator);
}
void Read(ByteReader& in, StepCommitted& r) {
  GetName(in, r.job);
  r.step = StepNumber(in.Get<uint64_t>());
  r.state = GetDigest(in);
  r.accumulator = GetDigest(in);
}

void Write(ByteWriter& out, const StepFailed& r) {
  PutName(out, r.job);
  out.Put(r.step.value());
  PutCut(out, r.reason, kMaxRecordTextBytes);
}
void Read(ByteReader& in, StepFailed& r) {
  GetName(in, r.job);
  r.step = StepNumber(in.Get<uint64_t>());
  r.reason = in.GetText(kMaxRecordTextBytes);
}

void Write(ByteWriter& out, const JobForgotten& r) {
  PutName(out, r.job);
  out.Put(r.utc);
}
void Read(ByteReader& in, JobForgotten& r) {
  GetName(in, r.job);
  r.utc = in.Get<UtcMillis>();
}

void Write(ByteWriter& out, const SetbackNoted& r) {
  PutName(out, r.job);
  out.Put(static_cast<uint8_t>(r.setback.what));
  PutName(out, r.setback.site);
  out.Put(r.setback.utc);
  out.Put(r.setback.step.value());
  out.Put(static_cast<uint8_t>(r.setback.workload));
  out.Put(r.setback.round.value());
  out.Put(r.setback.accepted);
  out.Put(r.setback.selected);
}
void Read(ByteReader& in, SetbackNoted& r) {
  GetName(in, r.job);
  GetEnum(in, r.setback.what, Setback::kServerRestarted, Setback::kSiteReconnected);
  GetName(in, r.setback.site);
  r.setback.utc = in.Get<UtcMillis>();
  r.setback.step = StepNumber(in.Get<uint64_t>());
  GetEnum(in, r.setback.workload, wire::Workload::kMeans, wire::Workload::kEvaluate);
  r.setback.round = RoundNumber(in.Get<uint64_t>());
  r.setback.accepted = in.Get<uint32_t>();
  r.setback.selected = in.Get<uint32_t>();
}

// nullopt: a newer version.
template <typename Record>
std::optional<absl::StatusOr<JobRecord>> ReadAll(uint16_t kind, uint16_t version,
                                                 ByteSpan payload) {
  if (version == 0 || version > kNewest<Record>) return std::nullopt;
  ByteReader in(payload);
  Record record;
  if constexpr (kNewest<Record> > 1) {
    Read(in, record, version);
  } else {
    Read(in, record);
  }
  if (!in.done()) {
    return Error(ErrorCode::kJournalCorrupt,
                 fmt::format("a record of kind {} is malformed ({} bytes)", kind, payload.size()));
  }
  return record;
}

}  // namespace

uint16_t KindOf(const JobRecord& record) { return static_cast<uint16_t>(record.index() + 1); }

uint16_t VersionOf(const JobRecord& record) {
  return std::visit([](const auto& r) { return kNewest<std::decay_t<decltype(r)>>; }, record);
}

std::optional<JobId> JobOf(const JobRecord& record) {
  if (const auto* accepted = std::get_if<UpdateAccepted>(&record)) return accepted->key.job;
  return std::visit(
      [](const auto& r) -> std::optional<JobId> {
        if constexpr (requires { r.job; }) {
          return r.job;
        } else {
          return std::nullopt;
        }
      },
      record);
}

Bytes Encode(const JobRecord& record) {
  Bytes bytes;
  ByteWriter out(bytes);
  std::visit([&out](const auto& r) { Write(out, r); }, record);
  return bytes;
}

absl::StatusOr<JobRecord> Decode(uint16_t kind, uint16_t version, ByteSpan payload) {
  std::optional<absl::StatusOr<JobRecord>> record;
  // Kinds count from 1 in the order of JobRecord's alternatives.
  const auto read = [&]<size_t... Index>(std::index_sequence<Index...>) {
    ((kind == Index + 1 ? void(record = ReadAll<std::variant_alternative_t<Index, JobRecord>>(
                                   kind, version, payload))
                        : void()),
     ...);
  };
  read(std::make_index_sequence<std::variant_size_v<JobRecord>>());
  if (record) return *std::move(record);
  return Error(
      ErrorCode::kFormatVersion,
      fmt::format("a journal record of kind {} version {} is not known here", kind, version),
      "A newer consilium-server wrote it: start that version or a later one.");
}

}  // namespace consilium::server::jobs
