// Any bytes as a job file: it is a job within every limit, or an error of the job family with a
// place. What is a job plans its steps to an end.
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/job/job_spec.h"
#include "common/job/step_plan.h"

namespace consilium::job {
namespace {

void CheckJob(const JobSpec& spec) {
  CN_CHECK(spec.rounds >= 1 && !spec.data.features.empty());
  CN_CHECK(spec.design_columns() >= 1 && spec.design_columns() <= kMaxDesignColumns);
  CN_CHECK(spec.parameters() <= kMaxParameters);
  CN_CHECK((spec.train.local_epochs == 0) != (spec.train.local_steps == 0));
  CN_CHECK(spec.train.learning_rate > 0);
  CN_CHECK(spec.model.hidden.empty() == (spec.model.kind != ModelKind::kMlp));
  CN_CHECK(spec.data.classes == 1 || spec.data.classes >= 2);
  CN_CHECK(StepAfter(spec, CommitsOf(spec) - 1).has_value());
  CN_CHECK(!StepAfter(spec, CommitsOf(spec)).has_value());
}

void Run(ByteSpan bytes) {
  const auto spec = ParseJob(bytes, "job.toml");
  if (spec.ok()) {
    CheckJob(*spec);
    return;
  }
  const auto code = CodeOf(spec.status());
  CN_CHECK(code.has_value() && *code >= ErrorCode::kJobSyntax && *code <= ErrorCode::kJobConflict);
  CN_CHECK(PlaceOf(spec.status()).has_value());
}

}  // namespace
}  // namespace consilium::job

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::job::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
