// Torn tails are cut, damage is named, and nothing is ever skipped.
#include "common/journal/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/base/memory_storage.h"
#include "common/journal/record.h"
#include "tests/support/status_matchers.h"

namespace consilium::journal {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

constexpr char kPath[] = "j";

struct Small {
  Bytes bytes;                      // of the file
  std::vector<std::string> texts;   // the payloads
  std::vector<uint64_t> positions;  // where each record starts, then where the last one ends
};

// A journal of five records; each is durable before the next when `synced`, else all are only
// appended.
Small MakeSmall(bool synced) {
  MemoryStorage storage;
  Small small;
  auto journal = Journal::Open(storage, kPath, [](const Record&) { return absl::OkStatus(); });
  EXPECT_THAT(journal, IsOk());
  for (const char* text : {"alpha", "", "gamma gamma", "d", "epsilon"}) {
    small.positions.push_back((*journal)->size());
    small.texts.emplace_back(text);
    const auto end = (*journal)->Append(1, AsBytes(text));
    EXPECT_THAT(end, IsOk());
    if (synced) {
      EXPECT_THAT((*journal)->SyncTo(*end), IsOk());
    }
  }
  small.positions.push_back((*journal)->size());
  journal->reset();
  const auto bytes = ReadWhole(storage, kPath, 1 << 20);
  EXPECT_THAT(bytes, IsOk());
  small.bytes = *bytes;
  return small;
}

struct Opened {
  absl::Status status;
  std::vector<std::string> texts;
  uint64_t cut_bytes = 0;
};

Opened OpenBytes(ByteSpan bytes) {
  MemoryStorage storage;
  storage.Plant(kPath, bytes);
  Opened opened;
  const auto journal = Journal::Open(storage, kPath, [&](const Record& record) {
    opened.texts.emplace_back(AsText(record.payload));
    return absl::OkStatus();
  });
  opened.status = journal.status();
  if (journal.ok()) opened.cut_bytes = (*journal)->cut_bytes();
  return opened;
}

std::vector<std::string> FirstOf(const std::vector<std::string>& texts, size_t count) {
  return {texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(JournalTail, CutAtEveryByteKeepsTheWholeRecordsBefore) {
  const Small small = MakeSmall(/*synced=*/true);
  size_t whole = 0;
  for (size_t length = kHeaderBytes; length <= small.bytes.size(); ++length) {
    while (whole < small.texts.size() && small.positions[whole + 1] <= length) ++whole;
    const Opened opened = OpenBytes(ByteSpan(small.bytes).first(length));
    ASSERT_THAT(opened.status, IsOk()) << length;
    EXPECT_EQ(opened.texts, FirstOf(small.texts, whole)) << length;
    EXPECT_EQ(opened.cut_bytes, length - small.positions[whole]) << length;
  }
}

TEST(JournalTail, AfterACutTheJournalGoesOn) {
  const Small small = MakeSmall(/*synced=*/true);
  for (size_t length = small.positions[3]; length < small.bytes.size(); ++length) {
    MemoryStorage storage;
    storage.Plant(kPath, ByteSpan(small.bytes).first(length));
    {
      ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, kPath, [](const Record&) {
                             return absl::OkStatus();
                           }));
      ASSERT_THAT(journal->AppendDurably(1, AsBytes("new")), IsOk());
    }
    ASSERT_OK_AND_ASSIGN(const Bytes bytes, ReadWhole(storage, kPath, 1 << 20));
    const Opened opened = OpenBytes(bytes);
    ASSERT_THAT(opened.status, IsOk()) << length;
    EXPECT_EQ(opened.texts.back(), "new");
    EXPECT_EQ(opened.cut_bytes, 0u);
  }
}

TEST(JournalDamage, EveryFlippedDurableByteIsNamed) {
  const Small small = MakeSmall(/*synced=*/true);
  for (size_t at = kHeaderBytes; at < small.bytes.size(); ++at) {
    Bytes bytes = small.bytes;
    bytes[at] ^= std::byte{0x41};
    const Opened opened = OpenBytes(bytes);
    size_t hit = 0;  // the record that holds the byte
    while (small.positions[hit + 1] <= at) ++hit;
    EXPECT_EQ(opened.texts, FirstOf(small.texts, hit)) << at;
    if (hit + 1 < small.texts.size()) {
      ASSERT_THAT(opened.status, HasCode(ErrorCode::kJournalCorrupt)) << at;
      EXPECT_THAT(std::string(opened.status.message()),
                  ::testing::HasSubstr("byte " + std::to_string(small.positions[hit]) + ":"));
    } else {
      ASSERT_THAT(opened.status, IsOk()) << at;  // nothing behind it: a torn tail
      EXPECT_EQ(opened.cut_bytes, small.bytes.size() - small.positions[hit]);
    }
  }
}

TEST(JournalDamage, AHoleAmongRecordsNeverSyncedIsATornTail) {
  const Small small = MakeSmall(/*synced=*/false);
  for (size_t at = kHeaderBytes; at < small.bytes.size(); ++at) {
    Bytes bytes = small.bytes;
    bytes[at] ^= std::byte{0x41};
    const Opened opened = OpenBytes(bytes);
    size_t hit = 0;
    while (small.positions[hit + 1] <= at) ++hit;
    ASSERT_THAT(opened.status, IsOk()) << at;
    EXPECT_EQ(opened.texts, FirstOf(small.texts, hit)) << at;
    EXPECT_EQ(opened.cut_bytes, small.bytes.size() - small.positions[hit]);
  }
}

TEST(JournalDamage, ADroppedOrRepeatedRecordIsNamed) {
  const Small small = MakeSmall(/*synced=*/true);
  const auto at = [&](size_t record) {
    return small.bytes.begin() + static_cast<std::ptrdiff_t>(small.positions[record]);
  };
  Bytes dropped(small.bytes.begin(), at(1));
  dropped.insert(dropped.end(), at(2), small.bytes.end());
  EXPECT_THAT(OpenBytes(dropped).status, HasCode(ErrorCode::kJournalCorrupt));
  Bytes repeated(small.bytes.begin(), at(2));
  repeated.insert(repeated.end(), at(1), small.bytes.end());
  EXPECT_THAT(OpenBytes(repeated).status, HasCode(ErrorCode::kJournalCorrupt));
}

TEST(JournalDamage, ZerosBehindTheEndAreCut) {
  Small small = MakeSmall(/*synced=*/true);
  small.bytes.resize(small.bytes.size() + 3 * kHeadBytes);
  const Opened opened = OpenBytes(small.bytes);
  EXPECT_THAT(opened.status, IsOk());
  EXPECT_EQ(opened.texts, small.texts);
  EXPECT_EQ(opened.cut_bytes, 3 * kHeadBytes);
}

TEST(JournalDamage, IsFoundBehindMoreThanOneWindow) {
  MemoryStorage storage;
  uint64_t bad = 0;
  {
    ASSERT_OK_AND_ASSIGN(const auto journal, Journal::Open(storage, kPath, [](const Record&) {
                           return absl::OkStatus();
                         }));
    ASSERT_THAT(journal->AppendDurably(1, AsBytes("first")), IsOk());
    bad = journal->size();
    ASSERT_THAT(journal->AppendDurably(1, Bytes(3 << 20)), IsOk());
    ASSERT_THAT(journal->AppendDurably(1, AsBytes("last")), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(Bytes bytes, ReadWhole(storage, kPath, 1 << 23));
  bytes[bad] ^= std::byte{1};
  EXPECT_THAT(OpenBytes(bytes).status, HasCode(ErrorCode::kJournalCorrupt));
}

TEST(JournalHeader, NewerFormatIsRefusedByItsCode) {
  Small small = MakeSmall(/*synced=*/true);
  small.bytes[8] = std::byte{2};
  EXPECT_THAT(OpenBytes(small.bytes).status, HasCode(ErrorCode::kFormatVersion));
}

TEST(JournalHeader, OtherHeadersAreDamage) {
  const Small small = MakeSmall(/*synced=*/true);
  for (size_t at = 0; at < kHeaderBytes; ++at) {
    if (at >= 8 && at < 12) continue;  // the version
    Bytes bytes = small.bytes;
    bytes[at] ^= std::byte{0x41};
    EXPECT_THAT(OpenBytes(bytes).status, HasCode(ErrorCode::kJournalCorrupt)) << at;
  }
  for (size_t length = 0; length < kHeaderBytes; ++length) {
    EXPECT_THAT(OpenBytes(ByteSpan(small.bytes).first(length)).status,
                HasCode(ErrorCode::kJournalCorrupt))
        << length;
  }
}

// The bytes of docs/formats/journal.md.
TEST(JournalFormat, IsTheDocumentedOne) {
  const Small small = MakeSmall(/*synced=*/true);
  EXPECT_EQ(AsText(ByteSpan(small.bytes).first(16)),
            std::string_view("CNJOURNL\x01\0\0\0\0\0\0\0", 16));
  const ByteSpan record = ByteSpan(small.bytes).subspan(16, kHeadBytes + 5);
  EXPECT_EQ(AsText(record.first(8)), std::string_view("\x05\0\0\0\x01\0\x01\0", 8));
  EXPECT_EQ(AsText(record.subspan(12, 8)), std::string_view("\x10\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(AsText(record.subspan(20, 32)), std::string(32, '\0'));
  EXPECT_EQ(AsText(record.subspan(52)), "alpha");
}

}  // namespace
}  // namespace consilium::journal
