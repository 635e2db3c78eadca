// What a simulation came to, for a person: one screen, however many sites. Pure; thread-safe.
#ifndef CONSILIUM_SIMULATOR_APP_SUMMARY_H_
#define CONSILIUM_SIMULATOR_APP_SUMMARY_H_

#include <string>

#include "cli/output/terminal.h"
#include "simulator/app/run.h"

namespace consilium::simulator::app {

// The federation, what became of those who were asked, the final metrics (each site's where they
// are at most 12, else the quartiles over the sites), the state.
std::string Summary(const cli::Terminal& terminal, const RunOptions& options,
                    const RunResult& result);

}  // namespace consilium::simulator::app

#endif  // CONSILIUM_SIMULATOR_APP_SUMMARY_H_
