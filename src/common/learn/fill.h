// What stands for a missing cell, per design column and in standardised units: 0, which is the
// mean, or the standardised columns of the most frequent value.
//
// The most frequent value follows from the means that standardisation has anyway: of a column of 0
// and 1 the mean is the share of ones, and the share of a category's base is what its levels leave.
// Pure; thread-safe.
#ifndef CONSILIUM_COMMON_LEARN_FILL_H_
#define CONSILIUM_COMMON_LEARN_FILL_H_

#include <vector>

#include "common/job/job_spec.h"
#include "common/learn/standardize.h"

namespace consilium::learn {

// REQUIRES: `scaling` has the job's design columns. Of equally frequent values the first counts.
std::vector<float> FillOf(const job::JobSpec& spec, const Scaling& scaling);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_FILL_H_
