#include "common/base/memory_storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/status_matchers.h"

namespace consilium {
namespace {

using testing::HasCode;
using testing::IsOk;

std::string ContentOf(const Storage& storage, const std::string& path) {
  const auto bytes = ReadWhole(storage, path, 1 << 20);
  return bytes.ok() ? std::string(AsText(*bytes)) : "absent";
}

std::unique_ptr<AppendFile> Appended(Storage& storage, const std::string& path,
                                     std::string_view text) {
  auto file = storage.OpenAppend(path);
  EXPECT_THAT(file, IsOk());
  EXPECT_THAT((*file)->Append(AsBytes(text)), IsOk());
  return *std::move(file);
}

TEST(MemoryStorage, PowerCutLosesUnsyncedBytes) {
  MemoryStorage storage;
  ASSERT_THAT(WriteDurably(storage, "a", AsBytes("durable")), IsOk());
  Appended(storage, "a", " not");
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_EQ(ContentOf(storage, "a"), "durable");
}

TEST(MemoryStorage, ProcessCrashLosesNothingUntilThePowerGoes) {
  MemoryStorage storage;
  Appended(storage, "a", "text");
  storage.Crash(CrashKind::kProcess);
  EXPECT_EQ(ContentOf(storage, "a"), "text");
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_EQ(ContentOf(storage, "a"), "absent");
}

TEST(MemoryStorage, SyncedFileWithoutSyncedFolderIsLost) {
  MemoryStorage storage;
  EXPECT_THAT(Appended(storage, "a", "text")->Sync(), IsOk());
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_EQ(ContentOf(storage, "a"), "absent");
}

TEST(MemoryStorage, RenameAndRemoveComeBackWithoutASyncedFolder) {
  MemoryStorage storage;
  ASSERT_THAT(WriteDurably(storage, "a", AsBytes("A")), IsOk());
  ASSERT_THAT(WriteDurably(storage, "b", AsBytes("B")), IsOk());
  ASSERT_THAT(storage.Rename("a", "c"), IsOk());
  ASSERT_THAT(storage.Remove("b"), IsOk());
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_EQ(ContentOf(storage, "a"), "A");
  EXPECT_EQ(ContentOf(storage, "b"), "B");
  EXPECT_EQ(ContentOf(storage, "c"), "absent");
}

TEST(MemoryStorage, OneFoldersSyncDoesNotConfirmAnother) {
  MemoryStorage storage;
  ASSERT_THAT(storage.CreateFolder("x"), IsOk());
  ASSERT_THAT(storage.CreateFolder("y"), IsOk());
  EXPECT_THAT(Appended(storage, "x/a", "A")->Sync(), IsOk());
  EXPECT_THAT(Appended(storage, "y/b", "B")->Sync(), IsOk());
  ASSERT_THAT(storage.SyncFolder("y"), IsOk());
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_EQ(ContentOf(storage, "x/a"), "absent");
  EXPECT_EQ(ContentOf(storage, "y/b"), "B");
}

TEST(MemoryStorage, RenameAcrossFoldersIsWholeWhenEitherIsSynced) {
  MemoryStorage storage;
  ASSERT_THAT(storage.CreateFolder("x"), IsOk());
  ASSERT_THAT(storage.CreateFolder("y"), IsOk());
  EXPECT_THAT(Appended(storage, "x/a", "A")->Sync(), IsOk());
  ASSERT_THAT(storage.Rename("x/a", "y/a"), IsOk());
  ASSERT_THAT(storage.SyncFolder("y"), IsOk());
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_EQ(ContentOf(storage, "x/a"), "absent");
  EXPECT_EQ(ContentOf(storage, "y/a"), "A");
}

TEST(MemoryStorage, UnsyncedCutMayComeBack) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    MemoryStorage storage(seed);
    ASSERT_THAT(WriteDurably(storage, "a", AsBytes("0123456789")), IsOk());
    ASSERT_THAT(storage.OpenAppend("a", 4), IsOk());
    storage.Crash(CrashKind::kTorn);
    seen.insert(ContentOf(storage, "a"));
  }
  EXPECT_THAT(seen, ::testing::ElementsAre("0123", "0123456789"));
}

