#include "common/tensor/bundle.h"

#include <cstring>
#include <new>
#include <utility>

#include "common/base/check.h"

namespace consilium::tensor {
namespace {

constexpr std::align_val_t kBlockAlignment{64};

}  // namespace

void Bundle::AlignedDelete::operator()(std::byte* block) const {
  ::operator delete[](block, kBlockAlignment);
}

Bundle::Bundle(Layout layout) : layout_(std::move(layout)) {
  const size_t bytes = layout_.payload_bytes();
  if (bytes == 0) return;
  block_.reset(static_cast<std::byte*>(::operator new[](bytes, kBlockAlignment)));
  std::memset(block_.get(), 0, bytes);
}

Bundle Bundle::Clone() const {
  Bundle copy(layout_);
  if (block_ != nullptr) std::memcpy(copy.block_.get(), block_.get(), layout_.payload_bytes());
  return copy;
}

Bundle Bundle::From(size_t first) const {
  Bundle rest(layout_.From(first));
  const uint64_t bytes = rest.layout().payload_bytes();
  if (bytes > 0) {
    std::memcpy(rest.block_.get(), block_.get() + layout_.payload_bytes() - bytes, bytes);
  }
  return rest;
}

std::span<float> Bundle::Float32(size_t tensor) {
  CN_CHECK(tensor < layout_.size() && layout_.tensors()[tensor].dtype == DType::kFloat32);
  return {reinterpret_cast<float*>(block_.get() + layout_.OffsetOf(tensor)),
          ElementsOf(layout_.tensors()[tensor])};
}

std::span<const float> Bundle::Float32(size_t tensor) const {
  return const_cast<Bundle*>(this)->Float32(tensor);
}

std::span<double> Bundle::Float64(size_t tensor) {
  CN_CHECK(tensor < layout_.size() && layout_.tensors()[tensor].dtype == DType::kFloat64);
  return {reinterpret_cast<double*>(block_.get() + layout_.OffsetOf(tensor)),
          ElementsOf(layout_.tensors()[tensor])};
}

std::span<const double> Bundle::Float64(size_t tensor) const {
  return const_cast<Bundle*>(this)->Float64(tensor);
}

size_t Bundle::IndexOf(std::string_view name) const {
  const std::optional<size_t> index = layout_.Find(name);
  CN_CHECK(index.has_value());
  return *index;
}

std::span<std::byte> Bundle::payload() { return {block_.get(), layout_.payload_bytes()}; }

ByteSpan Bundle::payload() const { return {block_.get(), layout_.payload_bytes()}; }

}  // namespace consilium::tensor
