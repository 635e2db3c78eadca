// Files that hold a private key: written for their owner alone, read only when nobody else can.
//
// A key that anybody on the machine can read is not private, so it is refused, not warned about. A
// group may read it only when this process is a member (Kubernetes mounts secrets 0440 under the
// pod's fsGroup). The check is made on the opened file, so the file cannot be swapped in between.
#ifndef CONSILIUM_COMMON_CRYPTO_PRIVATE_FILE_H_
#define CONSILIUM_COMMON_CRYPTO_PRIVATE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/crypto/secret.h"

namespace consilium::crypto {

inline constexpr size_t kMaxPrivateFileBytes = size_t{16} * 1024;

// Creates `path` with mode 0600 and writes it durably (file and folder synced). kFileExists when
// something is there: a key is never overwritten. kStorageFull, kStorageIo.
absl::Status WritePrivateFile(const std::string& path, ByteSpan bytes);

// kKeyUnreadable: absent, not a regular file, or no permission (names the path and the fix).
// kKeyTooOpen: readable or writable by others, or by a group this process is not in.
// kFileTooLarge above kMaxPrivateFileBytes.
absl::StatusOr<Secret> ReadPrivateFile(const std::string& path);

}  // namespace consilium::crypto

#endif  // CONSILIUM_COMMON_CRYPTO_PRIVATE_FILE_H_
