// The table of aggregation rules: what takes the place of the mean of the sites' changes.
//
// A rule bounds what a few wild or hostile updates can do to a round (server/robust). It goes with
// the strategies whose updates meet in one mean and nothing else; ParseRobust refuses the others by
// name. f (`byzantine`) is how many sites may send anything at all.
// Plain values; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_ROBUST_RULE_H_
#define CONSILIUM_COMMON_JOB_ROBUST_RULE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"

namespace consilium::job {

enum class RobustKind {
  kMean,
  kMedian,
  kTrimmedMean,
  kKrum,
  kMultiKrum,
  kGeometricMedian,
  kNormClip,
  kCentredClip,
  kFlTrust,
};

// Every pair of updates is compared: the work grows with the square of the sites.
inline constexpr uint32_t kMaxKrumSites = 1024;

// The rule of a job with its parameters; those that it has not stay as they are here.
struct RobustSpec {
  RobustKind kind = RobustKind::kMean;
  uint32_t byzantine = 0;   // f
  uint32_t keep = 0;        // of multi_krum; 0: all but f
  uint32_t iterations = 0;  // passes over the updates that move the centre
  double smoothing = 1e-6;  // a distance counts as at least this
  double clip_radius = 0;   // 0: the median distance
  bool by_rows = false;     // a site weighs as its rows, capped; else as any other
  SiteId root_site{};       // of fltrust
};

struct RobustRow {
  RobustKind kind;
  std::string_view name;
  std::string_view meaning;
  std::string_view reference;
  uint32_t least_per_byzantine = 0;  // a round needs `least_per_byzantine` f + `least_more` sites
  uint32_t least_more = 1;
  uint32_t iterations = 0;  // default; 0: it has none
  bool has_keep = false;
  bool has_smoothing = false;
  bool has_clip_radius = false;
  bool has_rule_weights = false;
  bool has_root_site = false;
  bool has_byzantine() const { return least_per_byzantine > 0; }
};

// In the order of RobustKind.
std::span<const RobustRow> RobustTable();
const RobustRow& RowOf(RobustKind kind);
// The fewest updates that the rule can work with.
uint32_t LeastSites(const RobustSpec& rule);
// "krum, byzantine 2": the rule with the parameters that it has, given or not.
std::string TextOf(const RobustSpec& rule);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_ROBUST_RULE_H_
