// compare: runs side by side, from files.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/output/curve_svg.h"
#include "cli/output/run_record.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::cli {
namespace {

constexpr uint64_t kMaxRunBytes = uint64_t{1} << 30;
constexpr const char* kRunFile = "run.json";

// What a user calls a run: the folder of its run.json, else the file's name.
absl::StatusOr<RunRecord> OpenRun(const std::string& path) {
  std::error_code error;
  std::filesystem::path file = path;
  if (std::filesystem::is_directory(file, error)) file /= kRunFile;
  CN_ASSIGN_OR_RETURN(const std::string text, ReadFile(file.string(), kMaxRunBytes));
  RunRecord run;
  const std::filesystem::path whole = file.lexically_normal();
  const bool named_by_folder = whole.filename() == kRunFile && whole.has_parent_path();
  run.name = named_by_folder ? whole.parent_path().filename().string() : whole.stem().string();
  CN_ASSIGN_OR_RETURN(run.job, ReadRun(text, file.string()));
  return run;
}

}  // namespace

absl::Status Compare(const Context& context, const CompareOptions& options) {
  if (options.runs.size() < 2 || options.runs.size() > kMaxComparedRuns) {
    return Error(ErrorCode::kUsage, fmt::format("{} runs to compare, want 2 to {}",
                                                options.runs.size(), kMaxComparedRuns));
  }
  std::vector<RunRecord> runs;
  for (const std::string& path : options.runs) {
    CN_ASSIGN_OR_RETURN(runs.emplace_back(), OpenRun(path));
  }
  if (context.json) {
    context.Json("comparison", CompareJson(runs));
  } else {
    context.Data(CompareTable(context.terminal, runs));
  }
  if (options.output.empty()) return absl::OkStatus();
  CN_RETURN_IF_ERROR(
      WriteFile(options.output, RenderCurves("comparison of runs", CompareCurves(runs))));
  context.Talk(fmt::format("wrote {}\n", options.output));
  return absl::OkStatus();
}

}  // namespace consilium::cli
