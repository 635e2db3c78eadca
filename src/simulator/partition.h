// Which rows each simulated site has: every row goes to exactly one.
//
//   iid            shuffled and dealt: sites differ by chance alone, their sizes by one row at most
//   shards:K       rows sorted by label and cut into K shards a site, each of one label; every site
//                  draws K of them (McMahan et al. 2017, section 3, where shards may straddle two
//                  labels: here a site has at most K)
//   dirichlet:A    each site's mix of labels is drawn from Dirichlet(A, .., A), its rows by that
//                  mix without replacement (Hsu et al. 2019, arXiv:1909.06335, section 3; A counts
//                  per label, as in Flower and NIID-Bench); sizes differ by one row at most
//   column:NAME    one site per value of a column, named by it
// Training and test rows are divided alike: a site's test rows have the mix of its training rows.
// Pure: the same rows, sites and seed give the same division on every machine. Thread-safe.
#ifndef CONSILIUM_SIMULATOR_PARTITION_H_
#define CONSILIUM_SIMULATOR_PARTITION_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/ids.h"

namespace consilium::simulator {

inline constexpr uint32_t kMaxSimulatedSites = 16384;  // server::registry::kMaxSites
inline constexpr uint32_t kMaxShardsPerSite = 1000;

enum class Scheme { kIid, kShards, kDirichlet, kColumn };

struct Partition {
  Scheme scheme = Scheme::kIid;
  uint32_t shards = 0;  // kShards: per site
  double alpha = 0;     // kDirichlet
  std::string column;   // kColumn
};

// kUsage: says what is wrong and lists the schemes.
absl::StatusOr<Partition> ParsePartition(std::string_view text);
// As it is written.
std::string TextOf(const Partition& partition);

// Indices of rows, in the order of the file.
struct SiteRowsOf {
  SiteId site;
  std::vector<uint32_t> train;
  std::vector<uint32_t> test;
};

// What is divided: labels as class indices, of training and test rows. `classes` 1: labels are
// values, which shards and dirichlet refuse.
struct Labels {
  std::span<const double> train;
  std::span<const double> test;
  uint32_t classes = 2;
};

// `sites` sites, named site-1 and so on with as many digits as the last. kUsage: more sites than
// training rows, a scheme that needs classes, fewer shards than labels. REQUIRES: not kColumn.
absl::StatusOr<std::vector<SiteRowsOf>> Divide(const Partition& partition, const Labels& labels,
                                               uint32_t sites, uint64_t seed);

// One site per distinct value, in the order of the values. A value that is a valid name is the
// site's name; others get the letters of it that are, behind a number where two would be the same.
// kUsage: more values than sites can be.
absl::StatusOr<std::vector<SiteRowsOf>> DivideByValue(std::span<const std::string> train,
                                                      std::span<const std::string> test);

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_PARTITION_H_
