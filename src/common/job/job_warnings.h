// What a valid job may cost its author: said by `consilium job check`, refused by nobody.
#ifndef CONSILIUM_COMMON_JOB_JOB_WARNINGS_H_
#define CONSILIUM_COMMON_JOB_JOB_WARNINGS_H_

#include <string>
#include <vector>

#include "common/job/job_spec.h"

namespace consilium::job {

// One sentence each, for a person, with the figures where there are some. Empty: nothing to say.
// Pure; thread-safe.
std::vector<std::string> WarningsOf(const JobSpec& spec);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_JOB_WARNINGS_H_
