// The envelope of a job: what a signature will cover beside the job file's own bytes.
//
// docs/formats/envelope.md. JobDigest = SHA-256(file); JobId = the first 16 hex digits of
// SHA-256("consilium-job-v1" || envelope || JobDigest), so a repeated submit of one envelope is one
// job. Times here are absolute UTC (5 minutes of skew are allowed).
#ifndef CONSILIUM_COMMON_WIRE_ENVELOPE_H_
#define CONSILIUM_COMMON_WIRE_ENVELOPE_H_

#include <array>
#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"

namespace consilium::wire {

inline constexpr size_t kMaxFederationBytes = 255;
inline constexpr size_t kMaxSignerChainBytes = size_t{64} * 1024;
inline constexpr size_t kMaxSignatureBytes = 1024;
// No encoded envelope is longer.
inline constexpr size_t kMaxEnvelopeBytes =
    kMaxFederationBytes + kMaxSignerChainBytes + kMaxSignatureBytes + 56;

struct Envelope {
  std::string federation;  // printable ASCII without spaces
  std::array<std::byte, 16> nonce{};
  UtcMillis not_before = 0;
  UtcMillis expiry = 0;
  Bytes signer_chain;  // empty until jobs are signed
  Bytes signature;     // empty until jobs are signed
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

Bytes EncodeEnvelope(const Envelope& envelope);
absl::StatusOr<Envelope> DecodeEnvelope(ByteSpan bytes);  // kProtocol, kFormatVersion
JobId JobIdOf(ByteSpan envelope, const Digest& job_digest);

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_ENVELOPE_H_
