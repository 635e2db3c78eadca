#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/output/table.h"
#include "cli/verbs/verbs.h"
#include "common/base/status_macros.h"
#include "common/job/job_spec.h"
#include "common/job/job_warnings.h"
#include "common/job/step_plan.h"
#include "common/job/strategy.h"
#include "common/wire/messages.h"

namespace consilium::cli {
namespace {

// "fedprox, mu 0.1": with the parameters that it has, given or not.
std::string StrategyText(const job::StrategySpec& strategy) {
  const job::StrategyRow& row = job::RowOf(strategy.kind);
  std::string text(row.name);
  for (const job::StrategyNumber& number : row.numbers) {
    text += fmt::format(", {} {}", number.key, strategy.*number.field);
  }
  if (row.has_option) text += fmt::format(", option {}", strategy.option);
  if (row.has_buffer) text += fmt::format(", buffer {}", strategy.buffer);
  return text;
}

}  // namespace

absl::Status JobCheck(const Context& context, const std::string& path) {
  CN_ASSIGN_OR_RETURN(const std::string file, ReadFile(path, wire::kMaxJobFileBytes));
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, job::ParseJob(AsBytes(file), path));
  const std::vector<std::string> warnings = job::WarningsOf(spec);
  if (context.json) {
    context.Json("job_check", {{"name", spec.name},
                               {"digest", HexOf(spec.digest)},
                               {"model", job::NameOf(spec.model.kind)},
                               {"strategy", std::string(job::RowOf(spec.strategy.kind).name)},
                               {"optimizer", job::NameOf(spec.train.optimizer.kind)},
                               {"schedule", job::NameOf(spec.train.schedule.kind)},
                               {"rule", std::string(job::RowOf(spec.robust.kind).name)},
                               {"personal", job::TextOf(spec.personal)},
                               {"warnings", warnings},
                               {"rounds", spec.rounds},
                               {"steps", job::CommitsOf(spec)},
                               {"standardize", job::NameOf(spec.data.standardize)},
                               {"design_columns", spec.design_columns()}});
    return absl::OkStatus();
  }
  context.Data(fmt::format(
      "{} is a valid job\n  {} on dataset {}, {} features ({} design columns), label {}\n"
      "  strategy {}\n  rule {}\n  personal {}\n  local steps by {}, learning rate {} ({})\n"
      "  standardize {}, {} rounds, {} steps in all, at least {} sites a round\n  sha256:{}\n",
      path, job::NameOf(spec.model.kind), spec.data.dataset, spec.data.features.size(),
      spec.design_columns(), spec.data.label, StrategyText(spec.strategy), job::TextOf(spec.robust),
      job::TextOf(spec.personal), job::NameOf(spec.train.optimizer.kind), spec.train.learning_rate,
      job::NameOf(spec.train.schedule.kind), job::NameOf(spec.data.standardize), spec.rounds,
      job::CommitsOf(spec), spec.participation.min_sites, HexOf(spec.digest)));
  for (const std::string& warning : warnings) {
    context.Data(
        fmt::format("  {} {}\n", context.terminal.Paint(Style::kWarning, "warning:"), warning));
  }
  context.Next(fmt::format("consilium submit {} --watch", path));
  return absl::OkStatus();
}

absl::Status JobSchema(const Context& context) {
  nlohmann::json keys = nlohmann::json::array();
  Table table({{"KEY"}, {"TYPE"}, {"DEFAULT"}, {"MEANING"}});
  for (const job::JobKey& key : job::AllJobKeys()) {
    keys.push_back({{"key", key.path},
                    {"type", key.type},
                    {"default", key.fallback},
                    {"meaning", key.meaning}});
    table.AddRow({std::string(key.path), std::string(key.type), std::string(key.fallback),
                  std::string(key.meaning)});
  }
  if (context.json) {
    context.Json("job_schema", keys);
  } else {
    context.Data(table.Render(context.terminal));
  }
  return absl::OkStatus();
}

}  // namespace consilium::cli
