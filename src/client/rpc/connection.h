// A site's connection to the server: dials, attends, hands messages to the session, and when it is
// lost tries again for ever, saying once per change of reason what it waits for.
//
// Two threads while connected: the caller of Run reads, one writes. Everything received goes to the
// session in order; Fetch and Submit run on the session's worker. TLS files are read anew for each
// attempt, so renewed certificates need no restart.
// Thread-safe: Run on one thread, the rest from any.
#ifndef CONSILIUM_CLIENT_RPC_CONNECTION_H_
#define CONSILIUM_CLIENT_RPC_CONNECTION_H_

#include <memory>
#include <string>

#include "client/rpc/backoff.h"
#include "client/session/site_session.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/metrics/counter.h"
#include "common/rpc/credentials.h"

namespace consilium::v1 {
class ServerFrame;
}

namespace consilium::client::rpc {

class GrpcUplink;

class Connection {
 public:
  struct Options {
    std::string server;  // "host:port"
    consilium::rpc::TlsOptions tls;
    SiteId site;
    Backoff::Options backoff;
    Duration welcome_timeout = std::chrono::seconds(10);  // from the first byte to the Welcome
  };
  // `session` and `clock` outlive this.
  Connection(Options options, session::SiteSession& session, const Clock& clock);

  // Until Stop.
  void Run();
  // Ends Run soon: open calls are cancelled; what is durable stays.
  void Stop();

  // Ok while connected; else what it waits for.
  absl::Status status() const;
  uint64_t update_bytes_sent() const { return bytes_sent_.value(); }

 private:
  struct Attendance;  // one Attend stream and what belongs to it
  // One connection from dial to end; how it ended.
  absl::Status Attempt();
  absl::Status Read(Attendance& one);
  void Write(Attendance& one);
  absl::Status OnFrame(Attendance& one, const v1::ServerFrame& frame);
  void Note(const absl::Status& why);
  // False when Stop came.
  bool Rest(Duration delay);

  const Options options_;
  session::SiteSession& session_;
  const Clock& clock_;
  metrics::Counter bytes_sent_;
  Backoff backoff_;  // Run's thread only
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::string noted_ ABSL_GUARDED_BY(mutex_);                   // the reason that was logged last
  std::shared_ptr<GrpcUplink> uplink_ ABSL_GUARDED_BY(mutex_);  // of the attempt under way
};

}  // namespace consilium::client::rpc

#endif  // CONSILIUM_CLIENT_RPC_CONNECTION_H_
