// The tensors of a state's broadcast part, in their one order: the model's, then standardize.mean
// and standardize.scale as far as the statistics passes have come.
#ifndef CONSILIUM_COMMON_LEARN_MODEL_STATE_H_
#define CONSILIUM_COMMON_LEARN_MODEL_STATE_H_

#include <span>

#include "absl/status/statusor.h"
#include "common/learn/model.h"
#include "common/tensor/bundle.h"

namespace consilium::learn {

enum class Statistics { kNone, kMeans, kMeansAndScales };

absl::StatusOr<tensor::Layout> StateLayout(const ModelShape& shape, Statistics statistics);
Statistics StatisticsIn(const tensor::Layout& state);

// Copies every tensor of `from` whose name `to` has as well. REQUIRES: same dtype and shape there.
void CopyTensors(const tensor::Bundle& from, tensor::Bundle& to);
// Writes flat parameters into the model's tensors of a bundle. REQUIRES: the sizes fit.
void WriteParameters(const tensor::Layout& parameters, std::span<const float> flat,
                     tensor::Bundle& values);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_STATE_H_
