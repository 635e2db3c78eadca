// Reads what [train] says of local steps: optimizer, penalties, clipping, the rate's schedule,
// dropout and the classes' weights.
// Private to this room.
#ifndef CONSILIUM_COMMON_JOB_PARSE_OPTIMIZER_H_
#define CONSILIUM_COMMON_JOB_PARSE_OPTIMIZER_H_

#include "common/config/toml_table.h"
#include "common/job/job_spec.h"

namespace consilium::job {

// Into spec.train; learning_rate, `rounds`, model and data are there already. `kind_known`: whether
// the model's kind could be read, by which the rest is judged.
void ReadOptimizer(const config::TomlTable& train, bool kind_known, JobSpec& spec);
// What the job's strategy cannot go with, and why. Once the strategy is read.
void JudgeOptimizer(const config::TomlTable& train, const JobSpec& spec);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PARSE_OPTIMIZER_H_
