// The rules that look at one element of all updates at a time: median and trimmed mean.
//
//   median         the middle value; of an even number, the mean of the two in the middle
//   trimmed_mean   the mean of what is left without the f least and the f greatest
// Yin et al. 2018, arXiv 1803.01498, definitions 1 and 2. With at most f of n updates wild and
// n > 2f, the result lies between the least and the greatest honest value of that element.
// The values are sorted (sorting_network.h) and added in that order: the result does not depend on
// the order of the updates at all. Not thread-safe.
#ifndef CONSILIUM_SERVER_ROBUST_MIDDLE_RULE_H_
#define CONSILIUM_SERVER_ROBUST_MIDDLE_RULE_H_

#include <cstddef>
#include <span>
#include <vector>

#include "common/sum/sum_rule.h"
#include "server/robust/kernels.h"

namespace consilium::server::robust {

class MiddleRule {
 public:
  // `cut` values go at each end. REQUIRES: 2 cut < updates.
  MiddleRule(size_t updates, size_t cut, const Kernels& kernels = BestKernels());
  // The median of so many.
  static MiddleRule Median(size_t updates, const Kernels& kernels = BestKernels()) {
    return {updates, (updates - 1) / 2, kernels};
  }

  // out[e] = the middle of values[e] of all runs, float32.
  void Take(std::span<const sum::WeightedRun> runs, std::span<double> out);

 private:
  size_t updates_;
  size_t cut_;
  const Kernels* kernels_;
  std::vector<Comparator> network_;
  std::vector<float> tile_;
};

}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_MIDDLE_RULE_H_
