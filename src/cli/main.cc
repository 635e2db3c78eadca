// consilium: the researcher's and the operator's command line. Parses words, calls one verb.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <functional>
#include <iostream>

#include "cli/context.h"
#include "cli/lab/lab.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"
#include "common/base/version.h"
#include "common/config/units.h"
#include "common/rpc/process.h"

namespace consilium::cli {
namespace {

using Run = std::function<absl::Status(const Context&)>;

// What the words were parsed into; the chosen verb sets `run`.
struct Words {
  Context context;
  std::string timeout;
  Run run;
  std::string job, file, output, code, wait_timeout;
  SubmitOptions submit;
  ShowOptions show;
  CompareOptions compare;
  ModelGetOptions model_get;
  PkiInitOptions pki_init;
  PkiIssueOptions pki_issue;
  LabOptions lab;
  LabRunOptions lab_run;
};

void AddJobArgument(CLI::App* verb, std::string& job) {
  verb->add_option("job", job, "job id, the first digits of one, or `latest`")->required();
}

void AddGlobals(CLI::App& app, Words& words) {
  app.add_flag("--json", words.context.json, "one JSON envelope on stdout instead of text");
  app.add_option("--config", words.context.config,
                 "cli.toml (else CONSILIUM_CONFIG, ./consilium-lab, ~/.config/consilium)");
  app.add_option("--server", words.context.connection.server, "host:port of the server");
  app.add_option("--cert", words.context.connection.cert, "own certificate (PEM)");
  app.add_option("--key", words.context.connection.key, "own private key (PEM)");
  app.add_option("--ca", words.context.connection.ca, "the federation's authority (PEM)");
  app.add_option("--timeout", words.timeout, "of one call: 15s");
  app.set_version_flag("--version", fmt::format("consilium {}", kVersion));
}

void AddLab(CLI::App& app, Words& words) {
  CLI::App* lab =
      app.add_subcommand("lab", "a federation on this machine: real processes, real mTLS");
  lab->require_subcommand(1);
  const auto add_place = [&](CLI::App* verb, LabOptions& options) {
    verb->add_option("--folder", options.folder, "where it lives")->capture_default_str();
  };
  const auto add_plan = [&](CLI::App* verb, LabOptions& options) {
    add_place(verb, options);
    verb->add_option("--data", options.data, "the data file that {data} stands for");
  };
  CLI::App* up = lab->add_subcommand("up", "start server and sites, wait until all are connected");
  up->add_option("lab_file", words.lab.lab_file, "lab.toml; without one, four synthetic hospitals");
  add_plan(up, words.lab);
  up->callback([&] { words.run = [&](const Context& c) { return LabUp(c, words.lab); }; });
  CLI::App* down = lab->add_subcommand("down", "stop every process of the lab; data stays");
  add_place(down, words.lab);
  down->callback(
      [&] { words.run = [&](const Context& c) { return LabDown(c, words.lab.folder); }; });
  CLI::App* status = lab->add_subcommand("status", "which processes run");
  add_place(status, words.lab);
  status->callback(
      [&] { words.run = [&](const Context& c) { return LabStatus(c, words.lab.folder); }; });
  CLI::App* run = lab->add_subcommand("run", "up, submit, watch, the final table, down");
  run->add_option("job", words.lab_run.job, "job file")->required();
  run->add_option("--lab", words.lab_run.lab.lab_file, "lab.toml");
  run->add_flag("--alone", words.lab_run.alone, "also train each site by itself, for comparison");
  run->add_option("--plot", words.lab_run.plot, "write the curves to this SVG");
  run->add_flag("--keep", words.lab_run.keep, "leave the lab running");
  add_plan(run, words.lab_run.lab);
  run->callback([&] { words.run = [&](const Context& c) { return LabRun(c, words.lab_run); }; });
}

void AddJobFiles(CLI::App& app, Words& words) {
  CLI::App* job = app.add_subcommand("job", "job files");
  job->require_subcommand(1);
  CLI::App* check =
      job->add_subcommand("check", "say whether a job file is valid, without a server");
  check->add_option("file", words.file, "job.toml")->required();
  check->callback([&] { words.run = [&](const Context& c) { return JobCheck(c, words.file); }; });
  CLI::App* schema = job->add_subcommand("schema", "every key, type, default and meaning");
  schema->callback([&] { words.run = [](const Context& c) { return JobSchema(c); }; });
}

absl::Status RunWait(const Context& context, const Words& words) {
  WaitOptions options{.job = words.job};
  if (!words.wait_timeout.empty()) {
    const std::optional<Duration> limit = config::ParseDuration(words.wait_timeout);
    if (!limit.has_value() || limit->count() <= 0) {
      return Error(
          ErrorCode::kUsage,
          fmt::format("--for is `{}`, want a duration above 0", Printable(words.wait_timeout)),
          "write it like 30s, 5m or 1h30m");
    }
    options.timeout = *limit;
  }
  return Wait(context, options);
}

void AddJobs(CLI::App& app, Words& words) {
  CLI::App* submit = app.add_subcommand("submit", "launch a job");
  submit->add_option("file", words.submit.file, "job.toml")->required();
  submit->add_flag("--watch", words.submit.watch, "follow it to its end (Ctrl-C detaches)");
  submit->callback([&] { words.run = [&](const Context& c) { return Submit(c, words.submit); }; });
  const auto add = [&](const char* name, const char* text, auto verb) {
    CLI::App* one = app.add_subcommand(name, text);
    AddJobArgument(one, words.job);
    one->callback([&words, verb] {
      words.run = [&words, verb](const Context& c) { return verb(c, words.job); };
    });
    return one;
  };
  add("watch", "follow a job to its end (Ctrl-C detaches, the job goes on)", Watch);
  CLI::App* wait = app.add_subcommand("wait", "wait for a job's end, quietly; the exit code tells");
  AddJobArgument(wait, words.job);
  wait->add_option("--for", words.wait_timeout, "give up after this long (exit code 3): 30s, 5m");
  wait->callback([&] { words.run = [&](const Context& c) { return RunWait(c, words); }; });
  CLI::App* jobs = app.add_subcommand("jobs", "every job, newest first");
  jobs->callback([&] { words.run = [](const Context& c) { return Jobs(c); }; });
  CLI::App* show = app.add_subcommand("show", "one job: rounds, sites, reasons, what it waits for");
  AddJobArgument(show, words.show.job);
  show->add_flag("--all", words.show.all, "every step, not the newest ten");
  show->add_flag("--file", words.show.file, "print the job file itself");
  show->callback([&] { words.run = [&](const Context& c) { return Show(c, words.show); }; });
  add("cancel", "end a job; what was committed stays", Cancel);
  add("replay", "redo the server's half of every step and compare digests", Replay);
  CLI::App* sites = app.add_subcommand("sites", "who is connected");
  sites->callback([&] { words.run = [](const Context& c) { return Sites(c); }; });
  CLI::App* plot = app.add_subcommand("plot", "draw a job's curves");
  AddJobArgument(plot, words.job);
  plot->add_option("-o,--output", words.output, "SVG file")->required();
  plot->callback(
      [&] { words.run = [&](const Context& c) { return Plot(c, words.job, words.output); }; });
}

void AddRuns(CLI::App& app, Words& words) {
  CLI::App* simulate = app.add_subcommand(
      "simulate", "a job over simulated sites on this machine; `consilium simulate --help`");
  simulate->set_help_flag();  // the program has its own
  simulate->prefix_command();
  simulate->fallthrough(false);
  simulate->callback([&words, simulate] {
    words.run = [simulate](const Context& c) { return Simulate(c, simulate->remaining()); };
  });
  CLI::App* compare = app.add_subcommand("compare", "runs side by side");
  compare
      ->add_option("runs", words.compare.runs,
                   "--out folders of simulate, or files of `show --json`")
      ->required();
  compare->add_option("-o,--output", words.compare.output, "write the curves to this SVG");
  compare->callback(
      [&] { words.run = [&](const Context& c) { return Compare(c, words.compare); }; });
}

void AddModels(CLI::App& app, Words& words) {
  CLI::App* model = app.add_subcommand("model", "trained models");
  model->require_subcommand(1);
  CLI::App* get =
      model->add_subcommand("get", "download a job's newest model, or a state by digest");
  get->add_option("which", words.model_get.which, "job id or sha256:...")->required();
  get->add_option("-o,--output", words.model_get.output, "*.safetensors, *.npz or *.json")
      ->required();
  get->callback(
      [&] { words.run = [&](const Context& c) { return ModelGet(c, words.model_get); }; });
  CLI::App* put = model->add_subcommand("put", "upload a model, for init = \"sha256:..\"");
  put->add_option("file", words.file, "*.safetensors or *.json")->required();
  put->callback([&] { words.run = [&](const Context& c) { return ModelPut(c, words.file); }; });
}

void AddPki(CLI::App& app, Words& words) {
  CLI::App* pki = app.add_subcommand("pki", "the federation's certificates");
  pki->require_subcommand(1);
  CLI::App* init = pki->add_subcommand("init", "make an authority");
  init->add_option("federation", words.pki_init.federation, "its name, the trust domain")
      ->required();
  init->add_option("--folder", words.pki_init.folder, "where it lives")->required();
  init->callback([&] { words.run = [&](const Context& c) { return PkiInit(c, words.pki_init); }; });
  CLI::App* issue = pki->add_subcommand("issue", "make keys and a certificate for one holder");
  issue->add_option("role", words.pki_issue.role, "server, site, researcher, operator or auditor")
      ->required();
  issue->add_option("id", words.pki_issue.id, "its name")->required();
  issue->add_option("--folder", words.pki_issue.folder, "the authority's folder")->required();
  issue->add_option("--host", words.pki_issue.hosts,
                    "servers: DNS name or IP address (repeatable)");
  issue->add_option("--days", words.pki_issue.days, "valid for this long")->capture_default_str();
  issue->callback(
      [&] { words.run = [&](const Context& c) { return PkiIssue(c, words.pki_issue); }; });
  CLI::App* show = pki->add_subcommand("show", "what a certificate says");
  show->add_option("file", words.file, "cert.pem")->required();
  show->callback([&] { words.run = [&](const Context& c) { return PkiShow(c, words.file); }; });
}

void AddExplain(CLI::App& app, Words& words) {
  CLI::App* explain = app.add_subcommand("explain", "what an error code means and what to do");
  explain->add_option("code", words.code, "like CN0203; without one, all of them");
  explain->callback([&] { words.run = [&](const Context& c) { return Explain(c, words.code); }; });
}

// Usage errors are ours: one line, exit code 4. --help and --version are CLI11's, exit code 0.
int UsageError(const CLI::App& app, const CLI::ParseError& error, const Context& context) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const absl::Status status =
      Error(ErrorCode::kUsage, error.what(), "consilium --help lists the verbs");
  context.Error(status);
  return ExitCodeOf(status);
}

int Main(int argc, char** argv) {
  CLI::App app("consilium: federated learning for hospitals and the edge");
  Words words;
  words.context.terminal = Terminal::OfStdout();
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") words.context.json = true;
  }
  app.require_subcommand(1);
  app.fallthrough();
  AddGlobals(app, words);
  AddLab(app, words);
  AddJobFiles(app, words);
  AddJobs(app, words);
  AddRuns(app, words);
  AddModels(app, words);
  AddPki(app, words);
  AddExplain(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error, words.context);
  }
  absl::Status status = rpc::InitProcess({});
  if (status.ok() && !words.timeout.empty()) {
    const std::optional<Duration> timeout = config::ParseDuration(words.timeout);
    if (timeout.has_value() && timeout->count() > 0) {
      words.context.connection.timeout = *timeout;
    } else {
      status = Error(ErrorCode::kUsage, "--timeout wants a duration above 0, like 15s");
    }
  }
  if (status.ok()) status = words.run(words.context);
  if (!status.ok()) words.context.Error(status);
  return ExitCodeOf(status);
}

}  // namespace
}  // namespace consilium::cli

int main(int argc, char** argv) { return consilium::cli::Main(argc, argv); }
