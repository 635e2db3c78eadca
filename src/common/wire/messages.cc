#include "common/wire/messages.h"

namespace consilium::wire {

const char* NameOf(Workload workload) {
  switch (workload) {
    case Workload::kMeans:
      return "means";
    case Workload::kVariances:
      return "variances";
    case Workload::kTrain:
      return "train";
    case Workload::kEvaluate:
      return "evaluate";
  }
  return "unknown";
}

const char* NameOf(OutcomeKind outcome) {
  switch (outcome) {
    case OutcomeKind::kCounted:
      return "counted";
    case OutcomeKind::kLateDropped:
      return "late_dropped";
    case OutcomeKind::kLateCarried:
      return "late_carried";
    case OutcomeKind::kRefused:
      return "refused";
    case OutcomeKind::kFailed:
      return "failed";
    case OutcomeKind::kRoundFailed:
      return "round_failed";
  }
  return "unknown";
}

const char* NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAdmitted:
      return "admitted";
    case Verdict::kPending:
      return "pending";
    case Verdict::kRefused:
      return "refused";
  }
  return "unknown";
}

}  // namespace consilium::wire
