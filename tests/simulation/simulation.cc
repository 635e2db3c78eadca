#include "tests/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/base/random.h"
#include "common/crypto/sha256.h"
#include "common/learn/personal_layout.h"
#include "common/wire/envelope.h"
#include "tests/simulation/in_memory_federation.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/simulated_job.h"
#include "tests/simulation/tiny_workload.h"

namespace consilium::simulation {
namespace {

using server::jobs::JobStatus;

constexpr Duration kFaultsFor = std::chrono::minutes(3);
constexpr Duration kMostTime =
    std::chrono::minutes(60);  // simulated; a job that lasts longer hangs
constexpr uint64_t kMostEvents = 200'000;
constexpr Duration kSubmitAgain = std::chrono::seconds(1);
constexpr Duration kAfterwards = std::chrono::minutes(2);  // for the last outcomes
constexpr UtcMillis kHour = 3600 * 1000;

constexpr const char* kJob = R"(
name = "simulated-{seed}"
rounds = {rounds}
retain = "{retain}"
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
max_failed_rounds = {max_failed}
{late}
{strategy}
)";

class Simulation {
 public:
  Simulation(uint64_t seed, PlantedBug bug)
      : random_(seed ^ 0x5eedu), calm_(random_.Below(4) == 0), federation_(Config(seed, bug)) {
    // min_sites: two may refuse and one may stop for good.
    const auto sites = static_cast<uint32_t>(sites_.size());
    lenient_ = random_.Below(4) == 0 && !calm_;
    const Late late(seed);
    const Otherwise otherwise(seed, !late.lines.empty(), lenient_);
    job_file_ = fmt::format(
        fmt::runtime(kJob), fmt::arg("seed", seed),
        fmt::arg("rounds", 1 + random_.Below(3) + late.more_rounds),
        fmt::arg("late", late.lines + otherwise.participation),
        // What a rule made of updates is held to what a replay makes of them.
        fmt::arg("retain", random_.Below(3) == 0 || !otherwise.rule.empty() ? "updates" : "round"),
        fmt::arg("standardize", random_.Below(2) == 0 ? "none" : "federated"),
        fmt::arg("min_sites", 1 + random_.Below(sites - 3)),
        fmt::arg("deadline", 60 + random_.Below(60)),
        fmt::arg("on_too_few", lenient_ && random_.Below(2) == 0 ? "fail" : "wait"),
        fmt::arg("max_failed", lenient_ ? 6 : 10000),
        fmt::arg("strategy",
                 (late.buffered ? "" : StrategyLines(seed, !late.lines.empty(), otherwise)) +
                     PersonalLines(seed, !late.lines.empty() || !otherwise.rule.empty())));
    envelope_ = federation_.MakeEnvelope();
    const job::JobSpec spec = *job::ParseJob(AsBytes(job_file_), "job.toml");
    job_ = wire::JobIdOf(envelope_, spec.digest);
    personal_ = spec.personal.kind != job::PersonalKind::kNone;
    invariants_.emplace(job_, spec);
    federation_.link().SetListener(*invariants_);
    if (std::getenv("CONSILIUM_TRACE") != nullptr) {
      invariants_->SetTrace([this](const std::string& what) { Tell(what); });
    }
    federation_.OnStep([this] { AfterStep(); });
  }

  SeedResult Run() {
    PlanNetwork();
    if (!calm_) PlanDisks();
    if (!calm_) PlanEvents();
    federation_.events().After(kFaultsFor, [this] { EndFaults(); });
    if (!federation_.Start().ok()) invariants_->Violated("the federation does not start");
    Submit();
    while (!Over()) federation_.Step();
    if (invariants_->violation().empty()) Afterwards();
    const server::jobs::JobView& view = invariants_->last();
    return {invariants_->violation(), view.status,        events_,
            federation_.crashes(),    view.rounds_failed, invariants_->resumed()};
  }

 private:
  InMemoryFederation::Options Config(uint64_t seed, PlantedBug bug) {
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
      const bool slow = random_.Below(3) == 0;
      config.site_half = [this, fails, slow](const job::JobSpec& spec,
                                             const client::train::SiteTask& task,
                                             const wire::StatePart&, const client::data::Dataset&,
                                             const client::train::Progress& progress) {
        invariants_->OnCompute(task.site);
        if (learn::NeedsOwnVector(spec, task.workload)) {
          const bool train = task.workload == wire::Workload::kTrain;
          invariants_->OnOwnVector(task.site, train ? task.round : RoundNumber(spec.rounds + 1),
                                   task.own);
        }
        return Half(spec, task, progress, fails, slow);
      };
    }
    return {.seed = seed,
            .sites = sites_,
            .most_work = std::chrono::milliseconds(200 + random_.Below(8000)),
            .fold_updates = 1 + random_.Below(5),
            .small_update_bytes = seed % 2 == 0 ? 0 : server::store::kMaxSmallBytes,
            .bug = bug};
  }

