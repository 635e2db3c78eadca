#include "common/metrics/ops_endpoint.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "common/base/error.h"

namespace consilium::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A connected socket, or -1.
int Dial(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

// The whole answer to one request, until the server closes.
std::string Ask(uint16_t port, const std::string& method, const std::string& path) {
  const int fd = Dial(port);
  if (fd < 0) return "cannot connect";
  const std::string request = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, n);
  close(fd);
  return answer;
}

class OpsEndpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = OpsEndpoint::Start(
        {.ready = [this] { return ready_ ? absl::OkStatus() : absl::UnavailableError("draining"); },
         .metrics = [] { return std::string("consilium_x 1\n"); }});
    ASSERT_TRUE(started.ok()) << started.status();
    endpoint_ = *std::move(started);
  }
  std::atomic<bool> ready_{true};
  std::unique_ptr<OpsEndpoint> endpoint_;
};

TEST_F(OpsEndpointTest, AnswersLivenessReadinessAndMetrics) {
  const uint16_t port = endpoint_->port();
  EXPECT_THAT(Ask(port, "GET", "/livez"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask(port, "GET", "/readyz"), StartsWith("HTTP/1.1 200"));
  const std::string metrics = Ask(port, "GET", "/metrics");
  EXPECT_THAT(metrics, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(metrics, HasSubstr("\r\n\r\nconsilium_x 1\n"));
}

TEST_F(OpsEndpointTest, NotReadyIsAliveAndSaysWhy) {
  ready_ = false;
  const std::string answer = Ask(endpoint_->port(), "GET", "/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("draining"));
  EXPECT_THAT(Ask(endpoint_->port(), "GET", "/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_F(OpsEndpointTest, OtherMethodsAndPathsAreRefused) {
  EXPECT_THAT(Ask(endpoint_->port(), "POST", "/metrics"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Ask(endpoint_->port(), "DELETE", "/livez"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Ask(endpoint_->port(), "GET", "/jobs"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Ask(endpoint_->port(), "GET", "/../etc/passwd"), StartsWith("HTTP/1.1 40"));
}

TEST_F(OpsEndpointTest, SilentConnectionsDoNotStopItForGood) {
  // More than there are workers: each is dropped after its time limit and the last request
  // answered.
  std::vector<int> silent;
  for (size_t i = 0; i < kOpsWorkers + 1; ++i) silent.push_back(Dial(endpoint_->port()));
  EXPECT_THAT(Ask(endpoint_->port(), "GET", "/livez"), StartsWith("HTTP/1.1 200"));
  for (const int fd : silent) close(fd);
}

TEST_F(OpsEndpointTest, ATakenPortIsNamed) {
  auto second = OpsEndpoint::Start({.port = endpoint_->port(),
                                    .ready = [] { return absl::OkStatus(); },
                                    .metrics = [] { return std::string(); }});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(CodeOf(second.status()), ErrorCode::kPortInUse);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(endpoint_->port())));
}

}  // namespace
}  // namespace consilium::metrics
