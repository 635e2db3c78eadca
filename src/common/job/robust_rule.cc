#include "common/job/robust_rule.h"

#include <array>

#include "fmt/format.h"

namespace consilium::job {
namespace {

constexpr std::array kRules = {
    RobustRow{.kind = RobustKind::kMean,
              .name = "mean",
              .meaning = "The mean, weighted as the strategy says. One site can move it anywhere.",
              .reference = "McMahan et al. 2017, arXiv 1602.05629"},
    RobustRow{.kind = RobustKind::kMedian,
              .name = "median",
              .meaning = "The median of the sites, element by element.",
              .reference = "Yin et al. 2018, arXiv 1803.01498, definition 1"},
    RobustRow{.kind = RobustKind::kTrimmedMean,
              .name = "trimmed_mean",
              .meaning = "Element by element, the mean without the `byzantine` least and the "
                         "`byzantine` greatest values.",
              .reference = "Yin et al. 2018, arXiv 1803.01498, definition 2",
              .least_per_byzantine = 2,
              .least_more = 1},
    RobustRow{.kind = RobustKind::kKrum,
              .name = "krum",
              .meaning = "The one update that is closest to its n - `byzantine` - 2 neighbours.",
              .reference = "Blanchard et al. 2017, arXiv 1703.02757, section 4",
              .least_per_byzantine = 2,
              .least_more = 3},
    RobustRow{.kind = RobustKind::kMultiKrum,
              .name = "multi_krum",
              .meaning = "The mean of the `keep` updates with the best Krum scores.",
              .reference = "Blanchard et al. 2017, arXiv 1703.02757, section 5",
              .least_per_byzantine = 2,
              .least_more = 3,
              .has_keep = true},
    RobustRow{.kind = RobustKind::kGeometricMedian,
              .name = "geometric_median",
              .meaning = "The point whose distances to the updates have the least sum, by the "
                         "smoothed Weiszfeld algorithm (RFA).",
              .reference = "Pillutla et al. 2022, arXiv 1912.13445, algorithm 2",
              .iterations = 8,
              .has_smoothing = true,
              .has_rule_weights = true},
    RobustRow{.kind = RobustKind::kNormClip,
              .name = "norm_clip",
              .meaning = "The mean of the updates, each no longer than the median length.",
              .reference = "Sun et al. 2019, arXiv 1911.07963, section 4",
              .has_rule_weights = true},
    RobustRow{.kind = RobustKind::kCentredClip,
              .name = "centred_clip",
              .meaning = "From the round's start, the centre moves by the mean of the differences "
                         "to the updates, each clipped to `clip_radius`.",
              .reference = "Karimireddy et al. 2021, arXiv 2012.10333, algorithm 2",
              .iterations = 5,
              .has_clip_radius = true,
              .has_rule_weights = true},
    RobustRow{.kind = RobustKind::kFlTrust,
              .name = "fltrust",
              .meaning = "Each update, scaled to the length of `root_site`'s, weighs as the cosine "
                         "to it; one that points away from it is left out.",
              .reference = "Cao et al. 2021, arXiv 2012.13995, algorithm 2",
              .has_root_site = true},
};

}  // namespace

std::span<const RobustRow> RobustTable() { return kRules; }

const RobustRow& RowOf(RobustKind kind) { return kRules[static_cast<size_t>(kind)]; }

uint32_t LeastSites(const RobustSpec& rule) {
  const RobustRow& row = RowOf(rule.kind);
  return row.least_per_byzantine * rule.byzantine + row.least_more;
}

std::string TextOf(const RobustSpec& rule) {
  const RobustRow& row = RowOf(rule.kind);
  std::string text(row.name);
  if (row.has_byzantine()) text += fmt::format(", byzantine {}", rule.byzantine);
  if (row.has_keep && rule.keep > 0) text += fmt::format(", keep {}", rule.keep);
  if (row.iterations > 0) text += fmt::format(", iterations {}", rule.iterations);
  if (row.has_smoothing) text += fmt::format(", smoothing {}", rule.smoothing);
  if (row.has_clip_radius && rule.clip_radius > 0) {
    text += fmt::format(", clip_radius {}", rule.clip_radius);
  }
  if (row.has_rule_weights) text += rule.by_rows ? ", by rows" : ", every site alike";
  if (row.has_root_site) text += fmt::format(", root_site {}", rule.root_site.value());
  return text;
}

}  // namespace consilium::job
