#include "common/learn/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_file_parts.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "common/learn/strategy_layout.h"

namespace consilium::learn {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr char kMetadata[] = "__metadata__";

uint64_t BytesOf(const tensor::TensorSpec& spec) {
  return tensor::ElementsOf(spec) * tensor::BytesPerElement(spec.dtype);
}

// Tensor numbers, float64 first.
std::vector<size_t> FileOrder(const tensor::Layout& layout) {
  std::vector<size_t> order;
  for (const auto dtype : {tensor::DType::kFloat64, tensor::DType::kFloat32}) {
    for (size_t t = 0; t < layout.size(); ++t) {
      if (layout.tensors()[t].dtype == dtype) order.push_back(t);
    }
  }
  return order;
}

struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// [begin, end] of an entry; false when malformed.
bool ReadExtent(const json& entry, Extent& extent) {
  const auto found = entry.find("data_offsets");
  if (found == entry.end() || !found->is_array() || found->size() != 2) return false;
  const json& begin = (*found)[0];
  const json& end = (*found)[1];
  if (!begin.is_number_unsigned() || !end.is_number_unsigned()) return false;
  extent = {begin.get<uint64_t>(), end.get<uint64_t>()};
  return extent.begin <= extent.end;
}

absl::Status ReadMetadata(const json& value, RawModel& model) {
  if (!value.is_object()) return ModelSyntax("__metadata__: want an object of texts");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) return ModelSyntax("__metadata__: want an object of texts");
    model.texts[key] = text.get<std::string>();
  }
  return absl::OkStatus();
}

// The tensors must cover `data` without holes or overlaps.
absl::Status TakeData(ByteSpan data, const std::vector<Extent>& extents, RawModel& model) {
  std::vector<Extent> sorted = extents;
  std::sort(sorted.begin(), sorted.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  uint64_t end = 0;
  for (const Extent& extent : sorted) {
    if (extent.begin != end) return ModelSyntax("the tensors leave a hole or overlap");
    end = extent.end;
  }
  if (end != data.size()) {
    return ModelSyntax(fmt::format("the tensors take {} bytes, the file has {}", end, data.size()));
  }
  for (size_t t = 0; t < extents.size(); ++t) {
    const ByteSpan bytes = data.subspan(extents[t].begin, extents[t].end - extents[t].begin);
    model.tensors[t].bytes.assign(bytes.begin(), bytes.end());
  }
  return absl::OkStatus();
}

absl::StatusOr<RawModel> ReadSafetensors(ByteSpan file) {
  ByteReader reader(file);
  const auto header_bytes = reader.Get<uint64_t>();
  const auto header = ParseModelJson(AsText(reader.GetBytes(header_bytes)));
  if (!header || !header->is_object()) return ModelSyntax("the header is not a JSON object");
  RawModel model;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header->items()) {
    if (name == kMetadata) {
      CN_RETURN_IF_ERROR(ReadMetadata(entry, model));
      continue;
    }
    RawTensor tensor{.name = name, .dtype = {}, .shape = {}, .bytes = {}};
    Extent extent;
    if (!entry.is_object() || !ReadTensorType(entry, tensor) || !ReadExtent(entry, extent)) {
      return ModelSyntax(
          fmt::format("tensor `{}`: want dtype F32 or F64, shape, data_offsets", name));
    }
    model.tensors.push_back(std::move(tensor));
    extents.push_back(extent);
  }
  CN_RETURN_IF_ERROR(TakeData(reader.GetBytes(reader.left()), extents, model));
  return model;
}

Statistics StatisticsIn(const std::vector<RawTensor>& tensors, const tensor::Layout& full) {
  const size_t model_tensors = full.size() - 2;
  if (tensors.size() >= full.size()) return Statistics::kMeansAndScales;
  return tensors.size() > model_tensors ? Statistics::kMeans : Statistics::kNone;
}

absl::Status CheckFinite(const tensor::Bundle& tensors) {
  for (size_t t = 0; t < tensors.layout().size(); ++t) {
    const tensor::TensorSpec& spec = tensors.layout().tensors()[t];
    const auto finite = [](auto values) {
      return std::all_of(values.begin(), values.end(), [](auto v) { return std::isfinite(v); });
    };
    if (spec.dtype == tensor::DType::kFloat32 ? finite(tensors.Float32(t))
                                              : finite(tensors.Float64(t))) {
      continue;
    }
    return ModelSyntax(fmt::format("tensor `{}` holds NaN or infinity", spec.name));
  }
  return absl::OkStatus();
}

