// A layout names what a vector holds: its tensors in order, each with shape, type, bound, weighting
// and tag.
//
// A contribution, a broadcast state and a server's private state are all one flat run of
// little-endian bytes, described by a layout; two sides that hold the same layout digest
// (wire/layout_codec.h) agree on every byte. Tensors follow each other in order, each starting at
// the next multiple of 8 bytes; the padding is zero. Matrices are row-major.
// Immutable after Create; cheap to copy (shared). Thread-safe.
#ifndef CONSILIUM_COMMON_TENSOR_LAYOUT_H_
#define CONSILIUM_COMMON_TENSOR_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace consilium::tensor {

enum class DType : uint8_t { kFloat32 = 1, kFloat64 = 2 };
// kSamples: the exact sum multiplies by the update's sample count; kOne: by 1.
enum class Weighting : uint8_t { kSamples = 1, kOne = 2 };
// What the disclosure check sees (specs/trust.md): a model change, a sum over rows, a count of
// rows.
enum class Tag : uint8_t { kUpdate = 1, kSum = 2, kCount = 3 };

inline constexpr int kDefaultBoundLog2 = 7;
inline constexpr size_t kMaxTensors = 4096;
inline constexpr size_t kMaxRank = 4;
inline constexpr uint64_t kMaxPayloadBytes = uint64_t{1} << 36;

struct TensorSpec {
  std::string name;             // unique; 1..128 printable ASCII
  std::vector<uint32_t> shape;  // each > 0, rank 1..kMaxRank
  DType dtype = DType::kFloat32;
  int bound_log2 = kDefaultBoundLog2;  // |x| <= 2^bound_log2; float32: -64..64, float64: -64..200
  Weighting weighting = Weighting::kSamples;  // float64: kOne only
  Tag tag = Tag::kUpdate;
  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

uint64_t ElementsOf(const TensorSpec& spec);
size_t BytesPerElement(DType dtype);

class Layout {
 public:
  // An empty layout (no tensors, no bytes).
  Layout();
  // kUpdateLayout names the tensor and rule that does not hold (see the fields above).
  static absl::StatusOr<Layout> Create(std::vector<TensorSpec> tensors);

  const std::vector<TensorSpec>& tensors() const;
  size_t size() const { return tensors().size(); }
  uint64_t payload_bytes() const;
  uint64_t OffsetOf(size_t tensor) const;  // bytes; REQUIRES tensor < size()
  std::optional<size_t> Find(std::string_view name) const;
  // The tensors from `first` on as a layout of their own: its payload is the end of this one's.
  Layout From(size_t first) const;
  friend bool operator==(const Layout& a, const Layout& b);

 private:
  struct Table;
  explicit Layout(std::shared_ptr<const Table> table);
  std::shared_ptr<const Table> table_;
};

}  // namespace consilium::tensor

#endif  // CONSILIUM_COMMON_TENSOR_LAYOUT_H_
