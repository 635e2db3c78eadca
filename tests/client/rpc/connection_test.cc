// Whole sites against a whole server in one process, over real mTLS.
#include "client/rpc/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "client/session/csv_source.h"
#include "client/train/site_half.h"
#include "common/base/random.h"
#include "fmt/format.h"
#include "tests/server/rpc/live_server.h"

namespace consilium::client::rpc {
namespace {

using server::rpc::Context;
using server::rpc::kSmallJob;
using server::rpc::Role;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;

// Forty rows of two features that say something about the label.
std::string SomePatients(uint64_t seed) {
  Random random(seed);
  std::string csv = "age,chol,y\n";
  for (int row = 0; row < 40; ++row) {
    const double age = 50 + 10 * random.Normal();
    const double chol = 200 + 30 * random.Normal();
    const int y = age + 0.1 * chol + 5 * random.Normal() > 70 ? 1 : 0;
    csv += fmt::format("{:.1f},{:.1f},{}\n", age, chol, y);
  }
  return csv;
}

// One site: its own folder, data, policy, session and connection, on two threads.
class LiveSite {
 public:
  LiveSite(const std::string& name, const std::string& server, consilium::rpc::TlsOptions tls)
      : policy_({.datasets = {"heart"},
                 .workloads = {"means", "variances", "train", "evaluate"},
                 .researchers = {"*"}}) {
    data::DatasetConfig dataset;
    dataset.name = "heart";
    dataset.path = folder_.Write("heart.csv", SomePatients(name.size()));
    source_ = std::make_unique<session::CsvSource>(std::vector{dataset}, SiteId(name));
    session_ = session::SiteSession::Create(
                   {.site = SiteId(name), .folder = folder_.PathOf("site"), .version = "test"},
                   {storage_, *source_, policy_, clock_, train::RunSiteHalf})
                   .value();
    Connection::Options options;
    options.server = server;
    options.tls = std::move(tls);
    options.site = SiteId(name);
    options.backoff = {.base = std::chrono::milliseconds(10), .cap = std::chrono::milliseconds(50)};
    connection_ = std::make_unique<Connection>(std::move(options), *session_, clock_);
    work_ = std::thread([this] { session_->Run(); });
    talk_ = std::thread([this] { connection_->Run(); });
  }
  ~LiveSite() {
    session_->Stop();
    connection_->Stop();
    work_.join();
    talk_.join();
  }
  const Connection& connection() const { return *connection_; }

