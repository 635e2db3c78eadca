#include "tests/common/sum/reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "common/base/check.h"

namespace consilium::sum {
namespace {

using tensor::DType;
using tensor::TensorSpec;
using tensor::Weighting;

tensor::Layout LayoutOf(std::vector<TensorSpec> specs) {
  absl::StatusOr<tensor::Layout> layout = tensor::Layout::Create(std::move(specs));
  CN_CHECK(layout.ok());
  return *layout;
}

// x = mantissa * 2^exponent, exactly.
struct Decomposed {
  int64_t mantissa;
  int exponent;
};
Decomposed Decompose(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  const auto biased = static_cast<int>(bits >> 52 & 0x7ff);
  auto mantissa = static_cast<int64_t>(bits & ((uint64_t{1} << 52) - 1));
  if (biased != 0) mantissa |= int64_t{1} << 52;
  return {(bits >> 63) != 0 ? -mantissa : mantissa, (biased == 0 ? 1 : biased) - 1075};
}

// value * 2^shift, rounded to an integer, ties to even.
Int128 ShiftRounded(Int128 value, int shift) {
  if (shift >= 0) return value * (Int128{1} << shift);
  const int right = -shift;
  if (right > 120) return 0;
  const Int128 magnitude = value < 0 ? -value : value;
  Int128 quotient = magnitude >> right;
  const Int128 rest = magnitude - (quotient << right);
  const Int128 half = Int128{1} << (right - 1);
  if (rest > half || (rest == half && (quotient & 1) != 0)) ++quotient;
  return value < 0 ? -quotient : quotient;
}

// A value of any exponent up to the bound; one in eight is a special case.
double RandomValue(Random& random, const TensorSpec& spec) {
  const double bound = std::ldexp(1.0, spec.bound_log2);
  const double sign = random.Below(2) == 0 ? 1.0 : -1.0;
  switch (random.Below(32)) {
    case 0:
      return sign * 0.0;
    case 1:
      return sign * bound;
    case 2:
      return sign * (spec.dtype == DType::kFloat32 ? 1.4e-45 : 4.9e-324);
    case 3:
      return sign * std::nextafter(bound, 0.0);
    default:
      break;
  }
  return sign * bound * std::ldexp(random.Uniform(), -static_cast<int>(random.Below(70)));
}

template <typename T>
void PutElement(Bytes& payload, uint64_t at, double value) {
  const auto narrowed = static_cast<T>(value);
  std::memcpy(payload.data() + at, &narrowed, sizeof narrowed);
}

void PutValue(Bytes& payload, const tensor::Layout& layout, size_t tensor, uint64_t element,
              double value) {
  if (layout.tensors()[tensor].dtype == DType::kFloat32) {
    PutElement<float>(payload, layout.OffsetOf(tensor) + 4 * element, value);
  } else {
    PutElement<double>(payload, layout.OffsetOf(tensor) + 8 * element, value);
  }
}

double ValueOf(const Bytes& payload, const tensor::Layout& layout, size_t tensor,
               uint64_t element) {
  if (layout.tensors()[tensor].dtype == DType::kFloat32) {
    float value;
    std::memcpy(&value, payload.data() + layout.OffsetOf(tensor) + 4 * element, sizeof value);
    return value;
  }
  double value;
  std::memcpy(&value, payload.data() + layout.OffsetOf(tensor) + 8 * element, sizeof value);
  return value;
}

}  // namespace

tensor::Layout MixedLayout() {
  return LayoutOf({{"w", {3, 7}, DType::kFloat32, 7, Weighting::kSamples},
                   {"control", {5}, DType::kFloat32, 3, Weighting::kOne},
                   {"small", {9}, DType::kFloat32, -64, Weighting::kSamples},
                   {"large", {6}, DType::kFloat32, 64, Weighting::kSamples},
                   {"sums", {11}, DType::kFloat64, 40, Weighting::kOne, tensor::Tag::kSum},
                   {"huge", {2}, DType::kFloat64, 200, Weighting::kOne, tensor::Tag::kSum},
                   {"tiny", {3}, DType::kFloat64, -64, Weighting::kOne, tensor::Tag::kSum}});
}

tensor::Layout OneTensor(DType dtype, int bound_log2, uint32_t elements, Weighting weighting) {
  return LayoutOf({{"x", {elements}, dtype, bound_log2, weighting}});
}

Bytes RandomPayload(Random& random, const tensor::Layout& layout) {
  Bytes payload(layout.payload_bytes());
  for (size_t i = 0; i < layout.size(); ++i) {
    const TensorSpec& spec = layout.tensors()[i];
    for (uint64_t e = 0; e < tensor::ElementsOf(spec); ++e) {
      PutValue(payload, layout, i, e, RandomValue(random, spec));
    }
  }
  return payload;
}

std::vector<TestUpdate> RandomUpdates(uint64_t seed, const tensor::Layout& layout, size_t count) {
  Random random(seed);
  std::vector<TestUpdate> updates(count);
  for (TestUpdate& update : updates) {
    update.weight = 1 + random.Below(1 << (1 + random.Below(21)));
    update.payload = RandomPayload(random, layout);
  }
  return updates;
}

Bytes ConstantPayload(const tensor::Layout& layout, double value) {
  CN_CHECK(layout.size() == 1);
  Bytes payload(layout.payload_bytes());
  for (uint64_t e = 0; e < tensor::ElementsOf(layout.tensors()[0]); ++e) {
    PutValue(payload, layout, 0, e, value);
  }
  return payload;
}

Int128 RoundedQuanta(double x, uint32_t weight, int weight_shift, int quantum_log2) {
  const Decomposed parts = Decompose(x);
  return ShiftRounded(Int128{parts.mantissa} * weight,
                      parts.exponent - weight_shift - quantum_log2);
}

std::vector<int64_t> ReferenceLimbs(const tensor::Layout& layout, const SumOptions& options,
                                    const std::vector<TestUpdate>& updates) {
  int bits = 51;
  for (uint64_t most = 4095; most < options.max_contributions; most = 2 * most + 1) --bits;
  int shift = 0;
  while ((uint64_t{1} << shift) < options.weight_cap) ++shift;
  std::vector<int64_t> limbs;
  for (size_t i = 0; i < layout.size(); ++i) {
    const TensorSpec& spec = layout.tensors()[i];
    const uint64_t elements = tensor::ElementsOf(spec);
    const bool wide = spec.dtype == DType::kFloat64;
    const bool by_samples = spec.weighting == Weighting::kSamples;
    const int quantum = spec.bound_log2 - bits;
    std::vector<Int128> high(elements);
    std::vector<Int128> low(wide ? elements : 0);
    for (const TestUpdate& update : updates) {
      const uint32_t weight = by_samples ? std::min(update.weight, options.weight_cap) : 1;
      for (uint64_t e = 0; e < elements; ++e) {
        const double x = ValueOf(update.payload, layout, i, e);
        const Int128 quanta = RoundedQuanta(x, weight, by_samples ? shift : 0, quantum);
        high[e] += quanta;
        if (!wide) continue;
        // What is left below the quantum, in units of 2^exponent.
        const Decomposed parts = Decompose(x);
        const Int128 rest = quanta == 0
                                ? Int128{parts.mantissa}
                                : parts.mantissa - ShiftRounded(quanta, quantum - parts.exponent);
        low[e] += ShiftRounded(rest, parts.exponent - (quantum - bits));
      }
    }
    for (const Int128 limb : high) limbs.push_back(static_cast<int64_t>(limb));
    for (const Int128 limb : low) limbs.push_back(static_cast<int64_t>(limb));
  }
  return limbs;
}

std::vector<int64_t> LimbsOf(const tensor::Layout& layout, const ExactSum& sum) {
  const Bytes bytes = sum.Serialize();
  const size_t start = 40 + 16 * layout.size();
  std::vector<int64_t> limbs((bytes.size() - start - 8) / sizeof(int64_t));
  std::memcpy(limbs.data(), bytes.data() + start, limbs.size() * sizeof(int64_t));
  return limbs;
}

}  // namespace consilium::sum
