#include "common/pki/issue_folder.h"

#include <fmt/format.h>

#include <filesystem>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"

namespace consilium::pki {
namespace {

absl::Status WriteFiles(Storage& storage, const std::string& folder, const IssueFiles& files) {
  const std::string certificate = files.certificate.ToPem();
  const std::string authority = files.authority.ToPem();
  const std::string signing_public = files.signing_key.public_key().ToPem();
  CN_RETURN_IF_ERROR(files.key.Write(folder + "/key.pem"));
  CN_RETURN_IF_ERROR(files.signing_key.Write(folder + "/signing_key.pem"));
  CN_RETURN_IF_ERROR(WriteDurably(storage, folder + "/signing_key.pub", AsBytes(signing_public)));
  CN_RETURN_IF_ERROR(WriteDurably(storage, folder + "/cert.pem", AsBytes(certificate)));
  return WriteDurably(storage, folder + "/ca.pem", AsBytes(authority));
}

}  // namespace

absl::Status WriteIssueFolder(const std::string& folder, const IssueFiles& files) {
  PosixStorage storage;
  std::error_code error;
  if (std::filesystem::exists(folder, error)) {
    return Error(ErrorCode::kFileExists,
                 fmt::format("{} is there: this identity has a certificate already", folder),
                 "use it, or move that folder away first to issue a new one (the old certificate "
                 "stays valid until it expires)");
  }
  // What a killed run left half written is nobody's.
  const std::string half = folder + ".new";
  std::filesystem::remove_all(half, error);
  CN_RETURN_IF_ERROR(storage.CreateFolder(half));
  if (absl::Status written = WriteFiles(storage, half, files); !written.ok()) {
    std::filesystem::remove_all(half, error);
    return written;
  }
  CN_RETURN_IF_ERROR(storage.Rename(half, folder));
  return storage.SyncFolder(std::filesystem::path(folder).parent_path().string());
}

}  // namespace consilium::pki
