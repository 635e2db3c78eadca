// consilium-client: the daemon of one site, and what its people ask of it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "client/app/client_config.h"
#include "client/app/daemon.h"
#include "client/app/left_verb.h"
#include "client/app/predict_verb.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/signals.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/base/version.h"
#include "common/config/daemon_flags.h"
#include "common/rpc/process.h"
#include "fmt/format.h"

extern char** environ;

namespace consilium::client::app {
namespace {

struct Flags {
  std::string config;
  std::vector<config::FlagValue> values;  // those that were given
  PredictOptions predict;
  bool left_json = false;
};

// Flags that stand for a key of client.toml.
std::vector<config::KeyFlag> KeyFlags() {
  return config::WithDaemonFlags({
      {"--server", "client.server", "the server, host:port"},
      {"--data", "client.data", "data folder"},
  });
}

absl::StatusOr<ClientConfig> ReadConfig(const Flags& flags) {
  return ReadClientConfig(flags.config,
                          {.flags = flags.values, .environment = config::ReadEnvironment(environ)});
}

absl::Status Run(const Flags& flags, const StopSignals& signals) {
  CN_RETURN_IF_ERROR(rpc::InitProcess({.undumpable = true}));
  CN_ASSIGN_OR_RETURN(const ClientConfig config, ReadConfig(flags));
  InitLog("client", config.log.level, config.log.format);
  return RunClient(config, signals);
}

// Every line is printed; the first fault decides the exit code.
absl::Status Check(const Flags& flags) {
  CN_RETURN_IF_ERROR(rpc::InitProcess({}));
  CN_ASSIGN_OR_RETURN(const ClientConfig config, ReadConfig(flags));
  absl::Status first;
  for (const CheckLine& line : CheckClient(config)) {
    if (line.status.ok()) {
      fmt::print("ok    {}: {}\n", line.what, line.finding);
    } else {
      fmt::print("wrong {}: {}\n", line.what, std::string(line.status.message()));
      if (first.ok()) first = line.status;
    }
  }
  return first;
}

absl::Status Left(const Flags& flags) {
  CN_ASSIGN_OR_RETURN(const ClientConfig config, ReadConfig(flags));
  const PosixStorage storage;
  CN_ASSIGN_OR_RETURN(const std::string text, ListWhatLeft(storage, config.data, flags.left_json));
  fmt::print("{}", text);
  return absl::OkStatus();
}

void AddConfigFlags(CLI::App& verb, Flags& flags) {
  verb.add_option("--config", flags.config,
                  fmt::format("configuration file (default: {}, if there)", kDefaultConfig));
  config::AddKeyFlags(verb, KeyFlags(), flags.values);
}

void AddPredictFlags(CLI::App& verb, Flags& flags) {
  verb.add_option("--model", flags.predict.model, "model file (consilium model get)")->required();
  verb.add_option("--data", flags.predict.data, "CSV file to predict");
  verb.add_option("--dataset", flags.predict.dataset,
                  "dataset of client.toml (default: the model's)");
  verb.add_option("--config", flags.config, "client.toml: how the columns are named and split");
  verb.add_option("--rows", flags.predict.rows,
                  "test, train or all (default: a labelled hold-out, else all)")
      ->check(CLI::IsMember({"test", "train", "all"}));
  verb.add_option("--weights", flags.predict.weights,
                  "personal or global (default: this site's own model of it, where it has one)")
      ->check(CLI::IsMember({"personal", "global"}));
  verb.add_option("--output,-o", flags.predict.output, "file for the rows (default: stdout)");
  verb.add_flag("--json", flags.predict.json, "one JSON envelope on stdout");
}

}  // namespace
}  // namespace consilium::client::app

int main(int argc, char** argv) {
  using namespace consilium;
  using namespace consilium::client::app;
  const StopSignals signals;  // before any other thread
  CLI::App cli("The daemon of one site of a Consilium federation.", "consilium-client");
  cli.set_version_flag("--version", std::string("consilium-client ") + kVersion);
  cli.require_subcommand(0, 1);
  Flags flags;
  AddConfigFlags(cli, flags);
  CLI::App& run = *cli.add_subcommand("run", "attend the server and work (the default)");
  AddConfigFlags(run, flags);
  CLI::App& check =
      *cli.add_subcommand("check", "say what is wrong with configuration, certificate, datasets");
  AddConfigFlags(check, flags);
  CLI::App& predict = *cli.add_subcommand("predict", "apply a model to rows, offline");
  AddPredictFlags(predict, flags);
  CLI::App& left = *cli.add_subcommand("left", "every update that left, from this site's journal");
  AddConfigFlags(left, flags);
  left.add_flag("--json", flags.left_json, "one JSON envelope on stdout");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 4;
  }
  const absl::Status ended = predict.parsed() ? PredictRows(flags.config, flags.predict)
                             : check.parsed() ? Check(flags)
                             : left.parsed()  ? Left(flags)
                                              : Run(flags, signals);
  if (!ended.ok()) fmt::print(stderr, "{}", FormatError(ended));
  return ExitCodeOf(ended);
}
