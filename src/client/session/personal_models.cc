#include "client/session/personal_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "common/base/crash_point.h"
#include "common/base/status_macros.h"

namespace consilium::client::session {
namespace {

constexpr std::string_view kModelSuffix = ".safetensors";
constexpr std::string_view kStagedModelSuffix = ".staged";

// Of a file that counted: names sort by time, the first is the oldest.
std::string ModelNameOf(const Digest& global, UtcMillis now) {
  return fmt::format("{:015}-{}{}", std::max<UtcMillis>(now, 0), HexOf(global), kModelSuffix);
}

// "<job>.<step>." before the name that it gets.
std::string StagedPrefix(const JobId& job, StepNumber step) {
  return fmt::format("{}.{}.", job.value(), step.value());
}

// "-<digest>.safetensors"
std::string_view OwnerIn(std::string_view name) { return name.substr(name.find('-')); }

}  // namespace

PersonalModels::PersonalModels(const std::string& site_folder, Storage& storage)
    : folder_(site_folder + "/personal"), storage_(storage) {}

absl::StatusOr<std::vector<std::string>> PersonalModels::Names() const {
  return storage_.List(folder_);
}

absl::Status PersonalModels::Stage(const JobId& job, StepNumber step, const Digest& global,
                                   ByteSpan file, UtcMillis now) {
  CN_RETURN_IF_ERROR(storage_.CreateFolder(folder_));
  CN_RETURN_IF_ERROR(Drop(job, step));  // made again at another time
  const std::string name =
      StagedPrefix(job, step) + ModelNameOf(global, now) + std::string(kStagedModelSuffix);
  CN_RETURN_IF_ERROR(WriteDurably(storage_, folder_ + "/" + name, file));
  CN_CRASH_POINT("personal_model.staged");
  return absl::OkStatus();
}

absl::Status PersonalModels::Advance(const JobId& job, StepNumber step) {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names());
  const std::string prefix = StagedPrefix(job, step);
  const auto staged = std::ranges::find_if(names, [&](const std::string& name) {
    return name.starts_with(prefix) && name.ends_with(kStagedModelSuffix);
  });
  if (staged != names.end()) {
    std::string name = staged->substr(prefix.size());
    name.resize(name.size() - kStagedModelSuffix.size());
    CN_RETURN_IF_ERROR(storage_.Rename(folder_ + "/" + *staged, folder_ + "/" + name));
    CN_CRASH_POINT("personal_model.advanced");
    CN_RETURN_IF_ERROR(storage_.SyncFolder(folder_));
  }
  return RemoveOld();
}

absl::Status PersonalModels::RemoveOld() {
  CN_ASSIGN_OR_RETURN(std::vector<std::string> names, Names());
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(kModelSuffix); });
  std::set<std::string_view> owners;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {  // the newest first
    const bool newest = !owners.contains(OwnerIn(*name));
    if (newest && owners.size() < kMaxPersonalModels) {
      owners.insert(OwnerIn(*name));
    } else {
      CN_RETURN_IF_ERROR(storage_.Remove(folder_ + "/" + *name));
    }
  }
  return absl::OkStatus();
}

absl::Status PersonalModels::DropThoseWith(const std::string& prefix) {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names());
  for (const std::string& name : names) {
    // With what a crash left half written; those that counted begin with their time.
    if (name.starts_with(prefix)) CN_RETURN_IF_ERROR(storage_.Remove(folder_ + "/" + name));
  }
  return absl::OkStatus();
}

absl::Status PersonalModels::Drop(const JobId& job, StepNumber step) {
  return DropThoseWith(StagedPrefix(job, step));
}

absl::Status PersonalModels::DropJob(const JobId& job) { return DropThoseWith(job.value() + "."); }

absl::StatusOr<std::optional<std::string>> PersonalModels::Find(const Digest& global) const {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names());
  const std::string end = fmt::format("-{}{}", HexOf(global), kModelSuffix);
  const auto newest = std::find_if(names.rbegin(), names.rend(),
                                   [&](const std::string& name) { return name.ends_with(end); });
  if (newest == names.rend()) return std::optional<std::string>();
  return std::optional(folder_ + "/" + *newest);
}

}  // namespace consilium::client::session
