#include "common/crypto/sha256.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>

#include "common/base/check.h"

namespace consilium::crypto {
namespace {

// Fetching an algorithm by name costs a lock and a search; once is enough.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CN_CHECK(algorithm != nullptr);
  return algorithm;
}

Digest Finish(EVP_MD_CTX* context) {
  Digest digest;
  unsigned length = 0;
  CN_CHECK(EVP_DigestFinal_ex(context, digest.bytes.data(), &length) == 1);
  CN_CHECK(length == digest.bytes.size());
  return digest;
}

}  // namespace

struct Sha256::Context {
  Context() : evp(EVP_MD_CTX_new()) { CN_CHECK(evp != nullptr); }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  EVP_MD_CTX* evp;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  CN_CHECK(EVP_DigestInit_ex2(context_->evp, Sha256Algorithm(), nullptr) == 1);
}

Sha256::~Sha256() = default;

Sha256::Sha256(const Sha256& other) : context_(std::make_unique<Context>()) {
  CN_CHECK(EVP_MD_CTX_copy_ex(context_->evp, other.context_->evp) == 1);
}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) CN_CHECK(EVP_MD_CTX_copy_ex(context_->evp, other.context_->evp) == 1);
  return *this;
}

void Sha256::Update(ByteSpan bytes) {
  CN_CHECK(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::Current() const {
  const Context fork;
  CN_CHECK(EVP_MD_CTX_copy_ex(fork.evp, context_->evp) == 1);
  return Finish(fork.evp);
}

Digest Sha256Of(ByteSpan bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Current();
}

Digest DeriveKey(std::string_view tag, std::span<const ByteSpan> parts) {
  Sha256 hash;
  const auto add = [&hash](ByteSpan bytes) {
    const auto length = static_cast<uint64_t>(bytes.size());
    hash.Update(std::as_bytes(std::span<const uint64_t>(&length, 1)));
    hash.Update(bytes);
  };
  add(AsBytes(tag));
  for (const ByteSpan part : parts) add(part);
  return hash.Current();
}

void FillRandom(std::span<std::byte> out) {
  // RAND_bytes takes an int; whole models are never drawn from it.
  for (size_t done = 0; done < out.size();) {
    const size_t some = std::min<size_t>(out.size() - done, 1u << 20);
    CN_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(out.data() + done),
                        static_cast<int>(some)) == 1);
    done += some;
  }
}

}  // namespace consilium::crypto
