// One member of an NPZ: a ZIP file (PKWARE APPNOTE 6.3) whose members are stored or deflated, as
// numpy.savez and savez_compressed write it; ZIP64 sizes too. Checked by its CRC-32.
// Pure; thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_NPZ_H_
#define CONSILIUM_CLIENT_DATA_NPZ_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"

namespace consilium::client::data {

inline constexpr size_t kMaxZipMembers = 4096;

bool IsZip(ByteSpan bytes);
// The bytes of `member`, with or without the ".npy" behind its name; the only one when `member` is
// empty. kDataMissingColumn names those that there are; kDataSyntax, kDataTooLarge.
absl::StatusOr<Bytes> ZipMember(ByteSpan file, const std::string& member, const std::string& name);

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_NPZ_H_
