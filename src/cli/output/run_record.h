// A finished run as tables and curves: one line per round for a spreadsheet, and several runs side
// by side. Works on the JSON of a job (docs/cli-json.md), so a run of the simulator and one of a
// federation are the same to it, and so is a file of either.
//
// Every number under a step's metrics becomes a column and a curve of its own. Pure; thread-safe.
#ifndef CONSILIUM_CLI_OUTPUT_RUN_RECORD_H_
#define CONSILIUM_CLI_OUTPUT_RUN_RECORD_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/output/curve_svg.h"
#include "cli/output/terminal.h"

namespace consilium::cli {

inline constexpr size_t kMaxComparedRuns = 16;

struct RunRecord {
  std::string name;    // what the user calls it: the file's, or its folder's
  nlohmann::json job;  // the `data` of an envelope of kind job or simulation
};

// The envelope of `consilium show --json`, `consilium lab run --json` (its last line) or
// `consilium simulate`. kUsage: it is something else, or has no steps.
absl::StatusOr<nlohmann::json> ReadRun(std::string_view text, const std::string& file);

// Comma-separated, a head line, a line per step: what it was, who counted, bytes, times, metrics.
std::string RoundsCsv(const nlohmann::json& job);

// One row per run: rounds, last metrics on the test rows, bytes, time.
std::string CompareTable(const Terminal& terminal, const std::vector<RunRecord>& runs);
// The same for machines, one object per run.
nlohmann::json CompareJson(const std::vector<RunRecord>& runs);
// A panel per metric on the test rows and one of the training loss; a line per run.
std::vector<Panel> CompareCurves(const std::vector<RunRecord>& runs);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_RUN_RECORD_H_
