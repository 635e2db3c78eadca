#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_file.h"
#include "common/learn/model_file_parts.h"
#include "common/learn/model_text.h"

namespace consilium::learn {
namespace {

using nlohmann::json;

constexpr char kFormatName[] = "consilium-model";
constexpr int kFormatVersion = 1;

// A text that is itself JSON, as Dump writes it, stands in the file as JSON.
std::string TextAsJson(const std::string& text) {
  if (text.starts_with('{') || text.starts_with('[')) {
    const auto value = ParseModelJson(text);
    if (value && Dump(*value) == text) return text;
  }
  return Dump(text);
}

// The shortest text that reads back to the same bits.
template <typename T>
std::string Numbers(std::span<const T> values) {
  std::string out;
  for (const T value : values) {
    if (!out.empty()) out += ", ";
    out += value == 0 && std::signbit(value) ? "-0.0" : fmt::format("{}", value);
  }
  return out;
}

std::string TensorAsJson(const tensor::Bundle& tensors, size_t t) {
  const tensor::TensorSpec& spec = tensors.layout().tensors()[t];
  const std::string values = spec.dtype == tensor::DType::kFloat32 ? Numbers(tensors.Float32(t))
                                                                   : Numbers(tensors.Float64(t));
  return fmt::format("    {{\"name\": {}, \"dtype\": \"{}\", \"shape\": [{}], \"values\": [{}]}}",
                     Dump(spec.name), DTypeName(spec.dtype), fmt::join(spec.shape, ", "), values);
}

template <typename T>
bool ReadNumbers(const json& values, Bytes& out) {
  ByteWriter writer(out);
  for (const json& value : values) {
    if (!value.is_number()) return false;
    const auto number = static_cast<T>(value.get<double>());
    if (!std::isfinite(number)) return false;
    writer.Put(number);
  }
  return true;
}

absl::StatusOr<RawTensor> ReadTensor(const json& entry) {
  RawTensor tensor;
  const bool object = entry.is_object() && entry.size() == 4;
  if (!object || !entry.contains("name") || !entry["name"].is_string() ||
      !ReadTensorType(entry, tensor)) {
    return ModelSyntax("tensors: want name, dtype F32 or F64, shape and values of each");
  }
  tensor.name = entry["name"].get<std::string>();
  const auto values = entry.find("values");
  const bool read =
      values != entry.end() && values->is_array() &&
      (tensor.dtype == tensor::DType::kFloat32 ? ReadNumbers<float>(*values, tensor.bytes)
                                               : ReadNumbers<double>(*values, tensor.bytes));
  if (!read) return ModelSyntax(fmt::format("tensor `{}`: want finite numbers", tensor.name));
  return tensor;
}

}  // namespace

absl::StatusOr<std::string> EncodeModelJson(const wire::StatePart& model) {
  CN_RETURN_IF_ERROR(CheckModel(model));
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, SpecOfModel(model));
  std::vector<std::string> texts;
  texts.reserve(model.texts.size());
  for (const auto& [name, text] : model.texts) {
    texts.push_back(fmt::format("    {}: {}", Dump(name), TextAsJson(text)));
  }
  std::vector<std::string> tensors;
  tensors.reserve(model.tensors.layout().size());
  for (size_t t = 0; t < model.tensors.layout().size(); ++t) {
    tensors.push_back(TensorAsJson(model.tensors, t));
  }
  return fmt::format(
      "{{\n  \"format\": \"{}\",\n  \"version\": {},\n  \"texts\": {{\n{}\n  }},\n"
      "  \"columns\": {},\n  \"tensors\": [\n{}\n  ]\n}}\n",
      kFormatName, kFormatVersion, fmt::join(texts, ",\n"), Dump(ColumnNames(spec)),
      fmt::join(tensors, ",\n"));
}

absl::Status ModelSyntax(std::string_view message) {
  return Error(ErrorCode::kModelSyntax, fmt::format("model file: {}", message));
}

const char* DTypeName(tensor::DType dtype) {
  return dtype == tensor::DType::kFloat32 ? "F32" : "F64";
}

bool ReadTensorType(const json& entry, RawTensor& tensor) {
  const auto dtype = entry.find("dtype");
  const auto shape = entry.find("shape");
  if (dtype == entry.end() || shape == entry.end()) return false;
  if (*dtype != "F32" && *dtype != "F64") return false;
  tensor.dtype = *dtype == "F32" ? tensor::DType::kFloat32 : tensor::DType::kFloat64;
  if (!shape->is_array() || shape->empty() || shape->size() > tensor::kMaxRank) return false;
  for (const json& size : *shape) {
    if (!size.is_number_unsigned()) return false;
    const auto value = size.get<uint64_t>();
    if (value == 0 || value > std::numeric_limits<uint32_t>::max()) return false;
    tensor.shape.push_back(static_cast<uint32_t>(value));
  }
  return true;
}

std::optional<json> ParseModelJson(std::string_view text) {
  bool too_deep = false;
  const auto watch = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxModelJsonDepth;
    return !too_deep;
  };
  json value = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value;
}

absl::StatusOr<RawModel> ReadModelJson(std::string_view text) {
  const auto file = ParseModelJson(text);
  if (!file || !file->is_object()) return ModelSyntax("neither safetensors nor a JSON object");
  const json& root = *file;
  for (const char* key : {"format", "version", "texts", "columns", "tensors"}) {
    if (!root.contains(key)) return ModelSyntax(fmt::format("no key `{}`", key));
  }
  if (root.size() != 5) return ModelSyntax("keys beyond format, version, texts, columns, tensors");
  if (root["format"] != kFormatName) return ModelSyntax("`format` is not consilium-model");
  if (root["version"] != kFormatVersion) {
    return Error(ErrorCode::kFormatVersion, fmt::format("the model file has version {}, want {}",
                                                        Dump(root["version"]), kFormatVersion));
  }
  if (!root["texts"].is_object() || !root["tensors"].is_array()) {
    return ModelSyntax("want `texts` as an object and `tensors` as a list");
  }
  RawModel model;
  for (const auto& [name, value] : root["texts"].items()) {
    model.texts[name] = value.is_string() ? value.get<std::string>() : Dump(value);
  }
  for (const json& entry : root["tensors"]) {
    CN_ASSIGN_OR_RETURN(RawTensor tensor, ReadTensor(entry));
    model.tensors.push_back(std::move(tensor));
  }
  return model;
}

}  // namespace consilium::learn
