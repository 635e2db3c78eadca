// A site's side of the federation, without a transport: it answers notices and offers, works one
// task at a time, and keeps what it made until it hears the Outcome.
//
// Path of a task: policy decides, before anything else -> the state is fetched by digest (resumed,
// cached) -> the site half runs -> disclosure check -> the update file and a what-left record are
// durable on this site's disk -> Submit -> receipt kept -> Outcome deletes the copy. A finished
// task is never computed again: after a restart or a reconnect the held update is offered again.
//
// Two threads use it: the connection's (OnWelcome, OnMessage, OnDisconnected; never blocks) and one
// worker (RunOne / Run). The simulation calls all of them from one thread.
#ifndef CONSILIUM_CLIENT_SESSION_SITE_SESSION_H_
#define CONSILIUM_CLIENT_SESSION_SITE_SESSION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/policy/policy.h"
#include "client/session/job_table.h"
#include "client/session/uplink.h"
#include "client/train/site_half.h"
#include "common/base/clock.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

// This site's datasets by name (session/csv_source.h: from client.toml). Load is called for every
// step: keeping what is in use is the source's business.
class DatasetSource {
 public:
  virtual ~DatasetSource() = default;
  virtual std::vector<std::string> Names() const = 0;
  // kDatasetUnknown, and the 04xx errors of reading it as this job needs it. May take long, and
  // says to `progress` how far it is.
  virtual absl::StatusOr<std::shared_ptr<const data::Dataset>> Load(
      const job::JobSpec& spec, const data::ReadProgress& progress) = 0;
};

// How a task is computed; train::RunSiteHalf in production.
using SiteHalf = std::function<absl::StatusOr<train::Contribution>(
    const job::JobSpec&, const train::SiteTask&, const wire::StatePart&, const data::Dataset&,
    const train::Progress&)>;

class SiteSession {
 public:
  struct Options {
    SiteId site;
    std::string folder;  // this site's own store
    std::string version;
    std::string kernel = {};  // learn::TrainKernel: named in updates; a job may pin it
    size_t max_jobs = 64;
    size_t max_queued = 256;
    uint64_t most_cached_bytes = uint64_t{8} << 30;           // of states
    Duration checkpoint_interval = std::chrono::seconds(30);  // of a training; 0: none are kept
  };
  // What a session stands on. All references outlive it.
  struct Ground {
    Storage& storage;
    DatasetSource& datasets;
    const policy::Policy& policy;
    const Clock& clock;
    SiteHalf site_half;
    JobParser parse = ParseForSite;  // of notices
  };
  // Reads the store, or begins one with a fresh random id.
  static absl::StatusOr<std::unique_ptr<SiteSession>> Create(Options options, Ground ground);
  ~SiteSession();

  wire::Hello MakeHello() const;
  // Ok, or why this site waits for its own disk. From any thread.
  absl::Status disk() const;
  void OnWelcome(const wire::Welcome& welcome, std::shared_ptr<Uplink> uplink);
  void OnMessage(const wire::ServerMessage& message);
  void OnDisconnected();

  // Does one piece of queued work; false when there is none.
  bool RunOne();
  // RunOne until Stop.
  void Run();
  // No further task is taken; the one at hand goes on.
  void Drain();
  // False when a task is still at hand at `deadline`.
  bool WaitIdle(Instant deadline);
  // Ends Run soon. The task at hand is put aside: its checkpoint is written, and it goes on when it
  // is offered again after the next start.
  void Stop();

 private:
  struct Parts;
  explicit SiteSession(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_SITE_SESSION_H_
