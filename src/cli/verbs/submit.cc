#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output/job_json.h"
#include "cli/output/job_text.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/job/job_spec.h"
#include "common/wire/envelope.h"
#include "common/wire/messages.h"

namespace consilium::cli {
namespace {

constexpr UtcMillis kSkew = 5 * 60 * 1000;
constexpr UtcMillis kValid = int64_t{24} * 3600 * 1000;

// The job's end, for a person: where everything is and what to do next.
void PrintEnd(const Context& context, const v1::JobView& job) {
  if (context.json) {
    context.Json("job", ToJson(job));
    return;
  }
  if (const v1::StepView* evaluation = EvaluationOf(job)) {
    context.Data("\n" + FinalTable(context.terminal, *evaluation, {}));
  }
  if (job.status() == v1::JOB_STATUS_DONE) {
    context.Next(fmt::format("consilium model get {} -o model.safetensors", job.job_id()));
  }
}

}  // namespace

absl::StatusOr<v1::SubmitJobReply> SubmitFile(ControlClient& client, std::string_view file) {
  wire::Envelope envelope;
  envelope.federation = client.federation();
  crypto::FillRandom(envelope.nonce);
  const UtcMillis now = SystemClock().UtcNow();
  envelope.not_before = now - kSkew;
  envelope.expiry = now + kValid;
  return client.Submit(wire::EncodeEnvelope(envelope), AsBytes(file));
}

absl::Status Submit(const Context& context, const SubmitOptions& options) {
  CN_ASSIGN_OR_RETURN(const std::string file, ReadFile(options.file, wire::kMaxJobFileBytes));
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, job::ParseJob(AsBytes(file), options.file));
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const v1::SubmitJobReply reply, SubmitFile(*client, file));
  if (!options.watch) {
    if (context.json) {
      context.Json("submitted",
                   {{"job", reply.job_id()}, {"already_known", reply.already_known()}});
    } else {
      context.Data(reply.job_id() + "\n");
    }
    context.Next("consilium watch " + reply.job_id());
    return absl::OkStatus();
  }
  context.Talk(fmt::format("submitted {} as job {}\n", spec.name, reply.job_id()));
  const absl::StatusOr<v1::JobView> job = Follow(context, *client, reply.job_id(), true);
  if (absl::IsCancelled(job.status())) return absl::OkStatus();
  CN_RETURN_IF_ERROR(job.status());
  PrintEnd(context, *job);
  return ResultOf(*job);
}

absl::Status Watch(const Context& context, const std::string& text) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const std::string id, ResolveJob(*client, text));
  const absl::StatusOr<v1::JobView> job = Follow(context, *client, id, true);
  if (absl::IsCancelled(job.status())) return absl::OkStatus();
  CN_RETURN_IF_ERROR(job.status());
  PrintEnd(context, *job);
  return ResultOf(*job);
}

}  // namespace consilium::cli
