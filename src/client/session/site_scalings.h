// How this site standardised its rows for a model of standardize = "site": kept on the site's disk,
// never sent, so that `predict` scales as training did, even after the data has changed.
//
// An entry is written before an update leaves, under the broadcast part of the state that the step
// started from: the digest of a model file that `consilium model get` writes of that state
// (docs/formats/what_left.md). At most kMaxScalings are kept; the oldest goes first.
// Not thread-safe: the one worker writes. `storage` outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_SITE_SCALINGS_H_
#define CONSILIUM_CLIENT_SESSION_SITE_SCALINGS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/train/site_statistics.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/wire/state_file.h"

namespace consilium::client::session {

inline constexpr size_t kMaxScalings = 1024;

// What a model goes by here: the SHA-256 of its broadcast part. O(model).
Digest ModelDigest(const wire::StatePart& model);

class SiteScalings {
 public:
  // `site_folder`: the site's own, [client] data.
  SiteScalings(const std::string& site_folder, Storage& storage);

  // Durable when it returns; the newest statistics of a model replace older ones.
  absl::Status Keep(const Digest& model, const train::SiteStatistics& statistics, UtcMillis now);
  // nullopt when this site has trained or evaluated nothing from this model. kModelSyntax,
  // kFormatVersion, kStorage*.
  absl::StatusOr<std::optional<train::SiteStatistics>> Find(const Digest& model) const;

 private:
  const std::string folder_;
  Storage& storage_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_SITE_SCALINGS_H_
