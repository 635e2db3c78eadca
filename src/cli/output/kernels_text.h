// Which training kernel each site of a job ran, as people read it.
//
// A run repeats bit for bit where the same sites run the same kernels. Pure; thread-safe.
#ifndef CONSILIUM_CLI_OUTPUT_KERNELS_TEXT_H_
#define CONSILIUM_CLI_OUTPUT_KERNELS_TEXT_H_

#include <string>

#include "cli/output/terminal.h"
#include "consilium/v1/control.pb.h"

namespace consilium::cli {

// A row for each site and kernel, with the rounds whose update it computed: "1-20, 22". Empty where
// no update names one.
std::string KernelsTable(const Terminal& terminal, const v1::JobView& job);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_KERNELS_TEXT_H_
