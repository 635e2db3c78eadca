#include "simulator/partition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "common/base/error.h"
#include "tests/support/status_matchers.h"

namespace consilium::simulator {
namespace {

using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 1,000 training and 200 test rows of ten labels, some more frequent than others.
struct Digits {
  Digits() {
    for (int i = 0; i < 1000; ++i) train.push_back(i % 7 == 0 ? 3 : i % 10);
    for (int i = 0; i < 200; ++i) test.push_back(i % 9 == 0 ? 3 : i % 10);
  }
  Labels labels() const { return {train, test, 10}; }
  std::vector<double> train, test;
};

std::vector<SiteRowsOf> Divided(std::string_view text, uint32_t sites, uint64_t seed = 1) {
  const Digits digits;
  const auto partition = ParsePartition(text);
  EXPECT_THAT(partition.status(), IsOk());
  auto divided = Divide(*partition, digits.labels(), sites, seed);
  EXPECT_THAT(divided.status(), IsOk());
  return *std::move(divided);
}

void ExpectEachOnce(const std::vector<SiteRowsOf>& sites, size_t train, size_t test) {
  std::multiset<uint32_t> trained, tested;
  for (const SiteRowsOf& site : sites) {
    trained.insert(site.train.begin(), site.train.end());
    tested.insert(site.test.begin(), site.test.end());
    EXPECT_TRUE(std::ranges::is_sorted(site.train)) << "in the order of the file";
    EXPECT_FALSE(site.train.empty()) << site.site.value();
  }
  EXPECT_EQ(trained.size(), train);
  EXPECT_EQ(std::set<uint32_t>(trained.begin(), trained.end()).size(), train);
  EXPECT_EQ(tested.size(), test);
  EXPECT_EQ(std::set<uint32_t>(tested.begin(), tested.end()).size(), test);
}

class EveryScheme : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryScheme, GivesEveryRowToExactlyOneSite) {
  for (const uint32_t sites : {1u, 7u, 100u}) {
    if (sites * 2 < 10 && std::string_view(GetParam()).starts_with("shards")) continue;
    ExpectEachOnce(Divided(GetParam(), sites), 1000, 200);
  }
}

TEST_P(EveryScheme, TheSameSeedGivesTheSameRowsAndAnotherSeedOthers) {
  const auto first = Divided(GetParam(), 20, 5), again = Divided(GetParam(), 20, 5),
             other = Divided(GetParam(), 20, 6);
  bool differs = false;
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].train, again[i].train);
    EXPECT_EQ(first[i].test, again[i].test);
    differs = differs || first[i].train != other[i].train;
  }
  EXPECT_TRUE(differs);
}

INSTANTIATE_TEST_SUITE_P(Schemes, EveryScheme,
                         ::testing::Values("iid", "shards:2", "dirichlet:0.3"));

TEST(Partition, IidSitesDifferByOneRowAtMost) {
  for (const SiteRowsOf& site : Divided("iid", 30)) {
    EXPECT_GE(site.train.size(), 33u);
    EXPECT_LE(site.train.size(), 34u);
  }
}

TEST(Partition, WithTwoShardsASiteHasAtMostTwoLabelsInTrainingAndTestTogether) {
  const Digits digits;
  for (const SiteRowsOf& site : Divided("shards:2", 50)) {
    std::set<double> labels;
    for (const uint32_t row : site.train) labels.insert(digits.train[row]);
    EXPECT_LE(labels.size(), 2u);
    for (const uint32_t row : site.test) labels.insert(digits.test[row]);
    EXPECT_LE(labels.size(), 2u);
  }
}

// The share of a site's most frequent label, on average.
double Concentration(const std::vector<SiteRowsOf>& sites) {
  const Digits digits;
  double sum = 0;
  for (const SiteRowsOf& site : sites) {
    std::map<double, int> counts;
    int most = 0;
    for (const uint32_t row : site.train) most = std::max(most, ++counts[digits.train[row]]);
    sum += most / static_cast<double>(site.train.size());
  }
  return sum / static_cast<double>(sites.size());
}

TEST(Partition, ASmallerAlphaConcentratesLabels) {
  const double even = Concentration(Divided("iid", 20));
  const double some = Concentration(Divided("dirichlet:1", 20));
  const double much = Concentration(Divided("dirichlet:0.05", 20));
  EXPECT_LT(even, some);
  EXPECT_LT(some, much);
  EXPECT_NEAR(Concentration(Divided("dirichlet:100000", 20)), even, 0.1);
}

