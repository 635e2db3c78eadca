// The binary details of an error on the wire: our code, place, help and retry-after
// (docs/formats/error_details.md).
#ifndef CONSILIUM_COMMON_RPC_ERROR_DETAILS_H_
#define CONSILIUM_COMMON_RPC_ERROR_DETAILS_H_

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace consilium::rpc {

// Longer texts are cut: they travel in metadata, which is bounded.
inline constexpr size_t kMaxErrorMessageBytes = 2048;
inline constexpr size_t kMaxErrorHelpBytes = 1024;
inline constexpr size_t kMaxErrorFileBytes = 512;

struct ErrorDetails {
  ErrorCode code = ErrorCode::kInternal;
  std::optional<Place> place;
  std::string help;
  std::optional<Duration> retry_after = std::nullopt;  // whole milliseconds
};

std::string EncodeErrorDetails(const ErrorDetails& details);
// nullopt: empty, not ours, or a code that this build does not know (a newer peer).
std::optional<ErrorDetails> DecodeErrorDetails(std::string_view bytes);

// At most `most` bytes of UTF-8, never half a character; cut text ends with "...".
// REQUIRES: most >= 3.
std::string CutText(std::string_view text, size_t most);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_ERROR_DETAILS_H_
