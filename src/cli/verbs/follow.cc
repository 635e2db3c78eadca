// What submit --watch, watch and wait share: finding a job and following it to its end.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "cli/output/job_json.h"
#include "cli/output/job_text.h"
#include "cli/output/live_view.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::cli {
namespace {

constexpr size_t kLeastPrefix = 4;

std::atomic<bool> interrupted = false;

// While it lives, Ctrl-C interrupts the client's Watch instead of ending the process. The handler
// only sets a flag; a thread of its own does what a handler may not.
class DetachOnInterrupt {
 public:
  explicit DetachOnInterrupt(ControlClient& client)
      : thread_([this, &client] {
          while (!done_.load()) {
            if (interrupted.load()) {
              client.Interrupt();
              return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
          }
        }) {
    interrupted = false;
    struct sigaction action{};
    action.sa_handler = [](int) { interrupted = true; };
    sigaction(SIGINT, &action, &before_);
  }
  ~DetachOnInterrupt() {
    done_ = true;
    thread_.join();
    sigaction(SIGINT, &before_, nullptr);
  }
  DetachOnInterrupt(const DetachOnInterrupt&) = delete;
  DetachOnInterrupt& operator=(const DetachOnInterrupt&) = delete;

 private:
  std::atomic<bool> done_ = false;
  struct sigaction before_{};
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::string> ResolveJob(ControlClient& client, const std::string& text) {
  if (text.size() == 16 && text != "latest") return text;
  CN_ASSIGN_OR_RETURN(const v1::ListJobsReply jobs, client.Jobs());
  if (text == "latest") {
    if (jobs.jobs_size() == 0) {
      return Error(ErrorCode::kJobNotFound, "there is no job yet",
                   "submit one: consilium submit job.toml");
    }
    return jobs.jobs(0).job_id();
  }
  if (text.size() < kLeastPrefix) {
    return Error(ErrorCode::kUsage,
                 fmt::format("`{}` is too short for a job id, want at least {} digits of it, or "
                             "`latest`",
                             Printable(text), kLeastPrefix),
                 "`consilium jobs` lists the ids");
  }
  std::string found;
  int matches = 0;
  for (const auto& job : jobs.jobs()) {
    if (!job.job_id().starts_with(text)) continue;
    found = job.job_id();
    ++matches;
  }
  if (matches == 1) return found;
  return Error(
      ErrorCode::kJobNotFound,
      fmt::format("{} jobs have an id that starts with `{}`, want one", matches, Printable(text)),
      "`consilium jobs` lists the ids");
}

absl::StatusOr<v1::JobView> Follow(const Context& context, ControlClient& client,
                                   const std::string& job, bool draw) {
  LiveView view(context.terminal);
  DetachOnInterrupt detach(client);
  const absl::Status status = client.Watch(
      {.job = job},
      [&](const v1::WatchJobReply& reply) {
        const std::string text = view.Update(reply);
        if (draw && context.json) {
          for (const auto& step : reply.job().steps()) context.Json("step", ToJson(step));
        } else if (draw) {
          context.Data(text);
        }
        return true;
      },
      [&](const absl::Status& why) {
        if (!draw || context.json) return;
        if (context.terminal.live()) {
          context.Data(view.Waiting(std::string(why.message())));
        } else {
          context.Talk(fmt::format("waiting for the server: {}\n", std::string(why.message())));
        }
      });
  if (interrupted.load()) {
    context.Talk("\ndetached; the job goes on\n");
    context.Next("consilium watch " + job);
    return absl::CancelledError("detached");
  }
  CN_RETURN_IF_ERROR(status);
  if (draw && !context.json) context.Data(view.Finish());
  return view.job();
}

absl::Status ResultOf(const v1::JobView& job) {
  if (job.status() == v1::JOB_STATUS_DONE) return absl::OkStatus();
  const bool cancelled = job.status() == v1::JOB_STATUS_CANCELLED;
  return Error(
      cancelled ? ErrorCode::kJobCancelled : ErrorCode::kJobFailed,
      fmt::format("job {} {}: {}", job.job_id(), NameOf(job.status()), Printable(job.reason())),
      fmt::format("`consilium show {}` names every site and its reason", job.job_id()));
}

}  // namespace consilium::cli
