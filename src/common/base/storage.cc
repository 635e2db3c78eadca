#include "common/base/storage.h"

#include <fmt/format.h>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium {
namespace {

std::string FolderHolding(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status WriteAndSync(Storage& storage, const std::string& path, ByteSpan bytes) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file, storage.OpenAppend(path, 0));
  CN_RETURN_IF_ERROR(file->Append(bytes));
  return file->Sync();
}

}  // namespace

bool Exists(const Storage& storage, const std::string& path) {
  const auto reader = storage.OpenRead(path);
  return reader.ok() || CodeOf(reader.status()) != ErrorCode::kFileNotFound;
}

absl::StatusOr<Bytes> ReadWhole(const Storage& storage, const std::string& path, uint64_t most) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<FileReader> reader, storage.OpenRead(path));
  if (reader->size() > most) {
    return Error(ErrorCode::kFileTooLarge,
                 fmt::format("{} has {} bytes, want at most {}", path, reader->size(), most));
  }
  Bytes bytes(reader->size());
  CN_RETURN_IF_ERROR(reader->ReadAt(0, bytes));
  return bytes;
}

absl::Status WriteDurably(Storage& storage, const std::string& path, ByteSpan bytes) {
  const std::string fresh = path + ".new";
  absl::Status status = WriteAndSync(storage, fresh, bytes);
  CN_CRASH_POINT("file.synced");
  if (status.ok()) status = storage.Rename(fresh, path);
  CN_CRASH_POINT("file.renamed");
  if (!status.ok()) {
    storage.Remove(fresh).IgnoreError();  // what went wrong first is what matters
    return status;
  }
  return storage.SyncFolder(FolderHolding(path));
}

}  // namespace consilium
