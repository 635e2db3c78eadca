#include "client/app/limits.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstdlib>
#include <exception>
#include <new>

#include "tests/support/status_matchers.h"

// g++ has a macro for it, clang a question.
#if defined(__SANITIZE_ADDRESS__)
#define CONSILIUM_HAS_ASAN 1
#elif defined(__has_feature)
#define CONSILIUM_HAS_ASAN __has_feature(address_sanitizer)
#else
#define CONSILIUM_HAS_ASAN 0
#endif

namespace consilium::client::app {
namespace {

using testing::HasCode;

// What a process allows itself, it cannot undo: each of these runs in a process of its own.
[[noreturn]] void CheckThreads() {
  cpu_set_t allowed;
  const bool bound = ApplyLimits({.threads = 1, .memory_bytes = std::nullopt}).ok() &&
                     sched_getaffinity(0, sizeof allowed, &allowed) == 0 &&
                     CPU_COUNT(&allowed) == 1;
  std::exit(bound ? 0 : 1);
}

[[noreturn]] void CheckMemory() {
  if (!ApplyLimits({.threads = std::nullopt, .memory_bytes = uint64_t{256} << 20}).ok()) {
    std::exit(1);
  }
  const auto hungry = KeepWithinMemory(
      [](const job::JobSpec&, const train::SiteTask&, const wire::StatePart&, const data::Dataset&,
         const train::Progress&) -> absl::StatusOr<train::Contribution> {
        const std::vector<double> much(size_t{1} << 27);  // 1 GiB
        return absl::InternalError(std::to_string(much.size()));
      });
  const auto ended = hungry({}, {}, {}, {}, {});
  std::exit(CodeOf(ended.status()) == ErrorCode::kDataTooLarge ? 0 : 2);
}

TEST(LimitsDeathTest, ThreadsBindTheProcessToThatManyProcessors) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(CheckThreads(), ::testing::ExitedWithCode(0), "");
}

TEST(LimitsDeathTest, ATaskThatNeedsMoreMemoryFailsByNameAndTheProcessGoesOn) {
#if CONSILIUM_HAS_ASAN
  GTEST_SKIP() << "the address sanitizer needs more memory than the limit";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(CheckMemory(), ::testing::ExitedWithCode(0), "");
}

class HungrySource final : public session::DatasetSource {
 public:
  std::vector<std::string> Names() const override { return {"heart"}; }
  absl::StatusOr<std::shared_ptr<const data::Dataset>> Load(const job::JobSpec&,
                                                            const data::ReadProgress&) override {
    // As a library does it when memory is short.
    std::rethrow_exception(std::make_exception_ptr(std::bad_alloc()));
  }
};

TEST(MemoryBoundSource, ADatasetThatDoesNotFitIsRefusedByName) {
  HungrySource hungry;
  MemoryBoundSource source(hungry);
  EXPECT_EQ(source.Names(), hungry.Names());
  EXPECT_THAT(source.Load({}, nullptr), HasCode(ErrorCode::kDataTooLarge));
}

}  // namespace
}  // namespace consilium::client::app
