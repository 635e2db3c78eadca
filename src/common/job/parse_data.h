// The [data] part of a job file. Private to this room. Pure; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_PARSE_DATA_H_
#define CONSILIUM_COMMON_JOB_PARSE_DATA_H_

#include <cstddef>
#include <string_view>

#include "common/config/toml_table.h"
#include "common/job/job_spec.h"

namespace consilium::job {

// Errors are kept for TomlFile::Finish(). `kind` is nullptr when the model's kind is not known
// (what depends on it is then not checked).
DataSpec ReadData(const config::TomlTable& table, const ModelKind* kind);

// 1 to `most` bytes without control characters, and no space at either end.
bool IsPrintableName(std::string_view name, size_t most);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PARSE_DATA_H_
