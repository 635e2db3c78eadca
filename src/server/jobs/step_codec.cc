#include "server/jobs/step_codec.h"

#include <algorithm>
#include <iterator>

#include "server/jobs/job_records.h"

namespace consilium::server::jobs {
namespace {

// The rows that metrics may be of, in their order, each with the bit that says it is there.
struct SplitBit {
  uint8_t bit;
  std::optional<aggregation::SplitMetrics> aggregation::Metrics::* split;
};
constexpr SplitBit kSplits[] = {{1, &aggregation::Metrics::train},
                                {2, &aggregation::Metrics::test},
                                {4, &aggregation::Metrics::personal_train},
                                {8, &aggregation::Metrics::personal_test}};
constexpr uint8_t kHasAccuracy = 1;
constexpr uint8_t kHasAuc = 2;
constexpr uint8_t kHasFurther = 4;

void PutSplit(ByteWriter& out, const aggregation::SplitMetrics& split) {
  out.Put(split.rows);
  out.Put(split.loss);
  uint16_t further = 0;
  for (size_t i = 0; i < std::size(learn::kFurtherMetrics); ++i) {
    if (split.*learn::kFurtherMetrics[i].value) further |= static_cast<uint16_t>(1U << i);
  }
  out.Put(static_cast<uint8_t>((split.accuracy ? kHasAccuracy : 0) | (split.auc ? kHasAuc : 0) |
                               (further != 0 ? kHasFurther : 0)));
  out.Put(split.accuracy.value_or(0));
  out.Put(split.auc.value_or(0));
  if (further == 0) return;
  out.Put(further);
  for (const learn::NamedMetric& metric : learn::kFurtherMetrics) {
    if (const auto& value = split.*metric.value) out.Put(*value);
  }
}

aggregation::SplitMetrics GetSplit(ByteReader& in) {
  aggregation::SplitMetrics split;
  split.rows = in.Get<uint64_t>();
  split.loss = in.Get<double>();
  const auto has = in.Get<uint8_t>();
  const auto accuracy = in.Get<double>();
  const auto auc = in.Get<double>();
  if (has & kHasAccuracy) split.accuracy = accuracy;
  if (has & kHasAuc) split.auc = auc;
  if ((has & kHasFurther) == 0) return split;
  const auto further = in.Get<uint16_t>();
  if (further >= 1U << std::size(learn::kFurtherMetrics)) Reject(in);
  for (size_t i = 0; i < std::size(learn::kFurtherMetrics); ++i) {
    if (further & (1U << i)) split.*learn::kFurtherMetrics[i].value = in.Get<double>();
  }
  return split;
}

// Of a row that has personal metrics besides: a report of the largest cohort fits a record.
constexpr size_t kMaxReasonBesidePersonal = kMaxReasonBytes / 2;

void PutSite(ByteWriter& out, const SiteStepView& site) {
  PutName(out, site.site);
  PutCut(out, site.result, kMaxNameBytes);
  const bool personal = site.metrics.personal_train || site.metrics.personal_test;
  PutCut(out, site.reason, personal ? kMaxReasonBesidePersonal : kMaxReasonBytes);
  PutCut(out, site.phase, kMaxNameBytes);
  out.Put(site.update_bytes);
  out.Put(site.weight);
  PutDigest(out, site.update_digest);
  out.Put(static_cast<int64_t>(site.elapsed.count()));
  PutMetrics(out, site.metrics);
  PutCut(out, site.kernel, kMaxNameBytes);
}

SiteStepView GetSite(ByteReader& in, StepFields fields) {
  SiteStepView site;
  GetName(in, site.site);
  site.result = in.GetText(kMaxNameBytes);
  site.reason = in.GetText(kMaxReasonBytes);
  site.phase = in.GetText(kMaxNameBytes);
  site.update_bytes = in.Get<uint64_t>();
  site.weight = in.Get<uint32_t>();
  site.update_digest = GetDigest(in);
  site.elapsed = Duration(in.Get<int64_t>());
  site.metrics = GetMetrics(in);
  if (fields >= StepFields::kWithKernels) site.kernel = in.GetText(kMaxNameBytes);
  return site;
}

void PutLate(ByteWriter& out, const LateUpdateView& late) {
  PutName(out, late.site);
  out.Put(late.step.value());
  out.Put(late.round.value());
  out.Put(late.age);
  PutCut(out, late.result, kMaxNameBytes);
  PutCut(out, late.reason, kMaxReasonBytes);
  out.Put(late.update_bytes);
  out.Put(late.weight);
  out.Put(late.counted_weight);
  PutDigest(out, late.update_digest);
  PutCut(out, late.kernel, kMaxNameBytes);
}

LateUpdateView GetLate(ByteReader& in) {
  LateUpdateView late;
  GetName(in, late.site);
  late.step = StepNumber(in.Get<uint64_t>());
  late.round = RoundNumber(in.Get<uint64_t>());
  late.age = in.Get<uint32_t>();
  late.result = in.GetText(kMaxNameBytes);
  late.reason = in.GetText(kMaxReasonBytes);
  late.update_bytes = in.Get<uint64_t>();
  late.weight = in.Get<uint32_t>();
  late.counted_weight = in.Get<uint32_t>();
  late.update_digest = GetDigest(in);
  late.kernel = in.GetText(kMaxNameBytes);
  return late;
}

}  // namespace

void PutMetrics(ByteWriter& out, const aggregation::Metrics& metrics) {
  uint8_t has = 0;
  for (const auto& [bit, split] : kSplits) {
    if (metrics.*split) has |= bit;
  }
  out.Put(has);
  for (const auto& [bit, split] : kSplits) {
    if (metrics.*split) PutSplit(out, *(metrics.*split));
  }
}

aggregation::Metrics GetMetrics(ByteReader& in) {
  aggregation::Metrics metrics;
  const auto has = in.Get<uint8_t>();
  for (const auto& [bit, split] : kSplits) {
    if (has & bit) metrics.*split = GetSplit(in);
  }
  return metrics;
}

void PutCut(ByteWriter& out, std::string_view text, size_t most) {
  if (text.size() <= most) {
    out.PutText(text);
    return;
  }
  size_t end = most - 3;
  // Never inside a UTF-8 sequence.
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  out.PutText(std::string(text.substr(0, end)) + "...");
}

void PutDigest(ByteWriter& out, const Digest& digest) {
  out.PutBytes(std::as_bytes(std::span(digest.bytes)));
}

Digest GetDigest(ByteReader& in) {
  Digest digest;
  if (const ByteSpan bytes = in.GetBytes(digest.bytes.size()); !bytes.empty()) {
    std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
  }
  return digest;
}

size_t GetCount(ByteReader& in, size_t most) {
  const auto count = in.Get<uint32_t>();
  if (count <= most) return count;
  Reject(in);
  return 0;
}

void Reject(ByteReader& in) { in.GetBytes(in.left() + 1); }

void PutStep(ByteWriter& out, const StepView& step) {
  out.Put(step.step.value());
  out.Put(static_cast<uint8_t>(step.workload));
  out.Put(step.round.value());
  out.Put(static_cast<uint8_t>(step.committed ? 1 : 0));
  PutCut(out, step.result, kMaxNameBytes);
  PutCut(out, step.reason, kMaxRecordTextBytes);
  PutDigest(out, step.base_state);
  PutDigest(out, step.state);
  out.Put(static_cast<int64_t>(step.elapsed.count()));
  PutMetrics(out, step.metrics);
  out.Put(step.update_bytes);
  out.Put(step.total_weight);
  out.Put(static_cast<uint32_t>(step.sites.size()));
  for (const SiteStepView& site : step.sites) PutSite(out, site);
  out.Put(static_cast<uint32_t>(step.late.size()));
  for (const LateUpdateView& late : step.late) PutLate(out, late);
}

StepView GetStep(ByteReader& in, StepFields fields) {
  StepView step;
  step.step = StepNumber(in.Get<uint64_t>());
  GetEnum(in, step.workload, wire::Workload::kMeans, wire::Workload::kEvaluate);
  step.round = RoundNumber(in.Get<uint64_t>());
  step.committed = in.Get<uint8_t>() != 0;
  step.result = in.GetText(kMaxNameBytes);
  step.reason = in.GetText(kMaxRecordTextBytes);
  step.base_state = GetDigest(in);
  step.state = GetDigest(in);
  step.elapsed = Duration(in.Get<int64_t>());
  step.metrics = GetMetrics(in);
  step.update_bytes = in.Get<uint64_t>();
  step.total_weight = in.Get<uint64_t>();
  const size_t count = GetCount(in, wire::kMaxCohort);
  for (size_t i = 0; i < count && in.ok(); ++i) step.sites.push_back(GetSite(in, fields));
  if (fields < StepFields::kWithLate) return step;
  const size_t late = GetCount(in, wire::kMaxCohort);
  for (size_t i = 0; i < late && in.ok(); ++i) step.late.push_back(GetLate(in));
  return step;
}

}  // namespace consilium::server::jobs
