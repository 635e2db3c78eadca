// consilium-simulate: a job over simulated sites, in one process. `consilium simulate` becomes it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "cli/output/console.h"
#include "cli/output/job_json.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/config/units.h"
#include "simulator/app/run.h"
#include "simulator/app/run_files.h"
#include "simulator/app/summary.h"

namespace consilium::simulator::app {
namespace {

struct Words {
  cli::Console console;
  RunOptions run;
  std::string partition = "iid";
  std::string slow, drop, row_time = "1ms";
};

void AddOptions(CLI::App& app, Words& words) {
  app.add_option("job", words.run.job, "job file")->required();
  app.add_option("--data", words.run.data.data, "the file with the rows of all sites");
  app.add_option("--dataset", words.run.data.file,
                 "TOML with [datasets.NAME] as in client.toml: columns, filter, folds");
  app.add_option("--labels", words.run.data.labels, "of an array (IDX, NPY, NPZ): its labels");
  app.add_option("--test-data", words.run.data.test_data, "of an array: the rows for testing");
  app.add_option("--test-labels", words.run.data.test_labels, "their labels");
  app.add_option("--holdout", words.run.data.holdout, "this share of each site's rows is test");
  app.add_option("--start", words.run.start,
                 "the model that init = \"sha256:..\" names: .safetensors or .json");
  app.add_option("--sites", words.run.sites,
                 fmt::format("how many sites ({} when not given)", kDefaultSites));
  app.add_option("--partition", words.partition,
                 "who has which rows: iid, shards:K, dirichlet:A, column:NAME")
      ->capture_default_str();
  app.add_option("--seed", words.run.seed, "of the division, the slow and the dropped out")
      ->capture_default_str();
  app.add_option("--slow", words.slow, "0.1:10: a tenth of the sites takes ten times as long");
  app.add_option("--drop", words.drop,
                 "0.05[:10m]: one in twenty that are asked goes away for so long");
  app.add_option("--row-time", words.row_time, "simulated time that one row takes")
      ->capture_default_str();
  app.add_option("--out", words.run.out,
                 "folder for run.json, rounds.csv, sites.csv, curves.svg and the model");
  app.add_flag("--json", words.console.json, "one JSON envelope on stdout instead of text");
  app.set_version_flag("--version", fmt::format("consilium-simulate {}", kVersion));
}

absl::Status ReadWords(Words& words) {
  CN_ASSIGN_OR_RETURN(words.run.partition, ParsePartition(words.partition));
  if (!words.slow.empty()) {
    CN_ASSIGN_OR_RETURN(words.run.pace.slow, ParseSlow(words.slow));
  }
  if (!words.drop.empty()) {
    CN_ASSIGN_OR_RETURN(words.run.pace.drop, ParseDrop(words.drop));
  }
  const std::optional<Duration> row_time = config::ParseDuration(words.row_time);
  if (!row_time || row_time->count() < 0) {
    return Error(ErrorCode::kUsage,
                 fmt::format("--row-time is `{}`, want a duration", words.row_time),
                 "write it like 1ms or 2s; 0s: work takes no time");
  }
  words.run.pace.row_time = *row_time;
  return absl::OkStatus();
}

absl::Status ResultOf(const v1::JobView& job) {
  if (job.status() == v1::JOB_STATUS_DONE) return absl::OkStatus();
  return Error(
      ErrorCode::kJobFailed,
      fmt::format("the job {}: {}", cli::NameOf(job.status()), cli::Printable(job.reason())),
      "what became of each site is in rounds.csv and run.json (--out FOLDER)");
}

absl::Status Run(Words& words) {
  CN_RETURN_IF_ERROR(ReadWords(words));
  CN_ASSIGN_OR_RETURN(const RunResult result, RunSimulation(words.run, words.console));
  if (!words.run.out.empty()) {
    CN_RETURN_IF_ERROR(WriteRunFiles(words.run, result));
  }
  const absl::Status status = ResultOf(result.job);
  if (words.console.json) {
    if (status.ok()) words.console.Json("simulation", RunJson(words.run, result));
    return status;
  }
  words.console.Data(Summary(words.console.terminal, words.run, result));
  if (!words.run.out.empty()) {
    words.console.Talk(
        fmt::format("wrote run.json, rounds.csv, sites.csv, curves.svg and the "
                    "model to {}\n",
                    words.run.out));
    words.console.Next(
        fmt::format("consilium compare {} ANOTHER_RUN -o compare.svg", words.run.out));
  }
  return status;
}

int Main(int argc, char** argv) {
  CLI::App app("consilium simulate: a job over simulated sites, in one process");
  Words words;
  words.console.terminal = cli::Terminal::OfStdout();
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") words.console.json = true;
  }
  AddOptions(app, words);
  absl::Status status;
  try {
    app.parse(argc, argv);
    status = Run(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    status = Error(ErrorCode::kUsage, error.what(), "consilium simulate --help lists the options");
  }
  if (!status.ok()) words.console.Error(status);
  return ExitCodeOf(status);
}

}  // namespace
}  // namespace consilium::simulator::app

int main(int argc, char** argv) { return consilium::simulator::app::Main(argc, argv); }
