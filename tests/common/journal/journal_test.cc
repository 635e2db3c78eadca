#include "common/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/base/memory_storage.h"
#include "tests/support/forwarding_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::journal {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;

absl::Status Ignore(const Record&) { return absl::OkStatus(); }

Replay Into(std::vector<std::string>& texts) {
  return [&texts](const Record& record) {
    texts.emplace_back(AsText(record.payload));
    return absl::OkStatus();
  };
}

std::vector<std::string> TextsOf(Storage& storage, const std::string& path) {
  std::vector<std::string> texts;
  EXPECT_THAT(Journal::Open(storage, path, Into(texts)), IsOk());
  return texts;
}

// A Storage that counts syncs and can hold them back, so that a test decides who comes together.
class GatedStorage final : public consilium::testing::ForwardingStorage {
 public:
  GatedStorage() : ForwardingStorage(memory_) {}
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                         uint64_t length) override {
    auto file = memory_.OpenAppend(path, length);
    if (!file.ok()) return file.status();
    return std::make_unique<File>(*this, *std::move(file));
  }

  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  void AwaitSyncs(int count) {
    MutexLock lock(mutex_);
    while (syncs_ < count) changed_.Wait(mutex_);
  }
  int syncs() {
    MutexLock lock(mutex_);
    return syncs_;
  }

 private:
  class File final : public consilium::testing::ForwardingAppendFile {
   public:
    File(GatedStorage& gate, std::unique_ptr<AppendFile> file)
        : ForwardingAppendFile(std::move(file)), gate_(gate) {}
    absl::Status Sync() override {
      {
        MutexLock lock(gate_.mutex_);
        ++gate_.syncs_;
        gate_.changed_.NotifyAll();
        while (gate_.held_) gate_.changed_.Wait(gate_.mutex_);
      }
      return ForwardingAppendFile::Sync();
    }

   private:
    GatedStorage& gate_;
  };

  MemoryStorage memory_;
  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  int syncs_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(Journal, RecordsComeBackInOrderWithKindAndVersion) {
  MemoryStorage storage;
  {
    ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
    EXPECT_THAT(journal->AppendDurably(7, AsBytes("one"), 3), IsOk());
    EXPECT_THAT(journal->AppendDurably(0xffff, {}), IsOk());
    EXPECT_EQ(journal->cut_bytes(), 0u);
  }
  std::vector<Record> records;
  ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", [&](const Record& record) {
                         records.push_back(record);
                         return absl::OkStatus();
                       }));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].position, 16u);
  EXPECT_EQ(records[0].kind, 7);
  EXPECT_EQ(records[0].version, 3);
  EXPECT_EQ(records[1].position, 16u + 52u + 3u);
  EXPECT_EQ(records[1].kind, 0xffff);
  EXPECT_EQ(records[1].version, 1);
  EXPECT_EQ(journal->size(), 16u + 52u + 3u + 52u);
}

TEST(Journal, GoesOnWhereItEndedOnRealFiles) {
  const consilium::testing::TempFolder folder;
  PosixStorage storage;
  const std::string path = folder.PathOf("main.journal");
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, path, Ignore));
    EXPECT_THAT(journal->AppendDurably(1, AsBytes(text)), IsOk());
  }
  EXPECT_THAT(TextsOf(storage, path), ElementsAre("one", "two", "three"));
}

TEST(ReadJournal, ReadsBesideItsOwnerAndLeavesATornTailAlone) {
  MemoryStorage storage;
  auto owner = Journal::Open(storage, "j", Ignore);
  ASSERT_THAT(owner, IsOk());
  ASSERT_THAT((*owner)->AppendDurably(1, AsBytes("one")), IsOk());
  auto file = storage.OpenAppend("j", UINT64_MAX);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Append(AsBytes("torn")), IsOk());
  std::vector<std::string> texts;
  EXPECT_THAT(ReadJournal(storage, "j", Into(texts)), IsOk());
  EXPECT_THAT(texts, ElementsAre("one"));
  ASSERT_OK_AND_ASSIGN(const auto reader, storage.OpenRead("j"));
  EXPECT_EQ(reader->size(), (*owner)->size() + 4);
  EXPECT_THAT(ReadJournal(storage, "absent", Ignore), HasCode(ErrorCode::kFileNotFound));
}

TEST(Journal, AppendWithoutSyncIsWrittenWhenItCloses) {
  MemoryStorage storage;
  {
    ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
    EXPECT_THAT(journal->Append(1, AsBytes("later")), IsOk());
  }
  EXPECT_THAT(TextsOf(storage, "j"), ElementsAre("later"));
}

