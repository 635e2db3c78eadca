#include "server/store/watched_storage.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::server::store {
namespace {

constexpr const char* kProbeName = "/probe";

// In a body of its own: several threads hold it (jobs/server_journal.cc says why).
absl::Status Unshared(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  return code ? Error(*code, std::string(status.message()), HelpOf(status)) : status;
}

bool IsTrouble(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  return code == ErrorCode::kStorageIo || code == ErrorCode::kStorageFull;
}

}  // namespace

const char* NameOf(FileKind kind) {
  switch (kind) {
    case FileKind::kJournal:
      return "journal";
    case FileKind::kState:
      return "states";
    case FileKind::kSum:
      return "sums";
    case FileKind::kSpool:
      return "spools";
    case FileKind::kOther:
      return "other";
  }
  return "other";
}

class WatchedStorage::Appender final : public AppendFile {
 public:
  Appender(WatchedStorage& storage, FileKind kind, std::shared_ptr<File> file,
           std::unique_ptr<AppendFile> inner)
      : storage_(storage), kind_(kind), file_(std::move(file)), inner_(std::move(inner)) {}

  absl::Status Append(ByteSpan bytes) override {
    absl::Status status = storage_.CheckBound(kind_, bytes.size());
    if (status.ok()) status = inner_->Append(bytes);
    if (!status.ok()) return storage_.Note(std::move(status), bytes.size());
    file_->bytes += bytes.size();
    storage_.bytes_[static_cast<size_t>(kind_)] += bytes.size();
    return status;
  }
  absl::Status Sync() override { return storage_.Note(inner_->Sync()); }
  uint64_t size() const override { return inner_->size(); }

 private:
  WatchedStorage& storage_;
  const FileKind kind_;
  const std::shared_ptr<File> file_;
  const std::unique_ptr<AppendFile> inner_;
};

WatchedStorage::WatchedStorage(Options options, Storage& disk, const Clock& clock)
    : options_(std::move(options)), disk_(disk), clock_(clock) {}
WatchedStorage::~WatchedStorage() = default;

// ---- what there is

FileKind WatchedStorage::KindOf(const std::string& path) const {
  if (!path.starts_with(options_.folder)) return FileKind::kOther;
  const std::string_view rest = std::string_view(path).substr(options_.folder.size());
  if (rest.starts_with("/journal")) return FileKind::kJournal;
  if (rest.starts_with("/states/")) return FileKind::kState;
  if (rest.starts_with("/sums/")) return FileKind::kSum;
  if (rest.starts_with("/updates/")) return FileKind::kSpool;
  return FileKind::kOther;
}

absl::Status WatchedStorage::Load() {
  CN_RETURN_IF_ERROR(LoadFolder(options_.folder));
  for (const char* folder : {"/states", "/sums", "/updates"}) {
    CN_RETURN_IF_ERROR(LoadFolder(options_.folder + folder));
  }
  for (const char* folder : {"/sums", "/updates"}) {
    CN_ASSIGN_OR_RETURN(const auto jobs, disk_.List(options_.folder + folder));
    for (const std::string& job : jobs) {
      CN_RETURN_IF_ERROR(LoadFolder(options_.folder + folder + "/" + job));
    }
  }
  return absl::OkStatus();
}

absl::Status WatchedStorage::LoadFolder(const std::string& folder) {
  const auto names = disk_.List(folder);
  if (!names.ok()) return absl::OkStatus();  // a file where a job's folder would be
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    if (const auto file = disk_.OpenRead(path); file.ok()) Track(path, (*file)->size());
  }
  return absl::OkStatus();
}

uint64_t WatchedStorage::BytesOf(FileKind kind) const { return bytes_[static_cast<size_t>(kind)]; }

uint64_t WatchedStorage::BytesOf(const std::string& path) const {
  MutexLock lock(mutex_);
  const auto found = files_.find(path);
  return found == files_.end() ? 0 : found->second->bytes.load();
}

std::shared_ptr<WatchedStorage::File> WatchedStorage::Track(const std::string& path,
                                                            uint64_t bytes) {
  std::atomic<uint64_t>& total = bytes_[static_cast<size_t>(KindOf(path))];
  MutexLock lock(mutex_);
  std::shared_ptr<File>& file = files_[path];
  if (file == nullptr) file = std::make_shared<File>();
  total -= file->bytes.exchange(bytes);
  total += bytes;
  return file;
}

void WatchedStorage::Forget(const std::string& path) {
  MutexLock lock(mutex_);
  const auto found = files_.find(path);
  if (found == files_.end()) return;
  bytes_[static_cast<size_t>(KindOf(path))] -= found->second->bytes;
  files_.erase(found);
}

