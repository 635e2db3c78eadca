// Bytes that nobody else may see: kept in locked memory where there is some, wiped when freed.
//
// Locked memory is OpenSSL's secure heap (InitTls opens one of kSecureHeapBytes); when it is full
// the bytes live in ordinary memory, and are wiped all the same. A Secret has no formatter, no
// stream operator and no copy, so it cannot reach a log by mistake. Move-only. Not thread-safe.
#ifndef CONSILIUM_COMMON_CRYPTO_SECRET_H_
#define CONSILIUM_COMMON_CRYPTO_SECRET_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "common/base/bytes.h"

namespace consilium::crypto {

inline constexpr size_t kSecureHeapBytes = size_t{1024} * 1024;

class Secret {
 public:
  Secret() = default;
  explicit Secret(size_t size);  // zeroed
  static Secret CopyOf(ByteSpan bytes);
  ~Secret();
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  // The bytes themselves, valid until this is moved from or destroyed. Whoever copies them leaves
  // this class's care, so a call is worth a second look in a review.
  ByteSpan Expose() const { return {data_, size_}; }
  std::span<std::byte> ExposeMutable() { return {data_, size_}; }
  std::string_view ExposeText() const { return AsText(Expose()); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace consilium::crypto

#endif  // CONSILIUM_COMMON_CRYPTO_SECRET_H_
