// Reads what [train] says of local steps: optimizer, penalties, clipping, the rate's schedule.
// Private to this room.
#ifndef CONSILIUM_COMMON_JOB_PARSE_OPTIMIZER_H_
#define CONSILIUM_COMMON_JOB_PARSE_OPTIMIZER_H_

#include "common/config/toml_table.h"
#include "common/job/job_spec.h"

namespace consilium::job {

// Into spec.train; learning_rate and `rounds` are there already.
void ReadOptimizer(const config::TomlTable& train, JobSpec& spec);
// What the job's strategy cannot go with, and why. Once the strategy is read.
void JudgeOptimizer(const config::TomlTable& train, const JobSpec& spec);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PARSE_OPTIMIZER_H_
