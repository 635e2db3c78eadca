#include "common/wire/chunk.h"

#include <string>

#include "common/base/random.h"
#include "consilium/v1/federation.pb.h"
#include "tests/common/wire/samples.h"
#include "tests/support/status_matchers.h"

namespace consilium::wire {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

ChunkHeader SomeHeader() {
  ChunkHeader header;
  header.offset = 100;
  header.total = 5000;
  header.digest = DigestOfByte(9);
  header.epoch = Epoch(3);
  header.job = SomeJob();
  header.step = StepNumber(12);
  return header;
}

Bytes SomePayload(size_t size) {
  Bytes payload(size);
  Random random(size);
  for (std::byte& byte : payload) byte = static_cast<std::byte>(random.Below(256));
  return payload;
}

Bytes Message(const ChunkHeader& header, ByteSpan payload) {
  Bytes message = EncodeChunkPrefix(header, payload.size());
  message.insert(message.end(), payload.begin(), payload.end());
  return message;
}

absl::StatusOr<ParsedChunk> ParseWhole(ByteSpan message) { return ParseChunk({&message, 1}); }

absl::StatusOr<ParsedChunk> ParseText(const std::string& message) {
  return ParseWhole(AsBytes(message));
}

Bytes Gathered(const ParsedChunk& chunk) {
  Bytes gathered;
  for (const ByteSpan slice : chunk.payload) {
    gathered.insert(gathered.end(), slice.begin(), slice.end());
  }
  EXPECT_EQ(gathered.size(), chunk.payload_bytes);
  return gathered;
}

// `message` cut into copies of its own, so that a read across a cut is seen.
std::vector<Bytes> Cut(ByteSpan message, Random& random, uint32_t most) {
  std::vector<Bytes> slices;
  while (!message.empty()) {
    const size_t size = std::min<size_t>(message.size(), random.Below(most + 1));
    slices.emplace_back(message.begin(), message.begin() + static_cast<ptrdiff_t>(size));
    message = message.subspan(size);
  }
  return slices;
}

TEST(Chunk, APrefixAndItsPayloadAreAChunkInProtobuf) {
  const Bytes payload = SomePayload(1000);
  v1::Chunk proto;
  ASSERT_TRUE(proto.ParseFromString(std::string(AsText(Message(SomeHeader(), payload)))));
  EXPECT_EQ(proto.header().offset(), 100u);
  EXPECT_EQ(proto.header().total(), 5000u);
  EXPECT_EQ(proto.header().digest(), std::string(32, '\x09'));
  EXPECT_EQ(proto.header().epoch(), 3u);
  EXPECT_EQ(proto.header().job_id(), SomeJob().value());
  EXPECT_EQ(proto.header().step(), 12u);
  EXPECT_EQ(proto.payload(), AsText(payload));
}

TEST(Chunk, AChunkInProtobufIsReadInPlace) {
  v1::Chunk proto;
  proto.mutable_header()->set_offset(7);
  proto.mutable_header()->set_total(20);
  proto.set_payload("some bytes");
  const std::string message = proto.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseText(message));
  EXPECT_EQ(chunk.header.offset, 7u);
  EXPECT_EQ(chunk.header.digest, std::nullopt);
  EXPECT_TRUE(chunk.copied.empty());
  ASSERT_EQ(chunk.payload.size(), 1u);
  EXPECT_EQ(AsText(chunk.payload[0]), "some bytes");
  EXPECT_EQ(AsText(chunk.payload[0]).data(), message.data() + message.size() - 10);
}

TEST(Chunk, EveryCutOfTheHeaderReadsTheSame) {
  const Bytes payload = SomePayload(50);
  const Bytes message = Message(SomeHeader(), payload);
  for (size_t first = 0; first <= message.size(); ++first) {
    for (size_t second = first; second <= message.size(); second += 7) {
      const auto begin = message.begin();
      const auto at = [&](size_t i) { return begin + static_cast<ptrdiff_t>(i); };
      const Bytes a(begin, at(first));
      const Bytes b(at(first), at(second));
      const Bytes c(at(second), message.end());
      const ByteSpan slices[] = {a, b, c};
      ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseChunk(slices));
      ASSERT_EQ(chunk.header, SomeHeader());
      ASSERT_EQ(Gathered(chunk), payload);
      ASSERT_TRUE(chunk.copied.empty());
    }
  }
}

