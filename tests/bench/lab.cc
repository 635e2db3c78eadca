#include "tests/bench/lab.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/base/bounded_queue.h"
#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/status_conversion.h"
#include "common/wire/envelope.h"
#include "consilium/v1/control.grpc.pb.h"
#include "tests/bench/figures.h"

namespace consilium::bench {
namespace {

constexpr const char* kFederation = "bench";
constexpr int kEnvelopeMs = 24 * 3600 * 1000;

pki::TlsFiles Issue(pki::Authority& authority, pki::Role role, const std::string& id) {
  pki::IssueSpec spec;
  spec.role = role;
  spec.id = id;
  if (role == pki::Role::kServer) {
    spec.dns_names = {"localhost"};
    spec.ip_addresses = {"127.0.0.1"};
  }
  return Must(authority.Issue(spec)).tls;
}

void Pause() {
  BoundedQueue<bool> nothing(1);
  nothing.PopFor(std::chrono::milliseconds(2));
}

}  // namespace

Lab::Lab(const Options& options)
    : pki_folder_(fmt::format("/dev/shm/consilium-bench-{}", getpid())),
      data_folder_((options.data_in_memory ? pki_folder_ : options.work) + "/data"),
      transport_memory_(options.transport_memory),
      log_(options.work + "/server.log") {
  std::filesystem::remove_all(pki_folder_);
  std::filesystem::remove_all(data_folder_);
  std::filesystem::create_directories(pki_folder_);
  std::filesystem::remove(log_);
  authority_ = Must(pki::Authority::Create(pki_folder_ + "/authority", kFederation, clock_));
  server_files_ = Issue(*authority_, pki::Role::kServer, "main");
  researcher_files_ = Issue(*authority_, pki::Role::kResearcher, "bench");
  for (size_t i = 0; i < options.sites; ++i) {
    Issue(*authority_, pki::Role::kSite, Site(i).value());
  }
}

Lab::~Lab() {
  server_.Kill();
  std::filesystem::remove_all(pki_folder_);
  std::filesystem::remove_all(data_folder_);
}

SiteId Lab::Site(size_t index) const { return SiteId(fmt::format("site-{:05}", index)); }

pki::TlsFiles Lab::SiteFiles(size_t index) const {
  return pki::TlsFilesIn(
      fmt::format("{}/authority/issued/site-{}", pki_folder_, Site(index).value()));
}

void Lab::RemoveData() {
  CN_CHECK(server_.pid() == 0);
  std::filesystem::remove_all(data_folder_);
}

void Lab::StartServer() {
  const std::string port = target_.empty() ? "0" : target_.substr(target_.rfind(':') + 1);
  const std::string config = pki_folder_ + "/server.toml";
  std::ofstream(config) << fmt::format(
      "[server]\nlisten = \"127.0.0.1:{}\"\ndata = \"{}\"\n[tls]\ncert = \"{}\"\nkey = \"{}\"\n"
      "ca = \"{}\"\n[ops]\nlisten = \"\"\n[limits]\naccept_lease = \"10m\"\n"
      "progress_lease = \"1h\"\ntransport_memory = \"{}\"\n",
      port, data_folder_, server_files_.cert, server_files_.key, server_files_.ca,
      transport_memory_);
  const std::string endpoints = data_folder_ + "/endpoints.json";
  std::filesystem::remove(endpoints);
  server_.Start({"consilium-server", "--config", config}, log_);
  while (!std::filesystem::exists(endpoints)) {
    if (server_.HasEnded()) {
      fmt::print(stderr, "the server did not start: see {}\n", log_);
      std::_Exit(1);
    }
    Pause();
  }
  std::ifstream file(endpoints);
  target_ = fmt::format("localhost:{}", nlohmann::json::parse(file).at("port").get<int>());
}

namespace {

std::unique_ptr<v1::Control::Stub> ControlOf(const std::string& target, const pki::TlsFiles& files,
                                             const Clock& clock) {
  return v1::Control::NewStub(Must(rpc::MakeChannel(target, files, kFederation, clock)));
}

void MustCall(const ::grpc::Status& status) { Must(rpc::FromGrpc(status, "the server")); }

}  // namespace

JobId Lab::Submit(const std::string& job_text) {
  wire::Envelope envelope;
  envelope.federation = kFederation;
  envelope.nonce[0] = std::byte{++nonce_};
  envelope.not_before = clock_.UtcNow();
  envelope.expiry = envelope.not_before + kEnvelopeMs;
  v1::SubmitJobRequest request;
  request.set_envelope(std::string(AsText(wire::EncodeEnvelope(envelope))));
  request.set_file(job_text);
  v1::SubmitJobReply reply;
  ::grpc::ClientContext context;
  MustCall(ControlOf(target_, researcher_files_, clock_)->SubmitJob(&context, request, &reply));
  return JobId(reply.job_id());
}

void Lab::WaitUntilDone(const JobId& job) {
  const auto stub = ControlOf(target_, researcher_files_, clock_);
  v1::GetJobRequest request;
  request.set_job_id(job.value());
  for (;;) {
    v1::JobView view;
    ::grpc::ClientContext context;
    MustCall(stub->GetJob(&context, request, &view));
    if (view.status() == v1::JOB_STATUS_DONE) return;
    const bool open = view.status() == v1::JOB_STATUS_RUNNING ||
                      view.status() == v1::JOB_STATUS_WAITING ||
                      view.status() == v1::JOB_STATUS_QUEUED;
    if (!open) {
      fmt::print(stderr, "the job failed: {}\n", view.reason());
      std::_Exit(1);
    }
    Pause();
  }
}

std::string JobText(uint64_t parameters, uint32_t rounds, size_t sites) {
  constexpr uint64_t kFeatures = 1000;
  std::string features;
  for (uint64_t i = 0; i < kFeatures; ++i) {
    features += fmt::format("{}\"f{}\"", i == 0 ? "" : ", ", i);
  }
  // Two layers of the same size: kFeatures * wide and wide * kFeatures.
  const bool is_small = parameters <= kFeatures + 1;
  const std::string model = is_small ? std::string("kind = \"logistic\"\n")
                                     : fmt::format("kind = \"mlp\"\nhidden = [{}, {}]\n",
                                                   parameters / (2 * kFeatures), kFeatures);
  return fmt::format(
      "name = \"bench\"\nrounds = {}\nseed = 1\n[data]\ndataset = \"bench\"\nlabel = \"y\"\n"
      "features = [{}]\nstandardize = \"none\"\n[model]\n{}[train]\nbatch_size = 16\n"
      "[participation]\nmin_sites = {}\nround_deadline = \"1h\"\n",
      rounds, features, model, sites);
}

}  // namespace consilium::bench
