// CN_CHECK(condition) << stays on in release: an invariant of our own that is broken ends the
// process with file, line and text. Input from outside never meets it; that is an absl::Status.
#ifndef CONSILIUM_COMMON_BASE_CHECK_H_
#define CONSILIUM_COMMON_BASE_CHECK_H_

namespace consilium {
// Writes one line to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace consilium

#define CN_CHECK(condition) \
  ((condition) ? (void)0 : ::consilium::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // CONSILIUM_COMMON_BASE_CHECK_H_
