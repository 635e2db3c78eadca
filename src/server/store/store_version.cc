#include "server/store/store_version.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::server::store {
namespace {

constexpr const char* kVersionFile = "/version";
constexpr std::string_view kVersionNoun = "consilium-store ";
constexpr uint64_t kMaxVersionBytes = 64;

}  // namespace

absl::StatusOr<uint32_t> ReadStoreVersion(const Storage& storage, const std::string& folder) {
  const std::string path = folder + kVersionFile;
  const absl::StatusOr<Bytes> bytes = ReadWhole(storage, path, kMaxVersionBytes);
  if (!bytes.ok() && CodeOf(bytes.status()) == ErrorCode::kFileNotFound) return 1;
  CN_RETURN_IF_ERROR(bytes.status());
  std::string_view text = AsText(*bytes);
  const bool begins = text.starts_with(kVersionNoun);
  if (begins) text.remove_prefix(kVersionNoun.size());
  uint32_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (!begins || error != std::errc() || version == 0) {
    return Error(ErrorCode::kStateCorrupt, fmt::format("{} says no version, want \"{}{}\"", path,
                                                       kVersionNoun, kStoreVersion));
  }
  if (version <= kStoreVersion) return version;
  return Error(ErrorCode::kFormatVersion,
               fmt::format("the store in {} has format {}, this server reads up to {}", folder,
                           version, kStoreVersion),
               "Start the consilium-server that wrote it, or a later one.");
}

absl::Status WriteStoreVersion(Storage& storage, const std::string& folder) {
  const std::string line = fmt::format("{}{}\n", kVersionNoun, kStoreVersion);
  return WriteDurably(storage, folder + kVersionFile, AsBytes(line));
}

}  // namespace consilium::server::store
