#include "cli/output/job_json.h"

#include <cmath>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/digest.h"

namespace consilium::cli {
namespace {

using nlohmann::json;

json Number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json SplitJson(const v1::SplitMetricsView& split) {
  json out = {{"rows", split.rows()}, {"loss", Number(split.loss())}};
  if (split.has_accuracy()) out["accuracy"] = Number(split.accuracy());
  if (split.has_auc()) out["auc"] = Number(split.auc());
  if (split.has_f1()) out["f1"] = Number(split.f1());
  if (split.has_brier()) out["brier"] = Number(split.brier());
  if (split.has_calibration_error()) {
    out["calibration_error"] = Number(split.calibration_error());
  }
  if (split.has_mae()) out["mae"] = Number(split.mae());
  if (split.has_rmse()) out["rmse"] = Number(split.rmse());
  if (split.has_c_index()) out["c_index"] = Number(split.c_index());
  if (split.has_deviance()) out["deviance"] = Number(split.deviance());
  return out;
}

json MetricsJson(const v1::MetricsView& metrics) {
  json out = json::object();
  if (metrics.has_train()) out["train"] = SplitJson(metrics.train());
  if (metrics.has_test()) out["test"] = SplitJson(metrics.test());
  if (metrics.has_personal_train()) out["personal_train"] = SplitJson(metrics.personal_train());
  if (metrics.has_personal_test()) out["personal_test"] = SplitJson(metrics.personal_test());
  return out;
}

json SiteStepJson(const v1::SiteStepView& site) {
  json out = {{"site", site.site()},
              {"result", site.result()},
              {"update_bytes", site.update_bytes()},
              {"elapsed_ms", site.elapsed_ms()},
              {"weight", site.weight()},
              {"metrics", MetricsJson(site.metrics())}};
  if (!site.reason().empty()) out["reason"] = site.reason();
  if (!site.phase().empty()) out["phase"] = site.phase();
  if (site.total() > 0) {
    out["done"] = site.done();
    out["total"] = site.total();
    out["per_second"] = site.per_second();
  }
  if (site.away()) out["away"] = true;
  if (site.has_quiet_ms()) out["quiet_ms"] = site.quiet_ms();
  if (site.has_left_ms()) out["left_ms"] = site.left_ms();
  if (!site.kernel().empty()) out["kernel"] = site.kernel();
  if (!site.update_digest().empty()) out["update_digest"] = HexOfBytes(site.update_digest());
  return out;
}

json LateJson(const v1::LateUpdateView& late) {
  json out = {{"site", late.site()},
              {"step", late.step()},
              {"round", late.round()},
              {"age", late.age()},
              {"result", late.result()},
              {"reason", late.reason()},
              {"weight", late.weight()},
              {"counted_weight", late.counted_weight()},
              {"update_bytes", late.update_bytes()}};
  if (!late.kernel().empty()) out["kernel"] = late.kernel();
  if (!late.update_digest().empty()) out["update_digest"] = HexOfBytes(late.update_digest());
  return out;
}

json WaitJson(const v1::WaitView& wait) {
  json out = {{"kind", wait.kind()}, {"since_ms", wait.since_ms()}, {"sites", json::array()}};
  for (const auto& site : wait.sites()) out["sites"].push_back(site);
  if (wait.has_left_ms()) out["left_ms"] = wait.left_ms();
  return out;
}

json SetbackJson(const v1::SetbackView& setback) {
  json out = {{"what", setback.what()},
              {"count", setback.count()},
              {"last", FormatUtc(setback.last_utc_ms())}};
  if (!setback.site().empty()) out["site"] = setback.site();
  if (setback.workload() == v1::WORKLOAD_UNSPECIFIED) return out;
  out["workload"] = NameOf(setback.workload());
  if (setback.round() > 0) out["round"] = setback.round();
  out["accepted"] = setback.accepted();
  out["selected"] = setback.selected();
  return out;
}

const char* VerdictName(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_ADMITTED:
      return "admitted";
    case v1::VERDICT_PENDING:
      return "pending";
    case v1::VERDICT_REFUSED:
      return "refused";
    default:
      return "unknown";
  }
}

}  // namespace

std::string HexOfBytes(const std::string& bytes) {
  Digest digest;
  if (bytes.size() != digest.bytes.size()) return "";
  std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
  return HexOf(digest);
}

