// The format of the server's folder as a whole: FOLDER/version, one line of text.
//
// Every file has a version of its own; this one is for what no file says alone: which files there
// are and what may be missing. A server upgrades an older folder when it opens it, and refuses a
// newer one before it reads anything else. docs/formats/server_journal.md has the history.
#ifndef CONSILIUM_SERVER_STORE_STORE_VERSION_H_
#define CONSILIUM_SERVER_STORE_STORE_VERSION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/storage.h"

namespace consilium::server::store {

// 1: no version file, every state is kept. 2: states that nobody keeps go; pins; generations.
inline constexpr uint32_t kStoreVersion = 2;

// 1 for a folder without the file. kFormatVersion for a newer one, kStateCorrupt for a file that
// says no version.
absl::StatusOr<uint32_t> ReadStoreVersion(const Storage& storage, const std::string& folder);
// Says kStoreVersion, durably.
absl::Status WriteStoreVersion(Storage& storage, const std::string& folder);

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STORE_VERSION_H_
