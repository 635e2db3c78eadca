// The state before the first step: the start model, and what the model says of itself.
//
// The model may be large: its values come in order, a block at a time, drawn here or read from the
// state that the job names. Pure.
#ifndef CONSILIUM_SERVER_AGGREGATION_FIRST_STATE_H_
#define CONSILIUM_SERVER_AGGREGATION_FIRST_STATE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/learn/start.h"
#include "common/wire/state_file.h"
#include "server/aggregation/server_rule.h"

namespace consilium::server::aggregation {

class FirstState {
 public:
  // `put` is the head of the broadcast part that the job names when init = "sha256:..".
  // kStateNotFound without it, kModelMismatch when it does not fit the job or the job's model
  // cannot be built, kModelSyntax when the feature table is too large for a state.
  static absl::StatusOr<FirstState> Create(const job::JobSpec& spec,
                                           const wire::StatePartHead* put);

  // Of the broadcast part. Its tensors are the model's and, at zero, the variates; float32.
  const wire::StatePartHead& head() const { return head_; }
  // Of the private part: empty, or the server's moments in float64.
  const wire::StatePartHead& private_head() const { return private_head_; }
  // The next of its values, in order; whole elements.
  void FillPrivate(std::span<double> out) const { rule_.FillFirst(out); }

  // Where the values of a tensor stand in the payload of the state that was put: byte offset;
  // nullopt when they are drawn.
  std::optional<uint64_t> OffsetInPut(size_t tensor) const;
  // REQUIRES: they are drawn. The next values, not beyond the end of the tensor at hand.
  void Draw(size_t tensor, std::span<float> out);
  // kModelMismatch: values of a put model that are not finite.
  absl::Status CheckPut(size_t tensor, std::span<const float> values) const;

 private:
  explicit FirstState(const job::JobSpec& spec) : rule_(spec.strategy) {}
  absl::Status FindInPut(const job::JobSpec& spec, const wire::StatePartHead* put);

  ServerRule rule_;
  wire::StatePartHead head_;
  wire::StatePartHead private_head_;
  tensor::Layout parameters_;
  std::optional<learn::StartDraw> draw_;
  std::vector<uint64_t> offsets_;  // of each tensor; empty: drawn
};

}  // namespace consilium::server::aggregation

#endif  // CONSILIUM_SERVER_AGGREGATION_FIRST_STATE_H_
