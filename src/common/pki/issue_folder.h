// Writes one issued/<role>-<id> folder, all or nothing: authority.cc's half that touches the disk.
#ifndef CONSILIUM_COMMON_PKI_ISSUE_FOLDER_H_
#define CONSILIUM_COMMON_PKI_ISSUE_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/keys.h"

namespace consilium::pki {

struct IssueFiles {
  crypto::Certificate certificate;
  crypto::Certificate authority;
  crypto::PrivateKey key;
  crypto::PrivateKey signing_key;
};

// Into a new folder beside it (mode 0700), synced, then renamed. kFileExists when `folder` is
// there; kStorageFull, kStorageIo.
absl::Status WriteIssueFolder(const std::string& folder, const IssueFiles& files);

}  // namespace consilium::pki

#endif  // CONSILIUM_COMMON_PKI_ISSUE_FOLDER_H_
