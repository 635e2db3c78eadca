// One local step beyond plain SGD: penalties, clipping and the optimizers of [train].
//
// g is the gradient of the batch's mean loss, w the parameters, l the round's learning rate:
//   l2        g += l2 w    (weights only, as l1 and weight_decay: biases are free)
//   l1        sgd: after the step each weight moves l l1 towards 0 and stops there (proximal step,
//             Parikh & Boyd 2014, section 6.5.2); the others: g += l1 sign(w)
//   clip      g *= min(1, clip_norm / |g|)     (Pascanu et al. 2013, algorithm 1)
// then the strategy's correction (LocalRule::Correct), then, with r = momentum:
//   momentum  u = r u + g, w -= l u            (Sutskever et al. 2013, equations 1 and 2)
//   nesterov  u = r u + g, w -= l (g + r u)    (equations 3 and 4; w is their point ahead)
//   adam      m, v, and w -= l m' / (sqrt(v') + epsilon) without the start's bias
//             (Kingma & Ba 2015, algorithm 1)
//   adamw     weights first: w -= l weight_decay w  (Loshchilov & Hutter 2019, algorithm 2)
// u, m and v begin at zero with every training (a round; Reddi et al. 2021 keep what lasts at the
// server) and go into its checkpoints. Made once: a step allocates nothing. Not thread-safe.
#ifndef CONSILIUM_CLIENT_TRAIN_LOCAL_STEP_H_
#define CONSILIUM_CLIENT_TRAIN_LOCAL_STEP_H_

#include <cstdint>
#include <span>
#include <vector>

#include "client/train/checkpoint.h"
#include "common/job/job_spec.h"
#include "common/learn/aligned_vector.h"
#include "common/learn/model.h"

namespace consilium::client::train {

class LocalStep {
 public:
  // `weights` outlive it. Memory: as much as the parameters, twice that for adam and adamw.
  LocalStep(const job::TrainSpec& train, std::span<const learn::FlatRange> weights,
            size_t parameters);

  // Nothing but w -= l g: neither of the calls below is needed.
  bool plain() const { return plain_; }
  // Penalties and clipping.
  void Shape(std::span<const float> parameters, std::span<float> gradient) const;
  // Step `step` of the training, from 1, along `direction`.
  void Move(uint64_t step, std::span<float> parameters, std::span<const float> direction);
  // What a checkpoint holds beside the parameters.
  std::vector<PointVector> Kept();

 private:
  void Shrink(std::span<float> parameters) const;
  void MoveAdam(uint64_t step, std::span<float> parameters, std::span<const float> direction);

  const job::OptimizerSpec spec_;
  const float rate_;
  const std::span<const learn::FlatRange> weights_;
  const bool plain_;
  learn::AlignedVector<float> first_;   // u, or m
  learn::AlignedVector<float> second_;  // v
};

// g += l2 w.
void AddL2(double l2, std::span<const learn::FlatRange> weights, std::span<const float> parameters,
           std::span<float> gradient);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_LOCAL_STEP_H_
