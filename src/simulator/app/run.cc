#include "simulator/app/run.h"

#include <fmt/format.h>

#include <utility>

#include "cli/output/live_view.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/job/job_spec.h"
#include "common/learn/model_file.h"
#include "common/learn/strategy_layout.h"
#include "common/wire/messages.h"
#include "server/round/coordinator.h"
#include "server/views/view_proto.h"
#include "simulator/shared_rows.h"

namespace consilium::simulator::app {
namespace {

constexpr uint64_t kMaxStartBytes = uint64_t{1} << 30;  // as `consilium model put` reads
constexpr Duration kRedraw = std::chrono::milliseconds(100);

// The job as `consilium watch` draws it, now and then.
class Picture {
 public:
  explicit Picture(const cli::Console& console)
      : console_(console), view_(console.terminal), live_(console.terminal.live()) {}

  void Draw(const server::round::Coordinator& coordinator, const JobId& job) {
    const Instant now = clock_.Now();
    if (!live_ || console_.json || now < next_) return;
    next_ = now + kRedraw;
    const auto view = coordinator.Show(job, seen_);
    if (view.ok()) Take(*view);
  }
  void Finish(const server::jobs::JobView& view) {
    if (!live_ || console_.json) return;
    Take(view);
    console_.Data(view_.Finish());
  }

 private:
  void Take(const server::jobs::JobView& view) {
    v1::WatchJobReply reply;
    server::views::ToProto(view, *reply.mutable_job());
    if (!view.steps.empty()) seen_ = view.steps.back().step;
    console_.Data(view_.Update(reply));
  }

  const cli::Console& console_;
  const SystemClock clock_;
  cli::LiveView view_;
  const bool live_;
  Instant next_{};
  StepNumber seen_{0};
};

absl::StatusOr<uint32_t> SitesFor(const RunOptions& options) {
  if (options.partition.scheme != Scheme::kColumn) return options.sites.value_or(kDefaultSites);
  if (!options.sites) return 0;
  return Error(ErrorCode::kUsage,
               "--sites and --partition column:NAME exclude each other: each value is a site",
               "leave --sites out");
}

absl::StatusOr<std::vector<SiteSetup>> SetUp(const RunOptions& options, const job::JobSpec& spec) {
  CN_ASSIGN_OR_RETURN(const uint32_t sites, SitesFor(options));
  CN_ASSIGN_OR_RETURN(SimulatedData data, ReadSimulatedData(options.data, spec.data.dataset));
  CN_ASSIGN_OR_RETURN(const auto rows, SharedRows::Load(data.dataset, spec));
  CN_ASSIGN_OR_RETURN(std::vector<SiteRowsOf> divided,
                      rows->Divide(options.partition, sites, options.seed));
  std::vector<SiteSetup> setups;
  for (SiteRowsOf& site : divided) {
    SiteSetup& setup = setups.emplace_back();
    setup.site = site.site;
    setup.policy = data.policy;
    setup.train_rows = site.train.size();
    setup.test_rows = site.test.size();
    setup.datasets = SharedRows::SourceOf(rows, std::move(site));
  }
  return setups;
}

}  // namespace

absl::StatusOr<RunResult> RunSimulation(const RunOptions& options, const cli::Console& console) {
  const SystemClock clock;
  const Instant begun = clock.Now();
  CN_ASSIGN_OR_RETURN(const std::string file, cli::ReadFile(options.job, wire::kMaxJobFileBytes));
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, job::ParseJob(AsBytes(file), options.job));
  SimulatedFederation::Options parts;
  CN_ASSIGN_OR_RETURN(parts.sites, SetUp(options, spec));
  RunResult result;
  for (const SiteSetup& site : parts.sites) {
    result.sites.push_back({site.site, site.train_rows, site.test_rows});
  }
  if (!options.start.empty()) {
    CN_ASSIGN_OR_RETURN(const std::string model, cli::ReadFile(options.start, kMaxStartBytes));
    CN_ASSIGN_OR_RETURN(parts.start, learn::DecodeModel(AsBytes(model)));
  }
  parts.pace = options.pace;
  parts.seed = options.seed;
  Picture picture(console);
  parts.on_change = [&picture](const server::round::Coordinator& coordinator, const JobId& job) {
    picture.Draw(coordinator, job);
  };
  CN_ASSIGN_OR_RETURN(const auto federation, SimulatedFederation::Create(std::move(parts)));
  CN_ASSIGN_OR_RETURN(const JobId job, federation->Submit(file, options.job));
  CN_ASSIGN_OR_RETURN(Finished finished, federation->Run(job));
  picture.Finish(finished.view);
  server::views::ToProto(finished.view, result.job);
  if (!finished.view.state.IsZero()) result.model = learn::ModelIn(finished.content.broadcast);
  result.simulated = finished.simulated;
  result.dropped = finished.dropped;
  result.took = clock.Now() - begun;
  return result;
}

}  // namespace consilium::simulator::app
