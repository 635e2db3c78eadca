// One number of bytes that all downloads together may hold in memory: what was read of a file and
// not handed to the transport yet.
//
// Each download holds one piece at a time. The more are open, the smaller the pieces: a quarter of
// the total is shared out among those that are open, so that a crowd of slow readers leaves room
// for the fast ones. What the total cannot hold waits, in the order asked (upload_budget.h).
// Thread-safe. Outlives its downloads.
#ifndef CONSILIUM_SERVER_RPC_DOWNLOAD_BUDGET_H_
#define CONSILIUM_SERVER_RPC_DOWNLOAD_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "server/rpc/upload_budget.h"

namespace consilium::server::rpc {

class DownloadBudget {
 public:
  static constexpr uint64_t kLeastPiece = uint64_t{16} * 1024;
  static constexpr uint64_t kMostPiece = uint64_t{256} * 1024;
  static_assert(kMostPiece <= UploadBudget::kLeastGrant);  // so a piece is granted whole

  // REQUIRES: total >= kMostPiece.
  explicit DownloadBudget(uint64_t total) : total_(total), bytes_(total) {}

  // An open download; counted while it lives, and so is the piece it holds.
  class Place {
   public:
    explicit Place(DownloadBudget& budget) : budget_(budget) { ++budget_.open_; }
    ~Place() {
      GiveBack();
      --budget_.open_;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Asks for the next piece of a file with `left` > 0 bytes to send. `granted` is called once,
    // with at least one byte, now or when others gave back, and may end this place. REQUIRES: none
    // is held or asked for.
    void Ask(uint64_t left, std::function<void(uint64_t bytes)> granted);
    // The piece, if one is held.
    void GiveBack();

   private:
    DownloadBudget& budget_;
    uint64_t held_ = 0;
  };

  // What one more piece may have, with as many downloads as are open now.
  uint64_t PieceBytes() const;
  uint64_t held() const { return total_ - bytes_.free(); }

 private:
  const uint64_t total_;
  UploadBudget bytes_;
  std::atomic<uint64_t> open_ = 0;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_DOWNLOAD_BUDGET_H_
