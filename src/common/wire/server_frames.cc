// What the server says on an Attend stream.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/wire/envelope.h"
#include "common/wire/field_check.h"
#include "common/wire/messages_proto.h"
#include "common/wire/state_file.h"

namespace consilium::wire {
namespace {

uint64_t MillisOf(Duration duration) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return static_cast<uint64_t>(std::max<int64_t>(0, millis));
}

// ---- to Protobuf: one overload per alternative of ServerMessage

void Fill(v1::ServerFrame& frame, const JobNotice& message) {
  v1::JobNotice& proto = *frame.mutable_job();
  proto.set_job_id(message.job.value());
  proto.set_researcher(TextForProto(message.researcher));
  proto.set_envelope(std::string(AsText(message.envelope)));
  proto.set_file(std::string(AsText(message.file)));
}

void Fill(v1::ServerFrame& frame, const TaskOffer& message) {
  v1::TaskOffer& proto = *frame.mutable_offer();
  proto.set_job_id(message.job.value());
  proto.set_step(message.step.value());
  proto.set_workload(ToProto(message.workload));
  proto.set_round(message.round.value());
  proto.set_state(DigestBytes(message.state));
  proto.set_time_left_ms(MillisOf(message.time_left));
  proto.set_progress_lease_ms(MillisOf(message.progress_lease));
  if (message.cohort != nullptr) {
    for (const SiteId& site : *message.cohort) proto.add_cohort(site.value());
  }
  if (message.inline_state == nullptr) return;
  const auto& [manifest, broadcast] = *message.inline_state;
  proto.mutable_inline_state()->set_manifest(manifest.data(), manifest.size());
  proto.mutable_inline_state()->set_broadcast(broadcast.data(), broadcast.size());
}

void Fill(v1::ServerFrame& frame, const CancelTask& message) {
  v1::CancelTask& proto = *frame.mutable_cancel();
  proto.set_job_id(message.job.value());
  proto.set_step(message.step.value());
  proto.set_reason(TextForProto(message.reason));
}

void Fill(v1::ServerFrame& frame, const Outcome& message) {
  v1::Outcome& proto = *frame.mutable_outcome();
  proto.set_job_id(message.job.value());
  proto.set_step(message.step.value());
  proto.set_kind(ToProto(message.kind));
  proto.set_reason(TextForProto(message.reason));
}

void Fill(v1::ServerFrame& frame, const JobEnded& message) {
  v1::JobEnded& proto = *frame.mutable_ended();
  proto.set_job_id(message.job.value());
  proto.set_result(TextForProto(message.result));
}

// ---- from Protobuf: one overload per message

Welcome Read(FieldCheck& check, const v1::Welcome& proto) {
  Welcome welcome{Epoch(proto.epoch()),
                  check.Text("version", proto.version()),
                  check.Text("federation", proto.federation()),
                  {}};
  check.AtMost("capabilities", static_cast<size_t>(proto.capabilities_size()), kMaxCapabilities);
  if (!check.status().ok()) return welcome;
  for (const std::string& capability : proto.capabilities()) {
    welcome.capabilities.push_back(check.Text("capabilities", capability));
  }
  return welcome;
}

JobNotice Read(FieldCheck& check, const v1::JobNotice& proto) {
  return {check.Job(proto.job_id()), check.Text("researcher", proto.researcher()),
          check.Blob("envelope", proto.envelope(), kMaxEnvelopeBytes),
          check.Blob("file", proto.file(), kMaxJobFileBytes)};
}

TaskOffer Read(FieldCheck& check, const v1::TaskOffer& proto) {
  TaskOffer offer;
  offer.job = check.Job(proto.job_id());
  offer.step = check.Step(proto.step());
  check.Enum(
      "workload", proto.workload(),
      v1::Workload_IsValid(proto.workload()) && proto.workload() != v1::WORKLOAD_UNSPECIFIED);
  offer.workload = static_cast<Workload>(proto.workload());
  offer.round = RoundNumber(proto.round());
  offer.state = check.Sha256("state", proto.state());
  offer.time_left = check.Millis("time_left_ms", proto.time_left_ms());
  offer.progress_lease = check.Millis("progress_lease_ms", proto.progress_lease_ms());
  check.AtMost("cohort", static_cast<size_t>(proto.cohort_size()), kMaxCohort);
  if (!check.status().ok()) return offer;
  std::vector<SiteId> cohort;
  cohort.reserve(static_cast<size_t>(proto.cohort_size()));
  for (const std::string& site : proto.cohort()) cohort.push_back(check.Site("cohort", site));
  offer.cohort = std::make_shared<const std::vector<SiteId>>(std::move(cohort));
  if (proto.has_inline_state()) {
    const v1::InlineState& state = proto.inline_state();
    offer.inline_state = std::make_shared<const InlineState>(
        InlineState{check.Blob("inline_state.manifest", state.manifest(), kManifestBytes),
                    check.Blob("inline_state.broadcast", state.broadcast(), kMaxInlineStateBytes)});
  }
  return offer;
}

CancelTask Read(FieldCheck& check, const v1::CancelTask& proto) {
  return {check.Job(proto.job_id()), check.Step(proto.step()),
          check.Text("reason", proto.reason())};
}

Outcome Read(FieldCheck& check, const v1::Outcome& proto) {
  check.Enum("kind", proto.kind(),
             v1::OutcomeKind_IsValid(proto.kind()) && proto.kind() != v1::OUTCOME_KIND_UNSPECIFIED);
  return {check.Job(proto.job_id()), check.Step(proto.step()),
          static_cast<OutcomeKind>(proto.kind()), check.Text("reason", proto.reason())};
}

JobEnded Read(FieldCheck& check, const v1::JobEnded& proto) {
  return {check.Job(proto.job_id()), check.Text("result", proto.result())};
}

UpdateReply Read(FieldCheck& check, const v1::UpdateReply& proto) {
  UpdateReply reply;
  reply.job = check.Job(proto.job_id());
  reply.step = check.Step(proto.step());
  reply.digest = check.Sha256("digest", proto.digest());
  reply.accepted = proto.has_receipt();
  reply.key_id = proto.receipt().key_id();
  check.AtMost("key_id", reply.key_id.size(), kMaxKeyIdBytes);
  reply.signature = check.Blob("signature", proto.receipt().signature(), kMaxReceiptSignatureBytes);
  return reply;
}

template <typename Proto>
absl::StatusOr<FromServer> CheckedFromServer(std::string_view name, const Proto& proto) {
  FieldCheck check(name);
  auto message = Read(check, proto);
  CN_RETURN_IF_ERROR(check.status());
  if constexpr (std::is_same_v<Proto, v1::Welcome> || std::is_same_v<Proto, v1::UpdateReply>) {
    return FromServer(std::move(message));
  } else {
    return FromServer(ServerMessage(std::move(message)));
  }
}

}  // namespace

