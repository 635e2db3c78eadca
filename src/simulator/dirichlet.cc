#include "simulator/dirichlet.h"

#include <algorithm>
#include <cmath>

namespace consilium::simulator {
namespace {

// The logarithm of a uniform number in (0, 1].
double LogUniform(Random& random) { return std::log1p(-random.Uniform()); }

// The logarithm of a Gamma(shape, 1) variate. REQUIRES: shape >= 1.
double LogGammaAboveOne(double shape, Random& random) {
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.Normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (LogUniform(random) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

double LogGamma(double shape, Random& random) {
  if (shape >= 1) return LogGammaAboveOne(shape, random);
  const double above = LogGammaAboveOne(shape + 1, random);
  return above + LogUniform(random) / shape;
}

}  // namespace

std::vector<double> Dirichlet(double alpha, size_t count, Random& random) {
  std::vector<double> shares(count);
  for (double& share : shares) share = LogGamma(alpha, random);
  const double most = *std::ranges::max_element(shares);
  double sum = 0;
  for (double& share : shares) sum += share = std::exp(share - most);
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace consilium::simulator
