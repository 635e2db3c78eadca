// The site's own policy: Decide(task, facts) -> allow, or refuse by a named rule.
//
// Evaluated by the site's daemon for every job and every task, unconditionally, in one place,
// before anything else happens; no field a server sends can skip it (CVE-2023-47631). Deny by
// default: what [policy] does not list is refused. Pure; thread-safe.
#ifndef CONSILIUM_CLIENT_POLICY_POLICY_H_
#define CONSILIUM_CLIENT_POLICY_POLICY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/job/job_spec.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"

namespace consilium::client::policy {

struct PolicyOptions {
  std::vector<std::string> datasets;     // names of this site's datasets that may be used
  std::vector<std::string> workloads;    // of NameOf(wire::Workload)
  std::vector<std::string> researchers;  // SPIFFE ids or their last part; "*" = any
  uint64_t min_rows = 20;                // training rows after filter and split
  uint64_t min_cell = 5;                 // smallest support of a released statistic
};

// What is asked: a job alone (admission: every workload that it will come to is asked about), or
// one task of it. `job` is borrowed; nullptr refuses.
struct PolicyQuestion {
  const job::JobSpec* job = nullptr;
  std::string researcher;
  std::optional<wire::Workload> workload;  // absent at admission
};
// What the site knows. Absent facts are not held against the job at admission.
struct PolicyFacts {
  std::optional<uint64_t> training_rows;
};

struct Allow {};
struct Refuse {
  std::string rule;     // "datasets", "workloads", "researchers", "min_rows", "min_cell"
  std::string message;  // what was wanted; never the exact row count
};
using Decision = std::variant<Allow, Refuse>;

class Policy {
 public:
  explicit Policy(PolicyOptions options);
  Decision Decide(const PolicyQuestion& question, const PolicyFacts& facts) const;
  // The disclosure check of a finished contribution, before it is written anywhere: a statistical
  // tensor (kSum, kCount) that rests on fewer than min_cell rows, and at least one, refuses by the
  // tensor's name (rule "min_cell"). One that rests on no row at all is allowed: it is zero
  // whatever the patients are (a site without test rows says nothing about anyone by saying so).
  // Updates (kUpdate) rest on all training rows, which Decide checked against min_rows. `support`
  // has one entry per tensor; any other length refuses.
  Decision DecideRelease(const tensor::Layout& layout, const std::vector<uint64_t>& support) const;
  // What training leaves out of its evaluation by itself: a split of fewer rows.
  uint64_t min_cell() const { return options_.min_cell; }

 private:
  PolicyOptions options_;
};

}  // namespace consilium::client::policy

#endif  // CONSILIUM_CLIENT_POLICY_POLICY_H_
