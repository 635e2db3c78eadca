// Statistics this site has released: the same question gets the same bytes again, so that asking
// twice tells nothing new.
//
// A question is a dataset digest (the file's bytes, filter, split, columns), a workload, the state
// it starts from and the layout. An answer is kept on the site's disk with its own SHA-256; one
// that is damaged counts as absent. At most kMaxStatistics are kept. Not thread-safe: the one
// worker uses it. `storage` outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_STATISTICS_CACHE_H_
#define CONSILIUM_CLIENT_SESSION_STATISTICS_CACHE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "client/train/site_half.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

inline constexpr size_t kMaxStatistics = 1024;

struct StatisticsQuestion {
  Digest dataset;
  wire::Workload workload = wire::Workload::kMeans;
  Digest base_state;
  tensor::Layout layout;
};

class StatisticsCache {
 public:
  StatisticsCache(std::string folder, Storage& storage);
  // Means and variances are statistics; the other workloads are not kept.
  static bool Covers(wire::Workload workload);
  std::optional<train::Contribution> Find(const StatisticsQuestion& question) const;
  // Durable when it returns.
  absl::Status Keep(const StatisticsQuestion& question, const train::Contribution& answer);

 private:
  std::string PathOf(const StatisticsQuestion& question) const;
  const std::string folder_;
  Storage& storage_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_STATISTICS_CACHE_H_
