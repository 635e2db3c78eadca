// One conformance suite for every Storage.
#include "common/base/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/memory_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium {
namespace {

using ::testing::ElementsAre;
using testing::HasCode;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;

template <typename StorageType>
class StorageTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage_.CreateFolder(folder_.path()), IsOk()); }
  std::string PathOf(std::string_view name) const { return folder_.PathOf(name); }
  std::string ContentOf(std::string_view name) const {
    const auto bytes = ReadWhole(storage_, PathOf(name), 1 << 20);
    return bytes.ok() ? std::string(AsText(*bytes)) : bytes.status().ToString();
  }
  void Write(std::string_view name, std::string_view text) {
    ASSERT_THAT(WriteDurably(storage_, PathOf(name), AsBytes(text)), IsOk());
  }

  testing::TempFolder folder_;
  StorageType storage_;
};

using Storages = ::testing::Types<PosixStorage, MemoryStorage>;
TYPED_TEST_SUITE(StorageTest, Storages);

TYPED_TEST(StorageTest, AppendedBytesAreReadBack) {
  ASSERT_OK_AND_ASSIGN(const auto file, this->storage_.OpenAppend(this->PathOf("a"), UINT64_MAX));
  EXPECT_THAT(file->Append(AsBytes("one ")), IsOk());
  EXPECT_THAT(file->Append({}), IsOk());
  EXPECT_THAT(file->Append(AsBytes("two")), IsOk());
  EXPECT_THAT(file->Sync(), IsOk());
  EXPECT_EQ(file->size(), 7u);
  EXPECT_EQ(this->ContentOf("a"), "one two");
}

// Below a block, at the edges of blocks and of what is held back, and beyond.
TYPED_TEST(StorageTest, WhatIsWrittenInBulkIsReadBackAfterEachSync) {
  constexpr size_t kMany = 1024 * 1024;
  for (const size_t first : {size_t{0}, size_t{1}, size_t{4096}, kMany - 1, kMany, kMany + 5000}) {
    SCOPED_TRACE(first);
    this->Write("a", "what was there before");
    Bytes all(first + 2 * kMany + 9);
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i * 7 + i / 251);
    ASSERT_OK_AND_ASSIGN(const auto file, this->storage_.OpenBulk(this->PathOf("a")));
    EXPECT_EQ(file->size(), 0u);
    size_t done = 0;
    for (const size_t until : {first, first + 3, first + kMany + 4000, all.size()}) {
      EXPECT_THAT(file->Append(ByteSpan(all).subspan(done, until - done)), IsOk());
      EXPECT_THAT(file->Sync(), IsOk());
      EXPECT_EQ(file->size(), until);
      done = until;
      ASSERT_OK_AND_ASSIGN(const Bytes read,
                           ReadWhole(this->storage_, this->PathOf("a"), all.size()));
      ASSERT_TRUE(std::ranges::equal(read, ByteSpan(all).first(until)));
    }
  }
}