TEST(Partition, SitesAreNamedInOrderWithEquallyManyDigits) {
  const auto sites = Divided("iid", 10);
  EXPECT_EQ(sites.front().site.value(), "site-01");
  EXPECT_EQ(sites.back().site.value(), "site-10");
}

TEST(Partition, AColumnMakesASitePerValueNamedByIt) {
  const std::vector<std::string> train = {"Ulm", "bonn", "Ulm", "New York"}, test = {"bonn"};
  ASSERT_OK_AND_ASSIGN(const auto sites, DivideByValue(train, test));
  ASSERT_EQ(sites.size(), 3u);
  EXPECT_EQ(sites[0].site.value(), "new-york");
  EXPECT_EQ(sites[1].site.value(), "ulm");
  EXPECT_EQ(sites[2].site.value(), "bonn");
  EXPECT_THAT(sites[1].train, ElementsAre(0, 2));
  EXPECT_THAT(sites[2].test, ElementsAre(0));
}

TEST(Partition, ValuesThatMakeTheSameNameAreDifferentSites) {
  const std::vector<std::string> values = {"A", "a", "ä"};
  ASSERT_OK_AND_ASSIGN(const auto sites, DivideByValue(values, {}));
  std::set<std::string> names;
  for (const SiteRowsOf& site : sites) {
    EXPECT_TRUE(IsValidName(site.site.value())) << site.site.value();
    names.insert(site.site.value());
  }
  EXPECT_EQ(names.size(), 3u);
}

TEST(Partition, IsWrittenAsItIsRead) {
  for (const char* text : {"iid", "shards:2", "dirichlet:0.3", "column:CENTRE"}) {
    ASSERT_OK_AND_ASSIGN(const Partition partition, ParsePartition(text));
    EXPECT_EQ(TextOf(partition), text);
  }
}

class BadPartition : public ::testing::TestWithParam<const char*> {};

TEST_P(BadPartition, IsRefusedWithWhatWasWanted) {
  const auto partition = ParsePartition(GetParam());
  EXPECT_EQ(CodeOf(partition.status()), ErrorCode::kUsage);
  EXPECT_THAT(std::string(partition.status().message()), HasSubstr("dirichlet:A"));
}

INSTANTIATE_TEST_SUITE_P(Texts, BadPartition,
                         ::testing::Values("", "iid:3", "even", "shards", "shards:0", "shards:2x",
                                           "shards:1001", "dirichlet:0", "dirichlet:-1",
                                           "dirichlet:nan", "dirichlet:", "column:", "column"));

TEST(Partition, MoreSitesThanRowsAreRefused) {
  const std::vector<double> labels = {0, 1, 0};
  const auto divided = Divide({}, {labels, {}, 2}, 4, 1);
  EXPECT_EQ(CodeOf(divided.status()), ErrorCode::kUsage);
  EXPECT_THAT(std::string(divided.status().message()), HasSubstr("3 training rows"));
  EXPECT_FALSE(Divide({}, {labels, {}, 2}, 0, 1).ok());
}

TEST(Partition, FewerShardsThanLabelsAreRefused) {
  const Digits digits;
  const auto divided = Divide(*ParsePartition("shards:2"), digits.labels(), 4, 1);
  EXPECT_EQ(CodeOf(divided.status()), ErrorCode::kUsage);
  EXPECT_THAT(std::string(divided.status().message()), HasSubstr("10 labels"));
}

TEST(Partition, LabelsThatAreNumbersAreNotDividedByLabel) {
  const std::vector<double> values = {1.5, 2.5, 3.5};
  const auto divided = Divide(*ParsePartition("dirichlet:1"), {values, {}, 1}, 2, 1);
  EXPECT_EQ(CodeOf(divided.status()), ErrorCode::kUsage);
  EXPECT_EQ(CodeOf(Divide(*ParsePartition("shards:1"), {values, {}, 2}, 2, 1).status()),
            ErrorCode::kUsage)
      << "whatever the job calls them";
  EXPECT_THAT(Divide({}, {values, {}, 1}, 2, 1).status(), IsOk());
}

}  // namespace
}  // namespace consilium::simulator
