// What a job's strategy keeps at this site from round to round: a control variate (SCAFFOLD), a
// gradient (FedDyn). One vector per job; it never leaves.
//
// A training leaves the next vector *staged*, durable before its update may leave. Only the
// Outcome of that update says whether the server has moved with it: counted, and the staged vector
// takes the place of the one before (one rename); anything else, and it is removed. So vector and
// federation move together, whoever is killed when. docs/formats/own_vector.md.
// Not thread-safe: the one worker uses it. `storage` outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_OWN_VECTORS_H_
#define CONSILIUM_CLIENT_SESSION_OWN_VECTORS_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/storage.h"
#include "common/learn/aligned_vector.h"

namespace consilium::client::session {

class OwnVectors {
 public:
  OwnVectors(std::string folder, Storage& storage);

  // The vector that the job's next training starts with; empty: zeros. One that is damaged counts
  // as absent, with an error in the log. kStorageIo, kFormatVersion.
  absl::StatusOr<learn::AlignedVector<float>> Find(const JobId& job) const;
  // Durable when it returns.
  absl::Status Stage(const JobId& job, StepNumber step, std::span<const float> vector);
  std::vector<StepNumber> Staged(const JobId& job) const;
  // Nothing when none is staged for this step (any more).
  absl::Status Advance(const JobId& job, StepNumber step);
  absl::Status Drop(const JobId& job, StepNumber step);
  absl::Status RemoveJob(const JobId& job);

 private:
  std::string PathOf(const JobId& job) const;
  std::string StagedPathOf(const JobId& job, StepNumber step) const;
  std::vector<std::string> Names() const;
  absl::StatusOr<learn::AlignedVector<float>> Read(const JobId& job) const;

  const std::string folder_;
  Storage& storage_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_OWN_VECTORS_H_