v1::ServerFrame ToProto(const Welcome& welcome) {
  v1::ServerFrame frame;
  v1::Welcome& proto = *frame.mutable_welcome();
  proto.set_epoch(welcome.epoch.value());
  proto.set_version(TextForProto(welcome.version));
  proto.set_federation(TextForProto(welcome.federation));
  for (const std::string& capability : welcome.capabilities) {
    proto.add_capabilities(TextForProto(capability));
  }
  return frame;
}

v1::ServerFrame ToProto(const UpdateReply& reply) {
  v1::ServerFrame frame;
  v1::UpdateReply& proto = *frame.mutable_update_reply();
  proto.set_job_id(reply.job.value());
  proto.set_step(reply.step.value());
  proto.set_digest(DigestBytes(reply.digest));
  if (!reply.accepted) return frame;
  v1::Receipt& receipt = *proto.mutable_receipt();
  receipt.set_job_id(reply.job.value());
  receipt.set_step(reply.step.value());
  receipt.set_digest(DigestBytes(reply.digest));
  receipt.set_key_id(reply.key_id);
  receipt.set_signature(std::string(AsText(reply.signature)));
  return frame;
}

v1::ServerFrame ToProto(const ServerMessage& message) {
  v1::ServerFrame frame;
  std::visit([&](const auto& alternative) { Fill(frame, alternative); }, message);
  return frame;
}

absl::StatusOr<FromServer> FromProto(const v1::ServerFrame& frame) {
  switch (frame.kind_case()) {
    case v1::ServerFrame::kWelcome:
      return CheckedFromServer("Welcome", frame.welcome());
    case v1::ServerFrame::kJob:
      return CheckedFromServer("JobNotice", frame.job());
    case v1::ServerFrame::kOffer:
      return CheckedFromServer("TaskOffer", frame.offer());
    case v1::ServerFrame::kCancel:
      return CheckedFromServer("CancelTask", frame.cancel());
    case v1::ServerFrame::kOutcome:
      return CheckedFromServer("Outcome", frame.outcome());
    case v1::ServerFrame::kEnded:
      return CheckedFromServer("JobEnded", frame.ended());
    case v1::ServerFrame::kUpdateReply:
      return CheckedFromServer("UpdateReply", frame.update_reply());
    case v1::ServerFrame::KIND_NOT_SET:
      break;
  }
  return FromServer(std::monostate());
}

}  // namespace consilium::wire
