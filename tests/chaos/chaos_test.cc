// Black box: real processes, killed, stopped and cut off at random, job after job; then a calm
// minute, and the history is checked. Nothing here knows what is inside.
//   CONSILIUM_CHAOS_STRIKES=1200   so many misfortunes (80: about three minutes)
//   CONSILIUM_SEED=123             which, in which order and how long each; when they meet what the
//                                  processes do is the machine's. It is printed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "common/base/random.h"
#include "tests/chaos/process.h"
#include "tests/chaos/proxy.h"
#include "tests/integration/lab.h"
#include "tests/support/data_folder.h"

namespace consilium::testing {
namespace {

using nlohmann::json;

const std::vector<std::string> kSites = {"a", "b", "c"};

// All sites in every round that is committed, and no randomness of a round's number: the state is
// that of the quiet run.
constexpr const char* kJob = R"(name = "chaos"
rounds = 20
[data]
dataset = "tiny"
label = "y"
features = ["x"]
standardize = "federated"
[model]
kind = "mlp"
hidden = [64, 64]
[train]
local_steps = 4
batch_size = "full"
[participation]
min_sites = 3
required_sites = ["a", "b", "c"]
on_too_few = "wait"
round_deadline = "5m"
max_failed_rounds = 10000
)";

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

// One server, three sites, each behind a proxy of its own.
class Battlefield {
 public:
  bool Prepare() {
    data_ = lab_.Write("tiny.csv", TinyCsv());
    job_ = lab_.Write("job.toml", kJob);
    if (lab_.Up(kSites, TinyClient(), data_).exit_code != 0) return false;
    const json endpoints =
        json::parse(ReadTextFile(lab_.PathOf("consilium-lab/server/data/endpoints.json")));
    const std::string listen = endpoints["listen"];
    const int port = std::stoi(listen.substr(listen.rfind(':') + 1));
    lab_.Down();
    const std::string server = lab_.PathOf("consilium-lab/server/server.toml");
    Replace(server, "127.0.0.1:0", listen);
    processes_["server"] =
        std::make_unique<Process>(std::vector<std::string>{"consilium-server", "--config", server},
                                  lab_.PathOf("server.log"));
    for (const std::string& site : kSites) {
      proxies_[site] = std::make_unique<Proxy>(port);
      const std::string config = ConfigOf(site);
      Replace(config, fmt::format("localhost:{}", port),
              fmt::format("localhost:{}", proxies_[site]->port()));
      processes_[site] = std::make_unique<Process>(
          std::vector<std::string>{"consilium-client", "run", "--config", config},
          lab_.PathOf(site + ".log"));
    }
    for (auto& [name, process] : processes_) process->Start();
    return true;
  }

  std::string Submit() {
    for (int attempt = 0; attempt < 50; ++attempt) {
      const json submitted = lab_.Json({"--timeout", "5s", "submit", job_});
      if (submitted.is_object() && submitted.contains("job")) return submitted["job"];
      Pause(200);
    }
    return "";
  }
  bool Wait(const std::string& job, const std::string& length) {
    return lab_.Consilium({"wait", job, "--for", length}).exit_code == 0;
  }
  bool HasEnded(const std::string& job) {
    const json shown = Show(job);
    return shown.is_object() && shown.value("status", "") == "done";
  }
  json Show(const std::string& job) { return lab_.Json({"show", job}); }
  json Left(const std::string& site) {
    const Ran ran = RunProgram({"consilium-client", "left", "--json", "--config", ConfigOf(site)});
    return json::parse(ran.out, nullptr, false).value("data", json());
  }
  int Replay(const std::string& job) { return lab_.Consilium({"replay", job}).exit_code; }
  std::vector<std::string> Jobs() {
    std::vector<std::string> jobs;
    for (const json& job : lab_.Json({"jobs"})) jobs.push_back(job["job"]);
    return jobs;
  }

