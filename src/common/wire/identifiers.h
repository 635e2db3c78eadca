// Which ids are well formed when they come from outside.
#ifndef CONSILIUM_COMMON_WIRE_IDENTIFIERS_H_
#define CONSILIUM_COMMON_WIRE_IDENTIFIERS_H_

#include <algorithm>
#include <cstddef>

#include "common/base/ids.h"

namespace consilium::wire {

inline constexpr size_t kMaxIdBytes = 64;

// 16 lower-case hex digits, as JobIdOf makes them.
inline bool IsValidJobId(const JobId& job) {
  return job.value().size() == 16 &&
         std::all_of(job.value().begin(), job.value().end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_IDENTIFIERS_H_
