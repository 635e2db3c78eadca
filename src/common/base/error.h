// Errors with a stable code, a place and a next step, carried inside absl::Status.
//
// Every error that a person can meet has a row in the table of error_table.cc: `consilium explain
// CN0203` prints it, docs/errors.md is generated from it, and the exit code comes from it.
// The Status message says what, which and wanted: `clip_norm_l2 is -1, want > 0`.
// Code ranges: 01 usage and files, 02 job file, 03 configuration, 04 data, 05 identity and access,
// 06 transport, 07 rounds and updates, 08 storage, 09 models and states.
#ifndef CONSILIUM_COMMON_BASE_ERROR_H_
#define CONSILIUM_COMMON_BASE_ERROR_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/error_codes.h"

namespace consilium {

// Where in a file: 1-based line and column, 0 = unknown.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
  std::string ToString() const;  // file:line:column, the known parts only
};

// What `consilium explain` says of a code. All text is static.
struct ErrorRow {
  ErrorCode code;
  absl::StatusCode status;
  int exit_code;  // 1 job failed, 2 cannot connect, 3 timed out, 4 bad input, 5 not allowed
  std::string_view title;    // a few words: "unknown key in the job file"
  std::string_view meaning;  // one or two sentences
  std::string_view next;     // what to do, imperative
};

// A Status with `code`; its absl code comes from the table. `help` says what to do next for this
// very case (the table's `next` is used where it is empty).
absl::Status Error(ErrorCode code, std::string_view message, std::string_view help = "");
absl::Status ErrorAt(ErrorCode code, const Place& place, std::string_view message,
                     std::string_view help = "");

// The parts of a Status made by Error; absent for a Status made elsewhere.
std::optional<ErrorCode> CodeOf(const absl::Status& status);
std::optional<Place> PlaceOf(const absl::Status& status);
std::string HelpOf(const absl::Status& status);

// "CN0203"; and back (nullopt when there is no such code).
std::string CodeName(ErrorCode code);
std::optional<ErrorCode> ParseCodeName(std::string_view name);

// REQUIRES: `code` is in the table (a test walks the enumeration).
const ErrorRow& RowOf(ErrorCode code);
std::span<const ErrorRow> AllErrorRows();

// The documented exit code of a process that ends with this status; 0 when ok.
int ExitCodeOf(const absl::Status& status);

// "error[CN0203]: job.toml:3:1: unknown key `round`\n  help: did you mean `rounds`?\n"
std::string FormatError(const absl::Status& status);

// `status` with `prefix: ` before its message; code, place and help stay.
absl::Status Annotate(const absl::Status& status, std::string_view prefix);

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_ERROR_H_
