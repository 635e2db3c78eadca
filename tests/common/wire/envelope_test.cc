#include "common/wire/envelope.h"

#include <string>

#include "common/crypto/sha256.h"
#include "tests/common/wire/mutations.h"
#include "tests/common/wire/samples.h"
#include "tests/support/status_matchers.h"

namespace consilium::wire {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOkAndHolds;

Envelope SomeEnvelope() {
  Envelope envelope;
  envelope.federation = "heart.example.org";
  envelope.nonce.fill(std::byte{0x5a});
  envelope.not_before = 1'700'000'000'000;
  envelope.expiry = 1'700'000'600'000;
  return envelope;
}

std::optional<Bytes> ReencodeEnvelope(ByteSpan bytes) {
  const absl::StatusOr<Envelope> envelope = DecodeEnvelope(bytes);
  if (!envelope.ok()) return std::nullopt;
  return EncodeEnvelope(*envelope);
}

TEST(Envelope, ReadsBackWhatItWrote) {
  Envelope envelope = SomeEnvelope();
  EXPECT_THAT(DecodeEnvelope(EncodeEnvelope(envelope)), IsOkAndHolds(envelope));
  envelope.signer_chain = Bytes(100, std::byte{1});
  envelope.signature = Bytes(64, std::byte{2});
  EXPECT_THAT(DecodeEnvelope(EncodeEnvelope(envelope)), IsOkAndHolds(envelope));
}

TEST(Envelope, SurvivesEveryCutAndChange) {
  Envelope envelope = SomeEnvelope();
  envelope.signature = Bytes(64, std::byte{2});
  ExpectStrict(ReencodeEnvelope, EncodeEnvelope(envelope));
}

TEST(Envelope, TheLargestOneFitsItsLimit) {
  Envelope envelope = SomeEnvelope();
  envelope.federation = std::string(kMaxFederationBytes, 'f');
  envelope.signer_chain.resize(kMaxSignerChainBytes);
  envelope.signature.resize(kMaxSignatureBytes);
  const Bytes bytes = EncodeEnvelope(envelope);
  EXPECT_EQ(bytes.size(), kMaxEnvelopeBytes);
  EXPECT_THAT(DecodeEnvelope(bytes), IsOkAndHolds(envelope));
}

TEST(Envelope, AFederationThatIsNotPrintableIsRefused) {
  Bytes bytes = EncodeEnvelope(SomeEnvelope());
  bytes[16] = std::byte{'\n'};
  EXPECT_THAT(DecodeEnvelope(bytes), HasCode(ErrorCode::kProtocol));
}

TEST(Envelope, ANewerVersionIsNamed) {
  Bytes bytes = EncodeEnvelope(SomeEnvelope());
  bytes[8] = std::byte{2};
  EXPECT_THAT(DecodeEnvelope(bytes), HasCode(ErrorCode::kFormatVersion));
}

TEST(JobId, IsTheHeadOfTheHashOfEnvelopeAndDigest) {
  const Bytes envelope = EncodeEnvelope(SomeEnvelope());
  const Digest file = DigestOfByte(3);
  Bytes hashed;
  ByteWriter writer(hashed);
  writer.PutBytes(AsBytes("consilium-job-v1"));
  writer.PutBytes(envelope);
  writer.PutBytes(std::as_bytes(std::span(file.bytes)));
  EXPECT_EQ(JobIdOf(envelope, file).value(), HexOf(crypto::Sha256Of(hashed)).substr(0, 16));
}

TEST(JobId, AnotherNonceIsAnotherJob) {
  Envelope envelope = SomeEnvelope();
  const JobId job = JobIdOf(EncodeEnvelope(envelope), DigestOfByte(3));
  EXPECT_EQ(JobIdOf(EncodeEnvelope(envelope), DigestOfByte(3)), job);
  EXPECT_NE(JobIdOf(EncodeEnvelope(envelope), DigestOfByte(4)), job);
  envelope.nonce[0] = std::byte{0};
  EXPECT_NE(JobIdOf(EncodeEnvelope(envelope), DigestOfByte(3)), job);
}

}  // namespace
}  // namespace consilium::wire
