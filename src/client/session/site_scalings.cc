#include "client/session/site_scalings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/crash_point.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"

namespace consilium::client::session {
namespace {

constexpr uint64_t kMaxScalingBytes = 64 * 1024 * 1024;

// Names sort by time: the first is the oldest.
std::string NameOf(const Digest& model, UtcMillis now) {
  return fmt::format("{:015}-{}", std::max<UtcMillis>(now, 0), HexOf(model));
}

bool IsOf(std::string_view name, const Digest& model) { return name.ends_with("-" + HexOf(model)); }

}  // namespace

Digest ModelDigest(const wire::StatePart& model) {
  return crypto::Sha256Of(wire::EncodeStatePart(model));
}

SiteScalings::SiteScalings(const std::string& site_folder, Storage& storage)
    : folder_(site_folder + "/site-statistics"), storage_(storage) {}

absl::Status SiteScalings::Keep(const Digest& model, const train::SiteStatistics& statistics,
                                UtcMillis now) {
  CN_RETURN_IF_ERROR(storage_.CreateFolder(folder_));
  CN_ASSIGN_OR_RETURN(std::vector<std::string> names, storage_.List(folder_));
  const std::string name = NameOf(model, now);
  CN_RETURN_IF_ERROR(WriteDurably(storage_, folder_ + "/" + name,
                                  AsBytes(train::EncodeSiteStatistics(statistics))));
  CN_CRASH_POINT("scaling.kept");
  std::erase(names, name);
  size_t others = names.size();
  for (const std::string& old : names) {
    if (!IsOf(old, model) && others < kMaxScalings) continue;
    CN_RETURN_IF_ERROR(storage_.Remove(folder_ + "/" + old));
    CN_CRASH_POINT("old_scaling.removed");
    --others;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<train::SiteStatistics>> SiteScalings::Find(const Digest& model) const {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_.List(folder_));
  const auto newest = std::find_if(names.rbegin(), names.rend(),
                                   [&](const std::string& name) { return IsOf(name, model); });
  if (newest == names.rend()) return std::optional<train::SiteStatistics>();
  CN_ASSIGN_OR_RETURN(const Bytes text,
                      ReadWhole(storage_, folder_ + "/" + *newest, kMaxScalingBytes));
  CN_ASSIGN_OR_RETURN(train::SiteStatistics statistics, train::DecodeSiteStatistics(AsText(text)));
  return std::optional(std::move(statistics));
}

}  // namespace consilium::client::session
