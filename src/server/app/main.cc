// consilium-server: the aggregation server of a federation.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/signals.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/base/version.h"
#include "common/config/daemon_flags.h"
#include "common/rpc/process.h"
#include "fmt/format.h"
#include "server/app/daemon.h"
#include "server/app/server_config.h"

extern char** environ;

namespace consilium::server::app {
namespace {

struct Flags {
  std::string config;
  bool check = false;
  std::vector<config::FlagValue> values;  // those that were given
};

// Flags that stand for a key of server.toml.
std::vector<config::KeyFlag> KeyFlags() {
  return config::WithDaemonFlags({
      {"--listen", "server.listen", "work port, host:port (port 0: any free one)"},
      {"--data", "server.data", "data folder"},
      {"--federation", "server.federation", "name of the federation"},
  });
}

absl::StatusOr<ServerConfig> ReadConfig(const Flags& flags) {
  const PosixStorage storage;
  const bool named = !flags.config.empty();
  const std::string file = named ? flags.config : kDefaultConfig;
  std::string text;
  if (named || std::filesystem::exists(file)) {
    CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadWhole(storage, file, config::kMaxTomlBytes));
    text = std::string(AsText(bytes));
  }
  return ParseServerConfig(
      text, file, {.flags = flags.values, .environment = config::ReadEnvironment(environ)});
}

absl::Status Run(const Flags& flags, const StopSignals& signals) {
  CN_ASSIGN_OR_RETURN(const ServerConfig config, ReadConfig(flags));
  CN_RETURN_IF_ERROR(rpc::InitProcess({.undumpable = true}));
  if (flags.check) {
    CN_RETURN_IF_ERROR(CheckServer(config));
    fmt::print("ok: configuration, certificates and data folder\n");
    return absl::OkStatus();
  }
  InitLog("server", config.log.level, config.log.format);
  return RunServer(config, signals);
}

}  // namespace
}  // namespace consilium::server::app

int main(int argc, char** argv) {
  using namespace consilium;
  using namespace consilium::server::app;
  const StopSignals signals;  // before any other thread
  CLI::App cli("The aggregation server of a Consilium federation.", "consilium-server");
  cli.set_version_flag("--version", std::string("consilium-server ") + kVersion);
  Flags flags;
  cli.add_option("--config", flags.config,
                 fmt::format("configuration file (default: {}, if there)", kDefaultConfig));
  cli.add_flag("--check", flags.check, "check configuration and certificates, then end");
  config::AddKeyFlags(cli, KeyFlags(), flags.values);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 4;
  }
  const absl::Status ended = Run(flags, signals);
  if (!ended.ok()) fmt::print(stderr, "{}", FormatError(ended));
  return ExitCodeOf(ended);
}
