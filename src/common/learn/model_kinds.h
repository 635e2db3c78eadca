// The implementations behind MakeModel. Only model.cc includes this.
#ifndef CONSILIUM_COMMON_LEARN_MODEL_KINDS_H_
#define CONSILIUM_COMMON_LEARN_MODEL_KINDS_H_

#include <memory>

#include "common/learn/model.h"

namespace consilium::learn {

// One score: logistic, linear and poisson.
template <typename T>
std::unique_ptr<BasicModel<T>> MakeLinearModel(const ModelShape& shape);
// Cox's model: one score, no bias.
template <typename T>
std::unique_ptr<BasicModel<T>> MakeCoxModel(const ModelShape& shape);
// Dense layers: softmax (none hidden) and mlp.
template <typename T>
std::unique_ptr<BasicModel<T>> MakeDenseModel(const ModelShape& shape);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_KINDS_H_
