// What travels outside frames, and the small conversions that frames share.
#include "common/wire/messages_proto.h"

#include "common/base/status_macros.h"
#include "common/wire/field_check.h"

namespace consilium::wire {
namespace {

// The length of the UTF-8 sequence that `text` begins with; 0 when it begins with none.
// Table 3-7 of the Unicode standard, version 15.
size_t SequenceLength(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto follows = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned first = at(0);
  const unsigned second = at(1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !follows(1)) return 0;
  if (first < 0xe0) return 2;
  if (!follows(2)) return 0;
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second > 0x9f) return 0;
  if (first < 0xf0) return 3;
  if (!follows(3)) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return 4;
}

}  // namespace

v1::Workload ToProto(Workload workload) { return static_cast<v1::Workload>(workload); }
v1::Verdict ToProto(Verdict verdict) { return static_cast<v1::Verdict>(verdict); }
v1::OutcomeKind ToProto(OutcomeKind outcome) { return static_cast<v1::OutcomeKind>(outcome); }

static_assert(static_cast<int>(Workload::kMeans) == v1::WORKLOAD_MEANS &&
              static_cast<int>(Workload::kVariances) == v1::WORKLOAD_VARIANCES &&
              static_cast<int>(Workload::kTrain) == v1::WORKLOAD_TRAIN &&
              static_cast<int>(Workload::kEvaluate) == v1::WORKLOAD_EVALUATE);
static_assert(static_cast<int>(Verdict::kAdmitted) == v1::VERDICT_ADMITTED &&
              static_cast<int>(Verdict::kPending) == v1::VERDICT_PENDING &&
              static_cast<int>(Verdict::kRefused) == v1::VERDICT_REFUSED);
static_assert(static_cast<int>(OutcomeKind::kCounted) == v1::OUTCOME_KIND_COUNTED &&
              static_cast<int>(OutcomeKind::kLateDropped) == v1::OUTCOME_KIND_LATE_DROPPED &&
              static_cast<int>(OutcomeKind::kLateCarried) == v1::OUTCOME_KIND_LATE_CARRIED &&
              static_cast<int>(OutcomeKind::kRefused) == v1::OUTCOME_KIND_REFUSED &&
              static_cast<int>(OutcomeKind::kFailed) == v1::OUTCOME_KIND_FAILED &&
              static_cast<int>(OutcomeKind::kRoundFailed) == v1::OUTCOME_KIND_ROUND_FAILED);

std::string DigestBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

absl::StatusOr<Digest> DigestFromBytes(std::string_view bytes, std::string_view field) {
  FieldCheck check("message");
  const Digest digest = check.Sha256(field, bytes);
  CN_RETURN_IF_ERROR(check.status());
  return digest;
}

std::string TextForProto(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (out.size() + (length == 0 ? 1 : length) > kMaxTextBytes) break;
    if (length == 0) {
      out.push_back('?');
      text.remove_prefix(1);
    } else {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return out;
}

v1::FetchRequest ToProto(const FetchRequest& request) {
  v1::FetchRequest proto;
  proto.set_epoch(request.epoch.value());
  proto.set_digest(DigestBytes(request.digest));
  proto.set_offset(request.offset);
  return proto;
}

absl::StatusOr<FetchRequest> FromProto(const v1::FetchRequest& request) {
  FieldCheck check("FetchRequest");
  const FetchRequest value{Epoch(request.epoch()), check.Sha256("digest", request.digest()),
                           request.offset()};
  CN_RETURN_IF_ERROR(check.status());
  return value;
}

v1::SubmitReply ToProto(const SubmitReply& reply) {
  v1::SubmitReply proto;
  proto.set_written(reply.written);
  proto.set_send_until(reply.send_until);
  if (reply.receipt.has_value()) {
    v1::Receipt& receipt = *proto.mutable_receipt();
    receipt.set_job_id(reply.receipt->key.job.value());
    receipt.set_step(reply.receipt->key.step.value());
    receipt.set_digest(DigestBytes(reply.receipt->digest));
    receipt.set_key_id(reply.receipt->key_id);
    receipt.set_signature(std::string(AsText(reply.receipt->signature)));
  }
  return proto;
}

absl::StatusOr<SubmitReply> FromProto(const v1::SubmitReply& reply, const SiteId& site) {
  SubmitReply value;
  value.written = reply.written();
  value.send_until = reply.send_until();
  if (!reply.has_receipt()) return value;
  FieldCheck check("Receipt");
  Receipt receipt;
  receipt.key = {check.Job(reply.receipt().job_id()), check.Step(reply.receipt().step()), site};
  receipt.digest = check.Sha256("digest", reply.receipt().digest());
  receipt.key_id = reply.receipt().key_id();
  check.AtMost("key_id", receipt.key_id.size(), kMaxKeyIdBytes);
  receipt.signature =
      check.Blob("signature", reply.receipt().signature(), kMaxReceiptSignatureBytes);
  CN_RETURN_IF_ERROR(check.status());
  value.receipt = std::move(receipt);
  return value;
}

}  // namespace consilium::wire
