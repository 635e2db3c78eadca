#include "common/sum/kernel.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "common/base/random.h"
#include "common/sum/kernels.h"
#include "tests/common/sum/kernel_builds.h"
#include "tests/support/status_matchers.h"

namespace consilium::sum {
namespace {

bool CpuHasV3() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
         __builtin_cpu_supports("bmi2") != 0;
#else
  return true;  // these builds are then for the machine's own baseline
#endif
}

void RunBaseline(KernelWork& work) {
  std::vector<kernel::Float32Run> runs;
  runs.reserve(work.run_count);
  for (size_t i = 0; i < work.run_count; ++i) {
    runs.push_back({work.float32_runs[i], work.factors[i]});
  }
  kernel::AddFloat32(runs.data(), runs.size(), work.magic, work.float32_limbs, work.count);
  kernel::AddFloat64(work.float64_values, {work.magic, work.magic_low, work.high, work.low},
                     work.count);
  kernel::AddLimbs(work.high, work.low, work.count);
  work.beyond_float32 = kernel::AnyBeyondFloat32(work.float32_runs[0], work.count, 128.0f);
  work.beyond_float64 = kernel::AnyBeyondFloat64(work.float64_values, work.count, 128.0);
}

const Kernels* chosen = nullptr;

void RunChosen(KernelWork& work) {
  std::vector<Float32Run> runs;
  for (size_t i = 0; i < work.run_count; ++i) {
    runs.push_back({work.float32_runs[i], work.factors[i]});
  }
  chosen->add_float32(runs.data(), runs.size(), work.magic, work.float32_limbs, work.count);
  chosen->add_float64(work.float64_values, {work.magic, work.magic_low, work.high, work.low},
                      work.count);
  chosen->add_limbs(work.high, work.low, work.count);
  work.beyond_float32 = chosen->any_beyond_float32(work.float32_runs[0], work.count, 128.0f);
  work.beyond_float64 = chosen->any_beyond_float64(work.float64_values, work.count, 128.0);
}

struct Outcome {
  std::vector<uint64_t> float32_limbs;
  std::vector<uint64_t> high;
  std::vector<uint64_t> low;
  bool beyond_float32;
  bool beyond_float64;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

template <typename T>
std::vector<std::byte> RandomValues(Random& random, size_t count, bool one_beyond) {
  std::vector<std::byte> bytes(count * sizeof(T));
  for (size_t i = 0; i < count; ++i) {
    auto value = static_cast<T>(std::ldexp(random.Uniform() * 2 - 1, 7 - int(random.Below(60))));
    if (one_beyond && i == count / 2) value = T{129};
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof value);
  }
  return bytes;
}

// Seeded work of `count` elements from `run_count` updates, done by `run`.
Outcome Do(void (*run)(KernelWork&), uint64_t seed, size_t count, size_t run_count) {
  Random random(seed);
  std::vector<std::vector<std::byte>> inputs;
  std::vector<const std::byte*> runs;
  std::vector<double> factors;
  inputs.reserve(run_count);
  runs.reserve(run_count);
  factors.reserve(run_count);
  for (size_t r = 0; r < run_count; ++r) {
    inputs.push_back(RandomValues<float>(random, count, seed % 3 == 0));
    factors.push_back(std::ldexp(1 + random.Below(1 << 29), -29));
  }
  for (const auto& input : inputs) runs.push_back(input.data());
  const std::vector<std::byte> wide = RandomValues<double>(random, count, seed % 5 == 0);
  Outcome outcome{std::vector<uint64_t>(count, seed), std::vector<uint64_t>(count),
                  std::vector<uint64_t>(count), false, false};
  KernelWork work{runs.data(),
                  factors.data(),
                  run_count,
                  wide.data(),
                  std::ldexp(1.5, 52 + 7 - 51),
                  std::ldexp(1.5, 52 + 7 - 102),
                  count,
                  outcome.float32_limbs.data(),
                  outcome.high.data(),
                  outcome.low.data(),
                  false,
                  false};
  run(work);
  outcome.beyond_float32 = work.beyond_float32;
  outcome.beyond_float64 = work.beyond_float64;
  return outcome;
}

void ExpectTheBaselinesBits(void (*run)(KernelWork&)) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const size_t count = 1 + seed * 37 % 1500;
    const size_t runs = 1 + seed % 19;
    ASSERT_EQ(Do(run, seed, count, runs), Do(RunBaseline, seed, count, runs)) << "seed " << seed;
  }
}

TEST(Kernel, TheBuildWithoutOptimisationGivesTheSameBits) {
  ExpectTheBaselinesBits(RunUnoptimised);
}

TEST(Kernel, TheBuildForX8664V3GivesTheSameBits) {
  if (!CpuHasV3()) GTEST_SKIP() << "this CPU has no AVX2, FMA and BMI2";
  ExpectTheBaselinesBits(RunV3);
}

TEST(Kernel, EveryBuildThatThisCpuMayChooseGivesTheSameBits) {
  ASSERT_STREQ(UsableKernels().back().name, "portable");
  for (const Kernels& kernels : UsableKernels()) {
    SCOPED_TRACE(kernels.name);
    chosen = &kernels;
    ExpectTheBaselinesBits(RunChosen);
  }
}

TEST(Kernel, FusedMultiplyAddGivesTheSameBits) {
  if (!CpuHasV3()) GTEST_SKIP() << "this CPU has no AVX2, FMA and BMI2";
  ExpectTheBaselinesBits(RunFused);
}

// Outside the kernel a fused multiply-add would change bits: the project's options forbid it even
// where the CPU has one.
TEST(Kernel, TheProjectsOptionsForbidContraction) {
  if (!CpuHasV3()) GTEST_SKIP() << "this CPU has no AVX2, FMA and BMI2";
  const double a = 1 + std::ldexp(1.0, -30);
  const double b = 1 - std::ldexp(1.0, -30);
  EXPECT_EQ(MultiplyAddV3(a, b, -1), 0.0);
  EXPECT_EQ(MultiplyAddFused(a, b, -1), -std::ldexp(1.0, -60)) << "the control must differ";
}

TEST(Kernel, FindsOneValueBeyondTheBoundWhereverItIs) {
  for (size_t count = 1; count < 40; ++count) {
    std::vector<float> values(count, -128.0f);
    const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
    EXPECT_FALSE(kernel::AnyBeyondFloat32(bytes, count, 128.0f));
    for (size_t i = 0; i < count; ++i) {
      values[i] = std::nextafter(-128.0f, -129.0f);
      EXPECT_TRUE(kernel::AnyBeyondFloat32(bytes, count, 128.0f));
      values[i] = -128.0f;
    }
  }
}

}  // namespace
}  // namespace consilium::sum
