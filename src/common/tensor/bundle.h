// A layout and its values, owned: one 64-byte-aligned block, zero at the start.
//
// Not thread-safe. Move-only by intent: a copy of a model is said with Clone().
#ifndef CONSILIUM_COMMON_TENSOR_BUNDLE_H_
#define CONSILIUM_COMMON_TENSOR_BUNDLE_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/bytes.h"
#include "common/tensor/layout.h"

namespace consilium::tensor {

class Bundle {
 public:
  Bundle() = default;
  explicit Bundle(Layout layout);
  Bundle(Bundle&&) = default;
  Bundle& operator=(Bundle&&) = default;
  Bundle Clone() const;
  // A copy of the tensors from `first` on.
  Bundle From(size_t first) const;

  const Layout& layout() const { return layout_; }
  // REQUIRES: the tensor has this dtype (CN_CHECK). Spans live as long as the bundle.
  std::span<float> Float32(size_t tensor);
  std::span<const float> Float32(size_t tensor) const;
  std::span<double> Float64(size_t tensor);
  std::span<const double> Float64(size_t tensor) const;
  // The tensor of this name. REQUIRES: there is one.
  size_t IndexOf(std::string_view name) const;
  // All bytes, as docs/formats says.
  std::span<std::byte> payload();
  ByteSpan payload() const;

 private:
  struct AlignedDelete {
    void operator()(std::byte* block) const;
  };
  Layout layout_;
  std::unique_ptr<std::byte[], AlignedDelete> block_;
};

}  // namespace consilium::tensor

#endif  // CONSILIUM_COMMON_TENSOR_BUNDLE_H_
