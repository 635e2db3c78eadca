#include "client/train/checkpoint.h"

#include <cstring>
#include <string_view>

namespace consilium::client::train {
namespace {

constexpr std::string_view kParameters = "parameters";
constexpr size_t kMaxVectorName = 64;
constexpr uint32_t kVectors = 1;  // plain SGD keeps nothing beside the parameters

}  // namespace

Bytes EncodePointHead(const TrainingPoint& point, size_t parameters) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.Put(point.steps);
  writer.Put(point.of);
  writer.Put(point.order.batches);
  writer.Put(point.order.next_word);
  writer.Put(kVectors);
  writer.PutText(kParameters);
  writer.Put(static_cast<uint64_t>(parameters));
  return bytes;
}

std::optional<TrainingPoint> DecodePoint(ByteSpan bytes, size_t parameters) {
  ByteReader reader(bytes);
  TrainingPoint point;
  point.steps = reader.Get<uint64_t>();
  point.of = reader.Get<uint64_t>();
  point.order.batches = reader.Get<uint64_t>();
  point.order.next_word = reader.Get<uint32_t>();
  if (reader.Get<uint32_t>() != kVectors) return std::nullopt;
  if (reader.GetText(kMaxVectorName) != kParameters) return std::nullopt;
  if (reader.Get<uint64_t>() != parameters) return std::nullopt;
  const ByteSpan values = reader.GetBytes(parameters * sizeof(float));
  if (!reader.done()) return std::nullopt;
  point.parameters.resize(parameters);
  if (!values.empty()) std::memcpy(point.parameters.data(), values.data(), values.size());
  return point;
}

}  // namespace consilium::client::train