 private:
  testing::TempFolder folder_;
  PosixStorage storage_;
  SystemClock clock_;
  policy::Policy policy_;
  std::unique_ptr<session::CsvSource> source_;
  std::unique_ptr<session::SiteSession> session_;
  std::unique_ptr<Connection> connection_;
  std::thread work_;
  std::thread talk_;
};

class ConnectionTest : public server::rpc::LiveServer {
 protected:
  std::unique_ptr<LiveSite> Site(const std::string& name) {
    consilium::rpc::TlsOptions tls;
    tls.files = Files(Role::kSite, name);
    return std::make_unique<LiveSite>(name, Target(), tls);
  }
  // Until `holds`; false after a long while.
  static bool Await(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + server::rpc::kPatience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }
  // Watches a job to its end; its last view with all steps.
  v1::JobView WatchToTheEnd(const std::string& job) {
    const auto ada = Control(Role::kResearcher, "ada");
    v1::WatchJobRequest request;
    request.set_job_id(job);
    Context context;
    const auto stream = ada->WatchJob(&context, request);
    v1::JobView whole;
    for (v1::WatchJobReply frame; stream->Read(&frame);) {
      const auto seen = whole.steps();
      whole = frame.job();
      *whole.mutable_steps() = seen;
      whole.mutable_steps()->MergeFrom(frame.job().steps());
    }
    EXPECT_THAT(StatusOf(stream->Finish()), IsOk());
    return whole;
  }
  std::string Submit(uint8_t nonce = 1) {
    const auto ada = Control(Role::kResearcher, "ada");
    Context context;
    v1::SubmitJobReply reply;
    EXPECT_THAT(StatusOf(ada->SubmitJob(&context, JobRequest(kSmallJob, nonce), &reply)), IsOk());
    return reply.job_id();
  }
};

TEST_F(ConnectionTest, TwoSitesTrainAModelOverMutualTls) {
  const auto north = Site("north");
  const auto south = Site("southern");
  const v1::JobView job = WatchToTheEnd(Submit());
  EXPECT_EQ(job.status(), v1::JOB_STATUS_DONE) << job.reason();
  EXPECT_EQ(job.rounds_committed(), 3u);
  ASSERT_FALSE(job.steps().empty());
  std::set<uint64_t> numbers;
  for (const v1::StepView& step : job.steps()) {
    EXPECT_TRUE(numbers.insert(step.step()).second) << "step " << step.step() << " came twice";
    ASSERT_EQ(step.sites_size(), 2) << "step " << step.step();
    for (const v1::SiteStepView& site : step.sites()) EXPECT_EQ(site.result(), "counted");
  }
  EXPECT_GT(server->update_bytes(), 0u);
}

TEST_F(ConnectionTest, ASiteThatStartsBeforeTheServerConnectsLater) {
  address = "127.0.0.1:" + std::to_string(server->port());
  const auto north = Site("north");
  ASSERT_TRUE(Await([&] { return north->connection().status().ok(); }));
  Stop();
  ASSERT_TRUE(Await([&] {
    const auto code = CodeOf(north->connection().status());
    return code == ErrorCode::kCannotConnect || code == ErrorCode::kConnectionLost;
  }));
  Start();
  EXPECT_TRUE(Await([&] { return north->connection().status().ok(); }));
}

TEST_F(ConnectionTest, AJobGoesOnWhenTheServerComesBack) {
  address = "127.0.0.1:" + std::to_string(server->port());
  const auto north = Site("north");
  const std::string job = Submit();  // waits for a second site
  Stop();
  Start();
  const auto south = Site("southern");
  const v1::JobView ended = WatchToTheEnd(job);
  EXPECT_EQ(ended.status(), v1::JOB_STATUS_DONE) << ended.reason();
}

TEST_F(ConnectionTest, OfTwoClientsWithOneCertificateTheOlderWaitsAndSaysWhatToDo) {
  const auto older = Site("north");
  ASSERT_TRUE(Await([&] { return older->connection().status().ok(); }));
  const auto newer = Site("north");
  ASSERT_TRUE(Await([&] { return CodeOf(older->connection().status()) == ErrorCode::kFenced; }));
  ASSERT_TRUE(Await([&] { return newer->connection().status().ok(); }));
  EXPECT_THAT(HelpOf(older->connection().status()), HasSubstr("stop one of them"));
  const auto south = Site("southern");
  const v1::JobView job = WatchToTheEnd(Submit());
  EXPECT_EQ(job.status(), v1::JOB_STATUS_DONE) << job.reason();
  EXPECT_EQ(CodeOf(older->connection().status()), ErrorCode::kFenced);
  EXPECT_THAT(newer->connection().status(), IsOk());
}

TEST_F(ConnectionTest, TheReasonToWaitIsSaid) {
  const auto researcher = Files(Role::kResearcher, "ada");
  consilium::rpc::TlsOptions tls;
  tls.files = researcher;
  const LiveSite impostor("north", Target(), tls);
  EXPECT_TRUE(
      Await([&] { return CodeOf(impostor.connection().status()) == ErrorCode::kNotAllowed; }));
}

TEST_F(ConnectionTest, AMissingCertificateIsTriedAgainAndNamed) {
  consilium::rpc::TlsOptions tls;
  tls.files = {"/nowhere/cert.pem", "/nowhere/key.pem", "/nowhere/ca.pem"};
  const LiveSite site("north", Target(), tls);
  ASSERT_TRUE(Await([&] { return CodeOf(site.connection().status()).has_value(); }));
  EXPECT_THAT(std::string(site.connection().status().message()), HasSubstr("/nowhere/"));
}

}  // namespace
}  // namespace consilium::client::rpc
