// What broke into a job and did not stop it, as people read it: restarts and reconnects.
#ifndef CONSILIUM_CLI_OUTPUT_SETBACK_TEXT_H_
#define CONSILIUM_CLI_OUTPUT_SETBACK_TEXT_H_

#include <string>

#include "consilium/v1/control.pb.h"

namespace consilium::cli {

// More sites than this are a number.
inline constexpr int kMaxSetbackLines = 16;

// Lines of the head of `consilium show`; empty when there was nothing:
//   "  server     restarted 3 times during this job, last 2m05s ago; round 7 went on with 2 of 4
//   updates", "  site       north: back after a restart at round 5, 40.0 s ago".
std::string SetbackLines(const v1::JobView& job);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_SETBACK_TEXT_H_
