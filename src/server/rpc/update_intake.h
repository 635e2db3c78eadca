// Small updates that came whole in a standing stream: accepted many at a time.
//
// While one group is verified and synced, what comes meanwhile gathers and is the next group, so
// the disk's syncs are shared by all updates of a moment, and no call is opened for any of them. An
// update that is not accepted here is answered so, and not with a reason: its site submits it by a
// call (upload_stream.h), which gives the reason. Bound: the bytes come out of the budget of all
// uploads; when it is used up, the answer is at once that it was not taken.
// Thread-safe. What it refers to outlives it; the pool has ended when it is destroyed.
#ifndef CONSILIUM_SERVER_RPC_UPDATE_INTAKE_H_
#define CONSILIUM_SERVER_RPC_UPDATE_INTAKE_H_

#include <functional>
#include <vector>

#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/wire/messages.h"
#include "server/rpc/upload_stream.h"

namespace consilium::server::rpc {

class UpdateIntake {
 public:
  struct Item {
    SiteId site;  // from the caller's certificate
    Epoch epoch;  // of its stream
    wire::StreamedUpdate update;
    // Once; on this thread or a worker's.
    std::function<void(const wire::UpdateReply&)> answer;
  };
  // `shared` is that of the uploads by call.
  explicit UpdateIntake(UploadShared& shared) : shared_(shared) {}

  void Take(Item item);

 private:
  void Work();
  void Accept(std::vector<Item>& group);

  UploadShared& shared_;
  Mutex mutex_;
  std::vector<Item> waiting_ ABSL_GUARDED_BY(mutex_);
  bool working_ ABSL_GUARDED_BY(mutex_) = false;  // a worker will look at what waits
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_UPDATE_INTAKE_H_
