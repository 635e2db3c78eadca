// SHA-256, and random bytes from the operating system.
#ifndef CONSILIUM_COMMON_CRYPTO_SHA256_H_
#define CONSILIUM_COMMON_CRYPTO_SHA256_H_

#include <memory>
#include <span>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/digest.h"

namespace consilium::crypto {

// Incremental. Not thread-safe. Copying it forks the running hash.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  void Update(ByteSpan bytes);
  // The digest so far; Update may go on afterwards.
  Digest Current() const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest Sha256Of(ByteSpan bytes);
// A key for base/random.h: SHA-256 over the tag and the parts, each with its length before it, so
// no two different lists collide.
Digest DeriveKey(std::string_view tag, std::span<const ByteSpan> parts);
// From the operating system's generator. Aborts when it fails: nothing safe can follow.
void FillRandom(std::span<std::byte> out);

}  // namespace consilium::crypto

#endif  // CONSILIUM_COMMON_CRYPTO_SHA256_H_
