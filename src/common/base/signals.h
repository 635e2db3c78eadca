// The signals that ask a daemon to stop, taken in one place instead of in handlers.
//
// StopSignals goes first in main: it blocks SIGTERM and SIGINT (every later thread inherits that)
// and ignores SIGPIPE. Wait then takes them one by one, on a thread of the caller's choosing.
#ifndef CONSILIUM_COMMON_BASE_SIGNALS_H_
#define CONSILIUM_COMMON_BASE_SIGNALS_H_

#include "common/base/clock.h"

namespace consilium {

class StopSignals {
 public:
  // REQUIRES: no other thread runs yet.
  StopSignals();
  // Blocks until one comes; its name ("SIGTERM").
  const char* Wait() const;
  // The same for at most `patience`; null when none came.
  const char* WaitFor(Duration patience) const;
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_SIGNALS_H_