std::string NameOf(v1::JobStatus status) {
  switch (status) {
    case v1::JOB_STATUS_QUEUED:
      return "queued";
    case v1::JOB_STATUS_RUNNING:
      return "running";
    case v1::JOB_STATUS_WAITING:
      return "waiting";
    case v1::JOB_STATUS_DONE:
      return "done";
    case v1::JOB_STATUS_FAILED:
      return "failed";
    case v1::JOB_STATUS_CANCELLED:
      return "cancelled";
    default:
      return "unknown";
  }
}

std::string NameOf(v1::Workload workload) {
  switch (workload) {
    case v1::WORKLOAD_MEANS:
      return "means";
    case v1::WORKLOAD_VARIANCES:
      return "variances";
    case v1::WORKLOAD_TRAIN:
      return "train";
    case v1::WORKLOAD_EVALUATE:
      return "evaluate";
    default:
      return "unknown";
  }
}

bool HasEnded(v1::JobStatus status) {
  return status == v1::JOB_STATUS_DONE || status == v1::JOB_STATUS_FAILED ||
         status == v1::JOB_STATUS_CANCELLED;
}

json ToJson(const v1::StepView& step) {
  json out = {{"step", step.step()},
              {"workload", NameOf(step.workload())},
              {"committed", step.committed()},
              {"result", step.result()},
              {"base_state", HexOfBytes(step.base_state())},
              {"elapsed_ms", step.elapsed_ms()},
              {"update_bytes", step.update_bytes()},
              {"total_weight", step.total_weight()},
              {"metrics", MetricsJson(step.metrics())},
              {"sites", json::array()}};
  if (step.round() > 0) out["round"] = step.round();
  if (!step.state().empty()) out["state"] = HexOfBytes(step.state());
  if (!step.reason().empty()) out["reason"] = step.reason();
  if (step.has_left_ms()) out["left_ms"] = step.left_ms();
  for (const auto& site : step.sites()) out["sites"].push_back(SiteStepJson(site));
  for (const auto& late : step.late()) out["late"].push_back(LateJson(late));
  return out;
}

json ToJson(const v1::JobView& job) {
  json out = {{"job", job.job_id()},
              {"name", job.name()},
              {"researcher", job.researcher()},
              {"status", NameOf(job.status())},
              {"rounds", job.rounds()},
              {"rounds_committed", job.rounds_committed()},
              {"rounds_failed", job.rounds_failed()},
              {"submitted", FormatUtc(job.submitted_utc_ms())},
              {"state", HexOfBytes(job.state())},
              {"job_digest", HexOfBytes(job.job_digest())},
              {"admissions", json::array()},
              {"setbacks", json::array()},
              {"steps", json::array()}};
  if (job.ended_utc_ms() > 0) out["ended"] = FormatUtc(job.ended_utc_ms());
  if (!job.reason().empty()) out["reason"] = job.reason();
  if (!job.waiting().empty()) out["waiting"] = job.waiting();
  if (job.has_wait()) out["wait"] = WaitJson(job.wait());
  for (const auto& admission : job.admissions()) {
    json row = {{"site", admission.site()}, {"verdict", VerdictName(admission.verdict())}};
    if (!admission.rule().empty()) row["rule"] = admission.rule();
    if (!admission.message().empty()) row["message"] = admission.message();
    out["admissions"].push_back(row);
  }
  for (const auto& setback : job.setbacks()) out["setbacks"].push_back(SetbackJson(setback));
  for (const auto& step : job.steps()) out["steps"].push_back(ToJson(step));
  if (job.has_current()) out["current"] = ToJson(job.current());
  return out;
}

json ToJson(const v1::SiteView& site) {
  json out = {{"site", site.site()},
              {"connected", site.connected()},
              {"version", site.version()},
              {"epoch", site.epoch()},
              {"last_seen", FormatUtc(site.last_seen_utc_ms())},
              {"store_changed", site.store_changed()},
              {"contested", site.contested()},
              {"datasets", json::array()},
              {"capabilities", json::array()}};
  for (const auto& dataset : site.datasets()) out["datasets"].push_back(dataset);
  for (const auto& capability : site.capabilities()) out["capabilities"].push_back(capability);
  return out;
}

json ToJson(const v1::ReplayJobReply& reply) {
  json out = {{"equal", reply.equal()}, {"steps", json::array()}};
  for (const auto& step : reply.steps()) {
    out["steps"].push_back({{"step", step.step()},
                            {"recorded", HexOfBytes(step.recorded())},
                            {"replayed", HexOfBytes(step.replayed())},
                            {"sums_redone", step.sums_redone()},
                            {"gone", step.gone()}});
  }
  return out;
}

}  // namespace consilium::cli
