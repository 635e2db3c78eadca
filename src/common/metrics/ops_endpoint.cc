#include "common/metrics/ops_endpoint.h"

#include <httplib.h>

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/error.h"
#include "common/metrics/exposition.h"
#include "fmt/format.h"

namespace consilium::metrics {
namespace {

constexpr auto kSocketTimeout = std::chrono::seconds(2);

// The library's own pool has no bound. Here a full queue makes the accepting thread wait, so the
// kernel's backlog is the last buffer.
class BoundedPool final : public httplib::TaskQueue {
 public:
  BoundedPool() : tasks_(kOpsPendingConnections) {
    for (size_t i = 0; i < kOpsWorkers; ++i) threads_.emplace_back([this] { Work(); });
  }
  void enqueue(std::function<void()> task) override {
    MutexLock lock(mutex_);
    for (;;) {
      std::function<void()> again = task;  // TryPush takes what it is given
      if (tasks_.TryPush(std::move(again)) || tasks_.closed()) return;
      room_.Wait(mutex_);
    }
  }
  void shutdown() override {
    tasks_.Close();
    {
      MutexLock lock(mutex_);
      room_.NotifyAll();
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Work() {
    for (;;) {
      auto task = tasks_.PopFor(std::chrono::hours(1));
      if (!task && tasks_.closed()) return;
      if (!task) continue;
      {
        MutexLock lock(mutex_);
        room_.NotifyOne();
      }
      (*task)();
    }
  }

  BoundedQueue<std::function<void()>> tasks_;
  Mutex mutex_;
  CondVar room_;
  std::vector<std::thread> threads_;
};

// Debian's default is SO_REUSEPORT, with which a second daemon on the port would start silently.
void OwnThePort(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

}  // namespace

struct OpsEndpoint::Parts {
  Options options;
  httplib::Server server;
  uint16_t port = 0;
  std::thread acceptor;

  httplib::Server::HandlerResponse Answer(const httplib::Request& request,
                                          httplib::Response& response) const;
};

httplib::Server::HandlerResponse OpsEndpoint::Parts::Answer(const httplib::Request& request,
                                                            httplib::Response& response) const {
  constexpr const char* kPlain = "text/plain";
  response.set_header("Connection", "close");
  if (request.method != "GET" && request.method != "HEAD") {
    response.status = 405;
    response.set_header("Allow", "GET, HEAD");
  } else if (request.path == "/livez") {
    response.status = 200;
    response.set_content("ok\n", kPlain);
  } else if (request.path == "/readyz") {
    const absl::Status ready = options.ready();
    response.status = ready.ok() ? 200 : 503;
    response.set_content(ready.ok() ? "ok\n" : std::string(ready.message()) + "\n", kPlain);
  } else if (request.path == "/metrics") {
    response.status = 200;
    response.set_content(options.metrics(), std::string(kExpositionContentType).c_str());
  } else {
    response.status = 404;
    response.set_content("known paths: /livez /readyz /metrics\n", kPlain);
  }
  return httplib::Server::HandlerResponse::Handled;
}

OpsEndpoint::OpsEndpoint(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<OpsEndpoint>> OpsEndpoint::Start(Options options) {
  auto parts = std::make_unique<Parts>();
  parts->options = std::move(options);
  httplib::Server& server = parts->server;
  server.new_task_queue = [] { return new BoundedPool; };
  server.set_socket_options(OwnThePort);
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(kSocketTimeout.count());  // for the first request, too
  server.set_read_timeout(kSocketTimeout);
  server.set_write_timeout(kSocketTimeout);
  server.set_payload_max_length(kOpsMaxRequestBytes);
  server.set_pre_routing_handler(
      [raw = parts.get()](const httplib::Request& request, httplib::Response& response) {
        return raw->Answer(request, response);
      });
  const std::string& host = parts->options.host;
  const uint16_t wanted = parts->options.port;
  const int bound = wanted == 0 ? server.bind_to_any_port(host)
                                : (server.bind_to_port(host, wanted) ? wanted : -1);
  if (bound <= 0) {
    return Error(ErrorCode::kPortInUse,
                 fmt::format("cannot listen on {}:{} for health and metrics", host, wanted),
                 "stop the process that holds the port, or set [ops] listen to a free port of an "
                 "address of this machine (port 0: any)");
  }
  parts->port = static_cast<uint16_t>(bound);
  parts->acceptor = std::thread([raw = parts.get()] { raw->server.listen_after_bind(); });
  return std::unique_ptr<OpsEndpoint>(new OpsEndpoint(std::move(parts)));
}

OpsEndpoint::~OpsEndpoint() {
  // stop() is lost on a server whose thread has not begun to accept.
  while (!parts_->server.is_running()) std::this_thread::yield();
  parts_->server.stop();
  parts_->acceptor.join();
}

uint16_t OpsEndpoint::port() const { return parts_->port; }

}  // namespace consilium::metrics
