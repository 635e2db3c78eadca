#include "common/base/memory_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium {
namespace {

// One spelling per path: "a//b/../c/" is "a/c".
std::string Normal(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

absl::Status NotFound(const std::string& path) {
  return Error(ErrorCode::kFileNotFound, fmt::format("cannot open {}: no such file", path));
}

}  // namespace

class MemoryStorage::Appender final : public AppendFile {
 public:
  Appender(MemoryStorage& storage, std::string path, NodePtr node, uint64_t crashes)
      : storage_(storage), path_(std::move(path)), node_(std::move(node)), crashes_(crashes) {}

  absl::Status Append(ByteSpan bytes) override {
    MutexLock lock(storage_.mutex_);
    CN_RETURN_IF_ERROR(Begin("cannot write to"));
    if (storage_.BytesHeld() + bytes.size() > storage_.faults_.capacity_bytes) {
      return Error(ErrorCode::kStorageFull, fmt::format("cannot write to {}: disk full", path_));
    }
    node_->data.insert(node_->data.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    MutexLock lock(storage_.mutex_);
    if (absl::Status status = Begin("cannot sync"); !status.ok()) {
      node_->abandoned = true;
      return status;
    }
    node_->synced = node_->data.size();
    node_->before_cut.reset();
    return absl::OkStatus();
  }

  uint64_t size() const override {
    MutexLock lock(storage_.mutex_);
    return node_->data.size();
  }

 private:
  absl::Status Begin(std::string_view action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(storage_.mutex_) {
    CN_RETURN_IF_ERROR(storage_.CountOperation(action, path_));
    if (crashes_ == storage_.crashes_ && !node_->abandoned) return absl::OkStatus();
    return Error(ErrorCode::kStorageIo, fmt::format("{} {}: {}", action, path_,
                                                    node_->abandoned ? "an earlier sync failed"
                                                                     : "opened before a crash"));
  }

  MemoryStorage& storage_;
  const std::string path_;
  const NodePtr node_;
  const uint64_t crashes_;
};

class MemoryStorage::Reader final : public FileReader {
 public:
  Reader(const MemoryStorage& storage, std::string path, NodePtr node)
      : storage_(storage), path_(std::move(path)), node_(std::move(node)) {}

  absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    MutexLock lock(storage_.mutex_);
    const Bytes& data = node_->data;
    if (offset > data.size() || out.size() > data.size() - offset) {
      return Error(ErrorCode::kStorageIo, fmt::format("{} ends at byte {}, want {}", path_,
                                                      data.size(), offset + out.size()));
    }
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return absl::OkStatus();
  }

  uint64_t size() const override {
    MutexLock lock(storage_.mutex_);
    return node_->data.size();
  }

 private:
  const MemoryStorage& storage_;
  const std::string path_;
  const NodePtr node_;
};

absl::Status MemoryStorage::CountOperation(std::string_view action, const std::string& path) {
  ++operations_;
  const uint64_t failing = faults_.fail_operation;
  if (failing == 0 || operations_ < failing) return absl::OkStatus();
  if (operations_ > failing && !faults_.and_all_after) return absl::OkStatus();
  return Error(faults_.code, fmt::format("{} {}: injected fault", action, path));
}

void MemoryStorage::Change(FolderChange change) {
  if (!change.removed.empty()) files_.erase(change.removed);
  if (!change.added.empty()) files_[change.added] = change.node;
  pending_.push_back(std::move(change));
}

bool MemoryStorage::IsFolder(const std::string& path) const {
  return path == "/" || path == "." || folders_.contains(path);
}

uint64_t MemoryStorage::BytesHeld() const {
  uint64_t bytes = 0;
  for (const auto& [path, node] : files_) bytes += node->data.size();
  return bytes;
}

absl::StatusOr<std::unique_ptr<AppendFile>> MemoryStorage::OpenAppend(const std::string& path,
                                                                      uint64_t length) {
  const std::string name = Normal(path);
  MutexLock lock(mutex_);
  CN_RETURN_IF_ERROR(CountOperation("cannot open", path));
  if (IsFolder(name)) {
    return Error(ErrorCode::kStorageIo, fmt::format("cannot open {}: it is a folder", path));
  }
  if (!IsFolder(FolderOf(name))) return NotFound(path);
  if (!files_.contains(name)) Change({"", name, std::make_shared<Node>()});
  const NodePtr node = files_[name];
  node->abandoned = false;
  if (node->data.size() > length) {
    const auto cut = static_cast<std::ptrdiff_t>(length);
    if (node->synced > length && node->before_cut == nullptr) {
      node->before_cut = std::make_shared<const Bytes>(
          node->data.begin(), node->data.begin() + static_cast<std::ptrdiff_t>(node->synced));
    }
    node->data.erase(node->data.begin() + cut, node->data.end());
    node->synced = std::min(node->synced, length);
  }
  return std::make_unique<Appender>(*this, path, node, crashes_);
}

absl::StatusOr<std::unique_ptr<FileReader>> MemoryStorage::OpenRead(const std::string& path) const {
  const std::string name = Normal(path);
  MutexLock lock(mutex_);
  if (IsFolder(name)) {
    return Error(ErrorCode::kStorageIo, fmt::format("cannot open {}: it is a folder", path));
  }
  const auto found = files_.find(name);
  if (found == files_.end()) return NotFound(path);
  return std::make_unique<Reader>(*this, path, found->second);
}

absl::Status MemoryStorage::Rename(const std::string& from, const std::string& to) {
  const std::string source = Normal(from), target = Normal(to);
  MutexLock lock(mutex_);
  CN_RETURN_IF_ERROR(CountOperation("cannot rename", from));
  const auto found = files_.find(source);
  if (found == files_.end() || !IsFolder(FolderOf(target))) return NotFound(from);
  if (source != target) Change({source, target, found->second});
  return absl::OkStatus();
}

absl::Status MemoryStorage::Remove(const std::string& path) {
  const std::string name = Normal(path);
  MutexLock lock(mutex_);
  CN_RETURN_IF_ERROR(CountOperation("cannot remove", path));
  if (files_.contains(name)) Change({name, "", nullptr});
  return absl::OkStatus();
}

absl::Status MemoryStorage::CreateFolder(const std::string& path) {
  MutexLock lock(mutex_);
  CN_RETURN_IF_ERROR(CountOperation("cannot create the folder", path));
  for (std::string folder = Normal(path); !IsFolder(folder); folder = FolderOf(folder)) {
    if (files_.contains(folder)) {
      return Error(ErrorCode::kStorageIo,
                   fmt::format("cannot create the folder {}: {} is a file", path, folder));
    }
    folders_.insert(folder);
  }
  return absl::OkStatus();
}

absl::Status MemoryStorage::SyncFolder(const std::string& path) {
  const std::string folder = Normal(path);
  MutexLock lock(mutex_);
  CN_RETURN_IF_ERROR(CountOperation("cannot sync the folder", path));
  if (!IsFolder(folder)) return NotFound(path);
  // The changes in this folder become durable, with the earlier ones that they build on.
  std::set<std::string> touched;
  std::vector<bool> confirmed(pending_.size());
  for (size_t i = pending_.size(); i-- > 0;) {
    for (const std::string* name : {&pending_[i].removed, &pending_[i].added}) {
      if (name->empty()) continue;
      if (FolderOf(*name) == folder || touched.contains(*name)) confirmed[i] = true;
    }
    if (confirmed[i]) touched.insert({pending_[i].removed, pending_[i].added});
  }
  std::vector<FolderChange> left;
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (!confirmed[i]) {
      left.push_back(std::move(pending_[i]));
      continue;
    }
    Confirm(pending_[i]);
  }
  pending_ = std::move(left);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryStorage::List(const std::string& path) const {
  const std::string folder = Normal(path);
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (FolderOf(name) == folder) {
      names.push_back(std::filesystem::path(name).filename().string());
    }
  };
  for (const auto& [name, node] : files_) add(name);
  for (const std::string& name : folders_) add(name);
  std::ranges::sort(names);
  return names;
}

void MemoryStorage::Crash(CrashKind kind) {
  MutexLock lock(mutex_);
  ++crashes_;
  faults_ = StorageFaults{.capacity_bytes = faults_.capacity_bytes};
  operations_ = 0;
  for (const auto& [path, node] : files_) node->abandoned = false;
  if (kind == CrashKind::kProcess) return;  // all is still written, and still not synced
  size_t kept = 0;
  if (kind == CrashKind::kTorn) kept = random_.Below(static_cast<uint32_t>(pending_.size()) + 1);
  for (size_t i = 0; i < kept; ++i) Confirm(pending_[i]);
  pending_.clear();
  for (const auto& [path, node] : durable_) CrashNode(*node, kind);
  files_ = durable_;
}

void MemoryStorage::Confirm(const FolderChange& change) {
  durable_.erase(change.removed);
  if (!change.added.empty()) durable_[change.added] = change.node;
}

void MemoryStorage::CrashNode(Node& node, CrashKind kind) {
  const bool cut_is_lost =
      node.before_cut != nullptr && (kind == CrashKind::kPowerCut || random_.Below(2) == 0);
  if (cut_is_lost) {
    node.data = *node.before_cut;
  } else if (kind == CrashKind::kPowerCut) {
    node.data.resize(node.synced);
  } else {
    TearTail(node);
  }
  node.before_cut.reset();
  node.synced = node.data.size();
}

void MemoryStorage::TearTail(Node& node) {
  const auto unsynced = static_cast<uint32_t>(node.data.size() - node.synced);
  const uint32_t kept = random_.Below(unsynced + 1);
  node.data.resize(node.synced + kept);
  if (kept == 0 || random_.Below(2) == 0) return;
  // Pages reach the disk in any order: a stretch anywhere in what is kept may be missing.
  const uint32_t from = random_.Below(kept);
  const uint32_t count = 1 + random_.Below(kept - from);
  const bool zeros = random_.Below(2) == 0;
  for (size_t i = node.synced + from; i < node.synced + from + count; ++i) {
    node.data[i] = zeros ? std::byte{0} : static_cast<std::byte>(random_.Below(256));
  }
}

void MemoryStorage::SetFaults(const StorageFaults& faults) {
  MutexLock lock(mutex_);
  faults_ = faults;
  operations_ = 0;
}

uint64_t MemoryStorage::operations() const {
  MutexLock lock(mutex_);
  return operations_;
}

void MemoryStorage::Plant(const std::string& path, ByteSpan bytes) {
  const std::string name = Normal(path);
  MutexLock lock(mutex_);
  for (std::string folder = FolderOf(name); !IsFolder(folder); folder = FolderOf(folder)) {
    folders_.insert(folder);
  }
  const auto node = std::make_shared<Node>();
  node->data.assign(bytes.begin(), bytes.end());
  node->synced = bytes.size();
  std::erase_if(pending_, [&](const FolderChange& change) { return change.added == name; });
  files_[name] = node;
  durable_[name] = node;
}

}  // namespace consilium
