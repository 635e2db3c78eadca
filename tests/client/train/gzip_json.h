// A golden file that is gzipped.
#ifndef CONSILIUM_TESTS_CLIENT_TRAIN_GZIP_JSON_H_
#define CONSILIUM_TESTS_CLIENT_TRAIN_GZIP_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "common/base/inflate.h"
#include "common/base/storage.h"

namespace consilium::testing {

inline nlohmann::json ReadGzippedJson(const std::string& path) {
  const Bytes packed = ReadWhole(PosixStorage(), path, 1 << 26).value();
  const Bytes text = InflateGzip(packed, path).value();
  return nlohmann::json::parse(AsText(text));
}

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_CLIENT_TRAIN_GZIP_JSON_H_
