// Early return on a failed absl::Status, with or without a value.
//
//   CN_RETURN_IF_ERROR(journal.Sync());
//   CN_ASSIGN_OR_RETURN(const Layout layout, Layout::Create(specs));
#ifndef CONSILIUM_COMMON_BASE_STATUS_MACROS_H_
#define CONSILIUM_COMMON_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define CN_RETURN_IF_ERROR(expression)                                               \
  do {                                                                               \
    if (absl::Status cn_status_ = (expression); !cn_status_.ok()) return cn_status_; \
  } while (false)

#define CN_MACRO_JOIN_INNER_(a, b) a##b
#define CN_MACRO_JOIN_(a, b) CN_MACRO_JOIN_INNER_(a, b)
#define CN_ASSIGN_OR_RETURN_INNER_(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return std::move(result).status();              \
  declaration = *std::move(result)
#define CN_ASSIGN_OR_RETURN(declaration, expression) \
  CN_ASSIGN_OR_RETURN_INNER_(CN_MACRO_JOIN_(cn_result_, __LINE__), declaration, expression)

#endif  // CONSILIUM_COMMON_BASE_STATUS_MACROS_H_
