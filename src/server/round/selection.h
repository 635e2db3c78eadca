// Who takes part in the next step, or for what the job waits: a pure decision.
//
// A step takes every connected site that has admitted the job (of participation.sites, if the job
// lists any). It starts when each connected site has answered, or has had its admission lease; and
// when each admitted site that left only a moment ago is back, or has had the same time: so a
// dropped connection or a restart between two rounds does not change who is counted. A person's
// approval (pending) is waited for only when the job cannot start without it.
// Where the job samples, a train step asks only some of them (cohort.h).
#ifndef CONSILIUM_SERVER_ROUND_SELECTION_H_
#define CONSILIUM_SERVER_ROUND_SELECTION_H_

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/job/job_spec.h"
#include "common/wire/messages.h"

namespace consilium::server::round {

struct Candidate {
  bool connected = false;
  Instant since{};  // asked for admission, or left; whichever came last
  std::optional<wire::Verdict> verdict;
  std::string rule;
  std::string message;
};
using Candidates = std::map<SiteId, Candidate>;

struct Selected {
  std::vector<SiteId> sites;
};
// Answers or returning sites are awaited, until then at the latest.
struct AwaitAnswers {
  std::string reason;  // "b (to answer), c (to come back)"
  std::vector<SiteId> sites;
  Instant until{};
};
// min_sites or required_sites cannot be met by who is here.
struct TooFew {
  std::string reason;
  std::vector<SiteId> missing;  // those that could make it enough, as far as they are known
};
using Selection = std::variant<Selected, AwaitAnswers, TooFew>;

// False when the job names its sites and this is not one of them.
bool MayTakePart(const job::ParticipationSpec& participation, const SiteId& site);

// O(candidates). `lease` is the time a site has to answer or to come back.
Selection SelectSites(const job::ParticipationSpec& participation, const Candidates& candidates,
                      Duration lease, Instant now);

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_SELECTION_H_
