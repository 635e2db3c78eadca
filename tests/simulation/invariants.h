// What must hold in a federation whatever happens to it; checked after every event of a simulation.
//
// - Each step that ended is in the report, once, and for ever the same, also after a restart.
// - A step's report names every selected site once, those that were not counted with a reason.
// - A committed state is the server half of the exact sum of the counted, each once: computed here
//   again from the first state on, so the last state is that of an undisturbed run with the same
//   counted sets.
// - A step with enough counted sites is committed: disks delay that, and do not prevent it.
// - A receipt is for ever: its update is counted if its step is committed, with that digest; it is
//   not asked for again, nor computed again; none is given for a step that has ended.
// - With late = "next_round": an update of a site that was late in a committed round may still get
//   its receipt, and counts once over all rounds, in one after its own, by its age.
// - An uploaded byte that was acknowledged survives what is not a power cut.
// - An outcome comes after its report is durable, agrees with it, and never changes.
// - In the end each site's own journal has, for each update that was accepted: that it left, and
//   its outcome, the right one.
// Not thread-safe.
#ifndef CONSILIUM_TESTS_SIMULATION_INVARIANTS_H_
#define CONSILIUM_TESTS_SIMULATION_INVARIANTS_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/memory_storage.h"
#include "common/job/job_spec.h"
#include "common/sum/exact_sum.h"
#include "server/jobs/job_view.h"
#include "server/round/coordinator.h"
#include "tests/simulation/in_memory_link.h"

namespace consilium::simulation {

class Invariants final : public LinkListener {
 public:
  // Of one job, whose sites compute TinyHalf.
  Invariants(JobId job, job::JobSpec spec);

  // What was broken first; empty while all holds.
  const std::string& violation() const { return violation_; }
  void Violated(std::string what);
  // Hears what happens, line by line.
  void SetTrace(std::function<void(const std::string&)> trace) { trace_ = std::move(trace); }

  void OnServerMessage(const SiteId& site, const wire::ServerMessage& message) override;
  void OnSiteMessage(const SiteId& site, const wire::SiteMessage& message) override;
  void OnReceipt(const wire::Receipt& receipt) override;
  void OnUploadBegun(const wire::UploadHeader& header, uint64_t written) override;
  void OnUploadWritten(const wire::UploadHeader& header, uint64_t written) override;
  void OnUploadRefused(const wire::UploadHeader& header) override;
  // The site half runs at `site`.
  void OnCompute(const SiteId& site);
  // The same for a strategy that keeps something there, of which TinyHalf makes the number of
  // contributions that were counted: those before `round`, all of them and no others.
  void OnOwnVector(const SiteId& site, RoundNumber round, std::span<const float> own);
  // What was only written may be gone: crash, or a disk that fails.
  void ForgetUploads() { uploads_.clear(); }

  // Whatever the server says of the job now.
  void Check(server::round::Coordinator& server);
  // The server was started again: what it said before must still be so.
  void CheckAgain(server::round::Coordinator& server);
  // The job has ended and every site that is there has been heard.
  void CheckSite(const SiteId& site, const Storage& disk);

  bool ended() const { return ended_; }
  const server::jobs::JobView& last() const { return last_; }
  // Bytes over all sites that the server acknowledged a second time: resumed uploads.
  uint64_t resumed() const { return resumed_; }

 private:
  using Key = std::pair<StepNumber, SiteId>;
  struct Written {
    Digest digest;
    uint64_t bytes = 0;
  };
  void CheckStep(const server::jobs::StepView& step, server::round::Coordinator& server);
  void CheckCommitted(const server::jobs::StepView& step, server::round::Coordinator& server);
  void CheckReceipts(const server::jobs::StepView& step);
  void CheckOutcomes();
  void Tell(const std::string& what) const;
  void CheckLate(const server::jobs::StepView& step, sum::ExactSum& sum);
  bool MayStillCount(const Key& key) const;
  // What the site has to hear of an update that was accepted.
  wire::OutcomeKind RightOutcome(const Key& key) const;
  const server::jobs::SiteStepView* RowOf(const Key& key) const;

  const JobId job_;
  const job::JobSpec spec_;
  std::function<void(const std::string&)> trace_;
  std::string violation_;
  bool ended_ = false;
  server::jobs::JobView last_;
  StepNumber checked_;
  std::map<StepNumber, server::jobs::StepView> reports_;
  std::map<StepNumber, std::set<SiteId>> cohorts_;
  std::map<Key, server::jobs::LateUpdateView> late_;  // as the round that ended it says
  std::map<Key, Digest> receipts_;
  std::map<Key, wire::OutcomeKind> outcomes_;
  std::vector<Key> unchecked_outcomes_;
  std::map<SiteId, StepNumber> computing_;
  std::map<Key, Written> uploads_;
  std::optional<Digest> state_;
  uint64_t resumed_ = 0;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_INVARIANTS_H_