// Nothing is allocated for a tensor before the file proved to hold its bytes.
absl::StatusOr<wire::StatePart> Assemble(RawModel raw) {
  wire::StatePart part;
  part.texts = std::move(raw.texts);
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, SpecOfModel(part));
  part.texts = ModelTexts(spec);  // written by hand, they may differ in spaces and order
  CN_ASSIGN_OR_RETURN(const tensor::Layout full, StateLayout(spec, Statistics::kMeansAndScales));
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                      StateLayout(spec, StatisticsIn(raw.tensors, full)));
  std::vector<const RawTensor*> sources;
  for (const tensor::TensorSpec& wanted : layout.tensors()) {
    const auto found = std::find_if(raw.tensors.begin(), raw.tensors.end(),
                                    [&](const RawTensor& t) { return t.name == wanted.name; });
    if (found == raw.tensors.end() || found->dtype != wanted.dtype ||
        found->shape != wanted.shape || found->bytes.size() != BytesOf(wanted)) {
      return Error(
          ErrorCode::kModelMismatch,
          fmt::format("the file has no tensor `{}` {} [{}], as its texts want", wanted.name,
                      DTypeName(wanted.dtype), fmt::join(wanted.shape, ", ")));
    }
    sources.push_back(&*found);
  }
  if (raw.tensors.size() != layout.size()) {
    return Error(ErrorCode::kModelMismatch, fmt::format("the file has {} tensors, want {}",
                                                        raw.tensors.size(), layout.size()));
  }
  part.tensors = tensor::Bundle(layout);
  for (size_t t = 0; t < sources.size(); ++t) {
    std::memcpy(&part.tensors.payload()[layout.OffsetOf(t)], sources[t]->bytes.data(),
                sources[t]->bytes.size());
  }
  CN_RETURN_IF_ERROR(CheckFinite(part.tensors));
  return part;
}

bool LooksLikeSafetensors(ByteSpan file) {
  ByteReader reader(file);
  const auto header_bytes = reader.Get<uint64_t>();
  return reader.ok() && header_bytes <= kMaxModelHeaderBytes && header_bytes <= reader.left() &&
         static_cast<char>(reader.Get<uint8_t>()) == '{';
}

}  // namespace

Bytes EncodeSafetensors(const wire::StatePart& model) {
  const tensor::Layout& layout = model.tensors.layout();
  ordered_json header;
  header[kMetadata] = model.texts;
  uint64_t offset = 0;
  for (const size_t t : FileOrder(layout)) {
    const tensor::TensorSpec& spec = layout.tensors()[t];
    header[spec.name] = {{"dtype", DTypeName(spec.dtype)},
                         {"shape", spec.shape},
                         {"data_offsets", {offset, offset + BytesOf(spec)}}};
    offset += BytesOf(spec);
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  Bytes file;
  file.reserve(8 + text.size() + offset);
  ByteWriter writer(file);
  writer.Put(static_cast<uint64_t>(text.size()));
  writer.PutBytes(AsBytes(text));
  for (const size_t t : FileOrder(layout)) {
    writer.PutBytes(
        model.tensors.payload().subspan(layout.OffsetOf(t), BytesOf(layout.tensors()[t])));
  }
  return file;
}

absl::StatusOr<wire::StatePart> DecodeModel(ByteSpan file) {
  if (file.size() > kMaxModelFileBytes) {
    return Error(ErrorCode::kFileTooLarge,
                 fmt::format("the model file has {} bytes, want at most {}", file.size(),
                             kMaxModelFileBytes));
  }
  const bool safetensors = LooksLikeSafetensors(file);
  CN_ASSIGN_OR_RETURN(RawModel raw,
                      safetensors ? ReadSafetensors(file) : ReadModelJson(AsText(file)));
  return Assemble(std::move(raw));
}

absl::Status CheckModel(const wire::StatePart& model) {
  const Statistics statistics = StatisticsIn(model.tensors.layout());
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, SpecOfModel(model));
  CN_ASSIGN_OR_RETURN(const tensor::Layout wanted, StateLayout(spec, statistics));
  if (!(model.tensors.layout() == wanted)) {
    return Error(ErrorCode::kModelMismatch,
                 "the tensors of the model are not those its texts want");
  }
  return CheckFinite(model.tensors);
}

}  // namespace consilium::learn
