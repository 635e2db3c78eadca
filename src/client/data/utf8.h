// Whether bytes are UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates). Pure;
// thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_UTF8_H_
#define CONSILIUM_CLIENT_DATA_UTF8_H_

#include <cstddef>
#include <string_view>

namespace consilium::client::data {

// The offset of the first byte that is not part of a valid character; npos when all are.
size_t FirstInvalidUtf8(std::string_view text);

inline bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Characters in valid UTF-8.
size_t CharactersIn(std::string_view text);

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_UTF8_H_
