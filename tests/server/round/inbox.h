// A site's end of an Attend stream in tests: what the server sent waits here.
#ifndef CONSILIUM_TESTS_SERVER_ROUND_INBOX_H_
#define CONSILIUM_TESTS_SERVER_ROUND_INBOX_H_

#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "common/base/mutex.h"
#include "server/registry/federation.h"

namespace consilium::server::round {

// What the server sent, until the site looks. Thread-safe.
class Inbox final : public registry::SitePort {
 public:
  explicit Inbox(std::function<void()> on_mail) : on_mail_(std::move(on_mail)) {}
  void Send(const wire::ServerMessage& message) override {
    {
      MutexLock lock(mutex_);
      mail_.push_back(message);
    }
    on_mail_();
  }
  void Close(const absl::Status& why) override {
    MutexLock lock(mutex_);
    closed_ = why;
  }
  std::optional<wire::ServerMessage> Take() {
    MutexLock lock(mutex_);
    if (mail_.empty()) return std::nullopt;
    wire::ServerMessage message = std::move(mail_.front());
    mail_.pop_front();
    return message;
  }
  absl::Status closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }

 private:
  const std::function<void()> on_mail_;
  mutable Mutex mutex_;
  std::deque<wire::ServerMessage> mail_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_TESTS_SERVER_ROUND_INBOX_H_
