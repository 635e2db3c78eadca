// The aggregation rule of a job and its parameters. Private to this room. Pure; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_PARSE_ROBUST_H_
#define CONSILIUM_COMMON_JOB_PARSE_ROBUST_H_

#include "common/config/toml_table.h"
#include "common/job/job_spec.h"

namespace consilium::job {

// Errors are kept for TomlFile::Finish(). `aggregation` and `participation` are the tables of these
// names; `spec` has its [participation] and its strategy already. A root site becomes required.
void ReadRobust(const config::TomlTable& aggregation, const config::TomlTable& participation,
                JobSpec& spec);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PARSE_ROBUST_H_
