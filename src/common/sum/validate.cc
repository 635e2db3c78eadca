#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/sum/exact_sum.h"
#include "common/sum/kernels.h"
#include "common/sum/pieces.h"
#include "fmt/format.h"

namespace consilium::sum {
namespace {

bool AnyBeyond(const tensor::TensorSpec& spec, const std::byte* values, uint64_t count) {
  const double bound = std::ldexp(1.0, spec.bound_log2);
  return spec.dtype == tensor::DType::kFloat32
             ? BestKernels().any_beyond_float32(values, count, static_cast<float>(bound))
             : BestKernels().any_beyond_float64(values, count, bound);
}

double ValueAt(const tensor::TensorSpec& spec, const std::byte* values, uint64_t index) {
  if (spec.dtype == tensor::DType::kFloat32) {
    float value;
    std::memcpy(&value, values + index * sizeof value, sizeof value);
    return value;
  }
  double value;
  std::memcpy(&value, values + index * sizeof value, sizeof value);
  return value;
}

// Names the first value that is beyond. The value itself is never told: it may be a patient's.
absl::Status NameFirstBeyond(const tensor::TensorSpec& spec, const Piece& piece,
                             const std::byte* values) {
  const double bound = std::ldexp(1.0, spec.bound_log2);
  for (uint64_t i = 0; i < piece.count; ++i) {
    const double value = ValueAt(spec, values, i);
    const uint64_t index = piece.first + i;
    if (!std::isfinite(value)) {
      return Error(ErrorCode::kUpdateNotFinite,
                   fmt::format("`{}` [{}] is {}, want finite values", spec.name, index,
                               std::isnan(value) ? "not a number" : "infinite"));
    }
    if (std::fabs(value) > bound) {
      return Error(ErrorCode::kUpdateOutOfBound,
                   fmt::format("`{}` [{}] is beyond its bound, want |x| <= 2^{}", spec.name, index,
                               spec.bound_log2));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPadding(const tensor::TensorSpec& spec, ByteSpan padding) {
  if (std::all_of(padding.begin(), padding.end(), [](std::byte b) { return b == std::byte{0}; })) {
    return absl::OkStatus();
  }
  return Error(ErrorCode::kUpdateLayout,
               fmt::format("the padding after `{}` is not zero", spec.name));
}

}  // namespace

absl::Status ValidateValues(const tensor::Layout& layout, ByteSpan payload) {
  if (payload.size() != layout.payload_bytes()) {
    return Error(ErrorCode::kUpdateLayout, fmt::format("payload of {} bytes, its layout wants {}",
                                                       payload.size(), layout.payload_bytes()));
  }
  return ValidateBlock(layout, 0, payload);
}

absl::Status ValidateBlock(const tensor::Layout& layout, uint64_t offset, ByteSpan block) {
  CN_RETURN_IF_ERROR(CheckBlock(layout, offset, block.size()));
  for (const Piece& piece : PiecesOf(layout, offset, block.size())) {
    const tensor::TensorSpec& spec = layout.tensors()[piece.tensor];
    const std::byte* values = block.data() + piece.position;
    if (AnyBeyond(spec, values, piece.count)) {
      CN_RETURN_IF_ERROR(NameFirstBeyond(spec, piece, values));
    }
    const uint64_t end = piece.position + piece.count * tensor::BytesPerElement(spec.dtype);
    CN_RETURN_IF_ERROR(CheckPadding(spec, block.subspan(end, piece.padding_bytes)));
  }
  return absl::OkStatus();
}

}  // namespace consilium::sum
