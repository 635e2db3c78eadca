// Kills the real server, or a real site, at each point between persisted steps; then everything is
// started again, and the jobs end in the states of the quiet run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/base/crash_point.h"
#include "tests/integration/lab.h"
#include "tests/support/data_folder.h"

namespace consilium::testing {
namespace {

using nlohmann::json;

constexpr const char* kClient = R"([datasets.tiny]
path = "{data}/{name}.csv"
holdout = 0.2
[policy]
datasets = ["tiny"]
workloads = ["means", "variances", "train", "evaluate"]
researchers = ["*"]
min_rows = 5
)";

// Its updates are spools of their own, those of its other steps share segments. The server keeps
// moments (fedadam) and each site a model of its own (ditto), or a variate (scaffold).
constexpr const char* kJob = R"(name = "tiny"
rounds = {}
{}
[data]
dataset = "tiny"
label = "y"
features = ["x"]
standardize = "{}"
[model]
kind = "mlp"
hidden = [256, 160]
[train]
local_steps = 4
batch_size = "full"
[participation]
min_sites = 2
required_sites = ["a", "b"]
round_deadline = "1m"
[aggregation]
strategy = "{}"
)";

constexpr const char* kPersonal = "[personal]\nmethod = \"ditto\"\nsteps = 1\n";

// What comes to its bounds in a job of two rounds; the daemons read it over their files.
constexpr std::pair<const char*, const char*> kSmallBounds[] = {
    {"CONSILIUM_STORAGE_KEEP_STATES", "1"}, {"CONSILIUM_STORAGE_KEEP_SUMS", "1B"},
    {"CONSILIUM_STORAGE_KEEP_JOBS", "1"},   {"CONSILIUM_LIMITS_CACHE", "1MiB"},
    {"CONSILIUM_LIMITS_CHECKPOINT", "1ms"}, {"CONSILIUM_LIMITS_DRAIN", "1s"},
};

std::string Csv(int rows) {
  std::string csv = "x,y\n";
  for (int row = 0; row < rows; ++row) csv += fmt::format("{},{}\n", row * 7 % 13, row % 2);
  return csv;
}

// A lab of the programs in bin/crashing: a is quick, b trains long enough for checkpoints, and for
// a's update to be folded before b's comes.
class CrashingLab {
 public:
  CrashingLab()
      : data_(lab_.folder()),
        job_(lab_.Write("job.toml", fmt::format(kJob, 2, "", "federated", "fedadam") + kPersonal)),
        other_job_(lab_.Write("other.toml", fmt::format(kJob, 2, "durability = \"round\"\nseed = 7",
                                                        "site", "scaffold"))),
        long_job_(lab_.Write("long.toml", fmt::format(kJob, 1000, "", "federated", "fedadam"))),
        file_(lab_.PathOf("crash")) {
    lab_.Write("a.csv", Csv(60));
    lab_.Write("b.csv", Csv(1500));
    lab_.UseProgramsIn("crashing");
    setenv("CONSILIUM_CRASH_FILE", file_.c_str(), 1);
    for (const auto& [key, value] : kSmallBounds) setenv(key, value, 1);
  }

  void Arm(const CrashPointRow& point) {
    std::ofstream(file_) << (point.at_site ? "client " : "server ") << point.name;
  }
  bool Reached() const { return std::filesystem::exists(file_ + ".reached"); }
  // What comes after the end of a job may be on its way.
  bool ReachedSoon(int looks) const {
    for (; looks > 0 && !Reached(); --looks) Pause(20);
    return Reached();
  }
  std::string Unnamed() const {
    return std::filesystem::exists(file_ + ".unnamed") ? ReadTextFile(file_ + ".unnamed") : "";
  }
  bool started_again() const { return started_again_; }

  // Starts what does not run. What dies on the way is started again.
  bool Up() {
    for (int attempt = 0; attempt < 5; ++attempt) {
      if (Reached()) started_again_ = true;
      if (lab_.Up({"a", "b"}, kClient, data_).exit_code == 0) return true;
    }
    return false;
  }

