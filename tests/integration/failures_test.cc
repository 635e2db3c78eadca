// What people meet when something is wrong: each says what, where, what was wanted, what to do.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/integration/lab.h"
#include "tests/support/data_folder.h"

namespace consilium::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Failures, ABadCellIsRefusedByPlaceAndColumnNeverByValue) {
  Lab lab;
  const std::string data = lab.Write("tiny.csv", TinyCsv("secret-7,1\n"));
  ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
  Ran ran;
  const json job = lab.RunJob(TinyJob(3, "on_too_few = \"fail\"\nmax_failed_rounds = 1\n"), &ran);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(job["status"], "failed");
  const std::string shown = job.dump();
  EXPECT_THAT(shown, HasSubstr("CN0404"));
  EXPECT_THAT(shown, HasSubstr("column `x`"));
  EXPECT_THAT(shown, Not(HasSubstr("secret-7")));
  for (const char* site : {"a", "b"}) {
    // The place is for the hospital: it does not leave the site.
    const std::string log =
        ReadTextFile(lab.PathOf(fmt::format("consilium-lab/sites/{}/client.log", site)));
    EXPECT_THAT(log, HasSubstr("tiny.csv:62:1"));
    EXPECT_THAT(log, Not(HasSubstr("secret-7")));
  }
}

TEST(Failures, ADatasetThatNoSiteOffersIsRefusedByTheSitesOwnPolicy) {
  Lab lab;
  const std::string data = lab.Write("tiny.csv", TinyCsv());
  ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
  std::string text = TinyJob(3, "on_too_few = \"fail\"\nmax_failed_rounds = 1\n");
  text.replace(text.find("\"tiny\"", text.find("dataset")), 6, "\"other\"");
  const json job = lab.RunJob(text);
  EXPECT_EQ(job["status"], "failed");
  ASSERT_EQ(job["admissions"].size(), 2u) << job.dump(2);
  EXPECT_EQ(job["admissions"][0]["verdict"], "refused");
  EXPECT_EQ(job["admissions"][0]["rule"], "datasets");
}

TEST(Failures, TooFewSitesParksTheJobAndSaysForWhomItWaits) {
  Lab lab;
  const std::string data = lab.Write("tiny.csv", TinyCsv());
  ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
  const std::string file =
      lab.Write("job.toml", TinyJob(3, "required_sites = [\"a\", \"b\", \"zeta\"]\n"));
  ASSERT_EQ(lab.Consilium({"submit", file}).exit_code, 0);
  const Ran waited = lab.Consilium({"wait", "latest", "--for", "2s"});
  EXPECT_EQ(waited.exit_code, 3) << waited.err;
  EXPECT_THAT(lab.Consilium({"show", "latest"}).out, HasSubstr("zeta"));
  EXPECT_EQ(lab.Consilium({"cancel", "latest"}).exit_code, 0);
  EXPECT_EQ(lab.Consilium({"wait", "latest"}).exit_code, 1);
}

TEST(Failures, APortInUseIsNamed) {
  Lab lab;
  ASSERT_EQ(lab.Up().exit_code, 0);
  const json endpoints =
      json::parse(ReadTextFile(lab.PathOf("consilium-lab/server/data/endpoints.json")));
  std::string config = ReadTextFile(lab.PathOf("consilium-lab/server/server.toml"));
  config.replace(config.find("127.0.0.1:0"), 11, endpoints["listen"].get<std::string>());
  config.replace(config.find("/server/data"), 12, "/server/other");
  const Ran second = RunProgram({"consilium-server", "--config", lab.Write("second.toml", config)});
  EXPECT_EQ(second.exit_code, 4) << second.err;
  EXPECT_THAT(second.err, HasSubstr("CN0607"));
  EXPECT_THAT(second.err, HasSubstr(endpoints["listen"].get<std::string>()));
}

TEST(Failures, TwoServersOnOneFolderAreKeptApart) {
  Lab lab;
  ASSERT_EQ(lab.Up().exit_code, 0);
  const Ran second =
      RunProgram({"consilium-server", "--config", lab.PathOf("consilium-lab/server/server.toml")});
  EXPECT_NE(second.exit_code, 0);
  EXPECT_THAT(second.err, HasSubstr("CN0805"));
}

TEST(Failures, AKeyThatOthersCanReadIsRefused) {
  Lab lab;
  ASSERT_EQ(lab.Up().exit_code, 0);
  ASSERT_EQ(lab.Down().exit_code, 0);
  const std::string key = lab.PathOf("consilium-lab/pki/issued/researcher-you/key.pem");
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  const Ran ran = lab.Consilium({"jobs"});
  EXPECT_EQ(ran.exit_code, 4) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("CN0507"));
  EXPECT_THAT(ran.err, HasSubstr(key));
}

