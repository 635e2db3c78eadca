// [personal] of a job file.
#ifndef CONSILIUM_COMMON_JOB_PARSE_PERSONAL_H_
#define CONSILIUM_COMMON_JOB_PARSE_PERSONAL_H_

#include "common/config/toml_file.h"
#include "common/job/job_spec.h"

namespace consilium::job {

// Fills spec.personal, when the job has the table. What is wrong is kept for TomlFile::Finish.
// REQUIRES: everything else of the job was read; `model_known`: with a model kind that is one.
void ReadPersonal(const config::TomlTable& root, bool model_known, JobSpec& spec);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PARSE_PERSONAL_H_
