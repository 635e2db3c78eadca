// What an engine acts on: the stores, the journal, the sites, the clock.
#ifndef CONSILIUM_SERVER_ROUND_ENGINE_WORLD_H_
#define CONSILIUM_SERVER_ROUND_ENGINE_WORLD_H_

#include "common/base/clock.h"
#include "server/jobs/job_history.h"
#include "server/jobs/job_watchers.h"
#include "server/jobs/server_journal.h"
#include "server/registry/federation.h"
#include "server/round/retention.h"
#include "server/round/step_commit.h"
#include "server/store/watched_storage.h"

namespace consilium::server::round {

// All outlive every engine.
struct EngineWorld {
  jobs::ServerJournal& journal;
  jobs::JobHistory& history;
  jobs::JobWatchers& watchers;
  registry::Federation& federation;
  Stores stores;
  store::WatchedStorage& disk;
  Retention& retention;
  const Clock& clock;
  Duration accept_lease{0};
  Duration progress_lease{0};
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_ENGINE_WORLD_H_
