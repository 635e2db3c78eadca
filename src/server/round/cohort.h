// Whom a training round asks, of the sites that could take part: drawn from seed and step number.
//
//   uniform    the required sites and as many others, all alike, as make ceil(goal * select)
//   weighted   the same, one after the other; each draw takes a site with its weight over the
//              weights of those left
//   tags       the same; the tags take turns by name, and a turn draws one of the tag's sites alike
//   poisson    each site by itself with the same chance, whoever else is there: the sampling that
//              privacy accounting assumes (Mironov, Talwar and Zhang 2019, arXiv 1908.10530,
//              section 3)
// All arithmetic is on integers, so a draw is the same on every machine. Who was drawn is in the
// journal with the step. Pure; thread-safe.
#ifndef CONSILIUM_SERVER_ROUND_COHORT_H_
#define CONSILIUM_SERVER_ROUND_COHORT_H_

#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/job/job_spec.h"

namespace consilium::server::round {

// Of `eligible` (in order), in order. Without a goal all of them, but for poisson; that may draw
// none. O(eligible * drawn) for weighted.
std::vector<SiteId> DrawCohort(const job::ParticipationSpec& participation,
                               const std::vector<SiteId>& eligible, const Digest& key);
// Another draw for every step, the same for everyone who knows the job and its seed.
Digest CohortKey(const job::JobSpec& spec, StepNumber step);

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_COHORT_H_
