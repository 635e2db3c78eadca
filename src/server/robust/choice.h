// The rules that weigh whole updates: Krum, multi-Krum, geometric median, clipping, FLTrust.
//
//   krum, multi_krum   score(i) = sum of the n - f - 2 least |x_i - x_j|^2, j != i; the `keep`
//                      least scores weigh 1 / keep, of equal ones the first by site. Blanchard et
//                      al. 2017, arXiv 1703.02757, sections 4 and 5. n >= 2f + 3.
//   geometric_median   v <- sum b_i x_i / sum b_i with b_i = a_i / max(smoothing, |v - x_i|), from
//                      v = sum a_i x_i; b starts from the weights a each time and is not
//                      compounded. RFA: Pillutla et al. 2022, arXiv 1912.13445, algorithm 2.
//   norm_clip          sum a_i x_i min(1, M / |x_i|), M the median length. Sun et al. 2019, arXiv
//                      1911.07963, section 4, with the median for their fixed bound.
//   centred_clip       v <- v + sum a_i (x_i - v) min(1, r / |x_i - v|). Karimireddy et al. 2021,
//                      arXiv 2012.10333, algorithm 2. x_i are changes, so v = 0 is the round's
//                      start; the paper's v, the last round's, is no part of a state here.
//   fltrust            t_i = max(0, cos(x_i, x_root)); sum t_i x_i |x_root| / |x_i| / sum t_i. Cao
//                      et al. 2021, arXiv 2012.13995, algorithm 2. Their server trains on a root
//                      set; a server here has no data, so a trusted site does, and counts with t=1.
// a_i: 1 / n, or the capped rows over their sum. Every v is a weighted sum of the x_i, so what goes
// from pass to pass is n numbers. Pure but for the passes; not thread-safe.
#ifndef CONSILIUM_SERVER_ROBUST_CHOICE_H_
#define CONSILIUM_SERVER_ROBUST_CHOICE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/job/robust_rule.h"
#include "server/robust/passes.h"

namespace consilium::server::robust {

// What a rule made of one site's update; an empty text: nothing worth saying.
struct Remark {
  bool excluded = false;
  std::string text;
};

// Of each update, in the order of the columns: the result is the sum of factors[i] times update i.
struct Choice {
  std::vector<double> factors;
  std::vector<Remark> remarks;
};

struct RuleInput {
  const job::RobustSpec& rule;
  uint32_t weight_cap = 1;
  std::span<const SiteId> sites;  // of the updates
};

// False for the rules of middle_rule.h and for the mean.
bool WeighsUpdates(job::RobustKind kind);
// REQUIRES: WeighsUpdates(input.rule.kind), and a site. kSumOverflow: more than job::kMaxKrumSites.
// kTooFewSites: fewer than job::LeastSites, or fltrust without its root.
absl::StatusOr<Choice> Choose(const RuleInput& input, Passes& passes);

// The Krum scores of n updates by their squared distances (Passes::SquaredPairDistances).
// REQUIRES: n >= f + 3.
std::vector<double> KrumScores(std::span<const double> pair_distances, size_t n, size_t f);
// The middle one of the values; of an even number, the mean of the two. REQUIRES: not empty.
double MedianOf(std::vector<double> values);

}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_CHOICE_H_
