// The state of a step as its offers carry it, so that a site need not fetch it.
//
// Only where it is small, and small for all sites together: the copies that wait in the streams of
// a large cohort would add up (kMaxInlineBytesOfStep).
// Thread-safe: no state of its own.
#ifndef CONSILIUM_SERVER_ROUND_INLINE_STATE_H_
#define CONSILIUM_SERVER_ROUND_INLINE_STATE_H_

#include <cstddef>
#include <memory>

#include "common/base/digest.h"
#include "common/wire/messages.h"
#include "server/store/state_store.h"

namespace consilium::server::round {

inline constexpr size_t kMaxInlineBytesOfStep = size_t{4} * 1024 * 1024;  // for all its sites

// Null when it is too large for `sites` offers, or cannot be read: it is fetched then.
std::shared_ptr<const wire::InlineState> InlineStateOf(const store::StateStore& states,
                                                       const Digest& state, size_t sites);

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_INLINE_STATE_H_
