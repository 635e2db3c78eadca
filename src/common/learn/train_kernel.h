// The name of the training kernel that this program runs on this machine.
//
// Kernels of one name give the same bits for the same task: a whole run repeats bit for bit when
// the same sites are counted and each runs the same kernel. What decides the bits is in the name:
// Eigen's version (the order of its sums), the instruction set this room is compiled for (the width
// of its vectors), and the C library's version and build, whose exp and log are not the same to the
// last bit everywhere. The sizes of a machine's caches do not (model.cc fixes them). Pure;
// thread-safe.
#ifndef CONSILIUM_COMMON_LEARN_TRAIN_KERNEL_H_
#define CONSILIUM_COMMON_LEARN_TRAIN_KERNEL_H_

#include <string>

namespace consilium::learn {

// "eigen-3.4.0-x86-64.glibc-2.36-fma": a valid name (common/base/ids.h).
const std::string& TrainKernel();

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_TRAIN_KERNEL_H_
