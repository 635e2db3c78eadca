#include "common/wire/field_check.h"

#include <algorithm>
#include <chrono>

#include "common/base/error.h"
#include "common/wire/identifiers.h"
#include "common/wire/messages.h"
#include "fmt/format.h"

namespace consilium::wire {
namespace {

// No lease or deadline is longer: 366 days.
constexpr uint64_t kMaxMillis = uint64_t{366} * 24 * 3600 * 1000;

}  // namespace

void FieldCheck::Fail(std::string_view field, std::string_view what) {
  if (!status_.ok()) return;
  status_ = Error(ErrorCode::kProtocol, fmt::format("{}.{}: {}", message_, field, what));
}

JobId FieldCheck::Job(const std::string& value) {
  JobId job(value);
  if (!IsValidJobId(job)) Fail("job_id", "not a job id, want 16 lower-case hex digits");
  return job;
}

StepNumber FieldCheck::Step(uint64_t value) {
  if (value == 0) Fail("step", "0, want at least 1");
  return StepNumber(value);
}

SiteId FieldCheck::Site(std::string_view field, const std::string& value) {
  return SiteId(Name(field, value));
}

std::string FieldCheck::Name(std::string_view field, const std::string& value) {
  if (!IsValidName(value)) {
    Fail(field, "not a name, want 1 to 64 of [a-z0-9-_.], first a letter or digit");
  }
  return value;
}

std::string FieldCheck::Text(std::string_view field, const std::string& value) {
  AtMost(field, value.size(), kMaxTextBytes);
  return value;
}

Bytes FieldCheck::Blob(std::string_view field, std::string_view value, size_t most) {
  AtMost(field, value.size(), most);
  const ByteSpan bytes = AsBytes(value);
  return {bytes.begin(), bytes.end()};
}

Digest FieldCheck::Sha256(std::string_view field, std::string_view value) {
  Digest digest;
  if (value.size() != digest.bytes.size()) {
    Fail(field, fmt::format("a digest of {} bytes, want 32", value.size()));
    return digest;
  }
  std::copy(value.begin(), value.end(), digest.bytes.begin());
  return digest;
}

Duration FieldCheck::Millis(std::string_view field, uint64_t value) {
  if (value > kMaxMillis) {
    Fail(field, fmt::format("{} ms, want at most {}", value, kMaxMillis));
    return Duration{0};
  }
  return std::chrono::milliseconds(value);
}

void FieldCheck::AtMost(std::string_view field, size_t count, size_t most) {
  if (count > most) Fail(field, fmt::format("{} of them, want at most {}", count, most));
}

void FieldCheck::Enum(std::string_view field, int value, bool valid) {
  if (!valid) Fail(field, fmt::format("unknown value {}", value));
}

}  // namespace consilium::wire
