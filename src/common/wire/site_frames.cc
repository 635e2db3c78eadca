// What a site says on its Attend stream.
#include <utility>

#include "common/base/status_macros.h"
#include "common/wire/field_check.h"
#include "common/wire/messages_proto.h"

namespace consilium::wire {
namespace {

// ---- to Protobuf: one overload per alternative of SiteMessage

template <typename Proto, typename Message>
void SetTask(Proto& proto, const Message& message) {
  proto.set_job_id(message.job.value());
  proto.set_step(message.step.value());
}

void Fill(v1::SiteFrame& frame, const AdmissionReply& message) {
  v1::AdmissionReply& proto = *frame.mutable_admission();
  proto.set_job_id(message.job.value());
  proto.set_verdict(ToProto(message.verdict));
  proto.set_rule(TextForProto(message.rule));
  proto.set_message(TextForProto(message.message));
}

void Fill(v1::SiteFrame& frame, const TaskAccepted& message) {
  SetTask(*frame.mutable_accepted(), message);
}

void Fill(v1::SiteFrame& frame, const TaskRefused& message) {
  v1::TaskRefused& proto = *frame.mutable_refused();
  SetTask(proto, message);
  proto.set_rule(TextForProto(message.rule));
  proto.set_message(TextForProto(message.message));
}

void Fill(v1::SiteFrame& frame, const TaskProgress& message) {
  v1::TaskProgress& proto = *frame.mutable_progress();
  SetTask(proto, message);
  proto.set_phase(TextForProto(message.phase));
  proto.set_done(message.done);
  proto.set_total(message.total);
}

void Fill(v1::SiteFrame& frame, const TaskFailed& message) {
  v1::TaskFailed& proto = *frame.mutable_failed();
  SetTask(proto, message);
  proto.set_code(TextForProto(message.code));
  proto.set_message(TextForProto(message.message));
}

void Fill(v1::SiteFrame& frame, const OutcomeAck& message) {
  SetTask(*frame.mutable_outcome_ack(), message);
}

// ---- from Protobuf: one overload per message

Hello Read(FieldCheck& check, const v1::Hello& proto) {
  Hello hello;
  hello.protocol = proto.protocol();
  hello.version = check.Text("version", proto.version());
  check.AtMost("capabilities", static_cast<size_t>(proto.capabilities_size()), kMaxCapabilities);
  check.AtMost("datasets", static_cast<size_t>(proto.datasets_size()), kMaxDatasets);
  check.AtMost("held", static_cast<size_t>(proto.held_size()), kMaxHeldUpdates);
  if (!check.status().ok()) return hello;
  for (const std::string& capability : proto.capabilities()) {
    hello.capabilities.push_back(check.Text("capabilities", capability));
  }
  for (const std::string& dataset : proto.datasets()) {
    hello.datasets.push_back(check.Name("datasets", dataset));
  }
  hello.store_id = check.Text("store_id", proto.store_id());
  for (const v1::HeldUpdate& held : proto.held()) {
    hello.held.push_back({check.Job(held.job_id()), check.Step(held.step()),
                          check.Sha256("held.digest", held.digest())});
  }
  hello.process = proto.process();
  return hello;
}

AdmissionReply Read(FieldCheck& check, const v1::AdmissionReply& proto) {
  check.Enum("verdict", proto.verdict(),
             v1::Verdict_IsValid(proto.verdict()) && proto.verdict() != v1::VERDICT_UNSPECIFIED);
  return {check.Job(proto.job_id()), static_cast<Verdict>(proto.verdict()),
          check.Text("rule", proto.rule()), check.Text("message", proto.message())};
}

TaskAccepted Read(FieldCheck& check, const v1::TaskAccepted& proto) {
  return {check.Job(proto.job_id()), check.Step(proto.step())};
}

TaskRefused Read(FieldCheck& check, const v1::TaskRefused& proto) {
  return {check.Job(proto.job_id()), check.Step(proto.step()), check.Text("rule", proto.rule()),
          check.Text("message", proto.message())};
}

TaskProgress Read(FieldCheck& check, const v1::TaskProgress& proto) {
  return {check.Job(proto.job_id()), check.Step(proto.step()), check.Text("phase", proto.phase()),
          proto.done(), proto.total()};
}

TaskFailed Read(FieldCheck& check, const v1::TaskFailed& proto) {
  return {check.Job(proto.job_id()), check.Step(proto.step()), check.Text("code", proto.code()),
          check.Text("message", proto.message())};
}

OutcomeAck Read(FieldCheck& check, const v1::OutcomeAck& proto) {
  return {check.Job(proto.job_id()), check.Step(proto.step())};
}

StreamedUpdate Read(FieldCheck& check, const v1::StreamedUpdate& proto) {
  return {check.Job(proto.job_id()), check.Step(proto.step()),
          check.Sha256("digest", proto.digest()),
          check.Blob("file", proto.file(), kMaxStreamedUpdateBytes)};
}

template <typename Proto>
absl::StatusOr<FromSite> CheckedFromSite(std::string_view name, const Proto& proto) {
  FieldCheck check(name);
  auto message = Read(check, proto);
  CN_RETURN_IF_ERROR(check.status());
  if constexpr (std::is_same_v<Proto, v1::Hello> || std::is_same_v<Proto, v1::StreamedUpdate>) {
    return FromSite(std::move(message));
  } else {
    return FromSite(SiteMessage(std::move(message)));
  }
}

}  // namespace

v1::SiteFrame ToProto(const Hello& hello) {
  v1::SiteFrame frame;
  v1::Hello& proto = *frame.mutable_hello();
  proto.set_protocol(hello.protocol);
  proto.set_version(TextForProto(hello.version));
  for (const std::string& capability : hello.capabilities) {
    proto.add_capabilities(TextForProto(capability));
  }
  for (const std::string& dataset : hello.datasets) proto.add_datasets(TextForProto(dataset));
  proto.set_store_id(TextForProto(hello.store_id));
  for (const HeldUpdate& held : hello.held) {
    v1::HeldUpdate& update = *proto.add_held();
    SetTask(update, held);
    update.set_digest(DigestBytes(held.digest));
  }
  proto.set_process(hello.process);
  return frame;
}

v1::SiteFrame ToProto(const SiteMessage& message) {
  v1::SiteFrame frame;
  std::visit([&](const auto& alternative) { Fill(frame, alternative); }, message);
  return frame;
}

v1::SiteFrame ToProto(const StreamedUpdate& update) {
  v1::SiteFrame frame;
  v1::StreamedUpdate& proto = *frame.mutable_update();
  SetTask(proto, update);
  proto.set_digest(DigestBytes(update.digest));
  proto.set_file(update.file.data(), update.file.size());
  return frame;
}

absl::StatusOr<FromSite> FromProto(const v1::SiteFrame& frame) {
  switch (frame.kind_case()) {
    case v1::SiteFrame::kHello:
      return CheckedFromSite("Hello", frame.hello());
    case v1::SiteFrame::kAdmission:
      return CheckedFromSite("AdmissionReply", frame.admission());
    case v1::SiteFrame::kAccepted:
      return CheckedFromSite("TaskAccepted", frame.accepted());
    case v1::SiteFrame::kRefused:
      return CheckedFromSite("TaskRefused", frame.refused());
    case v1::SiteFrame::kProgress:
      return CheckedFromSite("TaskProgress", frame.progress());
    case v1::SiteFrame::kFailed:
      return CheckedFromSite("TaskFailed", frame.failed());
    case v1::SiteFrame::kOutcomeAck:
      return CheckedFromSite("OutcomeAck", frame.outcome_ack());
    case v1::SiteFrame::kUpdate:
      return CheckedFromSite("StreamedUpdate", frame.update());
    case v1::SiteFrame::KIND_NOT_SET:
      break;
  }
  return FromSite(std::monostate());
}

}  // namespace consilium::wire
