#include "cli/lab/lab.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cli/lab/processes.h"
#include "cli/output/job_json.h"
#include "cli/output/table.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/pki/authority.h"

namespace consilium::cli {
namespace {

namespace fs = std::filesystem;

constexpr Duration kStartPatience = std::chrono::seconds(30);
constexpr Duration kStopPatience = std::chrono::seconds(10);
constexpr Duration kPoll = std::chrono::milliseconds(20);
constexpr size_t kTailLines = 8;
constexpr uint64_t kSyntheticSeed = 7;

std::string LogOf(const std::string& folder, const std::string& name) {
  return name == "server" ? folder + "/server/server.log"
                          : folder + "/sites/" + name + "/client.log";
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) fs::permissions(path, fs::perms::owner_all, error);
  if (!error) return absl::OkStatus();
  return Error(ErrorCode::kStorageIo, fmt::format("cannot make {}: {}", path, error.message()));
}

// A leaf for the lab: issued once, used again while it is valid, issued anew when it is not.
absl::StatusOr<pki::TlsFiles> CertificateFor(pki::Authority& authority, const std::string& folder,
                                             pki::Role role, const std::string& id) {
  const std::string issued = fmt::format("{}/pki/issued/{}-{}", folder, pki::NameOf(role), id);
  pki::TlsFiles files = pki::TlsFilesIn(issued);
  const SystemClock clock;
  std::error_code ignored;
  if (fs::exists(files.cert, ignored)) {
    if (pki::LoadTlsFiles(files, clock).ok()) return files;
    fs::remove_all(issued, ignored);
  }
  pki::IssueSpec spec;
  spec.role = role;
  spec.id = id;
  if (role == pki::Role::kServer) {
    spec.dns_names = {"localhost"};
    spec.ip_addresses = {"127.0.0.1"};
  }
  CN_ASSIGN_OR_RETURN(const pki::Issued made, authority.Issue(spec));
  return made.tls;
}

std::string TlsSection(const pki::TlsFiles& files) {
  return fmt::format("[tls]\ncert = \"{}\"\nkey = \"{}\"\nca = \"{}\"\n", files.cert, files.key,
                     files.ca);
}

// The port that a server wrote to its endpoints.json; "0" while there is none.
std::string PortIn(const std::string& endpoints) {
  const absl::StatusOr<std::string> text = ReadFile(endpoints, 64 * 1024);
  if (!text.ok()) return "0";
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const std::string listen = json.is_object() ? json.value("listen", "") : "";
  const size_t colon = listen.rfind(':');
  return colon == std::string::npos ? "0" : listen.substr(colon + 1);
}

// Brings up one lab; holds what its steps share.
class Starter {
 public:
  Starter(const Context& context, const LabOptions& options, LabPlan plan)
      : context_(context),
        folder_(fs::absolute(options.folder).lexically_normal().string()),
        data_(options.data.empty() ? "" : fs::absolute(options.data).string()),
        plan_(std::move(plan)) {}

  absl::Status Run() {
    for (const char* part : {"", "/server", "/sites"})
      CN_RETURN_IF_ERROR(MakeFolder(folder_ + part));
    CN_ASSIGN_OR_RETURN(running_, ReadLabProcesses(folder_));
    std::erase_if(running_, [](const LabProcess& process) { return !process.alive; });
    if (plan_.synthetic) CN_RETURN_IF_ERROR(WriteSynthetic());
    CN_RETURN_IF_ERROR(OpenAuthority());
    CN_RETURN_IF_ERROR(StartServer());
    for (size_t i = 0; i < plan_.sites.size(); ++i) CN_RETURN_IF_ERROR(StartSite(i));
    return AwaitSites();
  }

 private:
  const LabProcess* Running(const std::string& name) const {
    for (const LabProcess& process : running_) {
      if (process.name == name) return &process;
    }
    return nullptr;
  }

  absl::Status Started(const LabProcess& process) {
    running_.push_back(process);
    std::string lines;
    for (const LabProcess& one : running_) {
      lines += fmt::format("{} {} {}\n", one.pid, one.started, one.name);
    }
    return WriteFile(folder_ + "/pids", lines);
  }

