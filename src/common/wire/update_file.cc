#include "common/wire/update_file.h"

#include <cstring>
#include <string>

#include "common/base/check.h"
#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/wire/format.h"
#include "common/wire/identifiers.h"
#include "fmt/format.h"

namespace consilium::wire {
namespace {

constexpr Format kUpdateFormat{"CNUPDATE", 2, "an update file", ErrorCode::kProtocol};
constexpr uint32_t kMaxWeight = uint32_t{1} << 29;  // sum::kMaxWeight
constexpr size_t kLeastHeaderBytes = 16;
constexpr size_t kCrcBytes = 4;
constexpr size_t kVersionAt = 8;
constexpr uint32_t kWithoutKernel = 1;  // the version of a header that names no kernel

// The fields between the lengths and the padding, without a judgement of their values.
UpdateHeader GetFields(ByteReader& reader, uint32_t version) {
  UpdateHeader header;
  header.base_state = GetDigest(reader);
  header.layout = GetDigest(reader);
  header.payload_bytes = reader.Get<uint64_t>();
  header.key.step = StepNumber(reader.Get<uint64_t>());
  header.weight = reader.Get<uint32_t>();
  header.key.job = JobId(std::string(reader.GetText(kMaxIdBytes)));
  header.key.site = SiteId(std::string(reader.GetText(kMaxIdBytes)));
  const auto count = reader.Get<uint32_t>();
  const ByteSpan support = reader.GetBytes(size_t{count} * sizeof(uint64_t));
  if (!support.empty()) {
    header.support.resize(count);
    std::memcpy(header.support.data(), support.data(), support.size());
  }
  if (version > kWithoutKernel) header.kernel = reader.GetText(kMaxIdBytes);
  return header;
}

absl::Status CheckFields(const UpdateHeader& header) {
  if (!IsValidJobId(header.key.job))
    return Malformed(kUpdateFormat, "its job id is not 16 hex digits");
  if (!IsValidName(header.key.site.value()))
    return Malformed(kUpdateFormat, "its site is not a name");
  if (!header.kernel.empty() && !IsValidName(header.kernel))
    return Malformed(kUpdateFormat, "its kernel is not a name");
  if (header.key.step.value() == 0)
    return Malformed(kUpdateFormat, "its step is 0, want at least 1");
  if (header.weight == 0 || header.weight > kMaxWeight) {
    return Malformed(kUpdateFormat,
                     fmt::format("weight is {}, want 1 to {}", header.weight, kMaxWeight));
  }
  if (header.support.size() > tensor::kMaxTensors) {
    return Malformed(kUpdateFormat, fmt::format("support of {} tensors, want at most {}",
                                                header.support.size(), tensor::kMaxTensors));
  }
  if (header.payload_bytes > tensor::kMaxPayloadBytes || header.payload_bytes % 8 != 0) {
    return Malformed(kUpdateFormat,
                     fmt::format("payload of {} bytes, want a multiple of 8 up to {}",
                                 header.payload_bytes, tensor::kMaxPayloadBytes));
  }
  return absl::OkStatus();
}

// The whole header, its checksum verified.
absl::StatusOr<ByteSpan> CutHeader(ByteSpan head) {
  ByteReader reader(head);
  CN_RETURN_IF_ERROR(CheckPrelude(reader, kUpdateFormat));
  const auto header_bytes = reader.Get<uint32_t>();
  if (!reader.ok() || header_bytes < kLeastHeaderBytes + kCrcBytes ||
      header_bytes > kMaxUpdateHeaderBytes || header_bytes % 8 != 0) {
    return Malformed(kUpdateFormat, fmt::format("header of {} bytes, want a multiple of 8 up to {}",
                                                header_bytes, kMaxUpdateHeaderBytes));
  }
  if (header_bytes > head.size()) {
    return Malformed(kUpdateFormat, fmt::format("it ends after {} bytes, within its header of {}",
                                                head.size(), header_bytes));
  }
  const ByteSpan header = head.first(header_bytes);
  const ByteSpan covered = header.first(header_bytes - kCrcBytes);
  if (ByteReader(header.last(kCrcBytes)).Get<uint32_t>() != Crc32Of(covered)) {
    return Malformed(kUpdateFormat, "the checksum of its header is wrong");
  }
  return covered;
}

}  // namespace

Bytes EncodeUpdateHeader(const UpdateHeader& header) {
  CN_CHECK(CheckFields(header).ok());
  Bytes out;
  ByteWriter writer(out);
  Format format = kUpdateFormat;
  if (header.kernel.empty()) format.version = kWithoutKernel;
  PutPrelude(writer, format);
  writer.Put(uint32_t{0});  // the header's length, known at the end
  PutDigest(writer, header.base_state);
  PutDigest(writer, header.layout);
  writer.Put(header.payload_bytes);
  writer.Put(header.key.step.value());
  writer.Put(header.weight);
  writer.PutText(header.key.job.value());
  writer.PutText(header.key.site.value());
  writer.Put(static_cast<uint32_t>(header.support.size()));
  writer.PutBytes(std::as_bytes(std::span(header.support)));
  if (!header.kernel.empty()) writer.PutText(header.kernel);

  const auto header_bytes = static_cast<uint32_t>(RoundUp8(out.size() + kCrcBytes));
  CN_CHECK(header_bytes <= kMaxUpdateHeaderBytes);
  std::memcpy(out.data() + kLeastHeaderBytes - sizeof header_bytes, &header_bytes,
              sizeof header_bytes);
  out.resize(header_bytes - kCrcBytes);
  writer.Put(Crc32Of(out));
  return out;
}

absl::StatusOr<ParsedUpdateHeader> ParseUpdateHeader(ByteSpan head) {
  CN_ASSIGN_OR_RETURN(const ByteSpan covered, CutHeader(head));
  const auto version = ByteReader(covered.subspan(kVersionAt)).Get<uint32_t>();
  ByteReader reader(covered.subspan(kLeastHeaderBytes));
  ParsedUpdateHeader parsed;
  parsed.header = GetFields(reader, version);
  parsed.header_bytes = covered.size() + kCrcBytes;
  if (!reader.ok()) return Malformed(kUpdateFormat, "its header is too short for its fields");
  CN_RETURN_IF_ERROR(CheckFields(parsed.header));
  if (version > kWithoutKernel && parsed.header.kernel.empty()) {
    return Malformed(kUpdateFormat, "its kernel is empty, want version 1");
  }
  if (reader.left() >= 8 || !IsZero(reader.GetBytes(reader.left()))) {
    return Malformed(kUpdateFormat, "unknown bytes follow the fields of its header");
  }
  return parsed;
}

}  // namespace consilium::wire
