// Array files made by hand, byte by byte.
#ifndef CONSILIUM_TESTS_CLIENT_DATA_ARRAY_FIXTURE_H_
#define CONSILIUM_TESTS_CLIENT_DATA_ARRAY_FIXTURE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"

namespace consilium::client::data {

inline Bytes BytesOfText(std::string_view text) {
  const ByteSpan bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

// `elements`: their bytes.
inline std::string Idx(char type, const std::vector<uint32_t>& shape, std::string_view elements) {
  std::string file = {'\0', '\0', type, static_cast<char>(shape.size())};
  for (const uint32_t extent : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) file += static_cast<char>(extent >> shift);
  }
  return file + std::string(elements);
}

template <typename T>
std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string Npy(std::string_view descr, bool fortran, std::string_view shape,
                       std::string_view elements) {
  std::string header = "{'descr': '" + std::string(descr) +
                       "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + std::string(shape) + ", }";
  header += std::string(63 - (10 + header.size()) % 64, ' ') + "\n";
  std::string file = "\x93NUMPY\x01";
  file += '\0';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  return file + header + std::string(elements);
}

inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// zipfile of CPython, deflated: x.npy [[1, 2], [3, 4.5]] as <f4 and y.npy [0, 1] as <i8.
inline std::string SmallNpz() {
  return FromHex(
      "504b0304140000000800000021001fe9e23f530000009000000005000000782e6e70799bec17ea1b10c9c850c650"
      "ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91a"
      "463a0a469a3a0ab50a64032e0686067b060606072002e2090e00504b0304140000000800000021007e6afbc94900"
      "00009000000005000000792e6e70799bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a1aea3a09e965f"
      "54529498179f5f94920a12774bcc294e058a17672416a402f91a463a9a3a0ab50a14002e06286084d200504b0102"
      "1403140000000800000021001fe9e23f5300000090000000050000000000000000000000800100000000782e6e70"
      "79504b01021403140000000800000021007e6afbc9490000009000000005000000000000000000000080017600"
      "0000792e6e7079504b0506000000000200020066000000e20000000000");
}

}  // namespace consilium::client::data

#endif  // CONSILIUM_TESTS_CLIENT_DATA_ARRAY_FIXTURE_H_
