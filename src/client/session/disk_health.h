// Whether this site's own disk takes what has to be kept; and if not, why not.
//
// A disk that is full, read-only or failing stops no task for good: it waits, says so (readiness,
// the phase "disk" at the server, one line in the log per reason), and goes on when the disk does.
// Thread-safe.
#ifndef CONSILIUM_CLIENT_SESSION_DISK_HEALTH_H_
#define CONSILIUM_CLIENT_SESSION_DISK_HEALTH_H_

#include <string>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace consilium::client::session {

// kStorageFull or kStorageIo.
bool IsDiskFault(const absl::Status& status);

class DiskHealth {
 public:
  // What became of something that had to be kept. Neither ok nor a disk fault: says nothing of the
  // disk.
  void Note(const absl::Status& status);
  // Ok, or what is waited for.
  absl::Status status() const;

 private:
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_DISK_HEALTH_H_
