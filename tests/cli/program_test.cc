// The program without a server: what it prints, where, and the exit codes it promises.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace consilium::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr const char* kExampleJob = CONSILIUM_SOURCE_DIR "/examples/heart/job.toml";

std::string Write(const TempFolder& folder, const std::string& name, const std::string& text) {
  const std::string path = folder.path() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(ConsiliumProgram, VersionIsData) {
  const Ran ran = RunProgram({"consilium", "--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, StartsWith("consilium 0."));
}

TEST(ConsiliumProgram, AnUnknownVerbIsBadUsage) {
  const Ran ran = RunProgram({"consilium", "sumbit"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("error[CN0101]"));
}

TEST(ConsiliumProgram, AValidJobIsSaidToBeValidAndTheNextCommandIsNamed) {
  const Ran ran = RunProgram({"consilium", "job", "check", kExampleJob});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("is a valid job"));
  EXPECT_THAT(ran.err, HasSubstr("next: consilium submit"));
}

TEST(ConsiliumProgram, ACheckedJobNamesItsStrategyAndAllItsParameters) {
  TempFolder folder;
  const std::string job =
      Write(folder, "job.toml",
            "name = \"x\"\nrounds = 3\n[data]\ndataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n"
            "[model]\nkind = \"logistic\"\n[aggregation]\nstrategy = \"fedadam\"\nbeta1 = 0.5\n");
  const Ran ran = RunProgram({"consilium", "job", "check", job});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("strategy fedadam, server_learning_rate 0.01, beta1 0.5"));
}

TEST(ConsiliumProgram, AMisspeltKeyIsNamedWithPlaceAndNeighbour) {
  TempFolder folder;
  const std::string job = Write(folder, "job.toml", "name = \"x\"\nround = 3\n");
  const Ran ran = RunProgram({"consilium", "job", "check", job});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("error[CN0203]"));
  EXPECT_THAT(ran.err, HasSubstr("job.toml:2:1"));
  EXPECT_THAT(ran.err, HasSubstr("rounds"));
}

TEST(ConsiliumProgram, UnderJsonAnErrorIsAnEnvelopeOnStdout) {
  TempFolder folder;
  const std::string job = Write(folder, "job.toml", "name = \"x\"\nround = 3\n");
  const Ran ran = RunProgram({"consilium", "--json", "job", "check", job});
  EXPECT_EQ(ran.exit_code, 4);
  const auto json = nlohmann::json::parse(ran.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << ran.out;
  EXPECT_EQ(json["kind"], "error");
  EXPECT_EQ(json["error"]["code"], "CN0203");
  EXPECT_EQ(json["error"]["place"]["line"], 2);
}

TEST(ConsiliumProgram, AMissingFileIsNamed) {
  const Ran ran = RunProgram({"consilium", "submit", "/nowhere/job.toml"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("error[CN0102]"));
  EXPECT_THAT(ran.err, HasSubstr("/nowhere/job.toml"));
}

TEST(ConsiliumProgram, ExplainKnowsItsCodesAndNoOthers) {
  const Ran known = RunProgram({"consilium", "explain", "CN0203"});
  EXPECT_EQ(known.exit_code, 0);
  EXPECT_THAT(known.out, HasSubstr("What to do:"));
  const Ran unknown = RunProgram({"consilium", "explain", "CN9999"});
  EXPECT_EQ(unknown.exit_code, 4);
}

TEST(ConsiliumProgram, WithoutAServerConfiguredItSaysHowToNameOne) {
  TempFolder folder;
  const Ran ran = RunProgram({"consilium", "jobs"},
                             {.folder = folder.path(),
                              .environment = {{"HOME", folder.path()}, {"CONSILIUM_CONFIG", ""}}});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("consilium lab up"));
}

TEST(ConsiliumProgram, PkiMakesAnAuthorityAndCertificatesThatItCanShow) {
  TempFolder folder;
  const std::string pki = folder.path() + "/pki";
  ASSERT_EQ(RunProgram({"consilium", "pki", "init", "demo", "--folder", pki}).exit_code, 0);
  const Ran again = RunProgram({"consilium", "pki", "init", "demo", "--folder", pki});
  EXPECT_EQ(again.exit_code, 4);
  EXPECT_THAT(again.err, HasSubstr("CN0512"));
  const Ran issued = RunProgram({"consilium", "pki", "issue", "--folder", pki, "site", "north"});
  ASSERT_EQ(issued.exit_code, 0) << issued.err;
  EXPECT_THAT(issued.out, HasSubstr("spiffe://demo/site/north"));
  const Ran shown =
      RunProgram({"consilium", "--json", "pki", "show", pki + "/issued/site-north/cert.pem"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  const auto json = nlohmann::json::parse(shown.out, nullptr, false);
  EXPECT_EQ(json["data"]["uris"][0], "spiffe://demo/site/north");
}

TEST(ConsiliumProgram, AServerThatIsNotThereIsExitCodeTwo) {
  TempFolder folder;
  const std::string pki = folder.path() + "/pki";
  ASSERT_EQ(RunProgram({"consilium", "pki", "init", "demo", "--folder", pki}).exit_code, 0);
  ASSERT_EQ(
      RunProgram({"consilium", "pki", "issue", "--folder", pki, "researcher", "me"}).exit_code, 0);
  const std::string own = pki + "/issued/researcher-me/";
  const Ran ran =
      RunProgram({"consilium", "--server", "localhost:1", "--cert", own + "cert.pem", "--key",
                  own + "key.pem", "--ca", own + "ca.pem", "--timeout", "5s", "jobs"});
  EXPECT_EQ(ran.exit_code, 2) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("localhost:1"));
}

// ---- simulate and compare

constexpr const char* kTinyJob =
    "name = \"tiny\"\nrounds = 3\n[data]\ndataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n"
    "[model]\nkind = \"logistic\"\n";

std::string TinyRows() {
  std::string csv = "a,y\n";
  for (int i = 0; i < 60; ++i) csv += std::to_string(i % 7) + (i % 7 > 3 ? ",1\n" : ",0\n");
  return csv;
}

TEST(ConsiliumSimulate, TwoRunsAreMadeAndCompared) {
  TempFolder folder;
  const std::string job = Write(folder, "job.toml", kTinyJob);
  const std::string data = Write(folder, "rows.csv", TinyRows());
  for (const char* partition : {"iid", "shards:1"}) {
    const Ran ran = RunProgram({"consilium", "simulate", job, "--data", data, "--sites", "6",
                                "--holdout", "0.2", "--partition", partition, "--out",
                                folder.path() + "/" + std::string(partition).substr(0, 3)});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("3 of 3 rounds"));
    EXPECT_THAT(ran.out, HasSubstr("state sha256:"));
    EXPECT_THAT(ran.err, HasSubstr("consilium compare"));
  }
  const std::string svg = folder.path() + "/both.svg";
  const Ran compared = RunProgram(
      {"consilium", "compare", folder.path() + "/iid", folder.path() + "/sha/run.json", "-o", svg});
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("TEST ACCURACY"));
  EXPECT_THAT(compared.out, HasSubstr("\nsha "));
  EXPECT_THAT(ReadTextFile(svg), HasSubstr("test loss"));
}

TEST(ConsiliumSimulate, UnderJsonItPrintsOneEnvelopeAndNoProgress) {
  TempFolder folder;
  const Ran ran =
      RunProgram({"consilium", "--json", "simulate", Write(folder, "job.toml", kTinyJob), "--data",
                  Write(folder, "rows.csv", TinyRows())});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  const auto json = nlohmann::json::parse(ran.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << ran.out;
  EXPECT_EQ(json["kind"], "simulation");
  EXPECT_EQ(json["data"]["simulation"]["sites"], 10);
  EXPECT_EQ(json["data"]["status"], "done");
}

TEST(ConsiliumSimulate, BadOptionsAreBadUsageWithWhatWasWanted) {
  TempFolder folder;
  const std::string job = Write(folder, "job.toml", kTinyJob);
  const std::string data = Write(folder, "rows.csv", TinyRows());
  const auto simulate = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"consilium", "simulate", job, "--data", data};
    words.insert(words.end(), more.begin(), more.end());
    return RunProgram(words);
  };
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--partition", "even"}, "shards:K"},
      {{"--sites", "0"}, "want 1 to 16384"},
      {{"--sites", "100"}, "60 training rows"},
      {{"--slow", "often"}, "--slow 0.1:10"},
      {{"--drop", "2"}, "--drop 0.05"},
      {{"--row-time", "fast"}, "1ms"},
      {{"--partition", "column:y", "--sites", "3"}, "leave --sites out"},
      {{"--sitse", "3"}, "consilium simulate --help"},
  };
  for (const auto& [words, wanted] : cases) {
    const Ran ran = simulate(words);
    EXPECT_EQ(ran.exit_code, 4) << words[0];
    EXPECT_THAT(ran.err, HasSubstr("error[CN0101]"));
    EXPECT_THAT(ran.err, HasSubstr(wanted));
  }
}

TEST(ConsiliumSimulate, AJobThatFailsIsExitCodeOneAndStillWritesItsReport) {
  TempFolder folder;
  const std::string job =
      Write(folder, "job.toml", std::string(kTinyJob) + "[participation]\nmax_failed_rounds = 1\n");
  const Ran ran =
      RunProgram({"consilium", "simulate", job, "--data", Write(folder, "rows.csv", TinyRows()),
                  "--drop", "1", "--out", folder.path() + "/out"});
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("2 rounds failed"));
  EXPECT_THAT(ReadTextFile(folder.path() + "/out/rounds.csv"), HasSubstr(",train,1,0,10,0,"));
}

TEST(ConsiliumCompare, WhatIsNoRunIsNamed) {
  TempFolder folder;
  const std::string file = Write(folder, "a.json", "{}");
  const Ran none = RunProgram({"consilium", "compare", file, file});
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, HasSubstr("a.json is not the JSON of a job"));
  const Ran one = RunProgram({"consilium", "compare", file});
  EXPECT_EQ(one.exit_code, 4);
  EXPECT_THAT(one.err, HasSubstr("want 2 to 16"));
}

}  // namespace
}  // namespace consilium::testing