  absl::Status WriteSynthetic() {
    data_ = folder_ + "/synthetic.csv";
    context_.Talk(
        "no data given: four synthetic hospitals from a seeded generator, not patients\n");
    return WriteFile(data_, SyntheticHospitals(kSyntheticSeed));
  }

  absl::Status OpenAuthority() {
    const std::string pki = folder_ + "/pki";
    std::error_code ignored;
    if (fs::exists(pki + "/authority.pem", ignored)) {
      CN_ASSIGN_OR_RETURN(authority_, pki::Authority::Open(pki, clock_));
    } else {
      CN_ASSIGN_OR_RETURN(authority_, pki::Authority::Create(pki, plan_.federation, clock_));
    }
    return absl::OkStatus();
  }

  absl::Status StartServer() {
    CN_ASSIGN_OR_RETURN(const pki::TlsFiles files,
                        CertificateFor(*authority_, folder_, pki::Role::kServer, "main"));
    const std::string data = folder_ + "/server/data";
    const std::string endpoints = data + "/endpoints.json";
    if (Running("server") == nullptr) {
      // Sites that still run know the old port: the server comes back to it.
      const std::string port = running_.empty() ? "0" : PortIn(endpoints);
      CN_RETURN_IF_ERROR(WriteFile(
          folder_ + "/server/server.toml",
          fmt::format("[server]\nlisten = \"127.0.0.1:{}\"\ndata = \"{}\"\nfederation = \"{}\"\n\n"
                      "[ops]\nlisten = \"127.0.0.1:0\"\n\n{}",
                      port, data, authority_->federation(), TlsSection(files))));
      std::error_code ignored;
      fs::remove(endpoints, ignored);
      CN_ASSIGN_OR_RETURN(const std::string program, ProgramBeside("consilium-server"));
      CN_ASSIGN_OR_RETURN(const LabProcess process,
                          StartProcess({program, "--config", folder_ + "/server/server.toml"},
                                       "server", LogOf(folder_, "server")));
      CN_RETURN_IF_ERROR(Started(process));
    }
    CN_RETURN_IF_ERROR(AwaitServer(endpoints));
    CN_ASSIGN_OR_RETURN(const pki::TlsFiles own,
                        CertificateFor(*authority_, folder_, pki::Role::kResearcher, "you"));
    return WriteFile(folder_ + "/cli.toml",
                     fmt::format("[server]\naddress = \"{}\"\n\n{}", address_, TlsSection(own)));
  }

  absl::Status AwaitServer(const std::string& endpoints) {
    const Instant until = clock_.Now() + kStartPatience;
    while (clock_.Now() < until) {
      if (const std::string port = PortIn(endpoints); port != "0") {
        address_ = "localhost:" + port;
        return absl::OkStatus();
      }
      CN_RETURN_IF_ERROR(CheckAlive("server"));
      std::this_thread::sleep_for(kPoll);
    }
    return DidNotStart("server", "did not listen");
  }

  absl::Status StartSite(size_t index) {
    const std::string& site = plan_.sites[index];
    const std::string folder = folder_ + "/sites/" + site;
    CN_RETURN_IF_ERROR(MakeFolder(folder));
    CN_ASSIGN_OR_RETURN(const pki::TlsFiles files,
                        CertificateFor(*authority_, folder_, pki::Role::kSite, site));
    if (Running(site) != nullptr) return absl::OkStatus();
    CN_RETURN_IF_ERROR(WriteFile(
        folder + "/client.toml",
        fmt::format("[client]\nserver = \"{}\"\ndata = \"{}/data\"\n\n{}\n{}", address_, folder,
                    TlsSection(files), FillIn(plan_.client, site, index, data_))));
    CN_ASSIGN_OR_RETURN(const std::string program, ProgramBeside("consilium-client"));
    CN_ASSIGN_OR_RETURN(const LabProcess process,
                        StartProcess({program, "run", "--config", folder + "/client.toml"}, site,
                                     LogOf(folder_, site)));
    return Started(process);
  }

