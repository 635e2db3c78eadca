#include "server/rpc/call_caps.h"

#include "common/base/error.h"
#include "common/base/retry_after.h"
#include "fmt/format.h"

namespace consilium::server::rpc {
namespace {

constexpr Duration kRest = std::chrono::seconds(5);

}  // namespace

absl::StatusOr<std::shared_ptr<CallCaps::Ticket>> CallCaps::Take(const std::string& peer) {
  {
    MutexLock lock(mutex_);
    const auto known = of_peer_.find(peer);
    const size_t own = known == of_peer_.end() ? 0 : known->second;
    if (own >= limits_.of_one || open_ >= limits_.of_all) {
      const bool its_own = own >= limits_.of_one;
      return WithRetryAfter(
          Error(ErrorCode::kOverloaded,
                fmt::format("{} has {} open {}, of {} in all; want at most {} of one and {} of all",
                            peer, own, what_, open_, limits_.of_one, limits_.of_all),
                its_own ? "end one of them first" : "try again in a few seconds"),
          kRest);
    }
    ++of_peer_[peer];
    ++open_;
  }
  return std::make_shared<Ticket>(*this, peer);
}

void CallCaps::GiveBack(const std::string& peer) {
  MutexLock lock(mutex_);
  --open_;
  const auto known = of_peer_.find(peer);
  if (--known->second == 0) of_peer_.erase(known);
}

size_t CallCaps::open() const {
  MutexLock lock(mutex_);
  return open_;
}

}  // namespace consilium::server::rpc
