// How a job draws the sites of a training round. Private to this room. Pure; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_PARSE_SAMPLING_H_
#define CONSILIUM_COMMON_JOB_PARSE_SAMPLING_H_

#include "common/config/toml_table.h"
#include "common/job/job_spec.h"

namespace consilium::job {

// Errors are kept for TomlFile::Finish(). `table` is [participation]; all else of `spec` is read.
void ReadSampling(const config::TomlTable& table, JobSpec& spec);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PARSE_SAMPLING_H_
