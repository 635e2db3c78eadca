#include "server/store/store_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

TEST(StoreVersion, FolderWithoutTheFileIsOfTheFirstVersion) {
  MemoryStorage storage;
  EXPECT_EQ(ReadStoreVersion(storage, "/s").value(), 1u);
}

TEST(StoreVersion, WhatIsWrittenIsReadAndSurvivesAPowerCut) {
  MemoryStorage storage;
  ASSERT_THAT(storage.CreateFolder("/s"), IsOk());
  ASSERT_THAT(WriteStoreVersion(storage, "/s"), IsOk());
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_EQ(ReadStoreVersion(storage, "/s").value(), kStoreVersion);
}

TEST(StoreVersion, NewerStoreIsRefusedInOneLineWithBothNumbers) {
  MemoryStorage storage;
  storage.Plant("/s/version", AsBytes("consilium-store 9\n"));
  const absl::Status status = ReadStoreVersion(storage, "/s").status();
  EXPECT_THAT(status, HasCode(ErrorCode::kFormatVersion));
  EXPECT_EQ(status.message(), "the store in /s has format 9, this server reads up to 2");
}

TEST(StoreVersion, AnythingElseInTheFileIsDamage) {
  MemoryStorage storage;
  for (const char* text : {"", "2", "consilium-store ", "consilium-store 0", "consilium-store x"}) {
    storage.Plant("/s/version", AsBytes(text));
    EXPECT_THAT(ReadStoreVersion(storage, "/s"), HasCode(ErrorCode::kStateCorrupt)) << text;
  }
}

}  // namespace
}  // namespace consilium::server::store
