// A local step allocates nothing: a long training asks for as much memory as a short one. This
// program counts what operator new hands out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "client/train/sgd.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/status_matchers.h"

namespace {

thread_local uint64_t allocations = 0;

void* Counted(size_t bytes, size_t alignment) {
  ++allocations;
  const size_t whole = (bytes + alignment - 1) / alignment * alignment;
  void* block = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  if (block == nullptr) std::abort();
  return block;
}

}  // namespace

void* operator new(size_t bytes) { return Counted(bytes, alignof(std::max_align_t)); }
void* operator new[](size_t bytes) { return Counted(bytes, alignof(std::max_align_t)); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return Counted(bytes, static_cast<size_t>(alignment));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return Counted(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete[](void* block, size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, size_t, std::align_val_t) noexcept { std::free(block); }

namespace consilium::client::train {
namespace {

using ::consilium::testing::IsOk;
using ::consilium::testing::LogisticJob;
using ::consilium::testing::Synthetic;

// By a training of so many steps over 25 rows.
uint64_t AllocationsOf(job::JobSpec spec, uint32_t steps) {
  spec.train.local_epochs = 0;
  spec.train.local_steps = steps;
  const learn::ModelShape shape = learn::ShapeOf(spec).value();
  const PreparedSplit rows = Prepare(shape, Synthetic(1, 25, 3).train, nullptr).value();
  const tensor::Layout layout = learn::ParameterLayout(shape).value();
  const auto weights = learn::WeightRanges(layout);
  learn::AlignedVector<float> parameters(learn::ParameterCount(layout), 0.125F);
  const auto model = learn::MakeModel<float>(shape);
  learn::BatchOrder order(Digest{}, static_cast<uint32_t>(rows.rows()), spec.train.batch_size);
  learn::Dropout dropout(Digest{}, 0.25);
  const Trainee trainee{rows,    *model,  parameters, nullptr, 1,
                        nullptr, nullptr, nullptr,    weights, &dropout};
  const Progress progress = [](uint64_t, uint64_t) { return true; };
  const uint64_t before = allocations;
  EXPECT_THAT(RunSgd(spec.train, std::move(order), trainee, progress), IsOk());
  return allocations - before;
}

TEST(LocalSteps, AllocateNothingWhateverTheModelAndTheOptimizer) {
  using job::ModelKind;
  using job::OptimizerKind;
  for (const auto model : {ModelKind::kLogistic, ModelKind::kMlp}) {
    for (const auto kind : {OptimizerKind::kSgd, OptimizerKind::kMomentum, OptimizerKind::kNesterov,
                            OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
      job::JobSpec spec = LogisticJob(3);
      spec.model.kind = model;
      if (model == ModelKind::kMlp) spec.model.hidden = {8, 5};
      spec.train.batch_size = 7;
      spec.train.optimizer = {.kind = kind, .l1 = 0.01, .l2 = 0.01, .clip_norm = 1};
      const uint64_t few = AllocationsOf(spec, 4);  // an epoch: the largest batch has been met
      EXPECT_GT(few, 0u);
      EXPECT_EQ(AllocationsOf(spec, 400), few) << job::NameOf(model) << " " << job::NameOf(kind);
    }
  }
}

}  // namespace
}  // namespace consilium::client::train
