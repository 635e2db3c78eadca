#include "common/learn/start.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "common/base/check.h"
#include "common/crypto/sha256.h"

namespace consilium::learn {

Bytes SeedMaterial(const job::JobSpec& spec) {
  Bytes material;
  ByteWriter writer(material);
  if (spec.seed_given) {
    writer.Put(spec.seed);
  } else {
    writer.PutBytes(std::as_bytes(std::span(spec.digest.bytes)));
  }
  return material;
}

StartDraw::StartDraw(const job::JobSpec& spec, tensor::Layout parameters)
    : parameters_(std::move(parameters)) {
  CN_CHECK(spec.model.start != job::StartKind::kState);
  if (spec.model.start == job::StartKind::kSeed) {
    const Bytes material = SeedMaterial(spec);
    const std::array<ByteSpan, 1> parts = {material};
    random_.emplace(crypto::DeriveKey("consilium-init-v1", parts));
  }
  Enter(0);
}

void StartDraw::Enter(size_t tensor) {
  tensor_ = tensor;
  if (tensor_ == parameters_.size()) return;
  const tensor::TensorSpec& spec = parameters_.tensors()[tensor_];
  left_ = tensor::ElementsOf(spec);
  const bool weights = tensor_ % 2 == 0;  // each layer's weights, then its bias
  if (weights) reach_ = 1.0 / std::sqrt(static_cast<double>(spec.shape[0]));
}

void StartDraw::Next(std::span<float> out) {
  CN_CHECK(out.size() <= left_);
  for (float& value : out) {
    value = random_ ? static_cast<float>((2.0 * random_->Uniform() - 1.0) * reach_) : 0.0F;
  }
  left_ -= out.size();
  if (left_ == 0) Enter(tensor_ + 1);
}

void StartDraw::SkipTo(std::string_view name) {
  std::array<float, 1024> passed{};
  while (true) {
    CN_CHECK(tensor_ < parameters_.size());
    if (parameters_.tensors()[tensor_].name == name) return;
    Next(std::span(passed).first(std::min<uint64_t>(passed.size(), left_)));
  }
}

}  // namespace consilium::learn
