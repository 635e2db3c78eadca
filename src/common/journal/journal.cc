#include "common/journal/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/journal/record.h"
#include "common/journal/scan.h"

namespace consilium::journal {
namespace {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(Storage& storage, const std::string& path,
                                                       const Replay& replay) {
  const bool is_new = !Exists(storage, path);
  if (is_new) CN_RETURN_IF_ERROR(WriteDurably(storage, path, EncodeHeader()));
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<FileReader> reader, storage.OpenRead(path));
  CN_ASSIGN_OR_RETURN(const ScanResult found, Scan(*reader, path, replay));
  const uint64_t cut_bytes = reader->size() - found.end;
  CN_ASSIGN_OR_RETURN(std::unique_ptr<AppendFile> file, storage.OpenAppend(path, found.end));
  // The process before may have died between a write and its sync: from here on it all counts.
  if (!is_new) {
    CN_RETURN_IF_ERROR(file->Sync());
    CN_CRASH_POINT("journal.synced");
    CN_RETURN_IF_ERROR(storage.SyncFolder(FolderOf(path)));
    CN_CRASH_POINT("journal.opened");
  }
  return std::unique_ptr<Journal>(new Journal(std::move(file), found.last, cut_bytes));
}

Journal::Journal(std::unique_ptr<AppendFile> file, const Digest& last, uint64_t cut_bytes)
    : cut_bytes_(cut_bytes),
      file_(std::move(file)),
      last_(last),
      end_(file_->size()),
      written_(end_),
      synced_(end_) {}

Journal::~Journal() {
  MutexLock lock(mutex_);
  if (!broken_.ok() || synced_ >= end_) return;
  WriteOut(/*sync=*/true);
  CN_CRASH_POINT("journal.closed");
}

absl::StatusOr<uint64_t> Journal::Append(uint16_t kind, ByteSpan payload, uint16_t version) {
  if (payload.size() > kMaxRecordBytes) {
    return Error(ErrorCode::kMessageTooLarge,
                 fmt::format("a journal record of {} bytes, want at most {}", payload.size(),
                             kMaxRecordBytes));
  }
  MutexLock lock(mutex_);
  while (broken_.ok() && pending_.size() + kHeadBytes + payload.size() > kMaxPendingBytes) {
    if (busy_) {
      changed_.Wait(mutex_);
    } else {
      WriteOut(/*sync=*/false);
    }
  }
  if (!broken_.ok()) return broken_;
  const size_t start = pending_.size();
  EncodeRecord({.kind = kind, .version = version, .durable = synced_, .previous = last_}, payload,
               pending_);
  const ByteSpan record = ByteSpan(pending_).subspan(start);
  last_ = crypto::Sha256Of(record);
  end_ += record.size();
  return end_;
}

absl::Status Journal::SyncTo(uint64_t position) {
  MutexLock lock(mutex_);
  const uint64_t wanted = std::min(position, end_);
  while (synced_ < wanted && broken_.ok()) {
    if (busy_) {
      changed_.Wait(mutex_);
    } else {
      WriteOut(/*sync=*/true);
    }
  }
  return synced_ >= wanted ? absl::OkStatus() : broken_;
}

absl::Status Journal::WriteTo(uint64_t position) {
  MutexLock lock(mutex_);
  const uint64_t wanted = std::min(position, end_);
  while (written_ < wanted && broken_.ok()) {
    if (busy_) {
      changed_.Wait(mutex_);
    } else {
      WriteOut(/*sync=*/false);
    }
  }
  return written_ >= wanted ? absl::OkStatus() : broken_;
}

absl::Status Journal::AppendDurably(uint16_t kind, ByteSpan payload, uint16_t version) {
  CN_ASSIGN_OR_RETURN(const uint64_t position, Append(kind, payload, version));
  return SyncTo(position);
}

void Journal::WriteOut(bool sync) {
  busy_ = true;
  const Bytes batch = std::exchange(pending_, {});
  const uint64_t end = end_;
  mutex_.Unlock();
  absl::Status status = batch.empty() ? absl::OkStatus() : file_->Append(batch);
  if (status.ok() && sync) status = file_->Sync();
  mutex_.Lock();
  if (!status.ok()) {
    broken_ = status;
  } else {
    written_ = end;
    if (sync) synced_ = end;
  }
  busy_ = false;
  changed_.NotifyAll();
}

uint64_t Journal::size() const {
  MutexLock lock(mutex_);
  return end_;
}

absl::Status ReadJournal(const Storage& storage, const std::string& path, const Replay& replay) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<FileReader> reader, storage.OpenRead(path));
  return Scan(*reader, path, replay).status();
}

}  // namespace consilium::journal
