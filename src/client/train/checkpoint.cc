#include "client/train/checkpoint.h"

#include <cstring>

namespace consilium::client::train {
namespace {

constexpr size_t kMaxVectorName = 64;

}  // namespace

std::vector<Bytes> EncodePointHeads(const TrainingPoint& point,
                                    std::span<const PointVector> vectors) {
  std::vector<Bytes> heads(vectors.size());
  for (size_t i = 0; i < vectors.size(); ++i) {
    ByteWriter writer(heads[i]);
    if (i == 0) {
      writer.Put(point.steps);
      writer.Put(point.of);
      writer.Put(point.order.batches);
      writer.Put(point.order.next_word);
      writer.Put(static_cast<uint32_t>(vectors.size()));
    }
    writer.PutText(vectors[i].name);
    writer.Put(static_cast<uint64_t>(vectors[i].values.size()));
  }
  return heads;
}

std::optional<TrainingPoint> DecodePoint(ByteSpan bytes, std::span<const PointVector> vectors,
                                         const std::function<bool(const TrainingPoint&)>& accept) {
  ByteReader reader(bytes);
  TrainingPoint point;
  point.steps = reader.Get<uint64_t>();
  point.of = reader.Get<uint64_t>();
  point.order.batches = reader.Get<uint64_t>();
  point.order.next_word = reader.Get<uint32_t>();
  if (reader.Get<uint32_t>() != vectors.size()) return std::nullopt;
  std::vector<ByteSpan> values;
  for (const PointVector& vector : vectors) {
    if (reader.GetText(kMaxVectorName) != vector.name) return std::nullopt;
    if (reader.Get<uint64_t>() != vector.values.size()) return std::nullopt;
    values.push_back(reader.GetBytes(vector.values.size_bytes()));
  }
  if (!reader.done() || !accept(point)) return std::nullopt;
  for (size_t i = 0; i < vectors.size(); ++i) {
    if (values[i].empty()) continue;
    std::memcpy(vectors[i].values.data(), values[i].data(), values[i].size());
  }
  return point;
}

}  // namespace consilium::client::train
