// Little-endian integers to and from bytes, and a bounds-checked reader. Every format of ours
// (docs/formats) is written with these, never by copying a struct.
#ifndef CONSILIUM_COMMON_BASE_BYTES_H_
#define CONSILIUM_COMMON_BASE_BYTES_H_

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace consilium {

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian and so are the machines we build for");

using ByteSpan = std::span<const std::byte>;
using Bytes = std::vector<std::byte>;

inline ByteSpan AsBytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}
inline std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Appends to a Bytes.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}
  template <typename T>
    requires std::integral<T> || std::floating_point<T>
  void Put(T value) {
    const auto* head = reinterpret_cast<const std::byte*>(&value);
    out_.insert(out_.end(), head, head + sizeof value);
  }
  void PutBytes(ByteSpan bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  // u32 length, then the bytes.
  void PutText(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    PutBytes(AsBytes(text));
  }

 private:
  Bytes& out_;
};

// Reads from a span; after the first short read ok() is false and everything reads as zero/empty.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : left_(bytes) {}
  template <typename T>
    requires std::integral<T> || std::floating_point<T>
  T Get() {
    T value{};
    if (const ByteSpan head = GetBytes(sizeof value); head.size() == sizeof value) {
      std::memcpy(&value, head.data(), sizeof value);
    }
    return value;
  }
  ByteSpan GetBytes(size_t count) {
    if (!ok_ || count > left_.size()) {
      ok_ = false;
      return {};
    }
    const ByteSpan head = left_.first(count);
    left_ = left_.subspan(count);
    return head;
  }
  // A text of at most `most` bytes.
  std::string_view GetText(size_t most) {
    const auto length = Get<uint32_t>();
    if (length > most) ok_ = false;
    return ok_ ? AsText(GetBytes(length)) : std::string_view();
  }
  bool ok() const { return ok_; }
  size_t left() const { return left_.size(); }
  // Everything was read and nothing was short.
  bool done() const { return ok_ && left_.empty(); }

 private:
  ByteSpan left_;
  bool ok_ = true;
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_BYTES_H_