TEST(Chunk, SlicesOfAnySizeReadTheSame) {
  Random random(5);
  ChunkHeader header = SomeHeader();
  header.total = kMaxChunkBytes * 2;
  for (const size_t size : {1u, 100u, 127u, 128u, 5000u, 16384u, 100000u}) {
    const Bytes payload = SomePayload(size);
    const Bytes message = Message(header, payload);
    for (const uint32_t most : {1u, 2u, 3u, 64u, 4096u}) {
      if (size / most > 20000) continue;
      const std::vector<Bytes> owned = Cut(message, random, most);
      const std::vector<ByteSpan> slices(owned.begin(), owned.end());
      ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseChunk(slices));
      ASSERT_EQ(chunk.header, header);
      ASSERT_EQ(Gathered(chunk), payload);
      ASSERT_TRUE(chunk.copied.empty());
    }
  }
}

TEST(Chunk, BytesBehindThePayloadAreReadInFull) {
  // An unknown field 14, as a newer peer may add one.
  std::string message(AsText(Message(SomeHeader(), SomePayload(40))));
  message += "\x72\x03new";
  ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseText(message));
  EXPECT_EQ(chunk.header, SomeHeader());
  EXPECT_EQ(chunk.copied, SomePayload(40));
  EXPECT_EQ(Gathered(chunk), SomePayload(40));
  // The views follow the chunk where it is moved.
  absl::StatusOr<ParsedChunk> first = ParseText(message);
  const ParsedChunk moved = *std::move(first);
  EXPECT_EQ(Gathered(moved), SomePayload(40));
}

TEST(Chunk, UnknownFieldsOfTheHeaderAreTolerated) {
  std::string header(AsText(EncodeChunkPrefix(SomeHeader(), 0)));
  header.erase(0, 2);                                                // tag and length
  header += std::string("\xa2\x06\x64", 3) + std::string(100, 'n');  // field 100
  std::string message = "\x0a" + std::string(1, static_cast<char>(header.size() | 0x80)) + "\x01";
  ASSERT_LT(header.size(), 256u);
  ASSERT_GE(header.size(), 128u);
  message += header + "\x7a\x03" + "abc";
  ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseText(message));
  EXPECT_EQ(chunk.header, SomeHeader());
  EXPECT_TRUE(chunk.copied.empty());
}

TEST(Chunk, FieldsInAnotherOrderAreReadInFull) {
  const std::string header(AsText(EncodeChunkPrefix(SomeHeader(), 0)));
  ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseText("\x7a\x03"
                                                          "abc" +
                                                          header));
  EXPECT_EQ(chunk.header, SomeHeader());
  EXPECT_EQ(AsText(chunk.copied), "abc");
}

TEST(Chunk, AMessageWithoutAPayloadIsFine) {
  ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseWhole(EncodeChunkPrefix(SomeHeader(), 0)));
  EXPECT_EQ(chunk.header, SomeHeader());
  EXPECT_TRUE(chunk.payload.empty());
  EXPECT_THAT(ParseChunk({}), IsOk());
}

TEST(Chunk, TheLargestPayloadPassesAndOneByteMoreDoesNot) {
  ChunkHeader header = SomeHeader();
  header.total = kMaxChunkBytes * 2;
  EXPECT_THAT(ParseWhole(Message(header, SomePayload(kMaxChunkBytes))), IsOk());
  v1::Chunk proto;
  proto.mutable_header()->set_total(kMaxChunkBytes * 2);
  proto.set_payload(std::string(kMaxChunkBytes + 1, 'x'));
  EXPECT_THAT(ParseText(proto.SerializeAsString()), HasCode(ErrorCode::kMessageTooLarge));
  proto.set_payload(std::string(kMaxChunkMessageBytes, 'x'));
  EXPECT_THAT(ParseText(proto.SerializeAsString()), HasCode(ErrorCode::kMessageTooLarge));
}

