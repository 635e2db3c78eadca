#include "common/wire/envelope.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/wire/format.h"

namespace consilium::wire {
namespace {

using std::string_view_literals::operator""sv;

constexpr Format kEnvelopeFormat{"CNENVEL\0"sv, 1, "a job's envelope", ErrorCode::kProtocol};
constexpr std::string_view kJobIdTag = "consilium-job-v1";
constexpr size_t kJobIdDigits = 16;

Bytes CopyOf(std::string_view text) {
  const ByteSpan bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

bool IsFederationName(std::string_view name) {
  return name.size() <= kMaxFederationBytes &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c <= 0x7e; });
}

bool IsWithinBounds(const Envelope& envelope) {
  return IsFederationName(envelope.federation) &&
         envelope.signer_chain.size() <= kMaxSignerChainBytes &&
         envelope.signature.size() <= kMaxSignatureBytes;
}

}  // namespace

Bytes EncodeEnvelope(const Envelope& envelope) {
  CN_CHECK(IsWithinBounds(envelope));
  Bytes out;
  ByteWriter writer(out);
  PutPrelude(writer, kEnvelopeFormat);
  writer.PutText(envelope.federation);
  writer.PutBytes(envelope.nonce);
  writer.Put(envelope.not_before);
  writer.Put(envelope.expiry);
  writer.PutText(AsText(envelope.signer_chain));
  writer.PutText(AsText(envelope.signature));
  return out;
}

absl::StatusOr<Envelope> DecodeEnvelope(ByteSpan bytes) {
  ByteReader reader(bytes);
  CN_RETURN_IF_ERROR(CheckPrelude(reader, kEnvelopeFormat));
  Envelope envelope;
  envelope.federation = std::string(reader.GetText(kMaxFederationBytes));
  const ByteSpan nonce = reader.GetBytes(envelope.nonce.size());
  std::copy(nonce.begin(), nonce.end(), envelope.nonce.begin());
  envelope.not_before = reader.Get<UtcMillis>();
  envelope.expiry = reader.Get<UtcMillis>();
  envelope.signer_chain = CopyOf(reader.GetText(kMaxSignerChainBytes));
  envelope.signature = CopyOf(reader.GetText(kMaxSignatureBytes));
  if (!reader.ok())
    return Malformed(kEnvelopeFormat, "it is too short, or one of its fields too long");
  if (!reader.done()) return Malformed(kEnvelopeFormat, "bytes follow its signature");
  if (!IsFederationName(envelope.federation)) {
    return Malformed(kEnvelopeFormat, "its federation is not printable ASCII");
  }
  return envelope;
}

JobId JobIdOf(ByteSpan envelope, const Digest& job_digest) {
  crypto::Sha256 hash;
  hash.Update(AsBytes(kJobIdTag));
  hash.Update(envelope);
  hash.Update(std::as_bytes(std::span(job_digest.bytes)));
  return JobId(HexOf(hash.Current()).substr(0, kJobIdDigits));
}

}  // namespace consilium::wire
