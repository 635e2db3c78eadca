// A server and a few fake sites in memory, driven by one thread and a clock that only it moves.
#ifndef CONSILIUM_TESTS_SERVER_ROUND_SMALL_FEDERATION_H_
#define CONSILIUM_TESTS_SERVER_ROUND_SMALL_FEDERATION_H_

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/memory_storage.h"
#include "common/wire/envelope.h"
#include "tests/server/round/fake_sites.h"

namespace consilium::server::round {

// Two train rounds and an evaluation of a logistic model; `participation` lines as given.
inline std::string JobText(const std::string& participation = "min_sites = 3",
                           const std::string& top = "") {
  return fmt::format(
      "name = \"heart\"\nrounds = 2\nseed = 7\n{}\n[data]\ndataset = \"heart\"\nlabel = \"y\"\n"
      "features = [\"age\", \"chol\"]\nstandardize = \"none\"\n[model]\nkind = \"logistic\"\n"
      "[participation]\n{}\n",
      top, participation);
}

// What they add up to in a round: (1 + 2 + 2 * 4) / 4 for every element.
inline std::vector<FakeSite::Manners> ThreeSites() {
  return {{.delta = 1, .weight = 1}, {.delta = 2, .weight = 1}, {.delta = 4, .weight = 2}};
}

class SmallFederation {
 public:
  // One site for each of `manners`: "a", "b", ...
  explicit SmallFederation(std::vector<FakeSite::Manners> manners) {
    for (size_t i = 0; i < manners.size(); ++i) {
      sites.push_back(std::make_unique<FakeSite>(std::string(1, char('a' + i)), manners[i]));
    }
  }
  // The server, started; then every site attends.
  void Start() {
    ASSERT_TRUE(TryStart());
    for (const auto& site : sites) ASSERT_TRUE(site->Attend(*server));
  }
  bool TryStart() {
    Coordinator::Options options = Options();
    options.fold_updates = fold_updates;
    options.small_update_bytes = small_update_bytes;
    options.keep = keep;
    options.max_disk_bytes = max_disk_bytes;
    auto created = Coordinator::Create(options, storage, clock);
    if (!created.ok()) {
      start_status = created.status();
      return false;
    }
    server = *std::move(created);
    return true;
  }
  // The process dies as the disk says, and starts again.
  void Crash(CrashKind kind) {
    for (const auto& site : sites) site->ServerIsGone();
    server.reset();
    storage.Crash(kind);
  }

  static Coordinator::Options Options() {
    Coordinator::Options options;
    options.folder = "/server";
    options.federation = "test";
    options.version = "test";
    options.threads = false;
    return options;
  }
  Bytes EnvelopeWith(uint8_t nonce) const {
    wire::Envelope envelope;
    envelope.federation = "test";
    envelope.nonce[0] = std::byte{nonce};
    envelope.not_before = clock.UtcNow();
    envelope.expiry = clock.UtcNow() + 3'600'000;
    return wire::EncodeEnvelope(envelope);
  }
  absl::StatusOr<JobId> Submit(const std::string& text, uint8_t nonce = 1) {
    const auto submitted = server->Submit("ada", EnvelopeWith(nonce), AsBytes(text));
    if (!submitted.ok()) return submitted.status();
    return submitted->job;
  }
  jobs::JobView Show(const JobId& job) const { return server->Show(job).value(); }

  // Everything that can happen without time passing; a step of each at a time.
  bool Settle() {
    bool any = false;
    for (bool more = true; more && !broken();) {
      more = server->Pump();
      for (const auto& site : sites) more = site->Work() || more;
      any = any || more;
    }
    return any;
  }
  // Settles and moves the clock to the next deadline until `done`; false when nothing is left to
  // wait for, or `most` deadlines passed.
  bool RunUntil(const std::function<bool()>& done, int most = 1000) {
    for (int i = 0; i < most; ++i) {
      Settle();
      if (broken()) return false;
      if (done()) return true;
      const std::optional<Instant> next = server->NextDeadline();
      if (!next) return false;
      clock.Advance(std::max(*next - clock.Now(), Duration(1)));
    }
    return false;
  }
  bool RunToEnd(const JobId& job, int most = 1000) {
    return RunUntil([&] { return Show(job).ended != 0; }, most);
  }
  // The disk went away (a planned fault).
  bool broken() const { return fails_at != 0 && storage.operations() >= fails_at; }

  MemoryStorage storage;
  ManualClock clock;
  std::vector<std::unique_ptr<FakeSite>> sites;
  std::unique_ptr<Coordinator> server;
  absl::Status start_status;
  uint64_t fails_at = 0;
  RetentionRule keep;
  uint64_t max_disk_bytes = UINT64_MAX;
  uint64_t small_update_bytes = 0;  // every update has a file of its own
  size_t fold_updates = 2;          // of three sites: a round folds while it goes on
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_TESTS_SERVER_ROUND_SMALL_FEDERATION_H_
