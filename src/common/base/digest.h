// A SHA-256 value. crypto/sha256.h computes it; every room may hold and compare it.
#ifndef CONSILIUM_COMMON_BASE_DIGEST_H_
#define CONSILIUM_COMMON_BASE_DIGEST_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace consilium {

struct Digest {
  std::array<uint8_t, 32> bytes{};
  friend auto operator<=>(const Digest&, const Digest&) = default;
  bool IsZero() const { return *this == Digest{}; }
};

// 64 lower-case hex digits; and back, with or without a leading "sha256:".
std::string HexOf(const Digest& digest);
std::optional<Digest> ParseDigest(std::string_view text);

}  // namespace consilium

template <>
struct std::hash<consilium::Digest> {
  size_t operator()(const consilium::Digest& digest) const {
    size_t head;
    std::memcpy(&head, digest.bytes.data(), sizeof head);
    return head;
  }
};

#endif  // CONSILIUM_COMMON_BASE_DIGEST_H_
