#include "server/robust/sorting_network.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "common/base/check.h"

namespace consilium::server::robust {
namespace {

std::vector<Comparator> MergeExchange(size_t n) {
  std::vector<Comparator> network;
  if (n < 2) return network;
  const size_t top = std::bit_ceil(n) / 2;
  for (size_t p = top; p > 0; p /= 2) {
    size_t r = 0;
    size_t d = p;
    for (size_t q = top;; q /= 2) {
      for (size_t i = 0; i + d < n; ++i) {
        if ((i & p) != r) continue;
        network.push_back({static_cast<uint16_t>(i), static_cast<uint16_t>(i + d)});
      }
      if (q == p) break;
      d = q - p;
      r = p;
    }
  }
  return network;
}

}  // namespace

std::vector<Comparator> SortingNetwork(size_t n, size_t first, size_t last) {
  CN_CHECK(first < last && last <= n && n <= size_t{UINT16_MAX} + 1);
  std::vector<Comparator> network = MergeExchange(n);
  std::vector<bool> wanted(n);
  std::fill(wanted.begin() + static_cast<ptrdiff_t>(first),
            wanted.begin() + static_cast<ptrdiff_t>(last), true);
  std::vector<Comparator> needed;
  for (auto one = network.rbegin(); one != network.rend(); ++one) {
    if (!wanted[one->low] && !wanted[one->high]) continue;
    wanted[one->low] = wanted[one->high] = true;
    needed.push_back(*one);
  }
  std::ranges::reverse(needed);
  return needed;
}

}  // namespace consilium::server::robust
