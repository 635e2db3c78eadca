// The inner loops of the robust rules: sorting networks over many columns at once, lengths and dot
// products.
//
// A tile is [rows, 16] float32, row-major: one row a site, one column an element. A network sorts
// all 16 columns by the same comparators, so a comparator is one minimum and one maximum of whole
// registers and nothing branches (Knuth, The Art of Computer Programming 3, section 5.3.4).
// Sums run over eight lanes, element i in lane i mod 8, and the lanes are added in one order: the
// same bits from every build, whatever its registers. Nothing is fused; fast-math does not compile.
// Values are read at any alignment. Stateless; thread-safe.
// The namespace has a name of its own so that builds for several CPUs lie side by side (kernels.h);
// hence plain pointers only: no inline function of a library may be compiled twice.
#ifndef CONSILIUM_SERVER_ROBUST_KERNEL_H_
#define CONSILIUM_SERVER_ROBUST_KERNEL_H_

#include <cstddef>
#include <cstdint>

#ifndef CONSILIUM_ROBUST_KERNEL
#define CONSILIUM_ROBUST_KERNEL kernel
#endif

namespace consilium::server::robust {

// Afterwards row `low` holds the lesser value of each column.
struct Comparator {
  uint16_t low;
  uint16_t high;
};

inline constexpr size_t kTileColumns = 16;

namespace CONSILIUM_ROBUST_KERNEL {

using robust::Comparator;

void SortTile(const Comparator* network, size_t comparators, float* tile);
// Of `count` float32 values to a centre in double: sum (x - c)^2.
double SquaredDistance(const std::byte* values, const double* centre, size_t count);
// Of float32 values to each other.
double SquaredDifference(const std::byte* a, const std::byte* b, size_t count);
double Dot(const std::byte* a, const std::byte* b, size_t count);
// out[i] += factor * values[i].
void AddScaled(const std::byte* values, double factor, double* out, size_t count);

}  // namespace CONSILIUM_ROBUST_KERNEL
}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_KERNEL_H_
