// Checks of single fields of a message from outside. The first that fails is kept: a converter
// reads all its fields and asks once.
//
// Not thread-safe; lives within one conversion.
#ifndef CONSILIUM_COMMON_WIRE_FIELD_CHECK_H_
#define CONSILIUM_COMMON_WIRE_FIELD_CHECK_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"

namespace consilium::wire {

class FieldCheck {
 public:
  // `message` starts every error: "TaskOffer". Outlives this.
  explicit FieldCheck(std::string_view message) : message_(message) {}

  JobId Job(const std::string& value);
  StepNumber Step(uint64_t value);
  SiteId Site(std::string_view field, const std::string& value);
  // A name by IsValidName.
  std::string Name(std::string_view field, const std::string& value);
  std::string Text(std::string_view field, const std::string& value);
  Bytes Blob(std::string_view field, std::string_view value, size_t most);
  Digest Sha256(std::string_view field, std::string_view value);
  Duration Millis(std::string_view field, uint64_t value);
  void AtMost(std::string_view field, size_t count, size_t most);
  // `valid` says whether the enum value is one we know.
  void Enum(std::string_view field, int value, bool valid);

  const absl::Status& status() const { return status_; }

 private:
  void Fail(std::string_view field, std::string_view what);
  const std::string_view message_;
  absl::Status status_;
};

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_FIELD_CHECK_H_
