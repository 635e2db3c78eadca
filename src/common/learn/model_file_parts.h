// What both file formats read into before it is checked. Only model_file.cc, model_json.cc
// and model_text.cc include this.
#ifndef CONSILIUM_COMMON_LEARN_MODEL_FILE_PARTS_H_
#define CONSILIUM_COMMON_LEARN_MODEL_FILE_PARTS_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/tensor/layout.h"

namespace consilium::learn {

struct RawTensor {
  std::string name;
  tensor::DType dtype = tensor::DType::kFloat32;
  std::vector<uint32_t> shape;
  Bytes bytes;
};
struct RawModel {
  std::map<std::string, std::string> texts;
  std::vector<RawTensor> tensors;
};

// Never throws: bytes that are not UTF-8 become U+FFFD.
inline std::string Dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::Status ModelSyntax(std::string_view message);
const char* DTypeName(tensor::DType dtype);  // "F32", "F64"
// "dtype" and "shape" of an entry: rank 1..kMaxRank, each 1..2^32-1. False when malformed.
bool ReadTensorType(const nlohmann::json& entry, RawTensor& tensor);
// nullopt unless it is JSON of at most kMaxModelJsonDepth levels.
std::optional<nlohmann::json> ParseModelJson(std::string_view text);

absl::StatusOr<RawModel> ReadModelJson(std::string_view text);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_FILE_PARTS_H_
