#include "common/base/signals.h"

#include <pthread.h>

#include <csignal>

#include "common/base/check.h"

namespace consilium {
namespace {

sigset_t StopSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = StopSet();
  CN_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  std::signal(SIGPIPE, SIG_IGN);
}

const char* StopSignals::Wait() const {
  const sigset_t set = StopSet();
  int taken = 0;
  CN_CHECK(sigwait(&set, &taken) == 0);
  return taken == SIGTERM ? "SIGTERM" : "SIGINT";
}

const char* StopSignals::WaitFor(Duration patience) const {
  const sigset_t set = StopSet();
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timespec timeout = {static_cast<time_t>(whole.count()),
                            static_cast<long>((patience - whole).count())};
  const int taken = sigtimedwait(&set, nullptr, &timeout);
  if (taken < 0) return nullptr;  // nothing came, or a debugger interrupted
  return taken == SIGTERM ? "SIGTERM" : "SIGINT";
}

}  // namespace consilium
