// The table of every key of a job file: ParseJob reads by it, the documentation is made from it.
// Private to this room. Thread-safe.
#ifndef CONSILIUM_COMMON_JOB_JOB_KEYS_H_
#define CONSILIUM_COMMON_JOB_JOB_KEYS_H_

#include <span>
#include <string_view>

#include "common/job/job_spec.h"

namespace consilium::job {

std::span<const JobKey> JobKeyTable();

// The last part of a key's path. REQUIRES: the path is in the table (CN_CHECK), so that nothing is
// read that is not documented.
std::string_view Leaf(std::string_view path);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_JOB_KEYS_H_
