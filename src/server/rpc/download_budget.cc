#include "server/rpc/download_budget.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace consilium::server::rpc {

uint64_t DownloadBudget::PieceBytes() const {
  const uint64_t share = total_ / 4 / std::max<uint64_t>(open_, 1);
  return std::clamp(share, kLeastPiece, kMostPiece);
}

void DownloadBudget::Place::Ask(uint64_t left, std::function<void(uint64_t bytes)> granted) {
  CN_CHECK(left > 0 && held_ == 0);
  budget_.bytes_.Ask(std::min(left, budget_.PieceBytes()),
                     [this, granted = std::move(granted)](uint64_t bytes) {
                       held_ = bytes;
                       granted(bytes);
                     });
}

void DownloadBudget::Place::GiveBack() {
  if (held_ > 0) budget_.bytes_.GiveBack(std::exchange(held_, 0));
}

}  // namespace consilium::server::rpc
