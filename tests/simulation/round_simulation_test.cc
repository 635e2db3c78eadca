// Seeds of a whole federation under faults. One seed again: CONSILIUM_SEED=123, or --seed=123.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/crypto/sha256.h"
#include "common/learn/contribution.h"
#include "common/sum/exact_sum.h"
#include "server/aggregation/server_half.h"
#include "server/jobs/job_view.h"
#include "server/store/state_store.h"
#include "tests/simulation/in_memory_federation.h"
#include "tests/support/status_matchers.h"

namespace consilium::simulation {
namespace {

using client::session::DatasetSource;
using consilium::testing::IsOk;
using server::jobs::JobStatus;
using server::jobs::JobView;
using server::jobs::SiteStepView;
using server::jobs::StepView;

constexpr uint64_t kSeeds = 500;
constexpr Duration kFaultsFor = std::chrono::minutes(3);
constexpr uint64_t kMostEvents = 60'000;  // a job that has not ended by then hangs

// --seed=N or CONSILIUM_SEED.
std::optional<uint64_t> GivenSeed() {
  for (const std::string& argument : ::testing::internal::GetArgvs()) {
    if (argument.starts_with("--seed=")) return std::strtoull(argument.c_str() + 7, nullptr, 10);
  }
  const char* given = std::getenv("CONSILIUM_SEED");
  if (given == nullptr) return std::nullopt;
  return std::strtoull(given, nullptr, 10);
}

// How many seeds: CONSILIUM_SEEDS, for the nights.
uint64_t SeedCount() {
  const char* given = std::getenv("CONSILIUM_SEEDS");
  return given == nullptr ? kSeeds : std::max<uint64_t>(1, std::strtoull(given, nullptr, 10));
}

// What a site contributes: numbers that follow from site, workload and round alone.
absl::StatusOr<client::train::Contribution> TinyHalf(const job::JobSpec& spec,
                                                     const client::train::SiteTask& task) {
  auto layout = learn::ContributionLayout(spec, task.workload);
  if (!layout.ok()) return layout.status();
  client::train::Contribution contribution;
  contribution.values = tensor::Bundle(*layout);
  const std::string key =
      fmt::format("{}/{}/{}", task.site.value(), NameOf(task.workload), task.round.value());
  Random random(crypto::Sha256Of(AsBytes(key)));
  for (size_t i = 0; i < layout->size(); ++i) {
    if (layout->tensors()[i].dtype == tensor::DType::kFloat64) {
      for (double& x : contribution.values.Float64(i)) x = 10 + 90 * random.Uniform();
    } else {
      for (float& x : contribution.values.Float32(i))
        x = static_cast<float>(random.Uniform() - 0.5);
    }
  }
  contribution.weight = 50 + random.Below(200);
  contribution.support.assign(layout->size(), contribution.weight);
  return contribution;
}

class TinyData final : public DatasetSource {
 public:
  std::vector<std::string> Names() const override { return {"heart"}; }
  absl::StatusOr<std::shared_ptr<const client::data::Dataset>> Load(
      const job::JobSpec&, const client::data::ReadProgress&) override {
    auto dataset = std::make_shared<client::data::Dataset>();
    dataset->train.columns = 2;
    dataset->train.x.resize(60);
    dataset->train.y.resize(30);
    return dataset;
  }
};

constexpr const char* kJob = R"(
name = "simulated-{seed}"
rounds = {rounds}
retain = "updates"
[data]
dataset = "heart"
label = "disease"
features = ["age", "chol"]
standardize = "{standardize}"
[model]
kind = "logistic"
[participation]
min_sites = {min_sites}
round_deadline = "{deadline}s"
on_too_few = "{on_too_few}"
max_failed_rounds = 6
)";

// One seed: a federation, a job, faults, and what must hold after every event.
class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed ^ 0x5eedu), federation_(Config(seed)) {
    const uint32_t sites = static_cast<uint32_t>(sites_.size());
    job_file_ = fmt::format(fmt::runtime(kJob), fmt::arg("seed", seed),
                            fmt::arg("rounds", 1 + random_.Below(3)),
                            fmt::arg("standardize", random_.Below(2) == 0 ? "none" : "federated"),
                            fmt::arg("min_sites", 1 + random_.Below(sites - 3)),
                            fmt::arg("deadline", 60 + random_.Below(60)),
                            fmt::arg("on_too_few", random_.Below(4) == 0 ? "fail" : "wait"));
    // min_sites: two may refuse and one may stop for good. In a quarter of the seeds the network is
    // slow and nothing else happens.
    calm_ = random_.Below(4) == 0;
    federation_.link().SetFaults({.most_delay = std::chrono::milliseconds(random_.Below(4000)),
                                  .break_connection = calm_ ? 0 : 0.08 * random_.Uniform(),
                                  .repeat_message = 0.2 * random_.Uniform(),
                                  .piece_bytes = 512 + random_.Below(20'000)});
    federation_.link().OnServerMessage(
        [this](const SiteId& site, const wire::ServerMessage& message) { Hear(site, message); });
  }

  void Run() {
    ASSERT_THAT(federation_.Start(), IsOk());
    const auto job = federation_.Submit(job_file_);
    ASSERT_THAT(job, IsOk());
    job_ = *job;
    spec_ = *job::ParseJob(AsBytes(job_file_), "job.toml");
    if (!calm_) PlanFaults();
    federation_.events().After(kFaultsFor, [this] {
      federation_.link().SetFaults({.most_delay = std::chrono::milliseconds(50)});
    });
    for (uint64_t event = 0; event < kMostEvents; ++event) {
      ASSERT_TRUE(federation_.Step()) << "nothing will ever happen again";
      if (federation_.server() == nullptr) continue;
      const auto view = federation_.server()->Show(job_, checked_);
      ASSERT_THAT(view, IsOk());
      for (const StepView& step : view->steps) Check(step);
      if (::testing::Test::HasFatalFailure()) return;
      if (view->ended != 0) return CheckEnd(*view);
      const bool parked = view->status == JobStatus::kWaiting;
      ASSERT_FALSE(parked && view->waiting.empty()) << "it waits and does not say for what";
    }
    FAIL() << "the job hangs: " << federation_.server()->Show(job_)->waiting;
  }

  bool finished() const { return finished_; }

 private:
  InMemoryFederation::Options Config(uint64_t seed) {
    const uint32_t count = 4 + random_.Below(3);
    for (uint32_t i = 0; i < count; ++i) {
      SiteConfig& config = sites_.emplace_back();
      config.site = SiteId(fmt::format("site-{}", static_cast<char>('a' + i)));
      config.datasets = &data_;
      config.policy = OpenPolicy("heart");
      if (i + 1 == count && random_.Below(5) == 0) config.policy.workloads = {"means"};
      if (i + 2 == count && random_.Below(5) == 0) config.policy.researchers = {"grace"};
      if (i + 2 == count && random_.Below(5) == 0) config.policy.min_cell = 1000;
      const double fails = random_.Below(3) == 0 ? 0.1 : 0;
      config.site_half = [this, fails](const job::JobSpec& spec,
                                       const client::train::SiteTask& task, const wire::StatePart&,
                                       const client::data::Dataset&,
                                       const client::train::Progress& progress) {
        return Half(spec, task, progress, fails);
      };
    }
    return {.seed = seed,
            .sites = sites_,
            .most_work = std::chrono::milliseconds(200 + random_.Below(8000))};
  }

  absl::StatusOr<client::train::Contribution> Half(const job::JobSpec& spec,
                                                   const client::train::SiteTask& task,
                                                   const client::train::Progress& progress,
                                                   double fails) {
    if (faulty() && random_.Uniform() < fails) {
      return Error(ErrorCode::kTrainingDiverged, "w is not finite");
    }
    if (!progress(1, 2)) return absl::CancelledError("cancelled");
    return TinyHalf(spec, task);
  }

  bool faulty() const { return !calm_ && federation_.clock().Now() < Instant(kFaultsFor); }

  CrashKind SomeCrash() {
    constexpr CrashKind kKinds[] = {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn};
    return kKinds[random_.Below(3)];
  }
  Duration Within(Duration most) {
    return Duration(static_cast<int64_t>(random_.Uniform() * static_cast<double>(most.count())));
  }
  void PlanFaults() {
    const uint32_t crashes = random_.Below(7);
    for (uint32_t i = 0; i < crashes; ++i) {
      const SiteId site = sites_[random_.Below(static_cast<uint32_t>(sites_.size()))].site;
      const CrashKind kind = SomeCrash();
      const Duration down = Within(std::chrono::seconds(30));
      federation_.events().After(Within(kFaultsFor / 3), [this, site, kind, down] {
        federation_.CrashSite(site, kind, down);
      });
    }
    if (random_.Below(6) == 0) {
      federation_.events().After(Within(kFaultsFor / 3),
                                 [this] { federation_.StopSite(sites_[0].site); });
    }
    if (random_.Below(2) != 0) return;
    const CrashKind kind = SomeCrash();
    const Duration down = Within(std::chrono::seconds(20));
    federation_.events().After(Within(kFaultsFor / 3),
                               [this, kind, down] { federation_.CrashServer(kind, down); });
  }

  void Hear(const SiteId& site, const wire::ServerMessage& message) {
    if (const auto* offer = std::get_if<wire::TaskOffer>(&message)) {
      auto& cohort = cohorts_[offer->step];
      cohort.insert(offer->cohort.begin(), offer->cohort.end());
      EXPECT_TRUE(cohort.contains(site)) << site.value() << " was not selected";
    }
  }

  void Check(const StepView& step) {
    ASSERT_EQ(step.step, checked_.Next()) << "a step is missing from the report";
    checked_ = step.step;
    std::set<SiteId> named;
    std::vector<const SiteStepView*> counted;
    for (const SiteStepView& site : step.sites) {
      EXPECT_TRUE(named.insert(site.site).second) << site.site.value() << " is named twice";
      if (site.result == "counted") {
        counted.push_back(&site);
      } else {
        EXPECT_NE(site.reason, "") << site.site.value() << " " << site.result;
      }
    }
    // Offers that were never sent (everybody's update was there after a restart) leave no cohort.
    if (cohorts_.contains(step.step)) {
      EXPECT_EQ(named, cohorts_[step.step]);
    }
    EXPECT_FALSE(named.empty());
    if (step.committed) {
      CheckCommitted(step, counted);
    } else {
      EXPECT_NE(step.reason, "");
    }
  }

  // The committed state is the server half of the exact sum of the counted, computed again here.
  void CheckCommitted(const StepView& step, const std::vector<const SiteStepView*>& counted) {
    const auto layout = learn::ContributionLayout(spec_, step.workload);
    ASSERT_THAT(layout, IsOk());
    auto sum = sum::ExactSum::Create(*layout, {.weight_cap = spec_.weight_cap});
    ASSERT_THAT(sum, IsOk());
    EXPECT_GE(counted.size(), spec_.participation.min_sites);
    for (const SiteStepView* site : counted) {
      const auto contribution = TinyHalf(spec_, {step.workload, step.round, site->site});
      ASSERT_THAT(contribution, IsOk());
      EXPECT_EQ(site->weight, contribution->weight);
      ASSERT_THAT(sum->Accumulate(contribution->weight, contribution->values.payload()), IsOk());
    }
    EXPECT_EQ(step.total_weight, sum->total_weight());
    const auto base = federation_.server()->states().Get(step.base_state);
    ASSERT_THAT(base, IsOk());
    const auto next = server::aggregation::NextState(spec_, step.workload, *base, sum->Report());
    ASSERT_THAT(next, IsOk());
    MemoryStorage scratch;
    const auto digest = server::store::StateStore("s", scratch).Put(*next);
    ASSERT_THAT(digest, IsOk());
    EXPECT_EQ(*digest, step.state);
    EXPECT_EQ(step.base_state, last_state_.value_or(step.base_state));
    last_state_ = step.state;
  }

  void CheckEnd(const JobView& view) {
    finished_ = view.status == JobStatus::kDone;
    if (!finished_) {
      EXPECT_EQ(view.status, JobStatus::kFailed);
      EXPECT_NE(view.reason, "");
      EXPECT_FALSE(calm_) << view.reason;
      return;
    }
    EXPECT_EQ(view.rounds_committed, spec_.rounds);
    const auto replayed = federation_.server()->Replay(job_);
    ASSERT_THAT(replayed, IsOk());
    for (const auto& step : *replayed) EXPECT_EQ(step.replayed, step.recorded);
  }

  TinyData data_;
  Random random_;
  std::vector<SiteConfig> sites_;
  bool calm_ = false;
  InMemoryFederation federation_;
  std::string job_file_;
  JobId job_;
  job::JobSpec spec_;
  StepNumber checked_;
  std::map<StepNumber, std::set<SiteId>> cohorts_;
  std::optional<Digest> last_state_;
  bool finished_ = false;
};

TEST(RoundSimulation, CountedAtMostOnceExactlySummedNamedAndNeverHanging) {
  const std::optional<uint64_t> given = GivenSeed();
  const uint64_t first = given.value_or(1), last = given.value_or(SeedCount());
  uint64_t finished = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}: CONSILIUM_SEED={} round_simulation_test", seed, seed));
    Simulation simulation(seed);
    simulation.Run();
    if (simulation.finished()) ++finished;
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  // Most jobs survive what happens to them.
  EXPECT_TRUE(given || finished > SeedCount() * 3 / 4) << finished;
}

}  // namespace
}  // namespace consilium::simulation
