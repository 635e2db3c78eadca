// The models that are this site's own ([personal] of a job): model files that `predict` finds by
// the global model they belong to. They never leave; docs/formats/own_vector.md.
//
// The evaluation of a finished job leaves the file *staged*, durable before its update may leave;
// the Outcome says whether that evaluation counted, and with it the model. What counted stays after
// its job: the newest of a global model, at most kMaxPersonalModels in all, the oldest goes first.
// Not thread-safe: the one worker writes. `storage` outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_PERSONAL_MODELS_H_
#define CONSILIUM_CLIENT_SESSION_PERSONAL_MODELS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/storage.h"

namespace consilium::client::session {

inline constexpr size_t kMaxPersonalModels = 64;

class PersonalModels {
 public:
  // `site_folder`: the site's own, [client] data.
  PersonalModels(const std::string& site_folder, Storage& storage);

  // Durable when it returns. `global`: ModelDigest of the global model (site_scalings.h).
  absl::Status Stage(const JobId& job, StepNumber step, const Digest& global, ByteSpan file,
                     UtcMillis now);
  // Moves nothing when none is staged for this step (any more).
  absl::Status Advance(const JobId& job, StepNumber step);
  absl::Status Drop(const JobId& job, StepNumber step);
  // What is staged of the job; models that counted stay.
  absl::Status DropJob(const JobId& job);

  // The file of the newest that belongs to `global`; nullopt: this site has none. kStorageIo.
  absl::StatusOr<std::optional<std::string>> Find(const Digest& global) const;

 private:
  absl::Status DropThoseWith(const std::string& prefix);
  absl::Status RemoveOld();
  absl::StatusOr<std::vector<std::string>> Names() const;

  const std::string folder_;
  Storage& storage_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_PERSONAL_MODELS_H_
