// Inside the store of states: how its files are named. docs/formats/state.md.
#ifndef CONSILIUM_SERVER_STORE_STATE_FILES_H_
#define CONSILIUM_SERVER_STORE_STATE_FILES_H_

#include <optional>
#include <string_view>

#include "common/base/digest.h"

namespace consilium::server::store {

enum class PartKind { kBroadcast, kPrivate };

inline constexpr const char* kManifest = "manifest";
inline constexpr const char* kBroadcast = "broadcast";
inline constexpr const char* kPrivate = "private";
inline constexpr const char* kPin = "pin";
inline constexpr std::string_view kUnfinishedState = ".new";

inline constexpr const char* SuffixOf(PartKind kind) {
  return kind == PartKind::kBroadcast ? kBroadcast : kPrivate;
}

// The digest in "<64 hex digits>.<kind>"; nullopt for any other name.
inline std::optional<Digest> DigestIn(std::string_view name, std::string_view kind) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || name.substr(dot + 1) != kind) return std::nullopt;
  return ParseDigest(name.substr(0, dot));
}

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STATE_FILES_H_
