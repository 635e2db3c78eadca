#include "common/learn/fill.h"

#include "common/base/check.h"

namespace consilium::learn {
namespace {

// The level with the largest share: 0 is the base (of a binary feature: 0), l the l-th column.
size_t MostFrequent(std::span<const double> means) {
  double largest = 1;
  for (const double mean : means) largest -= mean;
  size_t level = 0;
  for (size_t c = 0; c < means.size(); ++c) {
    if (!(means[c] > largest)) continue;
    largest = means[c];
    level = c + 1;
  }
  return level;
}

}  // namespace

std::vector<float> FillOf(const job::JobSpec& spec, const Scaling& scaling) {
  std::vector<float> fill(scaling.mean.size());
  size_t first = 0;
  for (const job::FeatureSpec& feature : spec.data.features) {
    const size_t width = feature.value_width();
    CN_CHECK(first + feature.width() <= fill.size());
    if (feature.missing == job::Missing::kMode) {
      const size_t level = MostFrequent(std::span(scaling.mean).subspan(first, width));
      for (size_t c = 0; c < width; ++c) {
        const double value = c + 1 == level ? 1 : 0;
        fill[first + c] =
            static_cast<float>((value - scaling.mean[first + c]) / scaling.scale[first + c]);
      }
    }
    first += feature.width();
  }
  return fill;
}

}  // namespace consilium::learn
