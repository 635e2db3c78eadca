// Standardisation: (x - mean) / scale per design column, in double, then cast to float32.
//
//   scale = sd + 1e-9 with sd = sqrt(sum (x - mean)^2 / (n - 1)); a constant column has scale 1
// Federated: mean and sd over the training rows of all sites, in two passes (sums of squares of
// large values cancel). Site: each site's own. Dummies are standardised like other columns; columns
// of a feature with `standardize = false` have mean 0 and scale 1 here.
#ifndef CONSILIUM_COMMON_LEARN_STANDARDIZE_H_
#define CONSILIUM_COMMON_LEARN_STANDARDIZE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/learn/aligned_vector.h"
#include "common/tensor/bundle.h"

namespace consilium::learn {

// State tensors, [d] float64.
inline constexpr char kMeanTensor[] = "standardize.mean";
inline constexpr char kScaleTensor[] = "standardize.scale";

struct Scaling {
  std::vector<double> mean;   // per design column
  std::vector<double> scale;  // > 0
};

// A value of NaN is missing: no sum and no count has it.
// Values per column, column sums, and sums of ((x - mean) / UnitOf(mean))^2, of x [rows, d]
// row-major.
std::vector<double> ColumnCounts(std::span<const double> x, size_t columns);
std::vector<double> ColumnSums(std::span<const double> x, size_t columns);
std::vector<double> CentredSquares(std::span<const double> x, std::span<const double> mean);

// The smallest power of two not below max(1, |mean|): centred squares travel in its square, so that
// columns of large unit stay within the bound of the exact sum.
double UnitOf(double mean);
// From a sum of squares in units. A deviation below 1e-10 max(1, |mean|) is the rounding of a
// constant: scale 1.
double ScaleOf(double mean, double squares_in_units, double count);

// Mean and scale of these rows alone; 0 and 1 for a column without a value. REQUIRES: at least one
// row.
Scaling ScalingOf(std::span<const double> x, size_t columns);

// The columns that stay as they are get `value`: 0 of means, 1 of scales. REQUIRES: `columns` are
// the job's design columns.
void LeaveUnscaled(const job::DataSpec& data, double value, std::span<double> columns);

// Of a state. kModelMismatch when absent, of another size, or not finite and positive.
absl::StatusOr<std::vector<double>> ReadMeans(const tensor::Bundle& state, size_t columns);
absl::StatusOr<Scaling> ReadScaling(const tensor::Bundle& state, size_t columns);

// x [rows, d] as float32; `scaling` null = only cast. NaN becomes `fill` [d] (fill.h), where it is
// given.
AlignedVector<float> Standardize(std::span<const double> x, size_t columns, const Scaling* scaling,
                                 std::span<const float> fill = {});

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_STANDARDIZE_H_
