#include "server/robust/middle_rule.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "server/robust/sorting_network.h"

namespace consilium::server::robust {

MiddleRule::MiddleRule(size_t updates, size_t cut, const Kernels& kernels)
    : updates_(updates), cut_(cut), kernels_(&kernels) {
  CN_CHECK(2 * cut < updates);
  network_ = SortingNetwork(updates, cut, updates - cut);
  tile_.resize(updates * kTileColumns);
}

void MiddleRule::Take(std::span<const sum::WeightedRun> runs, std::span<double> out) {
  CN_CHECK(runs.size() == updates_);
  const auto left = static_cast<double>(updates_ - 2 * cut_);
  for (size_t first = 0; first < out.size(); first += kTileColumns) {
    const size_t columns = std::min(kTileColumns, out.size() - first);
    for (size_t row = 0; row < updates_; ++row) {
      std::memcpy(tile_.data() + row * kTileColumns, runs[row].values + first * sizeof(float),
                  columns * sizeof(float));
    }
    kernels_->sort_tile(network_.data(), network_.size(), tile_.data());
    double sums[kTileColumns] = {};
    for (size_t row = cut_; row < updates_ - cut_; ++row) {
      for (size_t column = 0; column < columns; ++column) {
        sums[column] += double{tile_[row * kTileColumns + column]};
      }
    }
    for (size_t column = 0; column < columns; ++column) out[first + column] = sums[column] / left;
  }
}

}  // namespace consilium::server::robust