TEST(Journal, AStatusFromReplayEndsTheOpening) {
  MemoryStorage storage;
  {
    ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
    ASSERT_THAT(journal->AppendDurably(1, AsBytes("x")), IsOk());
  }
  const auto refuse = [](const Record&) { return Error(ErrorCode::kVersion, "newer record"); };
  EXPECT_THAT(Journal::Open(storage, "j", refuse), HasCode(ErrorCode::kVersion));
  EXPECT_THAT(TextsOf(storage, "j"), ElementsAre("x"));
}

TEST(Journal, RecordAboveItsBoundIsRefusedAndTheNextIsNot) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
  EXPECT_THAT(journal->Append(1, Bytes(kMaxRecordBytes + 1)), HasCode(ErrorCode::kMessageTooLarge));
  EXPECT_THAT(journal->AppendDurably(1, AsBytes("small")), IsOk());
}

TEST(Journal, WhatIsPendingIsBounded) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
  const Bytes payload(kMaxRecordBytes);
  for (int i = 0; i < 3; ++i) ASSERT_THAT(journal->Append(1, payload), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto reader, storage.OpenRead("j"));
  EXPECT_GE(reader->size() + kMaxPendingBytes, journal->size());
  EXPECT_LT(reader->size(), journal->size());
}

TEST(Journal, AFailedSyncPoisonsItUntilItIsOpenedAgain) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(auto journal, Journal::Open(storage, "j", Ignore));
  ASSERT_THAT(journal->AppendDurably(1, AsBytes("kept")), IsOk());
  storage.SetFaults({.fail_operation = 2});  // the write works, its sync does not
  EXPECT_THAT(journal->AppendDurably(1, AsBytes("lost")), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(journal->AppendDurably(1, AsBytes("after")), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(journal->Append(1, AsBytes("after")), HasCode(ErrorCode::kStorageIo));
  journal.reset();
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_THAT(TextsOf(storage, "j"), ElementsAre("kept"));
}

TEST(Journal, AFullDiskIsNamedAndStillAnswersForWhatIsDurable) {
  MemoryStorage storage;
  ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
  ASSERT_OK_AND_ASSIGN(const uint64_t first, journal->Append(1, AsBytes("kept")));
  ASSERT_THAT(journal->SyncTo(first), IsOk());
  storage.SetFaults({.capacity_bytes = journal->size() + 10});
  EXPECT_THAT(journal->AppendDurably(1, AsBytes("lost")), HasCode(ErrorCode::kStorageFull));
  EXPECT_THAT(journal->SyncTo(first), IsOk());
}

TEST(Journal, NoFolderIsAnErrorThatNamesThePath) {
  MemoryStorage storage;
  const auto journal = Journal::Open(storage, "none/j", Ignore);
  EXPECT_THAT(journal, HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(std::string(journal.status().message()), ::testing::HasSubstr("none/j"));
}

TEST(Journal, OneSyncServesEveryoneWhoCameWhileAnotherRan) {
  constexpr int kThreads = 8;
  GatedStorage storage;
  ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
  const int before = storage.syncs();
  storage.Hold();
  std::thread first([&] { EXPECT_THAT(journal->AppendDurably(1, AsBytes("first")), IsOk()); });
  storage.AwaitSyncs(before + 1);
  const uint64_t one_more = 52 + 4;
  const uint64_t all = journal->size() + kThreads * one_more;
  std::vector<std::thread> others;
  for (int i = 0; i < kThreads; ++i) {
    others.emplace_back([&] { EXPECT_THAT(journal->AppendDurably(1, AsBytes("more")), IsOk()); });
  }
  while (journal->size() < all) std::this_thread::yield();
  storage.Release();
  first.join();
  for (std::thread& thread : others) thread.join();
  EXPECT_EQ(storage.syncs(), before + 2);
}

TEST(Journal, ManyThreadsLoseNothing) {
  constexpr int kThreads = 4, kEach = 200;
  MemoryStorage storage;
  {
    ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, "j", Ignore));
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&journal, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string text = std::to_string(t) + " " + std::to_string(i);
          EXPECT_THAT(journal->AppendDurably(1, AsBytes(text)), IsOk());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  storage.Crash(CrashKind::kPowerCut);
  const std::vector<std::string> texts = TextsOf(storage, "j");
  EXPECT_EQ(texts.size(), size_t{kThreads * kEach});
  std::vector<int> next(kThreads);
  for (const std::string& text : texts) {
    const int thread = text[0] - '0';
    EXPECT_EQ(text.substr(2), std::to_string(next[static_cast<size_t>(thread)]++));
  }
}

}  // namespace
}  // namespace consilium::journal
