#include "server/store/state_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using consilium::testing::TempFolder;

wire::State StateOf(float value) {
  tensor::Bundle model(*tensor::Layout::Create({{.name = "w", .shape = {3}}}));
  model.Float32(0)[1] = value;
  tensor::Bundle moments(*tensor::Layout::Create({{.name = "m",
                                                   .shape = {3},
                                                   .dtype = tensor::DType::kFloat64,
                                                   .weighting = tensor::Weighting::kOne}}));
  moments.Float64(0)[2] = value / 3.0;
  return {{std::move(model), {{"label", "disease"}}}, {std::move(moments), {}}};
}

TEST(StateStore, WhatWasPutComesBack) {
  MemoryStorage storage;
  StateStore store("states", storage);
  ASSERT_OK_AND_ASSIGN(const Digest digest, store.Put(StateOf(0.5f)));
  ASSERT_OK_AND_ASSIGN(const wire::State state, store.Get(digest));
  EXPECT_EQ(state.broadcast.tensors.Float32(0)[1], 0.5f);
  EXPECT_EQ(state.broadcast.texts.at("label"), "disease");
  EXPECT_EQ(state.private_part.tensors.Float64(0)[2], 0.5f / 3.0);
  ASSERT_OK_AND_ASSIGN(const wire::StatePart part, store.GetBroadcast(digest));
  EXPECT_EQ(part.tensors.Float32(0)[1], 0.5f);
}

TEST(StateStore, SameStateHasTheSameNameAndIsWrittenOnce) {
  MemoryStorage storage;
  StateStore store("states", storage);
  ASSERT_OK_AND_ASSIGN(const Digest first, store.Put(StateOf(1)));
  const auto names = storage.List("states");
  ASSERT_OK_AND_ASSIGN(const Digest again, store.Put(StateOf(1)));
  EXPECT_EQ(first, again);
  EXPECT_EQ(*storage.List("states"), *names);
  ASSERT_OK_AND_ASSIGN(const Digest other, store.Put(StateOf(2)));
  EXPECT_NE(first, other);
}

TEST(StateStore, SurvivesAPowerCutAfterPut) {
  MemoryStorage storage;
  Digest digest;
  {
    StateStore store("states", storage);
    ASSERT_OK_AND_ASSIGN(digest, store.Put(StateOf(3)));
  }
  storage.Crash(CrashKind::kPowerCut);
  EXPECT_THAT(StateStore("states", storage).Get(digest), IsOk());
}

TEST(StateStore, FailedPutLeavesNoStateThatCannotBeRead) {
  for (uint64_t failing = 1; failing < 16; ++failing) {
    MemoryStorage storage(failing);
    StateStore store("states", storage);
    storage.SetFaults({.fail_operation = failing, .and_all_after = true});
    const auto put = store.Put(StateOf(4));
    storage.Crash(CrashKind::kTorn);
    StateStore reopened("states", storage);
    if (put.ok()) {
      EXPECT_THAT(reopened.Get(*put), IsOk());
    }
    ASSERT_OK_AND_ASSIGN(const Digest digest, reopened.Put(StateOf(4)));
    EXPECT_THAT(reopened.Get(digest), IsOk());
  }
}

TEST(StateStore, DamageIsFoundAndHealedByPut) {
  MemoryStorage storage;
  StateStore store("states", storage);
  ASSERT_OK_AND_ASSIGN(const Digest digest, store.Put(StateOf(5)));
  ASSERT_OK_AND_ASSIGN(const wire::Manifest manifest, store.GetManifest(digest));
  const std::string path = "states/" + HexOf(manifest.broadcast.digest) + ".broadcast";
  storage.Plant(path, Bytes(manifest.broadcast.bytes));
  EXPECT_THAT(store.Get(digest), HasCode(ErrorCode::kStateCorrupt));
  EXPECT_THAT(store.Put(StateOf(5)), IsOk());
  EXPECT_THAT(store.Get(digest), IsOk());
}

TEST(StateStore, UnknownStateIsNotFound) {
  MemoryStorage storage;
  StateStore store("states", storage);
  EXPECT_THAT(store.Get(Digest{}), HasCode(ErrorCode::kStateNotFound));
  EXPECT_THAT(store.OpenForSite(Digest{}), HasCode(ErrorCode::kStateNotFound));
}

TEST(StateStore, SitesGetManifestsAndBroadcastPartsOnly) {
  MemoryStorage storage;
  StateStore store("states", storage);
  ASSERT_OK_AND_ASSIGN(const Digest digest, store.Put(StateOf(6)));
  ASSERT_OK_AND_ASSIGN(const wire::Manifest manifest, store.GetManifest(digest));
  ASSERT_OK_AND_ASSIGN(const auto file, store.OpenForSite(digest));
  EXPECT_EQ(file->size(), wire::kManifestBytes);
  ASSERT_OK_AND_ASSIGN(const auto part, store.OpenForSite(manifest.broadcast.digest));
  EXPECT_EQ(part->size(), manifest.broadcast.bytes);
  EXPECT_THAT(store.OpenForSite(manifest.private_part.digest), HasCode(ErrorCode::kNotAllowed));
}

TEST(StateStore, SameStatePutByManyThreadsAtOnce) {
  TempFolder folder;
  PosixStorage storage;
  StateStore store(folder.PathOf("states"), storage);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 8; ++round) {
        const auto digest = store.Put(StateOf(static_cast<float>(round)));
        ASSERT_THAT(digest, IsOk());
        EXPECT_THAT(store.Get(*digest), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace consilium::server::store