  absl::StatusOr<client::train::Contribution> Half(const job::JobSpec& spec,
                                                   const client::train::SiteTask& task,
                                                   const client::train::Progress& progress,
                                                   double fails, bool slow) {
    if (faulty() && random_.Uniform() < fails) {
      return Error(ErrorCode::kTrainingDiverged, "w is not finite");
    }
    const uint64_t pieces = slow ? 1 + random_.Below(4) : 1;
    for (uint64_t done = 0; done < pieces; ++done) {
      if (slow) federation_.Wait(Within(std::chrono::seconds(8)));
      if (!progress(done + 1, pieces + 1)) return absl::CancelledError("cancelled");
    }
    return TinyHalf(spec, task);
  }

  bool faulty() const { return !calm_ && federation_.clock().Now() < Instant(kFaultsFor); }
  bool Often() { return random_.Below(5) < 3; }
  Duration Within(Duration most) {
    return Duration(static_cast<int64_t>(random_.Uniform() * static_cast<double>(most.count())));
  }
  CrashKind SomeCrash() {
    constexpr CrashKind kKinds[] = {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn};
    return kKinds[random_.Below(3)];
  }
  const SiteId& SomeSite() {
    return sites_[random_.Below(static_cast<uint32_t>(sites_.size()))].site;
  }

  void PlanNetwork() {
    NetworkFaults faults;
    faults.most_delay = Often() ? Within(std::chrono::seconds(5)) + std::chrono::milliseconds(1)
                                : std::chrono::milliseconds(20);
    faults.piece_bytes = 64 + random_.Below(500);
    if (Often()) faults.repeat_message = 0.5 * random_.Uniform();
    if (!calm_ && Often()) faults.lose = 0.3 * random_.Uniform();
    if (!calm_ && Often()) faults.break_connection = 0.08 * random_.Uniform();
    federation_.link().SetFaults(faults);
  }

  void PlanDisks() {
    DiskWeather server{{}, {}, SomeCrash()}, site{{}, {}, SomeCrash()};
    server_disk_fails_ = Often();
    if (server_disk_fails_) server.faults = SomeFaults();
    if (Often()) site.faults = SomeFaults();
    const auto dies = [this](uint32_t one_in, uint32_t within) {
      return [this, one_in, within]() -> uint64_t {
        return faulty() && random_.Below(one_in) == 0 ? 1 + random_.Below(within) : 0;
      };
    };
    if (Often()) server.dies_at = dies(2, 80);
    if (Often()) site.dies_at = dies(3, 40);
    federation_.SetServerDisk(std::move(server));
    federation_.SetSiteDisks(site);
  }
  DiskFaults SomeFaults() {
    const double most = random_.Below(2) == 0 ? 0.1 : 0.01;
    return {most * random_.Uniform(), random_.Below(2) == 0 ? 0 : 0.03 * random_.Uniform()};
  }

  void At(Duration when, std::function<void()> action) {
    federation_.events().After(when, std::move(action));
  }
  void PlanEvents() {
    const Duration early = kFaultsFor / 3;
    for (uint32_t i = random_.Below(5); i > 0; --i) {
      At(Within(early), [this, kind = SomeCrash(), down = Within(std::chrono::seconds(30))] {
        federation_.CrashSite(SomeSite(), kind, down);
      });
    }
    for (uint32_t i = random_.Below(3); i > 0; --i) {
      At(Within(early), [this, kind = SomeCrash(), down = Within(std::chrono::seconds(20))] {
        federation_.CrashServer(kind, down);
      });
    }
    for (uint32_t i = Often() ? random_.Below(6) : 0; i > 0; --i) {
      At(Within(early), [this] {
        const uint32_t which = random_.Below(3);
        federation_.link().Hold(SomeSite(), which != 1, which != 2,
                                Within(std::chrono::seconds(random_.Below(2) == 0 ? 15 : 90)));
      });
    }
    for (uint32_t i = random_.Below(3); i > 0; --i) {
      At(Within(early), [this, by = random_.Below(2) == 0 ? kHour : -kHour] {
        if (random_.Below(2) == 0) return federation_.JumpServerClock(by);
        federation_.JumpSiteClock(SomeSite(), by);
      });
    }
    if (random_.Below(6) != 0) return;
    At(Within(early), [this] { federation_.StopSite(sites_[0].site); });
  }

  void Tell(const std::string& what) const {
    if (std::getenv("CONSILIUM_TRACE") == nullptr) return;
    const auto now = federation_.clock().Now().time_since_epoch();
    fmt::print("{:10.3f} {}\n", std::chrono::duration<double>(now).count(), what);
  }

