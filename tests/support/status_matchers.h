// GoogleTest matchers for absl::Status and absl::StatusOr, and an assignment that asserts.
//
//   EXPECT_THAT(journal->Append(1, payload), IsOk());
//   EXPECT_THAT(ParseBytes("2k"), IsOkAndHolds(2000));
//   EXPECT_THAT(store.Get(digest), HasCode(ErrorCode::kStateNotFound));
//   ASSERT_OK_AND_ASSIGN(const Layout layout, Layout::Create(specs));
#ifndef CONSILIUM_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define CONSILIUM_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/error.h"

namespace absl {

// Failures print the status, not its bytes.
inline void PrintTo(const Status& status, std::ostream* out) { *out << status.ToString(); }
template <typename T>
void PrintTo(const StatusOr<T>& result, std::ostream* out) {
  if (!result.ok()) {
    *out << result.status().ToString();
  } else {
    *out << "ok: " << testing::PrintToString(*result);
  }
}

}  // namespace absl

namespace consilium::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, negation ? "is not ok" : "is ok") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P(StatusIs, code, "has the status code " + absl::StatusCodeToString(code)) {
  return StatusOf(arg).code() == code;
}

MATCHER_P(HasCode, code, "has the error code " + CodeName(code)) {
  const auto actual = CodeOf(StatusOf(arg));
  *result_listener << "whose error code is " << (actual ? CodeName(*actual) : "absent");
  return actual == code;
}

MATCHER_P(IsOkAndHolds, inner, "is ok and holds a value that matches") {
  if (!arg.ok()) return false;
  return ::testing::ExplainMatchResult(inner, *arg, result_listener);
}

}  // namespace consilium::testing

#define CN_TEST_JOIN_INNER_(a, b) a##b
#define CN_TEST_JOIN_(a, b) CN_TEST_JOIN_INNER_(a, b)
#define CN_TEST_ASSIGN_(result, declaration, expression)                 \
  auto result = (expression);                                            \
  ASSERT_TRUE(result.ok()) << ::consilium::FormatError(result.status()); \
  declaration = *std::move(result)
#define ASSERT_OK_AND_ASSIGN(declaration, expression) \
  CN_TEST_ASSIGN_(CN_TEST_JOIN_(cn_test_result_, __LINE__), declaration, expression)

#endif  // CONSILIUM_TESTS_SUPPORT_STATUS_MATCHERS_H_
