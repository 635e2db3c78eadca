#include "client/train/site_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/base/error.h"

namespace consilium::client::train {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

bool ReadNumbers(const json& object, const char* key, std::vector<double>& out) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return false;
  for (const json& value : *found) {
    if (!value.is_number()) return false;
    out.push_back(value.get<double>());
  }
  return !out.empty();
}

}  // namespace

absl::StatusOr<SiteStatistics> SiteStatisticsOf(const job::DataSpec& job,
                                                const data::Split& train) {
  if (train.rows() == 0) {
    return Error(ErrorCode::kDataTooFewRows,
                 "no complete training row to standardise by, want at least 1");
  }
  uint32_t wanted = 0;
  for (const job::FeatureSpec& feature : job.features) wanted += feature.width();
  if (train.columns != wanted) {
    return Error(
        ErrorCode::kModelMismatch,
        fmt::format("the data has {} design columns, the model wants {}", train.columns, wanted));
  }
  SiteStatistics statistics{train.rows(), learn::ScalingOf(train.x, train.columns)};
  learn::LeaveUnscaled(job, 0, statistics.scaling.mean);
  learn::LeaveUnscaled(job, 1, statistics.scaling.scale);
  return statistics;
}

std::string EncodeSiteStatistics(const SiteStatistics& statistics) {
  const json object = {{"rows", statistics.rows},
                       {"mean", statistics.scaling.mean},
                       {"scale", statistics.scaling.scale},
                       {"version", kVersion}};
  return object.dump();
}

absl::StatusOr<SiteStatistics> DecodeSiteStatistics(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto version = object.is_object() ? object.find("version") : object.end();
  if (version != object.end() && version->is_number_integer() && *version > kVersion) {
    return Error(ErrorCode::kFormatVersion,
                 fmt::format("the site's statistics have version {}, want at most {}",
                             version->dump(), kVersion));
  }
  SiteStatistics statistics;
  learn::Scaling& scaling = statistics.scaling;
  const bool read = version != object.end() && *version == kVersion &&
                    ReadNumbers(object, "mean", scaling.mean) &&
                    ReadNumbers(object, "scale", scaling.scale) &&
                    scaling.mean.size() == scaling.scale.size() && object.contains("rows") &&
                    object["rows"].is_number_unsigned();
  const auto positive = [](double scale) { return scale > 0; };
  if (!read || !std::all_of(scaling.scale.begin(), scaling.scale.end(), positive)) {
    return Error(ErrorCode::kModelSyntax,
                 "the site's statistics are not an object of rows, mean and scale > 0",
                 "delete the file: it is written again with the site's next training");
  }
  statistics.rows = object["rows"].get<uint64_t>();
  return statistics;
}

}  // namespace consilium::client::train
