// The strategy of a job and its parameters. Private to this room. Pure; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_PARSE_STRATEGY_H_
#define CONSILIUM_COMMON_JOB_PARSE_STRATEGY_H_

#include "common/config/toml_table.h"
#include "common/job/job_spec.h"

namespace consilium::job {

// Errors are kept for TomlFile::Finish(). The tables are those of these names; `spec` has its
// [train] and [participation] already: a strategy that pins local training, or when a round closes,
// sets them.
void ReadStrategy(const config::TomlTable& aggregation, const config::TomlTable& train,
                  const config::TomlTable& participation, JobSpec& spec);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PARSE_STRATEGY_H_
