#include "server/robust/passes.h"

#include <algorithm>

#include "common/base/status_macros.h"

namespace consilium::server::robust {
namespace {

constexpr size_t kPairElements = 1024;  // of each update at once: 64 of them fill 256 KiB

}  // namespace

void WeightedSum(std::span<const sum::WeightedRun> runs, std::span<const double> factors,
                 std::span<double> out, const Kernels& kernels) {
  std::ranges::fill(out, 0.0);
  for (size_t i = 0; i < runs.size(); ++i) {
    if (factors[i] == 0) continue;
    kernels.add_scaled(runs[i].values, factors[i], out.data(), out.size());
  }
}

template <typename Take>
absl::Status Passes::EachBlock(const Take& take) {
  for (size_t t = 0; t < tensors_; ++t) {
    const uint64_t elements = tensor::ElementsOf(columns_.layout().tensors()[t]);
    for (uint64_t first = 0; first < elements; first += columns_.block_elements()) {
      const uint64_t count = std::min(columns_.block_elements(), elements - first);
      CN_ASSIGN_OR_RETURN(const auto runs, columns_.Read(t, first, count));
      take(runs, count);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> Passes::SquaredDistances(std::span<const double> factors) {
  std::vector<double> distances(updates());
  std::vector<double> centre(columns_.block_elements());
  CN_RETURN_IF_ERROR(EachBlock([&](std::span<const sum::WeightedRun> runs, uint64_t count) {
    WeightedSum(runs, factors, std::span(centre).first(count), kernels_);
    for (size_t i = 0; i < runs.size(); ++i) {
      distances[i] += kernels_.squared_distance(runs[i].values, centre.data(), count);
    }
  }));
  return distances;
}

absl::StatusOr<std::vector<double>> Passes::SquaredPairDistances() {
  const size_t n = updates();
  std::vector<double> distances(n * (n - 1) / 2);
  CN_RETURN_IF_ERROR(EachBlock([&](std::span<const sum::WeightedRun> runs, uint64_t count) {
    for (uint64_t first = 0; first < count; first += kPairElements) {
      const uint64_t some = std::min<uint64_t>(kPairElements, count - first);
      const uint64_t at = first * sizeof(float);
      size_t pair = 0;
      for (size_t i = 1; i < n; ++i) {
        for (size_t j = 0; j < i; ++j, ++pair) {
          distances[pair] +=
              kernels_.squared_difference(runs[i].values + at, runs[j].values + at, some);
        }
      }
    }
  }));
  return distances;
}

absl::StatusOr<AlongRoot> Passes::Along(size_t root) {
  AlongRoot along{std::vector<double>(updates()), std::vector<double>(updates())};
  CN_RETURN_IF_ERROR(EachBlock([&](std::span<const sum::WeightedRun> runs, uint64_t count) {
    for (size_t i = 0; i < runs.size(); ++i) {
      along.dots[i] += kernels_.dot(runs[i].values, runs[root].values, count);
      along.squares[i] += kernels_.dot(runs[i].values, runs[i].values, count);
    }
  }));
  return along;
}

}  // namespace consilium::server::robust
