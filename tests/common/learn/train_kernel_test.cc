#include "common/learn/train_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/ids.h"

namespace consilium::learn {
namespace {

// A job file pins it and an update's header carries it: both take names only.
TEST(TrainKernel, IsANameThatAJobCanPin) { EXPECT_TRUE(IsValidName(TrainKernel())); }

TEST(TrainKernel, NamesTheLibraryAndTheInstructionSet) {
  EXPECT_THAT(TrainKernel(), ::testing::StartsWith("eigen-3."));
  EXPECT_THAT(TrainKernel(),
              ::testing::AnyOf(::testing::HasSubstr("-x86-64"), ::testing::HasSubstr("-arm64"),
                               ::testing::HasSubstr("-other")));
}

}  // namespace
}  // namespace consilium::learn
