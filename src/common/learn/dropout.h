// Which hidden units a local step leaves out, and what the others count (inverted dropout).
//
// A unit of a row is left out with chance `rate`, else it counts 1 / (1 - rate), so that what
// evaluation and prediction see, where nothing is left out, is the mean (Srivastava et al. 2014,
// section 10). The draw follows from key and step alone: a step that is taken again, at once or
// after a restart, leaves out the same units. Not thread-safe.
#ifndef CONSILIUM_COMMON_LEARN_DROPOUT_H_
#define CONSILIUM_COMMON_LEARN_DROPOUT_H_

#include <array>
#include <cstdint>
#include <span>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/job/job_spec.h"

namespace consilium::learn {

// DeriveKey("consilium-dropout-v1", seed material, round as 8 little-endian bytes, site).
Digest DropoutKey(const job::JobSpec& spec, RoundNumber round, const SiteId& site);

class Dropout {
 public:
  // REQUIRES: 0 <= rate < 1.
  Dropout(const Digest& key, double rate);

  double kept_rate() const { return 1 - rate_; }
  // Local step `step` of a training begins.
  void BeginStep(uint64_t step);
  // The next units of this step: 0, or 1 / (1 - rate). For float and double.
  template <typename T>
  void Draw(std::span<T> units);

 private:
  const std::array<uint32_t, 2> key_;
  const double rate_;
  const uint32_t below_;  // a word below this leaves its unit out
  uint64_t step_ = 0;
  uint64_t next_block_ = 0;
};

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_DROPOUT_H_
