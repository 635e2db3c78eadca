#include "common/base/folder_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium {
namespace {

using testing::HasCode;
using testing::IsOk;

TEST(FolderLock, ASecondOneIsRefusedAndNamesTheHolder) {
  const testing::TempFolder folder;
  ASSERT_OK_AND_ASSIGN(const auto first, FolderLock::Take(folder.path()));
  const auto second = FolderLock::Take(folder.path());
  EXPECT_THAT(second, HasCode(ErrorCode::kStoreLocked));
  EXPECT_THAT(std::string(second.status().message()),
              ::testing::HasSubstr(std::to_string(getpid())));
}

TEST(FolderLock, IsFreeAgainWhenItsHolderIsGone) {
  const testing::TempFolder folder;
  ASSERT_THAT(FolderLock::Take(folder.path()), IsOk());  // and dropped at once
  EXPECT_THAT(FolderLock::Take(folder.path()), IsOk());
}

TEST(FolderLock, AFolderThatIsNotThereIsNamed) {
  const auto refused = FolderLock::Take("/nowhere/at/all");
  EXPECT_THAT(refused, HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("/nowhere/at/all"));
}

}  // namespace
}  // namespace consilium
