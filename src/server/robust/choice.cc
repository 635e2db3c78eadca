#include "server/robust/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::server::robust {
namespace {

using job::RobustKind;

constexpr double kWorthSaying = 0.5;  // what is cut to less than this gets a remark

std::vector<double> Roots(std::vector<double> squares) {
  for (double& value : squares) value = std::sqrt(value);
  return squares;
}

class Chooser {
 public:
  Chooser(const RuleInput& input, Passes& passes)
      : input_(input), rule_(input.rule), passes_(passes), n_(passes.updates()) {
    choice_.factors.resize(n_);
    choice_.remarks.resize(n_);
  }

  absl::StatusOr<Choice> Choose() {
    CN_RETURN_IF_ERROR(CheckSites());
    switch (rule_.kind) {
      case RobustKind::kKrum:
      case RobustKind::kMultiKrum:
        CN_RETURN_IF_ERROR(ChooseKrum());
        break;
      case RobustKind::kGeometricMedian:
        CN_RETURN_IF_ERROR(ChooseGeometricMedian());
        break;
      case RobustKind::kNormClip:
        CN_RETURN_IF_ERROR(ChooseNormClip());
        break;
      case RobustKind::kCentredClip:
        CN_RETURN_IF_ERROR(ChooseCentredClip());
        break;
      case RobustKind::kFlTrust:
        CN_RETURN_IF_ERROR(ChooseFlTrust());
        break;
      case RobustKind::kMean:
      case RobustKind::kMedian:
      case RobustKind::kTrimmedMean:
        return Error(ErrorCode::kInternal, "this rule weighs no updates");
    }
    return std::move(choice_);
  }

 private:
  absl::Status CheckSites() const {
    if (n_ >= job::LeastSites(rule_)) return absl::OkStatus();
    return Error(ErrorCode::kTooFewSites,
                 fmt::format("rule {} has {} updates, want at least {}", NameOfRule(), n_,
                             job::LeastSites(rule_)),
                 "let more sites take part, or lower `aggregation.byzantine`");
  }

  std::string_view NameOfRule() const { return job::RowOf(rule_.kind).name; }

  // a_i: they add up to 1.
  std::vector<double> Shares() const {
    std::vector<double> shares(n_, 1.0);
    for (size_t i = 0; i < n_ && rule_.by_rows; ++i) {
      shares[i] = std::min(passes_.WeightOf(i), input_.weight_cap);
    }
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share /= sum;
    return shares;
  }

  absl::Status ChooseKrum() {
    if (n_ > job::kMaxKrumSites) {
      return Error(ErrorCode::kSumOverflow,
                   fmt::format("rule {} has {} updates, want at most {}: it compares every pair",
                               NameOfRule(), n_, job::kMaxKrumSites),
                   fmt::format("set `participation.goal` = {}", job::kMaxKrumSites));
    }
    const size_t f = rule_.byzantine;
    CN_ASSIGN_OR_RETURN(const std::vector<double> pairs, passes_.SquaredPairDistances());
    const std::vector<double> scores = KrumScores(pairs, n_, f);
    size_t keep = rule_.kind == RobustKind::kKrum ? 1 : rule_.keep > 0 ? rule_.keep : n_ - f;
    keep = std::min(keep, n_ - f);
    std::vector<size_t> order(n_);
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::sort(order, {}, [&](size_t i) { return std::pair(scores[i], i); });
    for (size_t place = 0; place < n_; ++place) {
      const size_t i = order[place];
      if (place < keep) {
        choice_.factors[i] = 1.0 / static_cast<double>(keep);
        continue;
      }
      choice_.remarks[i] = {
          true, fmt::format("{} kept the {} closest of {} updates, up to {}'s (score {:.4g}); this "
                            "one is at place {} (score {:.4g})",
                            NameOfRule(), keep, n_, input_.sites[order[keep - 1]].value(),
                            scores[order[keep - 1]], place + 1, scores[i])};
    }
    return absl::OkStatus();
  }

  absl::Status ChooseGeometricMedian() {
    const std::vector<double> shares = Shares();
    choice_.factors = shares;
    for (uint32_t pass = 0; pass < rule_.iterations; ++pass) {
      CN_ASSIGN_OR_RETURN(auto squares, passes_.SquaredDistances(choice_.factors));
      const std::vector<double> distances = Roots(std::move(squares));
      double sum = 0;
      for (size_t i = 0; i < n_; ++i) {
        choice_.factors[i] = shares[i] / std::max(rule_.smoothing, distances[i]);
        sum += choice_.factors[i];
      }
      for (double& factor : choice_.factors) factor /= sum;
    }
    for (size_t i = 0; i < n_; ++i) {
      const double part = choice_.factors[i] / shares[i];
      if (part >= kWorthSaying) continue;
      choice_.remarks[i].text =
          fmt::format("far from the others: weighs {:.2g} of its share", part);
    }
    return absl::OkStatus();
  }

