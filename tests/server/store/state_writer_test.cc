#include "server/store/state_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/base/status_macros.h"
#include "server/store/state_reader.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

// 400,000 bytes of tensors, or 12.
wire::StatePart PartOf(uint32_t elements, float value) {
  tensor::Bundle values(*tensor::Layout::Create({{.name = "w", .shape = {elements}}}));
  float next = value;
  for (float& element : values.Float32(0)) element = next += 1;
  return {std::move(values), {{"label", "disease"}}};
}

class StateWriterTest : public ::testing::Test {
 protected:
  // In pieces of a prime number of bytes.
  absl::Status Write(StateWriter& writer, PartKind kind, const wire::StatePart& part) {
    const Bytes bytes = wire::EncodeStatePart(part);
    ByteSpan left = bytes;
    while (!left.empty()) {
      const size_t some = std::min<size_t>(left.size(), 9973);
      CN_RETURN_IF_ERROR(writer.Append(kind, left.first(some)));
      left = left.subspan(some);
    }
    return absl::OkStatus();
  }
  absl::StatusOr<Digest> Write(uint32_t elements, float value) {
    CN_ASSIGN_OR_RETURN(StateWriter writer, StateWriter::Create(store_));
    CN_RETURN_IF_ERROR(Write(writer, PartKind::kBroadcast, PartOf(elements, value)));
    CN_RETURN_IF_ERROR(Write(writer, PartKind::kPrivate, PartOf(3, -value)));
    CN_ASSIGN_OR_RETURN(const StateStore::Hold held, writer.Finish());
    return held.digest();
  }
  std::vector<std::string> Files() const { return storage_.List("states").value(); }

  MemoryStorage storage_;
  StateStore store_{"states", storage_};
};

TEST_F(StateWriterTest, PiecesMakeTheStateThatPutMakes) {
  for (const uint32_t elements : {3u, 100'000u}) {
    ASSERT_OK_AND_ASSIGN(const Digest written, Write(elements, 1));
    const wire::State state{PartOf(elements, 1), PartOf(3, -1)};
    EXPECT_EQ(store_.Put(state).value(), written);
    EXPECT_THAT(store_.Verify(written), IsOk());
    EXPECT_EQ(store_.Get(written).value().broadcast.tensors.Float32(0)[2], 4.0F);
  }
  EXPECT_THAT(Files(), ::testing::Each(::testing::Not(::testing::EndsWith(".new"))));
}

TEST_F(StateWriterTest, WhatIsNotFinishedLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(StateWriter writer, StateWriter::Create(store_));
  {
    StateWriter moved = std::move(writer);
    ASSERT_THAT(Write(moved, PartKind::kBroadcast, PartOf(100'000, 1)), IsOk());
    EXPECT_EQ(Files().size(), 1u);
  }
  EXPECT_TRUE(Files().empty());
}

TEST_F(StateWriterTest, SurvivesAPowerCutOnceFinished) {
  ASSERT_OK_AND_ASSIGN(const Digest written, Write(100'000, 1));
  storage_.Crash(CrashKind::kPowerCut);
  StateStore again("states", storage_);
  ASSERT_THAT(again.Load(), IsOk());
  EXPECT_THAT(again.Verify(written), IsOk());
}

TEST_F(StateWriterTest, WritersOfOneStateDoNotDisturbEachOther) {
  ASSERT_OK_AND_ASSIGN(StateWriter slow, StateWriter::Create(store_));
  ASSERT_THAT(Write(slow, PartKind::kBroadcast, PartOf(100'000, 1)), IsOk());
  ASSERT_OK_AND_ASSIGN(const Digest first, Write(100'000, 1));
  ASSERT_THAT(Write(slow, PartKind::kPrivate, PartOf(3, -1)), IsOk());
  ASSERT_OK_AND_ASSIGN(const StateStore::Hold held, slow.Finish());
  EXPECT_EQ(held.digest(), first);
  EXPECT_THAT(store_.Verify(first), IsOk());
}

TEST_F(StateWriterTest, ReaderGivesHeadAndPayloadAndFindsDamage) {
  ASSERT_OK_AND_ASSIGN(const Digest written, Write(100'000, 1));
  ASSERT_OK_AND_ASSIGN(StatePartReader reader,
                       StatePartReader::Open(store_, written, PartKind::kBroadcast));
  EXPECT_EQ(reader.head().texts.at("label"), "disease");
  std::vector<float> some(50'001);
  ASSERT_THAT(reader.Read(std::as_writable_bytes(std::span(some))), IsOk());
  EXPECT_EQ(some[50'000], 50'002.0F);
  uint64_t rest = 0;
  ASSERT_THAT(reader.ReadRest([&](ByteSpan bytes) {
    rest += bytes.size();
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_EQ(rest, 400'000 - 200'004);
  EXPECT_THAT(reader.Finish(), IsOk());

  const std::string path =
      "states/" + HexOf(store_.GetManifest(written).value().broadcast.digest) + ".broadcast";
  Bytes bytes = ReadWhole(storage_, path, 1 << 20).value();
  bytes.back() ^= std::byte{1};
  ASSERT_THAT(storage_.OpenAppend(path, 0).value()->Append(bytes), IsOk());
  ASSERT_OK_AND_ASSIGN(StatePartReader damaged,
                       StatePartReader::Open(store_, written, PartKind::kBroadcast));
  EXPECT_THAT(damaged.Finish(), HasCode(ErrorCode::kStateCorrupt));
  ASSERT_THAT(storage_.OpenAppend(path, bytes.size() - 8).status(), IsOk());
  EXPECT_THAT(StatePartReader::Open(store_, written, PartKind::kBroadcast),
              HasCode(ErrorCode::kStateCorrupt));
  ASSERT_THAT(storage_.Remove(path), IsOk());
  EXPECT_THAT(StatePartReader::Open(store_, written, PartKind::kBroadcast),
              HasCode(ErrorCode::kStateCorrupt));
}

TEST_F(StateWriterTest, HeadWithLongTextsIsReadWhole) {
  wire::State state{PartOf(3, 1), PartOf(3, 1)};
  for (const char* key : {"a", "b"}) state.broadcast.texts[key] = std::string(700'000, 'x');
  const Digest digest = store_.Put(state).value();
  ASSERT_OK_AND_ASSIGN(StatePartReader reader,
                       StatePartReader::Open(store_, digest, PartKind::kBroadcast));
  EXPECT_EQ(reader.head().texts, state.broadcast.texts);
  EXPECT_THAT(reader.Finish(), IsOk());
}

}  // namespace
}  // namespace consilium::server::store
