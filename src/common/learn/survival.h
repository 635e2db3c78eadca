// Survival: the negative log partial likelihood of Cox's model, and Harrell's index of concordance.
//
// An outcome is a time with a sign: t where the event happened at t, -t where the row was censored
// then (-0.0 at time 0). With s the scores, h = exp(s) and R(t) the sum of h over the rows whose
// time is at least t, each event at t adds log R(t) - s (Cox 1975). Ties between events:
//   breslow  every one of them has R(t) (Breslow 1974)
//   efron    the l-th of d, from 0, has R(t) - (l / d) sum of their h (Efron 1977)
//   none     rows are taken by falling time, equal ones in the order they come; R of an event is
//            the sum up to it (as in FLamby's code)
// Concordance (Harrell et al. 1982): a pair is comparable when the one with the earlier time had
// the event, or when at the same time one had it and the other was censored; concordant when the
// one with the event has the higher score. A tie in the score counts one half.
#ifndef CONSILIUM_COMMON_LEARN_SURVIVAL_H_
#define CONSILIUM_COMMON_LEARN_SURVIVAL_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/job/job_spec.h"

namespace consilium::learn {

// Keeps its workspace: a call allocates only for more rows than any before. Scores more than 700
// below the largest count as 700 below it. Not thread-safe.
class CoxLoss {
 public:
  explicit CoxLoss(job::Ties ties) : ties_(ties) {}
  // The sum over the rows. `residuals`, where it is not empty, becomes the derivative of `factor`
  // times that sum by each score. REQUIRES: sizes fit. O(rows log rows), O(rows) when the outcomes
  // are in the order of the call before.
  template <typename T>
  double Sum(std::span<const T> scores, std::span<const T> outcomes, double factor,
             std::span<T> residuals);

 private:
  template <typename T>
  void Order(std::span<const T> outcomes);
  template <typename T>
  size_t EndOfGroup(std::span<const T> outcomes, size_t first) const;

  const job::Ties ties_;
  std::vector<uint32_t> order_;  // rows by falling time
  std::vector<double> hazards_;  // in that order
  std::vector<double> risks_;    // R at the end of each group, at its last place
};

struct Concordance {
  double concordant = 0;
  double comparable = 0;
};
// O(rows log rows).
Concordance ConcordanceOf(std::span<const float> scores, std::span<const float> outcomes);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_SURVIVAL_H_