  absl::Status ChooseNormClip() {
    CN_ASSIGN_OR_RETURN(auto squares, passes_.SquaredDistances(choice_.factors));
    const std::vector<double> lengths = Roots(std::move(squares));
    const double median = MedianOf(lengths);
    const std::vector<double> shares = Shares();
    for (size_t i = 0; i < n_; ++i) {
      const double part = PartWithin(lengths[i], median);
      choice_.factors[i] = shares[i] * part;
      if (part >= kWorthSaying) continue;
      choice_.remarks[i].text =
          fmt::format("its change is {:.4g} long, the median {:.4g}: clipped to {:.2g} of it",
                      lengths[i], median, part);
    }
    return absl::OkStatus();
  }

  absl::Status ChooseCentredClip() {
    const std::vector<double> shares = Shares();
    std::vector<double> parts(n_, 1.0);
    double radius = rule_.clip_radius;
    for (uint32_t pass = 0; pass < rule_.iterations; ++pass) {
      CN_ASSIGN_OR_RETURN(auto squares, passes_.SquaredDistances(choice_.factors));
      const std::vector<double> distances = Roots(std::move(squares));
      if (rule_.clip_radius == 0) radius = MedianOf(distances);
      double moved = 0;
      for (size_t i = 0; i < n_; ++i) {
        parts[i] = PartWithin(distances[i], radius);
        moved += shares[i] * parts[i];
      }
      for (size_t i = 0; i < n_; ++i) {
        choice_.factors[i] = choice_.factors[i] * (1 - moved) + shares[i] * parts[i];
      }
    }
    for (size_t i = 0; i < n_; ++i) {
      if (parts[i] >= kWorthSaying) continue;
      choice_.remarks[i].text = fmt::format(
          "beyond radius {:.4g} of the centre: its difference is clipped to {:.2g} of it", radius,
          parts[i]);
    }
    return absl::OkStatus();
  }

  absl::Status ChooseFlTrust() {
    const auto found = std::ranges::find(input_.sites, rule_.root_site);
    if (found == input_.sites.end()) {
      return Error(
          ErrorCode::kTooFewSites,
          fmt::format("rule fltrust has no update of its root_site {}", rule_.root_site.value()));
    }
    const auto root = static_cast<size_t>(found - input_.sites.begin());
    CN_ASSIGN_OR_RETURN(const AlongRoot along, passes_.Along(root));
    const double length = std::sqrt(along.squares[root]);
    double trust = 0;
    for (size_t i = 0; i < n_; ++i) {
      const double own = std::sqrt(along.squares[i]);
      const double cosine = i == root ? 1 : own * length > 0 ? along.dots[i] / (own * length) : 0;
      if (cosine <= 0) {
        choice_.remarks[i] = {
            true, fmt::format("its change has cosine {:.2g} to that of root site {}, want more "
                              "than 0",
                              cosine, rule_.root_site.value())};
        continue;
      }
      choice_.factors[i] = i == root ? 1 : cosine * length / own;
      trust += cosine;
    }
    for (double& factor : choice_.factors) factor /= trust;
    return absl::OkStatus();
  }

  // How much of something so long is within `most`.
  static double PartWithin(double length, double most) { return length > most ? most / length : 1; }

  const RuleInput& input_;
  const job::RobustSpec& rule_;
  Passes& passes_;
  const size_t n_;
  Choice choice_;
};

}  // namespace

bool WeighsUpdates(RobustKind kind) {
  return kind != RobustKind::kMean && kind != RobustKind::kMedian &&
         kind != RobustKind::kTrimmedMean;
}

std::vector<double> KrumScores(std::span<const double> pair_distances, size_t n, size_t f) {
  std::vector<double> scores(n);
  std::vector<double> row;
  for (size_t i = 0; i < n; ++i) {
    row.clear();
    for (size_t j = 0; j < n; ++j) {
      const size_t high = std::max(i, j), low = std::min(i, j);
      if (i != j) row.push_back(pair_distances[high * (high - 1) / 2 + low]);
    }
    std::ranges::sort(row);
    scores[i] = std::accumulate(row.begin(), row.begin() + static_cast<ptrdiff_t>(n - f - 2), 0.0);
  }
  return scores;
}

double MedianOf(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

absl::StatusOr<Choice> Choose(const RuleInput& input, Passes& passes) {
  return Chooser(input, passes).Choose();
}

}  // namespace consilium::server::robust
