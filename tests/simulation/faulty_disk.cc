#include "tests/simulation/faulty_disk.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::simulation {
namespace {

bool IsSpool(std::string_view path) {
  return path.find("/updates/") != std::string_view::npos && path.ends_with(".part");
}

// kForgetSpoolSync, kForgetJournalSync.
bool Forgets(PlantedBug bug, std::string_view path) {
  return (bug == PlantedBug::kForgetSpoolSync && IsSpool(path)) ||
         (bug == PlantedBug::kForgetJournalSync && path.ends_with("/journal"));
}

// The first accepted update of the step that `path`, ".../updates/<job>/<step>.<site>.update",
// belongs to.
std::optional<std::string> FirstUpdateBeside(const Storage& storage, const std::string& path) {
  const size_t slash = path.rfind('/');
  const auto names = storage.List(path.substr(0, slash));
  if (!path.ends_with(".update") || !names.ok()) return std::nullopt;
  const std::string step = path.substr(slash + 1, path.find('.', slash) - slash);
  for (const std::string& name : *names) {
    if (name.starts_with(step) && name.ends_with(".update")) {
      return path.substr(0, slash + 1) + name;
    }
  }
  return std::nullopt;
}

// kDeleteSpoolEarly: `path` is ".../sums/<job>/<step>.sum".
void DeleteSpools(Storage& storage, const std::string& path) {
  const size_t sums = path.find("/sums/"), slash = path.rfind('/');
  if (sums == std::string::npos || !path.ends_with(".sum")) return;
  const std::string job = path.substr(sums + 6, slash - sums - 6);
  const std::string step = path.substr(slash + 1, path.find('.', slash) - slash);
  const std::string folder = path.substr(0, sums) + "/updates/" + job;
  const auto names = storage.List(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (name.starts_with(step)) storage.Remove(folder + "/" + name).IgnoreError();
  }
  storage.SyncFolder(folder).IgnoreError();
}

}  // namespace

class FaultyDisk::Appender final : public AppendFile {
 public:
  Appender(FaultyDisk& disk, std::string path, std::unique_ptr<AppendFile> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Append(ByteSpan bytes) override {
    const Fate fate = disk_.Decide();
    if (!fate.failed) return file_->Append(bytes);
    if (fate.happens) {
      const auto whole = static_cast<uint32_t>(bytes.size());
      file_->Append(bytes.first(disk_.random_.Below(whole + 1))).IgnoreError();
    }
    return disk_.Failure(path_);
  }

  absl::Status Sync() override {
    const Fate fate = disk_.Decide();
    if (!fate.failed && Forgets(disk_.bug_, path_)) return absl::OkStatus();
    return fate.failed ? disk_.Failure(path_) : file_->Sync();
  }

  uint64_t size() const override { return file_->size(); }

 private:
  FaultyDisk& disk_;
  const std::string path_;
  const std::unique_ptr<AppendFile> file_;
};

class FaultyDisk::Reader final : public FileReader {
 public:
  Reader(const FaultyDisk& disk, std::string path, std::unique_ptr<FileReader> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}

  absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    CN_RETURN_IF_ERROR(disk_.Read(path_));
    return file_->ReadAt(offset, out);
  }
  uint64_t size() const override { return file_->size(); }

 private:
  const FaultyDisk& disk_;
  const std::string path_;
  const std::unique_ptr<FileReader> file_;
};

void FaultyDisk::DieAt(uint64_t operation, std::function<void()> died) {
  dies_at_ = operation == 0 ? 0 : operations_ + operation;
  died_ = std::move(died);
}

FaultyDisk::Fate FaultyDisk::Decide() {
  if (dead_) return {false, true};
  ++operations_;
  if (operations_ == dies_at_) {
    dead_ = true;
    died_();
    return {random_.Below(2) == 0, true};
  }
  if (!Chance(faults_.fail_write)) return {};
  return {random_.Below(2) == 0, true};
}

absl::Status FaultyDisk::Failure(const std::string& path) const {
  if (!dead_ && random_.Below(3) == 0) {
    return Error(ErrorCode::kStorageFull, fmt::format("cannot write {}: simulated", path));
  }
  return Error(ErrorCode::kStorageIo, fmt::format("cannot write {}: simulated", path));
}

absl::Status FaultyDisk::Read(const std::string& path) const {
  if (!dead_ && !Chance(faults_.fail_read)) return absl::OkStatus();
  return Error(ErrorCode::kStorageIo, fmt::format("cannot read {}: simulated", path));
}

absl::Status FaultyDisk::Change(const std::string& path,
                                const std::function<absl::Status()>& operation) {
  const Fate fate = Decide();
  if (!fate.failed) return operation();
  if (fate.happens && dead_) operation().IgnoreError();
  return Failure(path);
}

absl::StatusOr<std::unique_ptr<AppendFile>> FaultyDisk::OpenAppend(const std::string& path,
                                                                   uint64_t length) {
  std::unique_ptr<AppendFile> opened;
  CN_RETURN_IF_ERROR(Change(path, [&]() -> absl::Status {
    CN_ASSIGN_OR_RETURN(opened, memory_.OpenAppend(path, length));
    return absl::OkStatus();
  }));
  return std::make_unique<Appender>(*this, path, std::move(opened));
}

absl::StatusOr<std::unique_ptr<FileReader>> FaultyDisk::OpenRead(const std::string& path) const {
  CN_RETURN_IF_ERROR(Read(path));
  std::string really = path;
  if (bug_ == PlantedBug::kCountTwice) {
    really = FirstUpdateBeside(memory_, path).value_or(path);
  }
  CN_ASSIGN_OR_RETURN(auto file, memory_.OpenRead(really));
  return std::make_unique<Reader>(*this, path, std::move(file));
}

absl::Status FaultyDisk::Rename(const std::string& from, const std::string& to) {
  CN_RETURN_IF_ERROR(Change(from, [&] { return memory_.Rename(from, to); }));
  if (bug_ == PlantedBug::kDeleteSpoolEarly) DeleteSpools(memory_, to);
  return absl::OkStatus();
}

absl::Status FaultyDisk::Remove(const std::string& path) {
  return Change(path, [&] { return memory_.Remove(path); });
}

absl::Status FaultyDisk::CreateFolder(const std::string& path) {
  return Change(path, [&] { return memory_.CreateFolder(path); });
}

absl::Status FaultyDisk::SyncFolder(const std::string& path) {
  return Change(path, [&] { return memory_.SyncFolder(path); });
}

absl::StatusOr<std::vector<std::string>> FaultyDisk::List(const std::string& path) const {
  CN_RETURN_IF_ERROR(Read(path));
  return memory_.List(path);
}

}  // namespace consilium::simulation
