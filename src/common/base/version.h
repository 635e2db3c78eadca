// The version of this build, everywhere the same.
#ifndef CONSILIUM_COMMON_BASE_VERSION_H_
#define CONSILIUM_COMMON_BASE_VERSION_H_

namespace consilium {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_VERSION_H_
