#include "server/views/view_proto.h"

#include <chrono>
#include <string>

#include "common/base/bytes.h"
#include "common/wire/messages_proto.h"

namespace consilium::server::views {
namespace {

std::string BytesOf(const Digest& digest) {
  if (digest.IsZero()) return {};
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

uint64_t MillisOf(Duration duration) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return millis < 0 ? 0 : static_cast<uint64_t>(millis);
}

v1::JobStatus ToProto(jobs::JobStatus status) {
  switch (status) {
    case jobs::JobStatus::kQueued:
      return v1::JOB_STATUS_QUEUED;
    case jobs::JobStatus::kRunning:
      return v1::JOB_STATUS_RUNNING;
    case jobs::JobStatus::kWaiting:
      return v1::JOB_STATUS_WAITING;
    case jobs::JobStatus::kDone:
      return v1::JOB_STATUS_DONE;
    case jobs::JobStatus::kFailed:
      return v1::JOB_STATUS_FAILED;
    case jobs::JobStatus::kCancelled:
      return v1::JOB_STATUS_CANCELLED;
  }
  return v1::JOB_STATUS_UNSPECIFIED;
}

void ToProto(const aggregation::SplitMetrics& split, v1::SplitMetricsView& out) {
  out.set_rows(split.rows);
  out.set_loss(split.loss);
  if (split.accuracy) out.set_accuracy(*split.accuracy);
  if (split.auc) out.set_auc(*split.auc);
  if (split.f1) out.set_f1(*split.f1);
  if (split.brier) out.set_brier(*split.brier);
  if (split.calibration_error) out.set_calibration_error(*split.calibration_error);
  if (split.mae) out.set_mae(*split.mae);
  if (split.rmse) out.set_rmse(*split.rmse);
  if (split.c_index) out.set_c_index(*split.c_index);
  if (split.deviance) out.set_deviance(*split.deviance);
}

void ToProto(const aggregation::Metrics& metrics, v1::MetricsView& out) {
  if (metrics.train) ToProto(*metrics.train, *out.mutable_train());
  if (metrics.test) ToProto(*metrics.test, *out.mutable_test());
  if (metrics.personal_train) ToProto(*metrics.personal_train, *out.mutable_personal_train());
  if (metrics.personal_test) ToProto(*metrics.personal_test, *out.mutable_personal_test());
}

bool IsEmpty(const aggregation::Metrics& metrics) {
  return !metrics.train && !metrics.test && !metrics.personal_train && !metrics.personal_test;
}

void ToProto(const jobs::SiteStepView& view, v1::SiteStepView& out) {
  out.set_site(view.site.value());
  out.set_result(view.result);
  out.set_reason(view.reason);
  out.set_phase(view.phase);
  out.set_update_bytes(view.update_bytes);
  out.set_elapsed_ms(MillisOf(view.elapsed));
  out.set_weight(view.weight);
  out.set_update_digest(BytesOf(view.update_digest));
  out.set_kernel(view.kernel);
  if (!IsEmpty(view.metrics)) ToProto(view.metrics, *out.mutable_metrics());
  out.set_done(view.done);
  out.set_total(view.total);
  out.set_per_second(view.per_second);
  out.set_away(view.away);
  if (view.quiet) out.set_quiet_ms(MillisOf(*view.quiet));
  if (view.left) out.set_left_ms(MillisOf(*view.left));
}

void ToProto(const jobs::Wait& wait, v1::WaitView& out) {
  out.set_kind(wait.kind);
  for (const SiteId& site : wait.sites) out.add_sites(site.value());
  out.set_since_ms(MillisOf(wait.since));
  if (wait.left) out.set_left_ms(MillisOf(*wait.left));
}

void ToProto(const jobs::LateUpdateView& view, v1::LateUpdateView& out) {
  out.set_site(view.site.value());
  out.set_step(view.step.value());
  out.set_round(view.round.value());
  out.set_age(view.age);
  out.set_result(view.result);
  out.set_reason(view.reason);
  out.set_update_bytes(view.update_bytes);
  out.set_weight(view.weight);
  out.set_counted_weight(view.counted_weight);
  out.set_update_digest(BytesOf(view.update_digest));
  out.set_kernel(view.kernel);
}

void ToProto(const jobs::SetbackView& view, v1::SetbackView& out) {
  out.set_what(jobs::NameOf(view.what));
  out.set_site(view.site.value());
  out.set_count(view.count);
  out.set_last_utc_ms(view.utc);
  if (view.step == StepNumber(0)) return;
  out.set_workload(wire::ToProto(view.workload));
  out.set_round(view.round.value());
  out.set_accepted(view.accepted);
  out.set_selected(view.selected);
}

}  // namespace

void ToProto(const jobs::StepView& view, v1::StepView& out) {
  out.set_step(view.step.value());
  out.set_workload(wire::ToProto(view.workload));
  out.set_round(view.round.value());
  out.set_committed(view.committed);
  out.set_result(view.result);
  out.set_reason(view.reason);
  out.set_base_state(BytesOf(view.base_state));
  out.set_state(BytesOf(view.state));
  out.set_elapsed_ms(MillisOf(view.elapsed));
  if (view.left) out.set_left_ms(MillisOf(*view.left));
  for (const jobs::SiteStepView& site : view.sites) ToProto(site, *out.add_sites());
  if (!IsEmpty(view.metrics)) ToProto(view.metrics, *out.mutable_metrics());
  out.set_update_bytes(view.update_bytes);
  out.set_total_weight(view.total_weight);
  for (const jobs::LateUpdateView& late : view.late) ToProto(late, *out.add_late());
}

void ToProto(const jobs::JobView& view, v1::JobView& out) {
  out.set_job_id(view.job.value());
  out.set_name(view.name);
  out.set_researcher(view.researcher);
  out.set_status(ToProto(view.status));
  out.set_reason(view.reason);
  out.set_waiting(view.wait.text);
  if (!view.wait.kind.empty()) ToProto(view.wait, *out.mutable_wait());
  out.set_rounds(view.rounds);
  out.set_rounds_committed(view.rounds_committed);
  out.set_rounds_failed(view.rounds_failed);
  out.set_submitted_utc_ms(view.submitted);
  out.set_ended_utc_ms(view.ended);
  out.set_state(BytesOf(view.state));
  out.set_job_digest(BytesOf(view.job_digest));
  out.set_file(std::string(AsText(view.file)));
  for (const jobs::AdmissionView& admission : view.admissions) {
    v1::AdmissionView& one = *out.add_admissions();
    one.set_site(admission.site.value());
    one.set_verdict(wire::ToProto(admission.verdict));
    one.set_rule(admission.rule);
    one.set_message(admission.message);
  }
  for (const jobs::StepView& step : view.steps) ToProto(step, *out.add_steps());
  if (view.current) ToProto(*view.current, *out.mutable_current());
  for (const jobs::SetbackView& setback : view.setbacks) ToProto(setback, *out.add_setbacks());
  out.set_now_utc_ms(view.now);
}

void ToProto(const registry::SiteStatus& site, v1::SiteView& out) {
  out.set_site(site.site.value());
  out.set_connected(site.connected);
  out.set_version(site.version);
  for (const std::string& dataset : site.datasets) out.add_datasets(dataset);
  for (const std::string& capability : site.capabilities) out.add_capabilities(capability);
  out.set_last_seen_utc_ms(site.last_seen);
  out.set_epoch(site.epoch.value());
  out.set_store_changed(site.store_changed);
  out.set_contested(site.contested);
}

void ToProto(const round::ReplayedStep& step, v1::ReplayedStep& out) {
  out.set_step(step.step.value());
  out.set_recorded(BytesOf(step.recorded));
  out.set_replayed(BytesOf(step.replayed));
  out.set_sums_redone(step.sums_redone);
  out.set_gone(step.gone);
}

}  // namespace consilium::server::views
