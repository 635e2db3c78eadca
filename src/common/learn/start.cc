#include "common/learn/start.h"

#include <array>
#include <cmath>

#include "common/base/check.h"
#include "common/base/random.h"
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

AlignedVector<float> StartParameters(const job::JobSpec& spec, const tensor::Layout& parameters) {
  CN_CHECK(spec.model.start != job::StartKind::kState);
  AlignedVector<float> start;
  if (spec.model.start == job::StartKind::kZeros) {
    start.resize(ParameterCount(parameters));
    return start;
  }
  const Bytes material = SeedMaterial(spec);
  const std::array<ByteSpan, 1> parts = {material};
  Random random(crypto::DeriveKey("consilium-init-v1", parts));
  start.reserve(ParameterCount(parameters));
  double reach = 0;
  for (size_t t = 0; t < parameters.size(); ++t) {
    const tensor::TensorSpec& tensor = parameters.tensors()[t];
    const bool weights = t % 2 == 0;  // each layer's weights, then its bias
    if (weights) reach = 1.0 / std::sqrt(static_cast<double>(tensor.shape[0]));
    for (uint64_t i = 0; i < tensor::ElementsOf(tensor); ++i) {
      start.push_back(static_cast<float>((2.0 * random.Uniform() - 1.0) * reach));
    }
  }
  return start;
}

}  // namespace consilium::learn
