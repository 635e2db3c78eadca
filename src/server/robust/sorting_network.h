// Comparators that bring the middle of any n values into their places.
//
// Batcher's merge exchange for any n (Knuth, The Art of Computer Programming 3, section 5.2.2,
// algorithm M), without the comparators on which the wanted rows do not depend.
// Pure; thread-safe. About n (log2 n)^2 / 4 comparators.
#ifndef CONSILIUM_SERVER_ROBUST_SORTING_NETWORK_H_
#define CONSILIUM_SERVER_ROBUST_SORTING_NETWORK_H_

#include <cstddef>
#include <vector>

#include "server/robust/kernel.h"

namespace consilium::server::robust {

// After them rows [first, last) of n hold what they would hold if all were sorted; the others hold
// the rest. REQUIRES: first < last <= n <= 65536.
std::vector<Comparator> SortingNetwork(size_t n, size_t first, size_t last);

}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_SORTING_NETWORK_H_
