#include "client/session/disk_health.h"

#include "common/base/error.h"
#include "common/base/log.h"

namespace consilium::client::session {

bool IsDiskFault(const absl::Status& status) {
  const auto code = CodeOf(status);
  return code == ErrorCode::kStorageFull || code == ErrorCode::kStorageIo;
}

void DiskHealth::Note(const absl::Status& status) {
  if (!status.ok() && !IsDiskFault(status)) return;
  {
    MutexLock lock(mutex_);
    if (status == status_) return;
    status_ = status;
  }
  if (status.ok()) {
    Log(Level::kInfo, "the site's disk works again");
  } else {
    LogStatus(Level::kError, "waiting for the site's own disk: nothing is lost", status);
  }
}

absl::Status DiskHealth::status() const {
  MutexLock lock(mutex_);
  return status_.ok() ? status_ : Annotate(status_, "the site's own disk");
}

}  // namespace consilium::client::session