TEST(MemoryStorage, TornCrashNeverTouchesSyncedBytes) {
  std::set<size_t> lengths;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    MemoryStorage storage(seed);
    ASSERT_THAT(WriteDurably(storage, "a", AsBytes("synced")), IsOk());
    Appended(storage, "a", "12345678");
    storage.Crash(CrashKind::kTorn);
    const std::string content = ContentOf(storage, "a");
    EXPECT_EQ(content.substr(0, 6), "synced");
    lengths.insert(content.size());
  }
  EXPECT_EQ(lengths.size(), 9u);  // every torn length comes up
}

TEST(MemoryStorage, HandlesEndWithACrash) {
  MemoryStorage storage;
  const auto file = Appended(storage, "a", "text");
  storage.Crash(CrashKind::kProcess);
  EXPECT_THAT(file->Append(AsBytes("x")), HasCode(ErrorCode::kStorageIo));
  EXPECT_EQ(ContentOf(storage, "a"), "text");
}

TEST(MemoryStorage, TheNthOperationFailsAndThenAllGoesOn) {
  MemoryStorage storage;
  storage.SetFaults({.fail_operation = 2});
  const auto file = storage.OpenAppend("a");
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->Append(AsBytes("x")), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT((*file)->Append(AsBytes("y")), IsOk());
  EXPECT_EQ(storage.operations(), 3u);
  EXPECT_EQ(ContentOf(storage, "a"), "y");
}

TEST(MemoryStorage, ADiskThatWentAwayStaysAwayUntilTheCrash) {
  MemoryStorage storage;
  storage.SetFaults({.fail_operation = 1, .and_all_after = true});
  EXPECT_THAT(storage.CreateFolder("x"), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(storage.CreateFolder("x"), HasCode(ErrorCode::kStorageIo));
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_THAT(storage.CreateFolder("x"), IsOk());
}

TEST(MemoryStorage, AFileWhoseSyncFailedIsAbandoned) {
  MemoryStorage storage;
  const auto file = Appended(storage, "a", "text");
  storage.SetFaults({.fail_operation = 1});
  EXPECT_THAT(file->Sync(), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(file->Sync(), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(file->Append(AsBytes("x")), HasCode(ErrorCode::kStorageIo));
}

TEST(MemoryStorage, ADiskHasItsCapacity) {
  MemoryStorage storage;
  storage.SetFaults({.capacity_bytes = 10});
  const auto file = Appended(storage, "a", "12345678");
  EXPECT_THAT(file->Append(AsBytes("123")), HasCode(ErrorCode::kStorageFull));
  EXPECT_THAT(file->Append(AsBytes("12")), IsOk());
  EXPECT_THAT(WriteDurably(storage, "b", AsBytes("x")), HasCode(ErrorCode::kStorageFull));
  EXPECT_FALSE(Exists(storage, "b.new"));
}

TEST(WriteDurably, IsAllOrNothingAtEveryFault) {
  for (const CrashKind kind : {CrashKind::kPowerCut, CrashKind::kTorn, CrashKind::kProcess}) {
    for (uint64_t failing = 1; failing <= 5; ++failing) {
      MemoryStorage storage(failing);
      ASSERT_THAT(WriteDurably(storage, "a", AsBytes("old")), IsOk());
      storage.SetFaults({.fail_operation = failing, .and_all_after = true});
      EXPECT_FALSE(WriteDurably(storage, "a", AsBytes("new")).ok());
      storage.Crash(kind);
      EXPECT_THAT(ContentOf(storage, "a"), ::testing::AnyOf("old", "new")) << failing;
    }
  }
}

}  // namespace
}  // namespace consilium