  // One misfortune, and its end. Returns its name.
  std::string Strike(Random& random) {
    const std::string& site = kSites[random.Below(3)];
    Proxy& proxy = *proxies_[site];
    const int length_ms = 200 + static_cast<int>(random.Below(4000));
    switch (random.Below(10)) {
      case 0:
      case 1:
        return Bury("server", length_ms / 8);
      case 2:
      case 3:
        return Bury(site, length_ms / 4);
      case 4:
        return Freeze(site, length_ms);
      case 5:
        return Freeze("server", length_ms / 2);
      case 6:
        proxy.Cut();
        return "cut";
      case 7: {
        Process& process = *processes_[random.Below(2) == 0 ? "server" : site];
        if (!process.Stop()) ADD_FAILURE() << "SIGTERM was not enough";
        process.Start();
        return "restart";
      }
      default:
        constexpr ProxyMode kModes[] = {ProxyMode::kDelay, ProxyMode::kThrottle, ProxyMode::kSilent,
                                        ProxyMode::kRefuse};
        const uint32_t mode = random.Below(4);
        proxy.Set(kModes[mode]);
        if (kModes[mode] == ProxyMode::kRefuse) proxy.Cut();
        Pause(length_ms);
        proxy.Set(ProxyMode::kPass);
        // What was silent too long is dead to one end and not to the other.
        if (kModes[mode] == ProxyMode::kSilent && random.Below(2) == 0) proxy.Cut();
        return "network";
    }
  }
  void Calm() {
    for (auto& [site, proxy] : proxies_) proxy->Set(ProxyMode::kPass);
    for (auto& [name, process] : processes_) process->Start();
  }
  bool StopAll() {
    bool gentle = true;
    for (auto& [name, process] : processes_) gentle = process->Stop() && gentle;
    return gentle;
  }
  static void Pause(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

 private:
  std::string ConfigOf(const std::string& site) const {
    return lab_.PathOf("consilium-lab/sites/" + site + "/client.toml");
  }
  static void Replace(const std::string& file, const std::string& what, const std::string& with) {
    std::string text = ReadTextFile(file);
    const size_t at = text.find(what);
    ASSERT_NE(at, std::string::npos) << what << " in " << file;
    text.replace(at, what.size(), with);
    std::ofstream(file, std::ios::trunc) << text;
  }
  std::string Bury(const std::string& name, int down_ms) {
    processes_[name]->Kill();
    Pause(down_ms);
    processes_[name]->Start();
    return "kill -9";
  }
  std::string Freeze(const std::string& name, int length_ms) {
    processes_[name]->Signal(SIGSTOP);
    Pause(length_ms);
    processes_[name]->Signal(SIGCONT);
    return "stop";
  }

  Lab lab_;
  std::string data_;
  std::string job_;
  std::map<std::string, std::unique_ptr<Proxy>> proxies_;
  std::map<std::string, std::unique_ptr<Process>> processes_;
};

// Every update that a site's own journal says was sent and accepted is counted exactly once, and
// nothing is counted that no site sent.
void CheckHistory(Battlefield& field, const json& job) {
  const std::string id = job["job"];
  std::map<std::pair<std::string, int>, std::string> counted;  // site, step -> digest
  for (const json& step : job["steps"]) {
    ASSERT_EQ(step["sites"].size(), kSites.size()) << step;
    for (const json& row : step["sites"]) {
      if (row["result"] != "counted") {
        EXPECT_NE(row["reason"], "") << row;
      } else if (step["result"] == "committed") {
        const auto key = std::pair(row["site"].get<std::string>(), step["step"].get<int>());
        EXPECT_TRUE(counted.emplace(key, row["update_digest"]).second) << row;
      }
    }
  }
  for (const std::string& site : kSites) {
    std::map<int, json> newest;
    for (const json& left : field.Left(site)) {
      if (left["job"] == id) newest[left["step"].get<int>()] = left;
    }
    for (const auto& [step, left] : newest) {
      const auto found = counted.find({site, step});
      const bool was_counted = found != counted.end();
      EXPECT_EQ(left["outcome"] == "counted", was_counted) << site << " " << left;
      if (was_counted) {
        EXPECT_EQ(found->second, left["digest"]) << site << " " << left;
      }
      counted.erase({site, step});
    }
  }
  for (const auto& [key, digest] : counted) ADD_FAILURE() << "no site sent " << digest;
}

TEST(Chaos, WhateverHappensToProcessesAndNetworkEachReceiptCountsOnce) {
  const uint64_t seed = FromEnvironment("CONSILIUM_SEED", 1);
  const uint64_t strikes = FromEnvironment("CONSILIUM_CHAOS_STRIKES", 80);
  fmt::print("CONSILIUM_SEED={} CONSILIUM_CHAOS_STRIKES={}\n", seed, strikes);
  Random random(seed);
  Battlefield field;
  ASSERT_TRUE(field.Prepare());
  const std::string quiet = field.Submit();
  ASSERT_TRUE(field.Wait(quiet, "60s"));
  const json undisturbed = field.Show(quiet);
  ASSERT_EQ(undisturbed["status"], "done") << undisturbed;

  std::map<std::string, int> struck;
  std::set<std::string> jobs;
  std::string job;
  for (uint64_t strike = 0; strike < strikes; ++strike) {
    if (job.empty() || field.HasEnded(job)) job = field.Submit();
    ASSERT_NE(job, "") << "the server does not answer any more";
    jobs.insert(job);
    ++struck[field.Strike(random)];
    Battlefield::Pause(static_cast<int>(random.Below(1500)));
  }
  field.Calm();
  for (const std::string& id : field.Jobs()) {
    ASSERT_TRUE(field.Wait(id, "120s")) << "in the calm after: " << field.Show(id)["waiting"];
    const json done = field.Show(id);
    ASSERT_EQ(done["status"], "done") << done;
    EXPECT_EQ(done["state"], undisturbed["state"]) << id;
    EXPECT_EQ(field.Replay(id), 0) << id;
    CheckHistory(field, done);
  }
  EXPECT_TRUE(field.StopAll()) << "SIGTERM was not enough";
  EXPECT_GT(jobs.size(), strikes / 60) << "the misfortunes met too little work";
  std::string story;
  for (const auto& [what, times] : struck) story += fmt::format(", {} {}", times, what);
  fmt::print("{} jobs{}\n", jobs.size(), story);
}

}  // namespace
}  // namespace consilium::testing
