// Named points between persisted steps, at which a test kills the process (tests/chaos).
//
//   CN_RETURN_IF_ERROR(journal_(update));
//   CN_CRASH_POINT("accept.journalled");
//
// The name must be in the table, in every build. Only programs compiled with CONSILIUM_CRASH_POINTS
// (tests/chaos/CMakeLists.txt) do anything there; in all others a point leaves no byte behind.
// Thread-safe.
#ifndef CONSILIUM_COMMON_BASE_CRASH_POINT_H_
#define CONSILIUM_COMMON_BASE_CRASH_POINT_H_

#include <string_view>

namespace consilium {

// Each stands after what it names; `at_site`: in the client, otherwise in the server.
struct CrashPointRow {
  std::string_view name;
  bool at_site = false;
};
inline constexpr CrashPointRow kCrashPoints[] = {
    // any small file, and a journal that was there
    {"file.synced"},
    {"file.renamed"},
    {"journal.synced"},
    {"journal.opened"},
    {"journal.closed"},
    // a start
    {"store.versioned"},
    {"endpoints.written"},
    {"compaction.synced"},  // of the journal; not yet in its place
    {"compaction.renamed"},
    {"epoch.journalled"},
    // a job and its updates
    {"state.pinned"},
    {"job.submitted"},
    {"admission.journalled"},
    {"state.synced"},
    {"state.renamed"},
    {"state_part.synced"},  // one that was not held in memory
    {"state_part.renamed"},
    {"step.opened"},
    {"segment.created"},
    {"upload.appended"},  // a piece of a spool; a small update is in memory until it is whole
    {"accept.verified"},  // the update is whole and not synced
    {"accept.synced"},
    {"accept.journalled"},
    {"accept.renamed"},
    // sums
    {"generation.synced"},  // folded while the round goes on
    {"generation.renamed"},
    {"folded_file.removed"},
    {"sum.synced"},
    {"sum.renamed"},
    // the end of a step and of a job, and what leaves after it
    {"step.committed"},
    {"step.failed"},
    {"outcome.sent"},
    {"spool.removed"},
    {"spools.discarded"},
    {"cancel.journalled"},
    {"job.ended"},
    {"segment.removed"},
    {"old_state.removed"},
    {"old_job.forgotten"},
    {"old_file.removed"},
    // the same at a site, and its start
    {"file.synced", true},
    {"file.renamed", true},
    {"journal.synced", true},
    {"journal.opened", true},
    {"site_store.versioned", true},
    {"store_id.kept", true},
    // its tasks
    {"job.kept", true},
    {"state.fetched", true},
    {"cached_state.removed", true},
    {"statistics.kept", true},
    {"scaling.kept", true},
    {"old_scaling.removed", true},
    {"checkpoint.synced", true},
    {"checkpoint.renamed", true},
    {"checkpoint.removed", true},
    {"own_vector.synced", true},
    {"own_vector.staged", true},
    {"own_vector.advanced", true},
    {"own_vector.removed", true},
    {"personal_model.staged", true},
    {"personal_model.advanced", true},
    // what leaves it
    {"hold.synced", true},
    {"hold.renamed", true},
    {"left.journalled", true},
    {"receipt.journalled", true},
    {"outcome.journalled", true},
    {"old_journal.kept", true},
    {"next_journal.synced", true},
    {"next_journal.renamed", true},
    {"oldest_journal.removed", true},
    {"copy.deleted", true},
    {"job.forgotten", true},
};

consteval bool IsCrashPoint(std::string_view name) {
  for (const CrashPointRow& row : kCrashPoints) {
    if (row.name == name) return true;
  }
  return false;
}

// Defined by the test programs.
void ReachCrashPoint(std::string_view name);
void NotePersisted(std::string_view what, std::string_view path);

}  // namespace consilium

#ifdef CONSILIUM_CRASH_POINTS
#define CN_CRASH_POINT(name)                        \
  do {                                              \
    static_assert(::consilium::IsCrashPoint(name)); \
    ::consilium::ReachCrashPoint(name);             \
  } while (false)
#else
#define CN_CRASH_POINT(name)                        \
  do {                                              \
    static_assert(::consilium::IsCrashPoint(name)); \
  } while (false)
#endif

// The disk did something that survives a kill: in the programs with crash points it is written down
// when the next such step comes before a point (tests/chaos/crash_point.cc). Not after the sync of
// a folder: to a kill it is nothing.
#ifdef CONSILIUM_CRASH_POINTS
#define CN_PERSISTED(what, path) ::consilium::NotePersisted(what, path)
#else
#define CN_PERSISTED(what, path) static_cast<void>(0)
#endif

// A bound that a job of a second does not reach: at most `small` in the programs with them.
#ifdef CONSILIUM_CRASH_POINTS
#define CN_CRASH_BOUND(bound, small) ((bound) < (small) ? (bound) : (small))
#else
#define CN_CRASH_BOUND(bound, small) (bound)
#endif

#endif  // CONSILIUM_COMMON_BASE_CRASH_POINT_H_
