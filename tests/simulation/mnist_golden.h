// The weights of a golden case of MNIST, in parts: the bias, one pixel's row, the norm of all.
#ifndef CONSILIUM_TESTS_SIMULATION_MNIST_GOLDEN_H_
#define CONSILIUM_TESTS_SIMULATION_MNIST_GOLDEN_H_

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "common/tensor/bundle.h"

namespace consilium::simulation {

inline constexpr double kMnistWeights = 1e-4;  // float32: norm of the difference over the norm
inline constexpr double kMnistLoss = 1e-5;

// |ours - golden| / |golden|.
inline double MnistRelativeTo(std::span<const float> ours, const nlohmann::json& golden) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    const double wanted = golden[i];
    difference += (ours[i] - wanted) * (ours[i] - wanted);
    norm += wanted * wanted;
  }
  return std::sqrt(difference / norm);
}

inline void ExpectMnistWeights(const tensor::Bundle& tensors, const nlohmann::json& golden) {
  const std::span<const float> w = tensors.Float32(tensors.IndexOf("w"));
  const std::span<const float> b = tensors.Float32(tensors.IndexOf("b"));
  EXPECT_LE(MnistRelativeTo(b, golden["bias"]), kMnistWeights);
  EXPECT_LE(MnistRelativeTo(w.subspan(406 * 10, 10), golden["w_pixel_406"]), kMnistWeights);
  double squares = 0;
  for (const std::span<const float> part : {w, b}) {
    for (const float value : part) squares += static_cast<double>(value) * value;
  }
  EXPECT_NEAR(std::sqrt(squares) / golden["w_norm"].get<double>(), 1, kMnistWeights);
}

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_MNIST_GOLDEN_H_
