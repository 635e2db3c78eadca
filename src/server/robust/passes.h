// Passes over the updates of a step: what a rule has to know of them before it weighs them.
//
// Every rule here makes its result as a weighted sum of the updates, and so does every centre that
// it tries on the way. A pass needs those weights and no vector of the model's size: memory is a
// block of each update and a number of each (or of each pair).
// Blocks and updates come in one order, so results have the same bits whatever arrived when.
// Not thread-safe. `columns` outlives this.
#ifndef CONSILIUM_SERVER_ROBUST_PASSES_H_
#define CONSILIUM_SERVER_ROBUST_PASSES_H_

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "server/robust/kernels.h"
#include "server/store/column_reader.h"

namespace consilium::server::robust {

// Of each update.
struct AlongRoot {
  std::vector<double> dots;     // with the root's
  std::vector<double> squares;  // of its own length
};

class Passes {
 public:
  // Over tensors [0, tensors) of the updates, all float32.
  Passes(store::ColumnReader& columns, size_t tensors, const Kernels& kernels = BestKernels())
      : columns_(columns), tensors_(tensors), kernels_(kernels) {}

  size_t updates() const { return columns_.inputs().size(); }
  uint32_t WeightOf(size_t update) const { return columns_.inputs()[update].weight; }

  // Squared distance of each update to the sum of factors[i] times update i. The errors of
  // ColumnReader::Read, here and below.
  absl::StatusOr<std::vector<double>> SquaredDistances(std::span<const double> factors);
  // Squared distance of updates i > j at i (i - 1) / 2 + j. O(updates^2 elements).
  absl::StatusOr<std::vector<double>> SquaredPairDistances();
  absl::StatusOr<AlongRoot> Along(size_t root);

 private:
  // Calls take(runs, count) for every block.
  template <typename Take>
  absl::Status EachBlock(const Take& take);

  store::ColumnReader& columns_;
  const size_t tensors_;
  const Kernels& kernels_;
};

// out[e] = sum over the runs of factors[i] times its value e, in the order of the runs.
void WeightedSum(std::span<const sum::WeightedRun> runs, std::span<const double> factors,
                 std::span<double> out, const Kernels& kernels = BestKernels());

}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_PASSES_H_
