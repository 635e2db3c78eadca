#include "tests/integration/lab.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace consilium::testing {

std::string HeartClient() {
  const std::string lab = ReadTextFile(CONSILIUM_SOURCE_DIR "/examples/heart/lab.toml");
  const std::string_view opening = "client = '''\n";
  const size_t start = lab.find(opening);
  if (start == std::string::npos) return "";
  const size_t begin = start + opening.size();
  return lab.substr(begin, lab.find("'''", begin) - begin);
}

std::string HeartJob(const std::string& standardize, int rounds, int steps, double rate) {
  return fmt::format(R"(name = "heart"
rounds = {}
[data]
dataset = "heart"
label = "disease"
features = ["age", "sex", "trestbps", "chol", "fbs", "thalach", "exang", "oldpeak",
            "cp_2", "cp_3", "cp_4", "restecg_1", "restecg_2"]
standardize = "{}"
[model]
kind = "logistic"
[train]
learning_rate = {}
batch_size = "full"
local_steps = {}
[participation]
min_sites = 4
round_deadline = "1m"
)",
                     rounds, standardize, rate, steps);
}

std::string TinyCsv(const std::string& more) {
  std::string csv = "x,y\n";
  for (int row = 0; row < 60; ++row) csv += fmt::format("{},{}\n", row * 7 % 13, row % 2);
  return csv + more;
}

std::string TinyClient(const std::string& more) {
  return R"([datasets.tiny]
path = "{data}"
holdout = 0.2
[policy]
datasets = ["tiny"]
workloads = ["means", "variances", "train", "evaluate"]
researchers = ["*"]
min_rows = 5
)" + more;
}

std::string TinyJob(int rounds, const std::string& more) {
  return fmt::format(R"(name = "tiny"
rounds = {}
[data]
dataset = "tiny"
label = "y"
features = ["x"]
[model]
kind = "logistic"
[participation]
min_sites = 2
{})",
                     rounds, more);
}

bool AwaitWithin(int seconds, const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

Lab::~Lab() { Down(); }

Ran Lab::Up(const std::vector<std::string>& sites, const std::string& client,
            const std::string& data) {
  std::vector<std::string> words = {"lab", "up"};
  if (!client.empty()) {
    std::string names;
    for (const std::string& site : sites) names += fmt::format("\"{}\", ", site);
    words.push_back(Write("lab.toml", fmt::format("federation = \"test\"\nsites = [{}]\n"
                                                  "client = '''\n{}'''\n",
                                                  names, client)));
  }
  if (!data.empty()) {
    words.push_back("--data");
    words.push_back(data);
  }
  return Consilium(words);
}

Ran Lab::Down() { return Consilium({"lab", "down"}); }

Ran Lab::Consilium(std::vector<std::string> words) {
  words.insert(words.begin(), programs_ + "consilium");
  return RunProgram(
      words, {.folder = folder(), .environment = {{"CONSILIUM_CONFIG", ""}, {"HOME", folder()}}});
}

nlohmann::json Lab::Json(const std::vector<std::string>& words) {
  std::vector<std::string> all = words;
  all.insert(all.begin(), "--json");
  std::string out = Consilium(all).out;
  while (!out.empty() && out.back() == '\n') out.pop_back();
  const size_t start = out.rfind('\n');
  const auto envelope = nlohmann::json::parse(
      start == std::string::npos ? out : out.substr(start + 1), nullptr, false);
  if (!envelope.is_object()) return nullptr;
  return envelope.contains("data") ? envelope["data"] : envelope.value("error", nlohmann::json());
}

nlohmann::json Lab::RunJob(const std::string& job, Ran* ran) {
  const std::string file = Write(fmt::format("job-{}.toml", ++jobs_), job);
  const Ran submitted = Consilium({"submit", file, "--watch"});
  if (ran != nullptr) *ran = submitted;
  return Json({"show", "latest"});
}

int Lab::PidOf(const std::string& name) {
  const nlohmann::json lab = Json({"lab", "status"});
  if (!lab.is_object()) return 0;
  for (const auto& process : lab["processes"]) {
    if (process["name"] == name) return process["pid"].get<int>();
  }
  return 0;
}

}  // namespace consilium::testing
