#include "client/session/site_scalings.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr char kFolder[] = "site/site-statistics";

Digest Model(int number) { return crypto::Sha256Of(AsBytes(std::to_string(number))); }

train::SiteStatistics Statistics(double mean) {
  return {.rows = 40, .scaling = {.mean = {mean, 0.1}, .scale = {1, 3}}};
}

class SiteScalingsTest : public ::testing::Test {
 protected:
  MemoryStorage storage_;
  SiteScalings scalings_{"site", storage_};
};

TEST_F(SiteScalingsTest, WhatWasKeptIsFoundByModelAlone) {
  ASSERT_OK_AND_ASSIGN(const auto none, scalings_.Find(Model(1)));
  EXPECT_FALSE(none.has_value());
  ASSERT_THAT(scalings_.Keep(Model(1), Statistics(0.3), 1000), IsOk());
  ASSERT_THAT(scalings_.Keep(Model(2), Statistics(0.7), 1000), IsOk());
  storage_.Crash(CrashKind::kPowerCut);
  ASSERT_OK_AND_ASSIGN(const auto found, SiteScalings("site", storage_).Find(Model(1)));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->rows, 40u);
  EXPECT_THAT(found->scaling.mean, ElementsAre(0.3, 0.1));
  EXPECT_THAT(found->scaling.scale, ElementsAre(1.0, 3.0));
  ASSERT_OK_AND_ASSIGN(const auto other, scalings_.Find(Model(3)));
  EXPECT_FALSE(other.has_value());
}

TEST_F(SiteScalingsTest, TheNewestOfAModelReplacesWhateverTheClockSays) {
  ASSERT_THAT(scalings_.Keep(Model(1), Statistics(0.3), 2000), IsOk());
  ASSERT_THAT(scalings_.Keep(Model(1), Statistics(0.4), 1000), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto found, scalings_.Find(Model(1)));
  EXPECT_EQ(found.value().scaling.mean[0], 0.4);
  EXPECT_THAT(*storage_.List(kFolder), SizeIs(1));
}

TEST_F(SiteScalingsTest, TheOldestGoesWhenThereAreTooMany) {
  const std::string text = train::EncodeSiteStatistics(Statistics(0.3));
  for (size_t i = 0; i < kMaxScalings; ++i) {
    const std::string name = fmt::format("{:015}-{}", 1000 + i, HexOf(Model(static_cast<int>(i))));
    storage_.Plant(fmt::format("{}/{}", kFolder, name), AsBytes(text));
  }
  ASSERT_TRUE(scalings_.Find(Model(0)).value().has_value());
  ASSERT_THAT(scalings_.Keep(Model(kMaxScalings), Statistics(0.3), 9000), IsOk());
  EXPECT_THAT(*storage_.List(kFolder), SizeIs(kMaxScalings));
  EXPECT_FALSE(scalings_.Find(Model(0)).value().has_value());
  EXPECT_TRUE(scalings_.Find(Model(1)).value().has_value());
  EXPECT_TRUE(scalings_.Find(Model(kMaxScalings)).value().has_value());
}

TEST_F(SiteScalingsTest, ADamagedEntryIsSaidToBe) {
  ASSERT_THAT(scalings_.Keep(Model(1), Statistics(0.3), 1000), IsOk());
  storage_.Plant(fmt::format("{}/{}", kFolder, (*storage_.List(kFolder))[0]), AsBytes("{"));
  EXPECT_THAT(scalings_.Find(Model(1)), HasCode(ErrorCode::kModelSyntax));
}

TEST(ModelDigest, IsThatOfTheBroadcastPartsFile) {
  wire::StatePart part;
  part.texts["label"] = "disease";
  EXPECT_EQ(ModelDigest(part), crypto::Sha256Of(wire::EncodeStatePart(part)));
}

}  // namespace
}  // namespace consilium::client::session