  // Each returns how it ended, in a line.
  std::string RunJob() { return Ended(Submit(job_)); }
  std::string RunOtherJob() { return Ended(Submit(other_job_)); }
  // In the middle of a step, most likely.
  std::string CancelJob() {
    const std::string job = Submit(long_job_);
    for (int look = 0; look < 500; ++look) {
      const json shown = lab_.Json({"show", job});
      if (shown.is_object() && shown.contains("steps") && !shown["steps"].empty()) break;
      if (Reached() && !started_again_) Up();
      Pause(20);
    }
    for (int attempt = 0; attempt < 3; ++attempt) {
      if (lab_.Consilium({"cancel", job}).exit_code == 0) break;
      Up();
    }
    return Ended(job);
  }
  std::string KeepModel() {
    const std::string file = lab_.PathOf("model.safetensors");
    const auto both = [&](const std::vector<std::string>& words) {
      for (int attempt = 0; attempt < 3; ++attempt) {
        if (lab_.Consilium(words).exit_code == 0) return true;
        Up();
      }
      return false;
    };
    return both({"model", "get", Latest(), "-o", file}) && both({"model", "put", file})
               ? "kept"
               : "the model cannot be kept";
  }
  std::string Restart() {
    lab_.Down();
    return Up() ? "up" : "does not come up";
  }
  // For whoever looks at a failure.
  std::string Logs() {
    std::string all;
    for (const char* log : {"server/server.log", "sites/a/client.log", "sites/b/client.log"}) {
      all += fmt::format("---- {}\n{}", log, ReadTextFile(lab_.PathOf("consilium-lab/") + log));
    }
    return all;
  }

 private:
  static void Pause(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }
  std::string Latest() {
    const json job = lab_.Json({"show", "latest"});
    return job.is_object() ? job.value("job", "") : "";
  }
  // Its id, whoever dies in the meantime.
  std::string Submit(const std::string& file) {
    const std::string before = Latest();
    for (int attempt = 0; attempt < 5; ++attempt) {
      const json submitted = lab_.Json({"submit", file});
      if (submitted.is_object() && submitted.contains("job")) return submitted["job"];
      if (!Up()) return "";
      if (const std::string now = Latest(); now != before) return now;  // taken, and nobody heard
    }
    return "";
  }
  std::string Ended(const std::string& job) {
    constexpr int kTries = 60;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      if (Reached() && !started_again_ && !Up()) return "does not come up";
      lab_.Consilium({"wait", job, "--for", "1s"});
      const json shown = lab_.Json({"show", job});
      const std::string status = shown.is_object() ? shown.value("status", "") : "";
      if (status == "cancelled") return status;
      if (status == "done" || status == "failed") {
        return fmt::format("{} in state {}, {} rounds committed, {} failed", status,
                           shown["state"].get<std::string>(), shown["rounds_committed"].get<int>(),
                           shown["rounds_failed"].get<int>());
      }
    }
    return "does not end: " + lab_.Json({"show", job}).dump();
  }

  Lab lab_;
  std::string data_;
  std::string job_;
  std::string other_job_;
  std::string long_job_;
  std::string file_;
  bool started_again_ = false;
};

using Chapter = std::string (CrashingLab::*)();
struct Story {
  std::vector<Chapter> chapters;
  std::string Tell(CrashingLab& lab, size_t chapter) const {
    return std::invoke(chapters[chapter], lab);
  }
};

// All that persists something.
Story WholeStory() {
  return {{&CrashingLab::RunJob, &CrashingLab::RunOtherJob, &CrashingLab::KeepModel,
           &CrashingLab::CancelJob, &CrashingLab::Restart, &CrashingLab::RunOtherJob}};
}
// The job that syncs at the end of a round, first.
Story StoryOfRounds() { return {{&CrashingLab::RunOtherJob, &CrashingLab::RunJob}}; }