absl::Status WatchedStorage::CheckBound(FileKind kind, uint64_t bytes) const {
  if (kind == FileKind::kJournal || options_.max_bytes == UINT64_MAX) return absl::OkStatus();
  uint64_t held = 0;
  for (const auto& of_kind : bytes_) held += of_kind;
  if (held <= options_.max_bytes && bytes <= options_.max_bytes - held) return absl::OkStatus();
  return Error(ErrorCode::kStorageFull,
               fmt::format("the store holds {} bytes and {} more are above [storage] max_disk, {}",
                           held, bytes, options_.max_bytes),
               "Raise [storage] max_disk, or keep less: keep_states, keep_sums, keep_jobs.");
}

// ---- health

absl::Status WatchedStorage::Note(absl::Status status, uint64_t bytes) {
  if (!IsTrouble(status)) return status;
  {
    MutexLock lock(mutex_);
    if (trouble_.ok()) {
      trouble_ = Unshared(status);
      next_probe_ = clock_.Now() + kProbePause;
    }
    failed_bytes_ = std::max<uint64_t>(failed_bytes_, std::min<uint64_t>(bytes, kMostProbeBytes));
    if (!well_.exchange(false)) return status;
  }
  LogStatus(Level::kError, "the disk refuses", status, {{"folder", options_.folder}});
  return status;
}

absl::Status WatchedStorage::Health() {
  if (well_) return absl::OkStatus();
  uint64_t bytes = 0;
  {
    MutexLock lock(mutex_);
    if (clock_.Now() < next_probe_) return Unshared(trouble_);
    next_probe_ = clock_.Now() + kProbePause;
    bytes = failed_bytes_;
  }
  const absl::Status probed = Probe(bytes);
  {
    MutexLock lock(mutex_);
    if (!probed.ok()) {
      trouble_ = Unshared(probed);
      return probed;
    }
    trouble_ = absl::OkStatus();
    failed_bytes_ = 0;
    if (well_.exchange(true)) return absl::OkStatus();
  }
  Log(Level::kInfo, "the disk works again", {{"folder", options_.folder}});
  return absl::OkStatus();
}

absl::Status WatchedStorage::Probe(uint64_t bytes) {
  CN_RETURN_IF_ERROR(CheckBound(FileKind::kOther, bytes));
  const std::string path = options_.folder + kProbeName;
  absl::Status status;
  {
    auto file = disk_.OpenAppend(path, 0);
    status = file.status();
    if (status.ok()) status = (*file)->Append(Bytes(bytes + 1));
    if (status.ok()) status = (*file)->Sync();
  }
  const absl::Status removed = disk_.Remove(path);
  return status.ok() ? removed : status;
}

// ---- passed on

absl::StatusOr<std::unique_ptr<AppendFile>> WatchedStorage::OpenAppend(const std::string& path,
                                                                       uint64_t length) {
  return Watched(path, disk_.OpenAppend(path, length));
}

absl::StatusOr<std::unique_ptr<AppendFile>> WatchedStorage::OpenBulk(const std::string& path) {
  return Watched(path, disk_.OpenBulk(path));
}

absl::StatusOr<std::unique_ptr<AppendFile>> WatchedStorage::Watched(
    const std::string& path, absl::StatusOr<std::unique_ptr<AppendFile>> opened) {
  if (!opened.ok()) return Note(opened.status());
  std::shared_ptr<File> file = Track(path, (*opened)->size());
  return std::make_unique<Appender>(*this, KindOf(path), std::move(file), *std::move(opened));
}

absl::StatusOr<std::unique_ptr<FileReader>> WatchedStorage::OpenRead(
    const std::string& path) const {
  return disk_.OpenRead(path);
}

absl::Status WatchedStorage::Rename(const std::string& from, const std::string& to) {
  CN_RETURN_IF_ERROR(Note(disk_.Rename(from, to)));
  const uint64_t bytes = BytesOf(from);
  Forget(from);
  Track(to, bytes);
  return absl::OkStatus();
}

absl::Status WatchedStorage::Remove(const std::string& path) {
  CN_RETURN_IF_ERROR(Note(disk_.Remove(path)));
  Forget(path);
  return absl::OkStatus();
}

absl::Status WatchedStorage::CreateFolder(const std::string& path) {
  return Note(disk_.CreateFolder(path));
}
absl::Status WatchedStorage::SyncFolder(const std::string& path) {
  return Note(disk_.SyncFolder(path));
}
absl::StatusOr<std::vector<std::string>> WatchedStorage::List(const std::string& path) const {
  return disk_.List(path);
}

}  // namespace consilium::server::store
