// A site's own standardisation: kept on the site's disk, never sent.
//
// With standardize = "site" a model means something only together with these, so predict asks for
// them. The text form is one JSON object: {"mean":[..],"rows":n,"scale":[..],"version":1}, and
// reads back to the same bits (docs/formats/what_left.md).
#ifndef CONSILIUM_CLIENT_TRAIN_SITE_STATISTICS_H_
#define CONSILIUM_CLIENT_TRAIN_SITE_STATISTICS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "common/job/job_spec.h"
#include "common/learn/standardize.h"

namespace consilium::client::train {

struct SiteStatistics {
  uint64_t rows = 0;
  learn::Scaling scaling;
};

// Of a site's training rows, for the job's columns. kDataTooFewRows without any, kModelMismatch
// when it has other columns.
absl::StatusOr<SiteStatistics> SiteStatisticsOf(const job::DataSpec& job, const data::Split& train);

std::string EncodeSiteStatistics(const SiteStatistics& statistics);
// kModelSyntax when it is not what EncodeSiteStatistics wrote, kFormatVersion when a newer one did.
// Never throws.
absl::StatusOr<SiteStatistics> DecodeSiteStatistics(std::string_view text);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_SITE_STATISTICS_H_
