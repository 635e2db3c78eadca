// Sites that are killed, stopped, doubled or robbed of their disk, as real processes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/integration/lab.h"

namespace consilium::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Checkpoints every tenth of a second; a stop puts a training aside at once.
constexpr const char* kLimits = R"([limits]
checkpoint = "100ms"
drain = "0s"
)";

// One round of some seconds.
constexpr const char* kLongJob = R"(name = "long"
rounds = 1
[data]
dataset = "tiny"
label = "y"
features = ["x"]
[model]
kind = "logistic"
[train]
local_steps = 10000000
batch_size = 16
[participation]
min_sites = 2
)";

bool Await(const std::function<bool()>& holds) { return AwaitWithin(60, holds); }

class SiteSurvival : public ::testing::Test {
 protected:
  void SetUp() override {
    data_ = lab_.Write("tiny.csv", TinyCsv());
    Up();
  }
  void Up() { ASSERT_EQ(lab_.Up({"a", "b"}, TinyClient(kLimits), data_).exit_code, 0); }
  std::string FolderOf(const std::string& site) {
    return lab_.PathOf("consilium-lab/sites/" + site);
  }
  std::string LogOf(const std::string& site) {
    return ReadTextFile(FolderOf(site) + "/client.log");
  }
  bool HasCheckpoint(const std::string& site) {
    std::error_code error;
    for (const auto& file :
         std::filesystem::directory_iterator(FolderOf(site) + "/data/checkpoints", error)) {
      if (file.path().extension() == ".checkpoint") return true;
    }
    return false;
  }
  // The digest of an undisturbed run (the same in every lab), and the job in mid-training at both
  // sites.
  std::string QuietThenTraining() {
    static const std::string quiet = [&] {
      const json job = lab_.RunJob(kLongJob);
      EXPECT_EQ(job["status"], "done") << job.dump(2);
      return job["state"].get<std::string>();
    }();
    EXPECT_EQ(lab_.Consilium({"submit", lab_.Write("again.toml", kLongJob)}).exit_code, 0);
    EXPECT_TRUE(Await([&] { return HasCheckpoint("a") && HasCheckpoint("b"); }));
    return quiet;
  }
  json End() {
    EXPECT_EQ(lab_.Consilium({"wait", "latest", "--for", "2m"}).exit_code, 0);
    return lab_.Json({"show", "latest"});
  }
  void Signal(const std::string& site, int signal) {
    const int pid = lab_.PidOf(site);
    ASSERT_GT(pid, 1);  // 0 would be our own process group
    ASSERT_EQ(kill(pid, signal), 0);
  }

  Lab lab_;
  std::string data_;
};

TEST_F(SiteSurvival, KilledInMidTrainingItGoesOnWithTheSameBits) {
  const std::string quiet = QuietThenTraining();
  Signal("a", SIGKILL);
  Up();
  const json disturbed = End();
  EXPECT_EQ(disturbed["state"], quiet);
  EXPECT_EQ(disturbed["rounds_committed"], 1);
  EXPECT_THAT(LogOf("a"), HasSubstr("training goes on from its checkpoint"));
  EXPECT_FALSE(HasCheckpoint("a"));
}

TEST_F(SiteSurvival, StoppedOneAfterTheOtherTheyLoseNothing) {
  const std::string quiet = QuietThenTraining();
  for (const char* site : {"a", "b"}) {
    Signal(site, SIGTERM);
    ASSERT_TRUE(Await([&] { return LogOf(site).find("\"stopped\"") != std::string::npos; }));
    Up();
  }
  const json disturbed = End();
  EXPECT_EQ(disturbed["state"], quiet);
  for (const char* site : {"a", "b"}) {
    EXPECT_THAT(LogOf(site), HasSubstr("task put aside"));
    EXPECT_THAT(LogOf(site), HasSubstr("training goes on from its checkpoint"));
  }
}

TEST_F(SiteSurvival, LostDiskIsNoticedAndTheRoundEndsInTheSameState) {
  const std::string quiet = QuietThenTraining();
  Signal("a", SIGKILL);
  std::filesystem::remove_all(FolderOf("a") + "/data");
  Up();
  EXPECT_EQ(End()["state"], quiet);
  EXPECT_THAT(lab_.Consilium({"sites"}).out, HasSubstr("the disk was lost or replaced"));
}

TEST_F(SiteSurvival, SecondClientOnAFolderIsRefusedByName) {
  const Ran second =
      RunProgram({"consilium-client", "run", "--config", FolderOf("a") + "/client.toml"});
  EXPECT_EQ(second.exit_code, 4) << second.err;
  EXPECT_THAT(second.err, HasSubstr("CN0805"));
  EXPECT_THAT(second.err, HasSubstr(fmt::format("process {}", lab_.PidOf("a"))));
}

TEST_F(SiteSurvival, OlderProgramRefusesANewerStore) {
  ASSERT_EQ(lab_.Down().exit_code, 0);
  lab_.Write("consilium-lab/sites/a/data/format", "consilium site store 99\n");
  const Ran older =
      RunProgram({"consilium-client", "run", "--config", FolderOf("a") + "/client.toml"});
  EXPECT_EQ(older.exit_code, 4) << older.err;
  EXPECT_THAT(older.err, HasSubstr("CN0804"));
  EXPECT_THAT(older.err, HasSubstr("format 99"));
}

}  // namespace
}  // namespace consilium::testing
