// The tensors of a state's broadcast part, in their one order: the model's, then standardize.mean
// and standardize.scale as far as the statistics passes have come.
#ifndef CONSILIUM_COMMON_LEARN_MODEL_STATE_H_
#define CONSILIUM_COMMON_LEARN_MODEL_STATE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/learn/model.h"
#include "common/tensor/layout.h"

namespace consilium::learn {

enum class Statistics { kNone, kMeans, kMeansAndScales };

absl::StatusOr<tensor::Layout> StateLayout(const ModelShape& shape, Statistics statistics);
// The statistics' tensors of `columns` each, behind whatever a state holds before them.
std::vector<tensor::TensorSpec> StatisticsTensors(uint32_t columns, Statistics statistics);
Statistics StatisticsIn(const tensor::Layout& state);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_STATE_H_
