// Jobs, steps and sites as JSON: the stable shape behind --json (docs/cli-json.md).
#ifndef CONSILIUM_CLI_OUTPUT_JOB_JSON_H_
#define CONSILIUM_CLI_OUTPUT_JOB_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "consilium/v1/control.pb.h"

namespace consilium::cli {

nlohmann::json ToJson(const v1::JobView& job);
nlohmann::json ToJson(const v1::StepView& step);
nlohmann::json ToJson(const v1::SiteView& site);
nlohmann::json ToJson(const v1::ReplayJobReply& reply);

// "running", "done", ...
std::string NameOf(v1::JobStatus status);
std::string NameOf(v1::Workload workload);
std::string HexOfBytes(const std::string& bytes);
bool HasEnded(v1::JobStatus status);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_JOB_JSON_H_
