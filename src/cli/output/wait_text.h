// What a running job waits for, as people read it.
#ifndef CONSILIUM_CLI_OUTPUT_WAIT_TEXT_H_
#define CONSILIUM_CLI_OUTPUT_WAIT_TEXT_H_

#include <string>

#include "cli/output/terminal.h"
#include "consilium/v1/control.pb.h"

namespace consilium::cli {

// How far a site is in its phase: "submit  1.2 MB of 3.4 MB  20 KB/s", "train  45%", "load".
std::string SiteProgress(const v1::SiteStepView& site);
// "working", "counted", ...; "away" for a site that is waited for and not connected.
std::string SiteState(const v1::SiteStepView& site);
// The open step: its sites, each with how far it is, its last sign of life and until when it is
// waited for. Sites that are not waited for come last.
std::string OpenStep(const Terminal& terminal, const v1::StepView& step);
// "waiting for .. (for 12.3 s)"; empty when nothing waits.
std::string WaitText(const v1::JobView& job);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_WAIT_TEXT_H_
