// jobs, show, cancel, replay, sites, plot: one question, one answer.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output/curve_svg.h"
#include "cli/output/job_json.h"
#include "cli/output/job_text.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::cli {
namespace {

constexpr int kNewestSteps = 10;

}  // namespace

absl::Status Jobs(const Context& context) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const v1::ListJobsReply jobs, client->Jobs());
  if (context.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& job : jobs.jobs()) list.push_back(ToJson(job));
    context.Json("jobs", list);
    return absl::OkStatus();
  }
  context.Data(JobsTable(context.terminal, jobs));
  if (jobs.jobs_size() == 0) {
    context.Next("consilium submit job.toml --watch");
  } else {
    context.Next("consilium show " + jobs.jobs(0).job_id());
  }
  return absl::OkStatus();
}

absl::Status Show(const Context& context, const ShowOptions& options) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const std::string id, ResolveJob(*client, options.job));
  CN_ASSIGN_OR_RETURN(const v1::JobView job, client->Job(id));
  if (options.file) {
    context.Data(job.file());
    return absl::OkStatus();
  }
  if (context.json) {
    context.Json("job", ToJson(job));
    return absl::OkStatus();
  }
  context.Data(JobDetails(context.terminal, job, options.all ? job.steps_size() : kNewestSteps));
  if (HasEnded(job.status())) {
    if (job.status() == v1::JOB_STATUS_DONE) {
      context.Next(fmt::format("consilium model get {} -o model.safetensors", id));
    }
  } else {
    context.Next("consilium watch " + id);
  }
  return absl::OkStatus();
}

absl::Status Cancel(const Context& context, const std::string& text) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const std::string id, ResolveJob(*client, text));
  CN_ASSIGN_OR_RETURN(const v1::JobView job, client->Cancel(id));
  if (context.json) {
    context.Json("job", ToJson(job));
  } else {
    context.Data(fmt::format("{} {}\n", id, NameOf(job.status())));
  }
  context.Next("consilium show " + id);
  return absl::OkStatus();
}

absl::Status Replay(const Context& context, const std::string& text) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const std::string id, ResolveJob(*client, text));
  CN_ASSIGN_OR_RETURN(const v1::ReplayJobReply reply, client->Replay(id));
  int sums = 0, gone = 0;
  for (const auto& step : reply.steps()) {
    sums += step.sums_redone() ? 1 : 0;
    gone += step.gone().empty() ? 0 : 1;
  }
  if (context.json) {
    context.Json("replay", ToJson(reply));
  } else {
    context.Data(fmt::format("{} steps redone, {} of them with their sums: {}\n",
                             reply.steps_size() - gone, sums,
                             reply.equal() ? "every digest is equal" : "the digests differ"));
    for (const auto& step : reply.steps()) {
      if (!step.gone().empty()) {
        context.Data(fmt::format("step {} was not redone: {}\n", step.step(), step.gone()));
      }
    }
  }
  if (reply.equal()) return absl::OkStatus();
  for (const auto& step : reply.steps()) {
    if (step.recorded() == step.replayed() || !step.gone().empty()) continue;
    return Error(ErrorCode::kReplayDiffers,
                 fmt::format("step {} was recorded as {} and replays as {}", step.step(),
                             HexOfBytes(step.recorded()), HexOfBytes(step.replayed())));
  }
  return Error(ErrorCode::kReplayDiffers, "the replay differs");
}

absl::Status Sites(const Context& context) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const v1::ListSitesReply sites, client->Sites());
  if (context.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& site : sites.sites()) list.push_back(ToJson(site));
    context.Json("sites", list);
    return absl::OkStatus();
  }
  context.Data(SitesTable(context.terminal, sites));
  return absl::OkStatus();
}

absl::Status Plot(const Context& context, const std::string& text, const std::string& output) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const std::string id, ResolveJob(*client, text));
  CN_ASSIGN_OR_RETURN(const v1::JobView job, client->Job(id));
  const std::vector<Panel> panels = CurvesOf(job);
  if (panels.empty()) {
    return Error(ErrorCode::kJobNotFound,
                 fmt::format("job {} has no committed round to draw yet", id),
                 "wait for a round: consilium watch " + id);
  }
  CN_RETURN_IF_ERROR(WriteFile(output, RenderCurves(job.name() + "  " + id, panels)));
  if (context.json) context.Json("plot", {{"job", id}, {"file", output}});
  context.Talk(fmt::format("wrote {}\n", output));
  return absl::OkStatus();
}

}  // namespace consilium::cli