TYPED_TEST(StorageTest, OpenAppendGoesOnAtTheEndOrCuts) {
  this->Write("a", "0123456789");
  {
    ASSERT_OK_AND_ASSIGN(const auto file, this->storage_.OpenAppend(this->PathOf("a"), UINT64_MAX));
    EXPECT_EQ(file->size(), 10u);
    EXPECT_THAT(file->Append(AsBytes("x")), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto file, this->storage_.OpenAppend(this->PathOf("a"), 4));
  EXPECT_EQ(file->size(), 4u);
  EXPECT_THAT(file->Append(AsBytes("y")), IsOk());
  EXPECT_EQ(this->ContentOf("a"), "0123y");
}

TYPED_TEST(StorageTest, ReadAtIsWholeOrFails) {
  this->Write("a", "0123456789");
  ASSERT_OK_AND_ASSIGN(const auto reader, this->storage_.OpenRead(this->PathOf("a")));
  Bytes out(3);
  EXPECT_THAT(reader->ReadAt(7, out), IsOk());
  EXPECT_EQ(AsText(out), "789");
  EXPECT_THAT(reader->ReadAt(8, out), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(reader->ReadAt(100, out), HasCode(ErrorCode::kStorageIo));
}

TYPED_TEST(StorageTest, MissingFileIsNamed) {
  const auto reader = this->storage_.OpenRead(this->PathOf("none"));
  EXPECT_THAT(reader, HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(std::string(reader.status().message()), ::testing::HasSubstr(this->PathOf("none")));
  EXPECT_FALSE(Exists(this->storage_, this->PathOf("none")));
  EXPECT_THAT(this->storage_.OpenAppend(this->PathOf("no/folder"), UINT64_MAX),
              HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(this->storage_.SyncFolder(this->PathOf("no")), HasCode(ErrorCode::kFileNotFound));
}

TYPED_TEST(StorageTest, AFolderIsNotAFile) {
  ASSERT_THAT(this->storage_.CreateFolder(this->PathOf("f")), IsOk());
  EXPECT_THAT(this->storage_.OpenRead(this->PathOf("f")), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(this->storage_.OpenAppend(this->PathOf("f"), UINT64_MAX),
              HasCode(ErrorCode::kStorageIo));
  EXPECT_TRUE(Exists(this->storage_, this->PathOf("f")));
  this->Write("file", "x");
  EXPECT_THAT(this->storage_.CreateFolder(this->PathOf("file/sub")),
              HasCode(ErrorCode::kStorageIo));
}

TYPED_TEST(StorageTest, RenameReplaces) {
  this->Write("a", "new");
  this->Write("b", "old");
  EXPECT_THAT(this->storage_.Rename(this->PathOf("a"), this->PathOf("b")), IsOk());
  EXPECT_EQ(this->ContentOf("b"), "new");
  EXPECT_FALSE(Exists(this->storage_, this->PathOf("a")));
  EXPECT_THAT(this->storage_.Rename(this->PathOf("a"), this->PathOf("b")),
              HasCode(ErrorCode::kFileNotFound));
}

TYPED_TEST(StorageTest, RemoveIsOkTwiceAndOpenReadersGoOn) {
  this->Write("a", "text");
  ASSERT_OK_AND_ASSIGN(const auto reader, this->storage_.OpenRead(this->PathOf("a")));
  EXPECT_THAT(this->storage_.Remove(this->PathOf("a")), IsOk());
  EXPECT_THAT(this->storage_.Remove(this->PathOf("a")), IsOk());
  EXPECT_FALSE(Exists(this->storage_, this->PathOf("a")));
  Bytes out(4);
  EXPECT_THAT(reader->ReadAt(0, out), IsOk());
}

TYPED_TEST(StorageTest, ListIsSortedAndEmptyForNoFolder) {
  for (const char* name : {"b", "c", "a"}) this->Write(name, name);
  ASSERT_THAT(this->storage_.CreateFolder(this->PathOf("d/e")), IsOk());
  EXPECT_THAT(this->storage_.List(this->folder_.path()),
              IsOkAndHolds(ElementsAre("a", "b", "c", "d")));
  EXPECT_THAT(this->storage_.List(this->PathOf("d/")), IsOkAndHolds(ElementsAre("e")));
  EXPECT_THAT(this->storage_.List(this->PathOf("none")), IsOkAndHolds(IsEmpty()));
}

TYPED_TEST(StorageTest, CreateFolderMakesParentsAndIsOkTwice) {
  EXPECT_THAT(this->storage_.CreateFolder(this->PathOf("x/y//z/")), IsOk());
  EXPECT_THAT(this->storage_.CreateFolder(this->PathOf("x/y/z")), IsOk());
  this->Write("x/y/z/file", "deep");
  EXPECT_EQ(this->ContentOf("x/y/z/file"), "deep");
}

TYPED_TEST(StorageTest, ReadWholeHasABound) {
  this->Write("a", "12345");
  EXPECT_THAT(ReadWhole(this->storage_, this->PathOf("a"), 4), HasCode(ErrorCode::kFileTooLarge));
  EXPECT_THAT(ReadWhole(this->storage_, this->PathOf("a"), 5), IsOk());
}

TYPED_TEST(StorageTest, WriteDurablyReplacesAndLeavesNothingBehind) {
  this->Write("a", "a longer text");
  this->Write("a", "short");
  EXPECT_EQ(this->ContentOf("a"), "short");
  EXPECT_THAT(this->storage_.List(this->folder_.path()), IsOkAndHolds(ElementsAre("a")));
}

}  // namespace
}  // namespace consilium
