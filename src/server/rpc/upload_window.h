// How far one upload may run ahead of what is written: as much as its line carries in about a
// second.
//
// A site on a slow line that were allowed megabytes would sit on the budget of all uploads, and its
// own messages and pings would wait behind them for minutes, until it looks dead. So the window
// begins small; it doubles each time that a whole window was written within kQuick, and halves when
// one took longer than kSlow. A fast line reaches the full window within a few round trips.
// Not thread-safe.
#ifndef CONSILIUM_SERVER_RPC_UPLOAD_WINDOW_H_
#define CONSILIUM_SERVER_RPC_UPLOAD_WINDOW_H_

#include <algorithm>
#include <cstdint>

#include "common/base/clock.h"

namespace consilium::server::rpc {

inline constexpr uint64_t kUploadWindowBytes = uint64_t{4} * 1024 * 1024;  // of one upload, at most
// All uploads together: what is under way is sent twice when the server dies. A crowd of slow lines
// may have more, each the first window.
inline constexpr uint64_t kAheadInAllBytes = uint64_t{16} * 1024 * 1024;

class UploadWindow {
 public:
  static constexpr uint64_t kFirstBytes = uint64_t{256} * 1024;
  static constexpr uint64_t kLeastBytes = uint64_t{64} * 1024;
  static constexpr Duration kQuick = std::chrono::seconds(1);
  static constexpr Duration kSlow = std::chrono::seconds(4);

  uint64_t bytes() const { return bytes_; }
  // When this upload has `own` bytes under way, and all together have `all`.
  uint64_t BytesBeside(uint64_t own, uint64_t all) const {
    const uint64_t room = all < kAheadInAllBytes ? kAheadInAllBytes - all : 0;
    return std::min(bytes_, std::max(own + room, kFirstBytes));
  }

  // The site was allowed to send, and had nothing under way before.
  void Begin(Instant now) { since_ = now; }
  void OnWritten(uint64_t bytes, Instant now) {
    written_ += bytes;
    const Duration took = now - since_;
    if (written_ < bytes_ && took <= kSlow) return;
    if (took > kSlow) {
      bytes_ = std::max(bytes_ / 2, kLeastBytes);
    } else if (took < kQuick) {
      bytes_ = std::min(bytes_ * 2, kUploadWindowBytes);
    }
    written_ = 0;
    since_ = now;
  }

 private:
  uint64_t bytes_ = kFirstBytes;
  uint64_t written_ = 0;  // of this window
  Instant since_{};
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_UPLOAD_WINDOW_H_