TEST(Failures, ACertificateOfAnotherAuthorityGetsNowhere) {
  Lab lab;
  ASSERT_EQ(lab.Up().exit_code, 0);
  const std::string pki = lab.PathOf("other");
  ASSERT_EQ(lab.Consilium({"pki", "init", "lab", "--folder", pki}).exit_code, 0);
  ASSERT_EQ(lab.Consilium({"pki", "issue", "--folder", pki, "researcher", "eve"}).exit_code, 0);
  const std::string own = pki + "/issued/researcher-eve/";
  const Ran ran = lab.Consilium({"--cert", own + "cert.pem", "--key", own + "key.pem", "--ca",
                                 own + "ca.pem", "--timeout", "5s", "jobs"});
  EXPECT_EQ(ran.exit_code, 2) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("error[CN06"));
}

TEST(Failures, ASiteMayNotActAsAResearcher) {
  Lab lab;
  ASSERT_EQ(lab.Up().exit_code, 0);
  const std::string own = lab.PathOf("consilium-lab/pki/issued/site-north/");
  const Ran ran = lab.Consilium(
      {"--cert", own + "cert.pem", "--key", own + "key.pem", "--ca", own + "ca.pem", "jobs"});
  EXPECT_EQ(ran.exit_code, 5) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("CN0502"));
}

TEST(Survival, AKilledServerGoesOnAndEndsInTheSameState) {
  Lab lab;
  const std::string data = lab.Write("tiny.csv", TinyCsv());
  ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
  const std::string text = TinyJob(150);
  const json quiet = lab.RunJob(text);
  ASSERT_EQ(quiet["status"], "done") << quiet.dump(2);

  const std::string file = lab.Write("again.toml", text);
  ASSERT_EQ(lab.Consilium({"submit", file}).exit_code, 0);
  const int server = lab.PidOf("server");
  ASSERT_GT(server, 1);  // 0 would be our own process group
  ASSERT_EQ(kill(server, SIGKILL), 0);
  ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
  ASSERT_EQ(lab.Consilium({"wait", "latest", "--for", "2m"}).exit_code, 0);
  const json disturbed = lab.Json({"show", "latest"});
  EXPECT_NE(disturbed["job"], quiet["job"]);
  EXPECT_EQ(disturbed["rounds_committed"], 150);
  EXPECT_EQ(disturbed["state"], quiet["state"]);
  const Ran replay = lab.Consilium({"replay", "latest"});
  EXPECT_EQ(replay.exit_code, 0) << replay.err;
}

TEST(WhatLeft, EveryUpdateIsInTheSitesOwnJournal) {
  Lab lab;
  const std::string data = lab.Write("tiny.csv", TinyCsv());
  ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
  const json job = lab.RunJob(TinyJob(3));
  ASSERT_EQ(job["status"], "done");
  const Ran ran = RunProgram({"consilium-client", "left", "--json", "--config",
                              lab.PathOf("consilium-lab/sites/a/client.toml")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json left = json::parse(ran.out, nullptr, false)["data"];
  ASSERT_EQ(left.size(), job["steps"].size());
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i]["digest"], job["steps"][i]["sites"][0]["update_digest"]);
    EXPECT_EQ(left[i]["bytes"], job["steps"][i]["sites"][0]["update_bytes"]);
  }
}

TEST(Daemons, SigtermEndsThemGently) {
  Lab lab;
  ASSERT_EQ(lab.Up().exit_code, 0);
  const Ran down = lab.Down();
  EXPECT_EQ(down.exit_code, 0);
  EXPECT_THAT(down.out, Not(HasSubstr("killed")));
}

TEST(TwoJobs, AtOnceDoNotDisturbEachOther) {
  Lab lab;
  const std::string data = lab.Write("tiny.csv", TinyCsv());
  ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
  const json alone = lab.RunJob(TinyJob(3));
  const std::string file = lab.Write("job.toml", TinyJob(3));
  json first = lab.Json({"submit", file});
  json second = lab.Json({"submit", file});
  for (const json& job : {first, second}) {
    const std::string id = job["job"];
    EXPECT_EQ(lab.Consilium({"wait", id, "--for", "1m"}).exit_code, 0);
    EXPECT_EQ(lab.Json({"show", id})["state"], alone["state"]);
  }
}

}  // namespace
}  // namespace consilium::testing
