// A vector whose first element lies on a 64-byte boundary.
//
// Vectorised sums treat the elements before the first aligned one apart, so their rounding would
// depend on where malloc put a plain vector. With these the same numbers give the same bits.
#ifndef CONSILIUM_COMMON_LEARN_ALIGNED_VECTOR_H_
#define CONSILIUM_COMMON_LEARN_ALIGNED_VECTOR_H_

#include <cstddef>
#include <new>
#include <vector>

namespace consilium::learn {

template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT: allocators convert to each other
  T* allocate(size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* block, size_t) { ::operator delete(block, kAlignment); }
  template <typename U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_ALIGNED_VECTOR_H_
