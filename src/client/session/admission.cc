#include "client/session/admission.h"

#include <fmt/format.h>

#include <memory>

#include "client/session/disk_health.h"
#include "client/session/peer_text.h"
#include "client/session/task_runner.h"
#include "common/base/log.h"

namespace consilium::client::session {
namespace {

Admission::Answer RefusedBy(const JobId& job, const policy::Refuse& refuse) {
  return {{job, wire::Verdict::kRefused, refuse.rule, refuse.message}};
}

Admission::Answer Admitted(const JobId& job) { return {{job, wire::Verdict::kAdmitted, "", ""}}; }

}  // namespace

std::optional<policy::Refuse> Admission::Ask(const policy::PolicyQuestion& question,
                                             const policy::PolicyFacts& facts) const {
  const policy::Decision decision = room_.policy.Decide(question, facts);
  if (const auto* refuse = std::get_if<policy::Refuse>(&decision)) return *refuse;
  const std::string& pinned = question.job->train.kernel;
  if (pinned.empty() || pinned == room_.kernel) return std::nullopt;
  return policy::Refuse{"kernel", fmt::format("the job pins the training kernel `{}`, this site "
                                              "has `{}`",
                                              pinned, room_.kernel)};
}

std::optional<policy::Refuse> Admission::Decide(const wire::TaskOffer& offer) const {
  const std::shared_ptr<const KnownJob> job = room_.jobs.Find(offer.job);
  if (job == nullptr) return policy::Refuse{"unknown_job", "this site has not admitted the job"};
  if (auto refuse = Ask({job->spec.get(), job->researcher, offer.workload},
                        {.training_rows = job->training_rows})) {
    return refuse;
  }
  if (!IsStepOf(*job->spec, offer.workload, offer.round)) {
    return policy::Refuse{"plan", fmt::format("{} of round {} is not a step of the job",
                                              wire::NameOf(offer.workload), offer.round.value())};
  }
  return std::nullopt;
}

std::optional<Admission::Answer> Admission::Decide(const wire::JobNotice& notice,
                                                   const data::ReadProgress& progress) {
  if (const std::shared_ptr<const KnownJob> known = room_.jobs.Find(notice.job)) {
    // Noticed again after a reconnect: the policy is asked again, the data is not read again.
    const auto refuse = Ask({known->spec.get(), known->researcher, std::nullopt},
                            {.training_rows = known->training_rows});
    return refuse ? RefusedBy(notice.job, *refuse) : Admitted(notice.job);
  }
  const auto read = ReadNotice(notice, room_.parse);
  if (!read.ok()) return Answer{RefusedFor(notice.job, read.status())};
  const std::shared_ptr<const job::JobSpec>& spec = *read;
  // First without the data: a dataset that may not be used is not even read.
  const policy::PolicyQuestion question{spec.get(), notice.researcher, std::nullopt};
  if (const auto refuse = Ask(question, {})) return RefusedBy(notice.job, *refuse);
  const auto dataset = room_.datasets.Load(*spec, progress);
  if (absl::IsCancelled(dataset.status())) return std::nullopt;
  if (!dataset.ok()) {
    LogStatus(Level::kError, "dataset cannot be used", dataset.status(),
              {{"job", notice.job.value()}});
    return Answer{RefusedFor(notice.job, dataset.status())};
  }
  const uint64_t rows = (*dataset)->train.rows();
  if (const auto refuse = Ask(question, {.training_rows = rows})) {
    return RefusedBy(notice.job, *refuse);
  }
  const absl::Status kept = room_.jobs.Add(notice, {spec, notice.researcher, rows});
  if (IsDiskFault(kept)) {
    return Answer{
        {notice.job, wire::Verdict::kPending, CodeTextOf(kept), "the site waits for its own disk"},
        kept};
  }
  if (!kept.ok()) return Answer{RefusedFor(notice.job, kept), kept};
  Answer answer = Admitted(notice.job);
  answer.kept = kept;
  return answer;
}

}  // namespace consilium::client::session
