// Draws from a symmetric Dirichlet distribution, for how labels mix at a simulated site.
//
// Gamma variates by Marsaglia and Tsang 2000, "A simple method for generating gamma variables" (ACM
// TOMS 26), with their boost for shapes below 1; all in logarithms, so that a small alpha does not
// round to nothing.
#ifndef CONSILIUM_SIMULATOR_DIRICHLET_H_
#define CONSILIUM_SIMULATOR_DIRICHLET_H_

#include <cstddef>
#include <vector>

#include "common/base/random.h"

namespace consilium::simulator {

// `count` shares that sum to 1. REQUIRES: alpha > 0, count > 0.
std::vector<double> Dirichlet(double alpha, size_t count, Random& random);

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_DIRICHLET_H_
