// lab run: the whole story in one command.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/lab/lab.h"
#include "cli/output/curve_svg.h"
#include "cli/output/figures.h"
#include "cli/output/job_json.h"
#include "cli/output/job_text.h"
#include "cli/verbs/verbs.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/job/job_spec.h"
#include "common/wire/messages.h"

namespace consilium::cli {
namespace {

// Each site's own model on its own test rows: one job a site, all at once.
absl::StatusOr<std::map<std::string, v1::SplitMetricsView>> TrainAlone(
    const Context& context, ControlClient& client, const std::string& file,
    const std::vector<std::string>& sites) {
  std::map<std::string, std::string> jobs;
  for (const std::string& site : sites) {
    CN_ASSIGN_OR_RETURN(const std::string own, JobForOneSite(file, site));
    CN_ASSIGN_OR_RETURN(const v1::SubmitJobReply reply, SubmitFile(client, own));
    jobs[site] = reply.job_id();
  }
  std::map<std::string, v1::SplitMetricsView> metrics;
  for (const auto& [site, id] : jobs) {
    CN_ASSIGN_OR_RETURN(const v1::JobView job, Follow(context, client, id, false));
    const v1::StepView* evaluation = EvaluationOf(job);
    if (evaluation == nullptr || evaluation->sites_size() == 0) continue;
    metrics[site] = evaluation->sites(0).metrics().test();
  }
  return metrics;
}

absl::Status RunJob(const Context& context, const LabRunOptions& options) {
  const SystemClock clock;
  CN_ASSIGN_OR_RETURN(const std::string file, ReadFile(options.job, wire::kMaxJobFileBytes));
  CN_ASSIGN_OR_RETURN(const LabPlan plan, ReadLabPlan(options.lab));
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  const Instant begun = clock.Now();
  CN_ASSIGN_OR_RETURN(const v1::SubmitJobReply reply, SubmitFile(*client, file));
  context.Talk(fmt::format("submitted {} as job {}\n", options.job, reply.job_id()));
  CN_ASSIGN_OR_RETURN(const v1::JobView job, Follow(context, *client, reply.job_id(), true));
  const Duration took = clock.Now() - begun;
  CN_RETURN_IF_ERROR(ResultOf(job));
  std::map<std::string, v1::SplitMetricsView> alone;
  if (options.alone) {
    context.Talk("now each site by itself, for comparison\n");
    CN_ASSIGN_OR_RETURN(alone, TrainAlone(context, *client, file, plan.sites));
  }
  const v1::StepView* evaluation = EvaluationOf(job);
  if (context.json) {
    context.Json("job", ToJson(job));
  } else if (evaluation != nullptr) {
    context.Data("\n" + FinalTable(context.terminal, *evaluation, alone));
  }
  if (!options.plot.empty()) {
    CN_RETURN_IF_ERROR(
        WriteFile(options.plot, RenderCurves(job.name() + "  " + job.job_id(), CurvesOf(job))));
    context.Talk(fmt::format("wrote {}\n", options.plot));
  }
  uint64_t bytes = 0;
  for (const auto& step : job.steps()) bytes += step.update_bytes();
  context.Talk(
      fmt::format("{} rounds in {}; {} of updates came to the server, and no row of data\n",
                  job.rounds_committed(), FormatDuration(took), FormatBytes(bytes)));
  return absl::OkStatus();
}

}  // namespace

absl::Status LabRun(const Context& context, const LabRunOptions& options) {
  CN_ASSIGN_OR_RETURN(const std::string file, ReadFile(options.job, wire::kMaxJobFileBytes));
  CN_RETURN_IF_ERROR(job::ParseJob(AsBytes(file), options.job).status());
  Context quiet = context;
  quiet.config = options.lab.folder + "/cli.toml";
  quiet.connection = {};
  absl::Status status = LabUp(quiet, options.lab);
  if (status.ok()) status = RunJob(quiet, options);
  if (!options.keep) {
    const absl::Status down = LabDown(quiet, options.lab.folder);
    if (status.ok()) status = down;
  }
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

}  // namespace consilium::cli
