#include "common/learn/survival.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/base/check.h"

namespace consilium::learn {
namespace {

constexpr double kLowestLogHazard = -700;  // exp of it is a normal double

template <typename T>
bool IsEvent(T outcome) {
  return !std::signbit(outcome);
}

// What the events of one group of equal times add to the loss and its derivative.
struct GroupTerms {
  double log_risks = 0;  // sum of log of what is at risk, over the events
  double inverse = 0;    // sum of one over it
  double tied = 0;       // efron: sum of (l / d) over it
};

GroupTerms TermsOf(job::Ties ties, double risk, double event_hazards, size_t events) {
  GroupTerms terms;
  if (ties != job::Ties::kEfron) {
    const auto count = static_cast<double>(events);
    return {count * std::log(risk), count / risk, 0};
  }
  for (size_t l = 0; l < events; ++l) {
    const double share = static_cast<double>(l) / static_cast<double>(events);
    const double left = risk - share * event_hazards;
    terms.log_risks += std::log(left);
    terms.inverse += 1 / left;
    terms.tied += share / left;
  }
  return terms;
}

// How many of the values so far were at most one of given rank.
class RankCounts {
 public:
  explicit RankCounts(size_t ranks) : tree_(ranks + 1) {}
  void Add(size_t rank) {
    for (size_t i = rank + 1; i < tree_.size(); i += i & (~i + 1)) ++tree_[i];
    ++all_;
  }
  uint64_t Below(size_t rank) const {
    uint64_t sum = 0;
    for (size_t i = rank; i > 0; i -= i & (~i + 1)) sum += tree_[i];
    return sum;
  }
  uint64_t all() const { return all_; }

 private:
  std::vector<uint64_t> tree_;
  uint64_t all_ = 0;
};

// Equal scores have equal ranks.
std::vector<uint32_t> RanksOf(std::span<const float> scores) {
  std::vector<uint32_t> by_score(scores.size()), ranks(scores.size());
  std::iota(by_score.begin(), by_score.end(), 0U);
  std::ranges::sort(by_score, [&](uint32_t a, uint32_t b) { return scores[a] < scores[b]; });
  uint32_t rank = 0;
  for (size_t i = 0; i < by_score.size(); ++i) {
    if (i > 0 && scores[by_score[i]] != scores[by_score[i - 1]]) ++rank;
    ranks[by_score[i]] = rank;
  }
  return ranks;
}

}  // namespace

template <typename T>
void CoxLoss::Order(std::span<const T> outcomes) {
  if (order_.size() != outcomes.size()) {
    order_.resize(outcomes.size());
    std::iota(order_.begin(), order_.end(), 0U);
    hazards_.resize(outcomes.size());
    risks_.resize(outcomes.size());
  }
  const auto later = [&](uint32_t a, uint32_t b) {
    const T at_a = std::abs(outcomes[a]), at_b = std::abs(outcomes[b]);
    return at_a > at_b || (at_a == at_b && a < b);
  };
  if (!std::ranges::is_sorted(order_, later)) std::ranges::sort(order_, later);
}

template <typename T>
size_t CoxLoss::EndOfGroup(std::span<const T> outcomes, size_t first) const {
  size_t end = first + 1;
  if (ties_ == job::Ties::kNone) return end;
  const T time = std::abs(outcomes[order_[first]]);
  while (end < order_.size() && std::abs(outcomes[order_[end]]) == time) ++end;
  return end;
}

template <typename T>
double CoxLoss::Sum(std::span<const T> scores, std::span<const T> outcomes, double factor,
                    std::span<T> residuals) {
  CN_CHECK(scores.size() == outcomes.size());
  CN_CHECK(residuals.empty() || residuals.size() == scores.size());
  if (scores.empty()) return 0;
  Order(outcomes);
  const auto largest = static_cast<double>(*std::ranges::max_element(scores));
  double risk = 0, loss = 0;
  for (size_t first = 0; first < order_.size();) {
    const size_t end = EndOfGroup(outcomes, first);
    double event_hazards = 0, event_scores = 0;
    size_t events = 0;
    for (size_t p = first; p < end; ++p) {
      const double score = static_cast<double>(scores[order_[p]]) - largest;
      hazards_[p] = std::exp(score < kLowestLogHazard ? kLowestLogHazard : score);
      risk += hazards_[p];
      if (!IsEvent(outcomes[order_[p]])) continue;
      event_hazards += hazards_[p];
      event_scores += score;
      ++events;
    }
    risks_[end - 1] = risk;
    if (events > 0) loss += TermsOf(ties_, risk, event_hazards, events).log_risks - event_scores;
    first = end;
  }
  if (residuals.empty()) return loss;
  // By rising time: a row is at risk for every event that is not later.
  double inverse = 0;
  for (size_t end = order_.size(); end > 0;) {
    size_t first = end, events = 0;
    double event_hazards = 0;
    const T time = std::abs(outcomes[order_[end - 1]]);
    do {
      --first;
      if (!IsEvent(outcomes[order_[first]])) continue;
      event_hazards += hazards_[first];
      ++events;
    } while (ties_ != job::Ties::kNone && first > 0 &&
             std::abs(outcomes[order_[first - 1]]) == time);
    const GroupTerms terms = TermsOf(ties_, risks_[end - 1], event_hazards, events);
    inverse += terms.inverse;
    for (size_t p = first; p < end; ++p) {
      const double event = IsEvent(outcomes[order_[p]]) ? 1 : 0;
      residuals[order_[p]] =
          static_cast<T>(factor * (hazards_[p] * (inverse - event * terms.tied) - event));
    }
    end = first;
  }
  return loss;
}
template double CoxLoss::Sum(std::span<const float>, std::span<const float>, double,
                             std::span<float>);
template double CoxLoss::Sum(std::span<const double>, std::span<const double>, double,
                             std::span<double>);

Concordance ConcordanceOf(std::span<const float> scores, std::span<const float> outcomes) {
  CN_CHECK(scores.size() == outcomes.size());
  const std::vector<uint32_t> ranks = RanksOf(scores);
  std::vector<uint32_t> by_time(scores.size());
  std::iota(by_time.begin(), by_time.end(), 0U);
  // At the same time events come before censored rows.
  std::ranges::sort(by_time, [&](uint32_t a, uint32_t b) {
    const float at_a = std::abs(outcomes[a]), at_b = std::abs(outcomes[b]);
    return at_a != at_b ? at_a < at_b : IsEvent(outcomes[a]) && !IsEvent(outcomes[b]);
  });
  RankCounts earlier(scores.size());  // events before, or at the same time for a censored row
  Concordance result;
  for (size_t first = 0; first < by_time.size();) {
    size_t end = first + 1;
    while (end < by_time.size() && outcomes[by_time[end]] == outcomes[by_time[first]] &&
           IsEvent(outcomes[by_time[end]]) == IsEvent(outcomes[by_time[first]])) {
      ++end;
    }
    for (size_t p = first; p < end; ++p) {
      const uint32_t rank = ranks[by_time[p]];
      const uint64_t below = earlier.Below(rank), through = earlier.Below(rank + 1);
      result.comparable += static_cast<double>(earlier.all());
      result.concordant +=
          static_cast<double>(earlier.all() - through) + 0.5 * static_cast<double>(through - below);
    }
    if (IsEvent(outcomes[by_time[first]])) {
      for (size_t p = first; p < end; ++p) earlier.Add(ranks[by_time[p]]);
    }
    first = end;
  }
  return result;
}

}  // namespace consilium::learn