TEST(Chunk, APayloadBeyondTheWholeIsRefused) {
  ChunkHeader header = SomeHeader();
  header.total = 140;
  EXPECT_THAT(ParseWhole(Message(header, SomePayload(40))), IsOk());
  EXPECT_THAT(ParseWhole(Message(header, SomePayload(41))), HasCode(ErrorCode::kProtocol));
  header.offset = UINT64_MAX;
  EXPECT_THAT(ParseWhole(Message(header, SomePayload(1))), HasCode(ErrorCode::kProtocol));
}

TEST(Chunk, MalformedIdsAndDigestsAreRefused) {
  v1::Chunk proto;
  proto.mutable_header()->set_digest("short");
  EXPECT_THAT(ParseText(proto.SerializeAsString()), HasCode(ErrorCode::kProtocol));
  proto.mutable_header()->set_digest(std::string(32, 'd'));
  proto.mutable_header()->set_job_id("../../etc/passwd");
  EXPECT_THAT(ParseText(proto.SerializeAsString()), HasCode(ErrorCode::kProtocol));
}

TEST(Chunk, EveryTruncationIsReadOrRefusedAsProtobufDoes) {
  const std::string message(AsText(Message(SomeHeader(), SomePayload(60))));
  for (size_t length = 0; length < message.size(); ++length) {
    const Bytes cut(AsBytes(message).begin(),
                    AsBytes(message).begin() + static_cast<ptrdiff_t>(length));
    v1::Chunk proto;
    const bool readable = proto.ParseFromArray(cut.data(), static_cast<int>(cut.size()));
    ASSERT_EQ(ParseWhole(cut).ok(), readable) << "cut to " << length;
  }
}

TEST(Chunk, ChangedBytesReadAsProtobufReadsThem) {
  ChunkHeader header = SomeHeader();
  header.job = JobId();  // Protobuf logs each text that is not UTF-8
  const Bytes valid = Message(header, SomePayload(20));
  Random random(6);
  for (int tries = 0; tries < 5000; ++tries) {
    Bytes changed = valid;
    for (uint32_t i = 0; i <= random.Below(3); ++i) {
      changed[random.Below(static_cast<uint32_t>(valid.size()))] =
          static_cast<std::byte>(random.Below(256));
    }
    const absl::StatusOr<ParsedChunk> chunk = ParseWhole(changed);
    if (!chunk.ok()) continue;
    v1::Chunk proto;
    ASSERT_TRUE(proto.ParseFromArray(changed.data(), static_cast<int>(changed.size())));
    ASSERT_EQ(AsText(Gathered(*chunk)), proto.payload());
    ASSERT_EQ(chunk->header.offset, proto.header().offset());
    ASSERT_EQ(chunk->header.total, proto.header().total());
  }
}

TEST(Chunk, TheFirstChunkOfAnUploadNamesIt) {
  UploadHeader upload;
  upload.key = {SomeJob(), StepNumber(4), SiteId("a")};
  upload.epoch = Epoch(2);
  upload.digest = DigestOfByte(7);
  upload.bytes = 1000;
  upload.offset = 10;
  const ChunkHeader header = ChunkHeaderOf(upload);
  ASSERT_OK_AND_ASSIGN(const ParsedChunk chunk, ParseWhole(EncodeChunkPrefix(header, 0)));
  ASSERT_OK_AND_ASSIGN(const UploadHeader read, UploadHeaderOf(chunk.header, SiteId("a")));
  EXPECT_EQ(read.key, upload.key);
  EXPECT_EQ(read.epoch, upload.epoch);
  EXPECT_EQ(read.digest, upload.digest);
  EXPECT_EQ(read.bytes, 1000u);
  EXPECT_EQ(read.offset, 10u);
  for (int missing = 0; missing < 4; ++missing) {
    ChunkHeader lacking = header;
    if (missing == 0) lacking.digest.reset();
    if (missing == 1) lacking.job = JobId();
    if (missing == 2) lacking.step = StepNumber();
    if (missing == 3) lacking.total = 0;
    EXPECT_THAT(UploadHeaderOf(lacking, SiteId("a")), HasCode(ErrorCode::kProtocol));
  }
}

}  // namespace
}  // namespace consilium::wire