  absl::Status AwaitSites() {
    Context context = context_;
    context.config = folder_ + "/cli.toml";
    context.connection = {};
    CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
    const Instant until = clock_.Now() + kStartPatience;
    std::string missing;
    while (clock_.Now() < until) {
      const absl::StatusOr<v1::ListSitesReply> sites = client->Sites();
      missing.clear();
      for (const std::string& name : plan_.sites) {
        const bool here = sites.ok() && std::ranges::any_of(sites->sites(), [&](const auto& site) {
                            return site.connected() && site.site() == name;
                          });
        if (!here) missing = name;
        CN_RETURN_IF_ERROR(CheckAlive(name));
      }
      if (missing.empty()) return absl::OkStatus();
      CN_RETURN_IF_ERROR(CheckAlive("server"));
      std::this_thread::sleep_for(kPoll);
    }
    return DidNotStart(missing, "did not connect");
  }

  absl::Status CheckAlive(const std::string& name) const {
    const LabProcess* process = Running(name);
    if (process == nullptr || IsAlive(*process)) return absl::OkStatus();
    return DidNotStart(name, "ended");
  }

  absl::Status DidNotStart(const std::string& name, std::string_view what) const {
    return Error(ErrorCode::kLab,
                 fmt::format("{} {}; the last lines of its log:\n{}", name, what,
                             Tail(LogOf(folder_, name), kTailLines)),
                 "the whole log is " + LogOf(folder_, name));
  }

  const Context& context_;
  const std::string folder_;
  std::string data_;
  const LabPlan plan_;
  const SystemClock clock_;
  std::unique_ptr<pki::Authority> authority_;
  std::string address_;
  std::vector<LabProcess> running_;
};

}  // namespace

absl::StatusOr<std::vector<LabProcess>> ReadLabProcesses(const std::string& folder) {
  std::vector<LabProcess> processes;
  std::ifstream in(folder + "/pids");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    LabProcess process;
    if (words >> process.pid >> process.started >> process.name && process.pid > 1) {
      process.alive = IsAlive(process);
      processes.push_back(process);
    }
  }
  return processes;
}

absl::Status LabUp(const Context& context, const LabOptions& options) {
  CN_ASSIGN_OR_RETURN(LabPlan plan, ReadLabPlan(options));
  const size_t sites = plan.sites.size();
  CN_RETURN_IF_ERROR(Starter(context, options, std::move(plan)).Run());
  if (context.json) {
    context.Json("lab", {{"folder", options.folder}, {"sites", sites}});
  } else {
    context.Data(fmt::format("a server and {} sites are up in {}\n", sites, options.folder));
  }
  return absl::OkStatus();
}

absl::Status LabDown(const Context& context, const std::string& folder) {
  CN_ASSIGN_OR_RETURN(const std::vector<LabProcess> processes, ReadLabProcesses(folder));
  const bool gentle = StopProcesses(processes, kStopPatience);
  std::error_code ignored;
  fs::remove(folder + "/pids", ignored);
  if (context.json) {
    context.Json("lab", {{"folder", folder}, {"stopped", processes.size()}});
  } else {
    context.Data(fmt::format("{} processes stopped{}; what they wrote stays in {}\n",
                             processes.size(), gentle ? "" : " (some had to be killed)", folder));
  }
  return absl::OkStatus();
}

absl::Status LabStatus(const Context& context, const std::string& folder) {
  CN_ASSIGN_OR_RETURN(const std::vector<LabProcess> processes, ReadLabProcesses(folder));
  nlohmann::json list = nlohmann::json::array();
  Table table({{"PROCESS"}, {"PID", Align::kRight}, {"STATE"}, {"LOG"}});
  for (const LabProcess& process : processes) {
    list.push_back({{"name", process.name}, {"pid", process.pid}, {"alive", process.alive}});
    table.AddRow({process.name, std::to_string(process.pid),
                  process.alive ? context.terminal.Paint(Style::kGood, "running")
                                : context.terminal.Paint(Style::kBad, "ended"),
                  LogOf(folder, process.name)});
  }
  if (context.json) {
    context.Json("lab", {{"folder", folder}, {"processes", list}});
  } else {
    context.Data(table.Render(context.terminal));
  }
  if (processes.empty()) context.Next("consilium lab up");
  return absl::OkStatus();
}

}  // namespace consilium::cli