  void EndFaults() {
    Tell("(faults end)");
    federation_.link().SetFaults({.most_delay = std::chrono::milliseconds(50)});
    federation_.SetServerDisk({});
    federation_.SetSiteDisks({});
  }

  void Submit() {
    if (submitted_) return;
    const auto submitted = federation_.Submit(job_file_, envelope_);
    submitted_ = submitted.ok();
    if (submitted_ && *submitted != job_) invariants_->Violated("the job has another id");
    if (!submitted_) At(kSubmitAgain, [this] { Submit(); });
  }

  void AfterStep() {
    ++events_;
    const uint64_t crashes = federation_.crashes();
    const bool fresh = crashes != crashes_;
    if (fresh || server_disk_fails_) invariants_->ForgetUploads();
    if (federation_.server() == nullptr || !submitted_) return;
    if (fresh) Tell("(after a crash)");
    if (fresh) invariants_->CheckAgain(*federation_.server());
    if (fresh) crashes_ = crashes;
    invariants_->Check(*federation_.server());
  }

  bool Over() {
    if (invariants_->ended() || !invariants_->violation().empty()) return true;
    if (events_ < kMostEvents && federation_.clock().Now() < Instant(kMostTime)) return false;
    invariants_->Violated(fmt::format("the job hangs after {} s and {} events: {}",
                                      Seconds(federation_.clock().Now()), events_,
                                      invariants_->last().wait.text));
    return true;
  }
  static int64_t Seconds(Instant now) {
    return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  }

  // The job has ended: every site that is there hears what became of its updates, and a restart
  // changes nothing.
  void Afterwards() {
    const Instant faults_end(kFaultsFor);
    if (federation_.clock().Now() < faults_end) {
      federation_.Wait(faults_end - federation_.clock().Now());
    }
    federation_.Wait(kAfterwards);
    federation_.CrashServer(CrashKind::kPowerCut, std::chrono::seconds(1));
    federation_.Wait(kAfterwards);
    const JobStatus status = invariants_->last().status;
    if (!lenient_ && status != JobStatus::kDone) {
      invariants_->Violated("the job is not done: " + invariants_->last().reason);
    }
    for (const SiteConfig& site : sites_) CheckSite(site.site);
    if (status != JobStatus::kDone || federation_.server() == nullptr) return;
    const auto replayed = federation_.server()->Replay(job_);
    if (!replayed.ok()) return invariants_->Violated(replayed.status().ToString());
    for (const auto& step : *replayed) {
      if (step.replayed != step.recorded) invariants_->Violated("replay gives another digest");
    }
  }
  void CheckSite(const SiteId& site) {
    if (federation_.stopped(site)) return;
    if (federation_.session(site) == nullptr) {
      return invariants_->Violated(site.value() + " does not come back");
    }
    if (!federation_.session(site)->MakeHello().held.empty()) {
      invariants_->Violated(site.value() + " holds an update of a job that has ended");
    }
    invariants_->CheckSite(site, federation_.SiteDisk(site));
    if (personal_ && invariants_->last().status == JobStatus::kDone) CheckPersonalModel(site);
  }

  // A model of its own is there, and nothing staged, if and only if its evaluation counted.
  void CheckPersonalModel(const SiteId& site) {
    if (federation_.server() == nullptr) return;
    const auto view = federation_.server()->Show(job_);
    if (!view.ok()) return invariants_->Violated("the job is lost");
    const auto counted = std::ranges::count_if(view->steps.back().sites, [&](const auto& row) {
      return row.site == site && row.result == "counted";
    });
    const auto names = federation_.SiteDisk(site).List("site/personal");
    const bool whole = names.ok() && std::ranges::all_of(*names, [](const std::string& name) {
                         return name.ends_with(".safetensors");
                       });
    if (whole && names->size() == static_cast<size_t>(counted)) return;
    invariants_->Violated(fmt::format("{} keeps {} personal models, {} of its evaluations counted",
                                      site.value(), names.ok() ? names->size() : 0, counted));
  }

  TinyData data_;
  Random random_;
  const bool calm_;
  bool lenient_ = false;  // the job may give up
  bool personal_ = false;
  bool server_disk_fails_ = false;
  std::vector<SiteConfig> sites_;
  InMemoryFederation federation_;
  std::string job_file_;
  Bytes envelope_;
  JobId job_;
  std::optional<Invariants> invariants_;
  bool submitted_ = false;
  uint64_t events_ = 0;
  uint64_t crashes_ = 0;
};

}  // namespace

SeedResult RunSeed(uint64_t seed, PlantedBug bug) { return Simulation(seed, bug).Run(); }

}  // namespace consilium::simulation
