// A server that is asked to stop, and sites that are told to come back: real processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tests/integration/lab.h"

extern char** environ;

namespace consilium::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// A child of this test; killed with it.
class Child {
 public:
  explicit Child(std::vector<std::string> argv) {
    argv[0] = ProgramOfThisBuild(argv[0]);
    std::vector<char*> words;
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    if (posix_spawn(&pid_, words[0], nullptr, nullptr, words.data(), environ) != 0) pid_ = 0;
  }
  ~Child() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool running() const { return pid_ > 0; }
  void Signal(int signal) const {
    if (pid_ > 0) kill(pid_, signal);
  }
  // Its exit code; 128 + signal when one ended it.
  int Wait() {
    if (pid_ <= 0) return -1;
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
};

class DrainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string data = lab.Write("tiny.csv", TinyCsv());
    ASSERT_EQ(lab.Up({"a", "b"}, TinyClient(), data).exit_code, 0);
    listen = json::parse(ReadTextFile(lab.PathOf("consilium-lab/server/data/endpoints.json")),
                         nullptr, false)["listen"];
  }
  // The lab's own server goes; from now on the test runs it.
  void TakeOverServer() {
    const int pid = lab.PidOf("server");
    ASSERT_GT(pid, 1);
    ASSERT_EQ(kill(pid, SIGTERM), 0);
    ASSERT_TRUE(AwaitWithin(30, [&] { return kill(pid, 0) != 0; }));
  }
  std::unique_ptr<Child> StartServer() const {
    return std::make_unique<Child>(std::vector<std::string>{
        "consilium-server", "--config", lab.PathOf("consilium-lab/server/server.toml"), "--listen",
        listen, "--log-format", "json"});
  }
  // Rounds that the newest job has committed; -1 while the server does not answer.
  int Committed() {
    const json job = lab.Json({"show", "latest"});
    return job.is_object() && job.contains("rounds_committed") ? job["rounds_committed"].get<int>()
                                                               : -1;
  }

  Lab lab;
  std::string listen;
};

TEST_F(DrainTest, ARollingRestartLosesNothingAndChangesNoBit) {
  constexpr int kRounds = 300;
  const json quiet = lab.RunJob(TinyJob(kRounds));
  ASSERT_EQ(quiet["status"], "done") << quiet.dump(2);
  TakeOverServer();
  auto server = StartServer();
  const std::string file = lab.Write("again.toml", TinyJob(kRounds));
  ASSERT_TRUE(AwaitWithin(60, [&] { return lab.Consilium({"submit", file}).exit_code == 0; }));
  for (const int least : {5, 60, 120}) {
    ASSERT_TRUE(AwaitWithin(120, [&] { return Committed() >= least; }));
    ASSERT_LT(Committed(), kRounds) << "it is in the middle";
    server->Signal(SIGTERM);
    EXPECT_EQ(server->Wait(), 0);
    server = StartServer();
  }
  ASSERT_TRUE(AwaitWithin(
      120, [&] { return lab.Consilium({"wait", "latest", "--for", "2m"}).exit_code == 0; }));
  const json disturbed = lab.Json({"show", "latest"});
  EXPECT_NE(disturbed["job"], quiet["job"]);
  EXPECT_EQ(disturbed["rounds_committed"], kRounds);
  EXPECT_EQ(disturbed["rounds_failed"], 0);
  EXPECT_EQ(disturbed["state"], quiet["state"]);
}

TEST_F(DrainTest, ASecondSignalHurriesAndEndsWithZeroToo) {
  TakeOverServer();
  const auto server = StartServer();
  ASSERT_TRUE(AwaitWithin(60, [&] { return lab.Consilium({"jobs"}).exit_code == 0; }));
  server->Signal(SIGTERM);
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(), 0);
}

TEST_F(DrainTest, TwoClientsWithOneCertificateAreFencedByNameAndShown) {
  const Child twin({"consilium-client", "--config", lab.PathOf("consilium-lab/sites/a/client.toml"),
                    "--data", lab.PathOf("other-disk"), "--ops-listen", ""});
  ASSERT_TRUE(twin.running());
  json shown;
  EXPECT_TRUE(AwaitWithin(60, [&] {
    for (const json& site : lab.Json({"sites"})) {
      if (site["site"] == "a" && site["contested"] > 0) shown = site;
    }
    return !shown.is_null();
  }));
  EXPECT_THAT(lab.Consilium({"sites"}).out, HasSubstr("two clients use its certificate"));
  const std::string log = lab.PathOf("consilium-lab/sites/a/client.log");
  EXPECT_TRUE(
      AwaitWithin(60, [&] { return ReadTextFile(log).find("CN0511") != std::string::npos; }));
}

}  // namespace
}  // namespace consilium::testing
