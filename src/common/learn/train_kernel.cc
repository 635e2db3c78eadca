#include "common/learn/train_kernel.h"

#include <Eigen/Core>

#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

#include "common/base/check.h"
#include "common/base/ids.h"
#include "fmt/format.h"

namespace consilium::learn {
namespace {

// What this source, and with it the whole room, is compiled for.
const char* InstructionSet() {
#if defined(__AVX512F__)
  return "x86-64-v4";
#elif defined(__AVX2__) && defined(__FMA__)
  return "x86-64-v3";
#elif defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "arm64";
#else
  return "other";
#endif
}

// glibc chooses between two builds of exp and log when a program starts.
std::string MathLibrary() {
#if defined(__GLIBC__)
  std::string name = fmt::format("glibc-{}", gnu_get_libc_version());
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")) name += "-fma";
#endif
  return name;
#else
  return "libm";
#endif
}

}  // namespace

const std::string& TrainKernel() {
  static const std::string name = [] {
    std::string made = fmt::format("eigen-{}.{}.{}-{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION,
                                   EIGEN_MINOR_VERSION, InstructionSet(), MathLibrary());
    CN_CHECK(IsValidName(made));
    return made;
  }();
  return name;
}

}  // namespace consilium::learn
