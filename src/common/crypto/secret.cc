#include "common/crypto/secret.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace consilium::crypto {
namespace {

// OPENSSL_secure_malloc answers null when its heap is full; ordinary memory is wiped all the same.
std::byte* Allocate(size_t size) {
  void* data = OPENSSL_secure_malloc(size);
  if (data == nullptr) data = OPENSSL_malloc(size);
  CN_CHECK(data != nullptr);
  return static_cast<std::byte*>(data);
}

}  // namespace

Secret::Secret(size_t size) : data_(size == 0 ? nullptr : Allocate(size)), size_(size) {
  std::fill_n(data_, size_, std::byte{0});
}

Secret Secret::CopyOf(ByteSpan bytes) {
  Secret secret(bytes.size());
  std::copy(bytes.begin(), bytes.end(), secret.data_);
  return secret;
}

// Wipes first; knows by itself which of the two heaps the bytes are in.
Secret::~Secret() { OPENSSL_secure_clear_free(data_, size_); }

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    OPENSSL_secure_clear_free(data_, size_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

}  // namespace consilium::crypto
