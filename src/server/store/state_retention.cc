// Which states stay: the index of manifests and parts, holds, pins and removal.
#include <fmt/format.h>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/store/state_files.h"
#include "server/store/state_store.h"

namespace consilium::server::store {

absl::Status StateStore::Load() {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> files, storage_.List(folder_));
  std::vector<std::pair<Digest, std::string>> parts;
  for (const std::string& name : files) {
    const std::string path = folder_ + "/" + name;
    if (name.ends_with(kUnfinishedState)) {
      // What a crash left half written has no name that anybody knows.
      CN_RETURN_IF_ERROR(storage_.Remove(path));
    } else if (const auto pinned = DigestIn(name, kPin)) {
      MutexLock lock(mutex_);
      pinned_.insert(*pinned);
    } else if (const auto broadcast = DigestIn(name, kBroadcast)) {
      parts.emplace_back(*broadcast, path);
    } else if (const auto private_part = DigestIn(name, kPrivate)) {
      parts.emplace_back(*private_part, path);
    } else if (const auto digest = DigestIn(name, kManifest)) {
      const auto manifest = GetManifest(*digest);
      // One that the disk does not read now may be good: nothing that it names may go.
      if (CodeOf(manifest.status()) == ErrorCode::kStorageIo) return manifest.status();
      if (!manifest.ok()) {
        LogStatus(Level::kWarning, "a state's manifest is damaged", manifest.status());
        continue;
      }
      MutexLock lock(mutex_);
      AddToIndex({*digest, manifest->broadcast.digest, manifest->private_part.digest});
    }
  }
  for (const auto& [digest, path] : parts) {
    bool named = false;
    {
      MutexLock lock(mutex_);
      named = named_.contains(digest);
    }
    if (!named) CN_RETURN_IF_ERROR(storage_.Remove(path));
  }
  return absl::OkStatus();
}

void StateStore::HoldAll(const Names& names) {
  MutexLock lock(mutex_);
  while (removing_) removed_.Wait(mutex_);
  for (const Digest& digest : {names.manifest, names.broadcast, names.private_part}) {
    ++held_[digest];
  }
}

void StateStore::Release(const Names& names) {
  MutexLock lock(mutex_);
  for (const Digest& digest : {names.manifest, names.broadcast, names.private_part}) {
    if (--held_[digest] == 0) held_.erase(digest);
  }
}

void StateStore::AddToIndex(const Names& names) {
  if (!index_.emplace(names.manifest, names).second) return;
  ++named_[names.broadcast];
  ++named_[names.private_part];
}

absl::Status StateStore::Pin(const Digest& manifest) {
  {
    MutexLock lock(mutex_);
    if (pinned_.contains(manifest)) return absl::OkStatus();
  }
  CN_RETURN_IF_ERROR(WriteDurably(storage_, PathOf(manifest, kPin), {}));
  CN_CRASH_POINT("state.pinned");
  MutexLock lock(mutex_);
  pinned_.insert(manifest);
  return absl::OkStatus();
}

std::vector<Digest> StateStore::Manifests() const {
  MutexLock lock(mutex_);
  std::vector<Digest> manifests;
  manifests.reserve(index_.size());
  for (const auto& [digest, names] : index_) manifests.push_back(digest);
  return manifests;
}

std::vector<std::string> StateStore::TakeOut(const Digest& manifest) {
  const auto found = index_.find(manifest);
  if (found == index_.end() || pinned_.contains(manifest) || held_.contains(manifest)) return {};
  const Names names = found->second;
  index_.erase(found);
  std::vector<std::string> paths = {PathOf(manifest, kManifest)};
  const std::pair<Digest, const char*> parts[] = {{names.broadcast, kBroadcast},
                                                  {names.private_part, kPrivate}};
  for (const auto& [part, kind] : parts) {
    if (--named_[part] > 0) continue;
    named_.erase(part);
    if (!held_.contains(part)) paths.push_back(PathOf(part, kind));
  }
  return paths;
}

absl::Status StateStore::Remove(const Digest& manifest) {
  std::vector<std::string> paths;
  {
    MutexLock lock(mutex_);
    while (removing_) removed_.Wait(mutex_);
    paths = TakeOut(manifest);
    if (paths.empty()) return absl::OkStatus();
    removing_ = true;
  }
  absl::Status status;
  for (const std::string& path : paths) {
    if (absl::Status removed = storage_.Remove(path); !removed.ok()) status = removed;
    CN_CRASH_POINT("old_state.removed");
  }
  MutexLock lock(mutex_);
  removing_ = false;
  removed_.NotifyAll();
  return status;
}

}  // namespace consilium::server::store
