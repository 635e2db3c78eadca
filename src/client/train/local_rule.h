// What a strategy changes at a site: every local step, and what the site contributes.
//
// A local step goes by  g + pull (u - w) + offset  with g the batch's gradient, u the parameters,
// w the round's start, c and c_k the server's and the site's variate, h_k the site's vector:
//   fedprox   pull mu
//   scaffold  offset c - c_k
//   feddyn    pull alpha, offset -h_k
// The contribution is y - w over the trained parameters y, and (t local steps of learning rate l):
//   scaffold  c_k' - c_k, c_k' = the gradient of all rows at w, with l2 (option 1)
//             or c_k - c + (w - y) / (t l) (option 2)
//   fednova   (y - w) / t, and t; with momentum t is job::GradientsIn
//   qfedavg   F^q (y - w), and h / L = q F^(q-1) |y - w|^2 / l + F^q, with F the mean loss at w
//             (plus 1e-10, as its authors' code has it) and L = 1 / l
//   feddyn    h_k' = h_k - alpha (y - w), which stays here
// Of tensors that stay at the site ([personal] layers) nothing is contributed.
// The papers: job/strategy.cc. Not thread-safe; what Input refers to outlives it.
#ifndef CONSILIUM_CLIENT_TRAIN_LOCAL_RULE_H_
#define CONSILIUM_CLIENT_TRAIN_LOCAL_RULE_H_

#include <cstdint>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/train/prepared.h"
#include "client/train/site_half.h"
#include "common/job/job_spec.h"
#include "common/learn/aligned_vector.h"
#include "common/learn/model.h"
#include "common/tensor/layout.h"
#include "common/wire/state_file.h"

namespace consilium::client::train {

class LocalRule {
 public:
  struct Input {
    const job::JobSpec& spec;
    const learn::ModelShape& shape;
    const tensor::Layout& parameters;
    const PreparedSplit& rows;
    learn::Model& model;
    std::span<const float> start;  // w
    std::span<const float> own;    // what the site keeps; empty: zeros
    float learning_rate;           // of this round: l
  };
  // kModelMismatch when state or `own` does not fit the job.
  static absl::StatusOr<LocalRule> Create(const Input& input, const wire::StatePart& state);

  // Only pulls to `input.start`, whatever the job's strategy: for a site's own training. It
  // contributes nothing.
  static LocalRule Towards(const Input& input, double pull) {
    LocalRule rule(input);
    rule.pull_ = static_cast<float>(pull);
    return rule;
  }

  // Called at every step, where the strategy has a say: `gradient` becomes the direction.
  bool corrects() const { return pull_ != 0 || !offset_.empty(); }
  void Correct(std::span<const float> parameters, std::span<float> gradient) const;

  // What the training comes to, after `steps` steps: the strategy's tensors of the contribution,
  // and next_own. CancelledError when `go_on` said so; kTrainingDiverged where a number is beyond
  // its tensor's bound or not finite.
  absl::Status Contribute(std::span<const float> end, uint64_t steps,
                          const std::function<bool()>& go_on, Contribution& contribution) const;

 private:
  explicit LocalRule(const Input& input) : in_(input) {}
  absl::Status ContributeVariates(std::span<const float> end, uint64_t steps,
                                  Contribution& contribution) const;
  absl::Status WriteFair(std::span<const float> end, const std::function<bool()>& go_on,
                         Contribution& contribution) const;
  absl::Status WriteDeltas(std::span<const float> end, float factor,
                           Contribution& contribution) const;
  // |end - w|^2 over what is shared.
  double SquareMoved(std::span<const float> end) const;
  float OwnAt(size_t i) const { return in_.own.empty() ? 0.0F : in_.own[i]; }

  const Input in_;
  float pull_ = 0;
  learn::AlignedVector<float> variate_;  // c
  learn::AlignedVector<float> offset_;
};

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_LOCAL_RULE_H_