struct QuietRun {
  std::vector<std::string> ends;
  std::string unnamed;
};
QuietRun RunQuietly(const Story& story) {
  CrashingLab lab;
  QuietRun quiet;
  EXPECT_TRUE(lab.Up());
  for (size_t i = 0; i < story.chapters.size(); ++i) quiet.ends.push_back(story.Tell(lab, i));
  lab.Restart();  // a thread's last step is written down when it ends
  quiet.unnamed = lab.Unnamed();
  return quiet;
}

// In a lab of its own: nothing is cached.
void KillAt(const CrashPointRow& point, const Story& story, const QuietRun& quiet) {
  SCOPED_TRACE(fmt::format("{} at the {}", point.name, point.at_site ? "site" : "server"));
  CrashingLab lab;
  lab.Arm(point);
  ASSERT_TRUE(lab.Up());
  for (size_t i = 0; i < story.chapters.size(); ++i) {
    EXPECT_EQ(story.Tell(lab, i), quiet.ends[i]) << "chapter " << i << "\n" << lab.Logs();
    const bool last = i + 1 == story.chapters.size();
    if (!lab.ReachedSoon(last ? 500 : 5)) continue;
    if (!lab.started_again()) {  // it died after the end
      ASSERT_TRUE(lab.Up());
      EXPECT_EQ(story.Tell(lab, 0), quiet.ends[0]) << lab.Logs();
    }
    return;
  }
  ADD_FAILURE() << "nothing got there";
}

constexpr size_t kSlices = 4;  // side by side
class CrashPoints : public ::testing::TestWithParam<size_t> {};

TEST_P(CrashPoints, AProcessKilledAtEachEndsInTheStatesOfTheQuietRun) {
  const QuietRun quiet = RunQuietly(WholeStory());
  ASSERT_TRUE(quiet.ends[0].starts_with("done")) << quiet.ends[0];
  ASSERT_TRUE(quiet.ends[1].starts_with("done")) << quiet.ends[1];
  ASSERT_EQ(quiet.ends[3], "cancelled");
  const char* only = std::getenv("CONSILIUM_CRASH_POINT");  // this one alone
  for (size_t i = GetParam(); i < std::size(kCrashPoints); i += kSlices) {
    if (only == nullptr || kCrashPoints[i].name == only) {
      KillAt(kCrashPoints[i], WholeStory(), quiet);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Slices, CrashPoints, ::testing::Range(size_t{0}, kSlices));

TEST(CrashPointsOfRounds, AServerKilledBeforeTheRoundIsSyncedEndsInTheStateOfTheQuietRun) {
  const QuietRun quiet = RunQuietly(StoryOfRounds());
  for (const CrashPointRow& row : kCrashPoints) {
    if (row.name.starts_with("accept.") || row.name.starts_with("generation.")) {
      KillAt(row, StoryOfRounds(), quiet);
    }
  }
}

TEST(CrashPointsOfTheQuietRun, EveryStepThatPersistsHasOneAfterIt) {
  const QuietRun quiet = RunQuietly(WholeStory());
  EXPECT_EQ(quiet.unnamed, "") << "put a CN_CRASH_POINT after it, and into the table";
}

TEST(CrashPointsOfTests, ProgramsForUseDoNotContainThem) {
  const auto contains = [](const std::string& program, std::string_view text) {
    return ReadTextFile(ProgramOfThisBuild(program)).find(text) != std::string::npos;
  };
  const std::string server = "accept.journalled", site = "receipt.journalled";
  EXPECT_TRUE(contains("crashing/consilium-server", server));
  EXPECT_TRUE(contains("crashing/consilium-client", site));
  EXPECT_FALSE(contains("consilium-server", server));
  EXPECT_FALSE(contains("consilium-client", site));
}

}  // namespace
}  // namespace consilium::testing
