// The server's side of every site, without a transport: who is here, under which epoch, what they
// were told, what they said.
//
// gRPC (server/rpc) and the in-memory link call the same methods. A site has at most one live
// session; a newer Attend fences the older: its port is closed and every call that carries the old
// epoch fails with kFenced. The SiteId always comes from the caller's certificate.
// Thread-safe.
#ifndef CONSILIUM_SERVER_REGISTRY_FEDERATION_H_
#define CONSILIUM_SERVER_REGISTRY_FEDERATION_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/wire/messages.h"

namespace consilium::server::registry {

// One live Attend stream, server to site. Implementations never block: a full queue closes the
// stream (the site reconnects and is told again). Send may come before Attend has returned; the
// transport puts the Welcome in front of it.
class SitePort {
 public:
  virtual ~SitePort() = default;
  virtual void Send(const wire::ServerMessage& message) = 0;
  // Ends the stream with this status. Idempotent.
  virtual void Close(const absl::Status& why) = 0;
};

// How a site comes: for the first time ever, again after this server started, again after its
// connection broke, or as a new process of its own.
enum class Arrival { kFirst, kWithServer, kReconnected, kRestarted };

// What the jobs hear from sites. Calls never block for long: they queue an event. An OnAttend may
// follow another of the same site without an OnLeave between them: the older stream was fenced.
class SiteListener {
 public:
  virtual ~SiteListener() = default;
  virtual void OnAttend(const SiteId& site, const wire::Hello& hello, Arrival arrival) = 0;
  virtual void OnLeave(const SiteId& site) = 0;
  virtual void OnMessage(const SiteId& site, const wire::SiteMessage& message) = 0;
};

struct SiteStatus {
  SiteId site;
  bool connected = false;
  Epoch epoch;
  std::string version;
  std::vector<std::string> datasets;
  std::vector<std::string> capabilities;
  std::string store_id;
  uint64_t process = 0;        // wire::Hello's; 0: not known
  bool store_changed = false;  // this store id is not the one seen before
  // How often a stream of another store was fenced while it lived: two clients use its certificate.
  uint32_t contested = 0;
  UtcMillis last_seen = 0;
};

// Where epochs are made durable before a Welcome carries them.
class EpochLog {
 public:
  virtual ~EpochLog() = default;
  virtual absl::Status RecordEpoch(const SiteId& site, Epoch epoch, const wire::Hello& hello) = 0;
};

inline constexpr size_t kMaxSites = 16384;

class Federation {
 public:
  struct Options {
    std::string name;
    std::string version;
  };
  // `listener`, `log` and `clock` outlive this.
  Federation(Options options, SiteListener& listener, EpochLog& log, const Clock& clock);

  // What the journal knew of a site before this start (epochs go on from there).
  void Restore(const SiteId& site, Epoch epoch, const std::string& store_id, uint64_t process);

  // kVersion, kProtocol, kOverloaded (kMaxSites, or after CloseAll), kFenced (a newer Attend came
  // while this one was being recorded). On success the epoch is durable, older sessions of this
  // site are fenced and `port` receives from now on.
  absl::StatusOr<wire::Welcome> Attend(const SiteId& site, const wire::Hello& hello,
                                       std::shared_ptr<SitePort> port);
  // The stream ended. Ignored when `epoch` is not the site's newest.
  void Leave(const SiteId& site, Epoch epoch);
  // kFenced for an older epoch.
  absl::Status OnMessage(const SiteId& site, Epoch epoch, const wire::SiteMessage& message);
  absl::Status CheckEpoch(const SiteId& site, Epoch epoch) const;

  // False when the site is not connected (it will be told after its next Attend).
  bool SendTo(const SiteId& site, const wire::ServerMessage& message);

  // Whether the site said so in the hello of its newest stream.
  bool IsCapable(const SiteId& site, std::string_view capability) const;

  std::vector<SiteStatus> Sites() const;
  // Closes every stream and refuses new ones: the server drains.
  void CloseAll(const absl::Status& why);

 private:
  struct Session {
    SiteStatus status;
    Epoch reserved;         // newest handed out; status.epoch follows once it is durable
    bool was_here = false;  // since this server started
    std::shared_ptr<SitePort> port;
  };
  absl::StatusOr<Epoch> ReserveEpoch(const SiteId& site);
  struct Installed {
    std::shared_ptr<SitePort> fenced;  // null: none was live
    Arrival arrival = Arrival::kFirst;
  };
  absl::StatusOr<Installed> Install(const SiteId& site, Epoch epoch, const wire::Hello& hello,
                                    std::shared_ptr<SitePort> port);
  static Arrival ArrivalOf(const Session& session, Epoch epoch, const wire::Hello& hello);
  const Options options_;
  SiteListener& listener_;
  EpochLog& log_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<SiteId, Session> sessions_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);  // not ok once CloseAll was called
};

}  // namespace consilium::server::registry

#endif  // CONSILIUM_SERVER_REGISTRY_FEDERATION_H_
