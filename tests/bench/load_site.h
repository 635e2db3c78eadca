// One site of the load generator: it attends, fetches states and submits updates over the real
// protocol, with its own certificate and connection, but trains nothing.
//
// All sites send the same payload from one buffer (LoadShared), so a hundred of them fit in one
// process; only the header of an update, and so its digest, is a site's own. When its stream ends
// it dials again with a growing, jittered pause, and goes on where the server says.
// Thread-safe. Held by shared_ptr; calls under way hold it, too.
#ifndef CONSILIUM_TESTS_BENCH_LOAD_SITE_H_
#define CONSILIUM_TESTS_BENCH_LOAD_SITE_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "client/rpc/backoff.h"
#include "common/base/mutex.h"
#include "common/pki/tls_files.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"
#include "consilium/v1/federation.pb.h"
#include "server/rpc/worker_pool.h"

namespace consilium::bench {

enum class LoadEvent { kOffered, kReceipted, kOutcome };

// What a step's updates consist of; the same for every site.
struct LoadStep {
  tensor::Layout layout;
  Bytes payload;
};

struct LoadOptions {
  std::string target;
  std::string federation;
  bool fetch = true;      // false: as sites that have the state in their caches
  bool by_stream = true;  // small states in offers, small updates in the standing stream
  client::rpc::Backoff::Options backoff;
  // Called for every site, on any thread.
  std::function<void(LoadEvent, StepNumber)> on_event;
};

struct LoadShared {
  // `the_clock` outlives this.
  LoadShared(LoadOptions the_options, const Clock& the_clock)
      : options(std::move(the_options)), clock(the_clock) {}

  const LoadOptions options;
  const Clock& clock;
  server::rpc::WorkerPool pool{2};  // dialling and hashing, away from gRPC's threads

  std::atomic<uint64_t> welcomed{0};
  std::atomic<uint64_t> bytes_sent{0};
  std::atomic<uint64_t> bytes_fetched{0};
  std::atomic<uint64_t> bytes_accepted{0};
  std::atomic<int> open_calls{0};
  std::atomic<bool> stopping{false};

  // The step of a job; made once.
  std::shared_ptr<const LoadStep> StepOf(const wire::JobNotice& notice);
  std::shared_ptr<const LoadStep> Step(wire::Workload workload);

 private:
  Mutex mutex_;
  JobId job_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const LoadStep> train_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const LoadStep> evaluate_ ABSL_GUARDED_BY(mutex_);
};

class LoadSite : public std::enable_shared_from_this<LoadSite> {
 public:
  LoadSite(LoadShared& shared, SiteId site, pki::TlsFiles files);

  void Dial();
  void Stop();

  // From the calls.
  void OnFrame(const v1::ServerFrame& frame);
  void OnLost();
  LoadShared& shared() { return shared_; }

 private:
  class AttendCall;
  class FetchCall;
  class SubmitCall;
  struct Update;
  void OnOffer(const wire::TaskOffer& offer);
  void Fetch(const wire::TaskOffer& offer);
  void Submit(const wire::TaskOffer& offer);
  bool Streams(uint64_t bytes) const;
  void Stream(const Update& update);
  void Send(const wire::SiteMessage& message);
  std::shared_ptr<::grpc::Channel> channel() const;
  Epoch epoch() const;

  LoadShared& shared_;
  const SiteId site_;
  const pki::TlsFiles files_;
  mutable Mutex mutex_;
  std::shared_ptr<::grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
  AttendCall* attend_ ABSL_GUARDED_BY(mutex_) = nullptr;  // while its stream is open
  Epoch epoch_ ABSL_GUARDED_BY(mutex_);
  bool streams_ ABSL_GUARDED_BY(mutex_) = false;  // the server takes updates so
  client::rpc::Backoff backoff_ ABSL_GUARDED_BY(mutex_);
  ::grpc::Alarm redial_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_LOAD_SITE_H_
