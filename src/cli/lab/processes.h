// Processes of a lab: started by path, ended by their own pid, never by name.
#ifndef CONSILIUM_CLI_LAB_PROCESSES_H_
#define CONSILIUM_CLI_LAB_PROCESSES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/lab/lab.h"

namespace consilium::cli {

// The path of a program that lies beside this one. kLab when it is not there.
absl::StatusOr<std::string> ProgramBeside(const std::string& name);

// Starts `argv` in a session of its own, with stdout and stderr appended to `log`, stdin closed.
absl::StatusOr<LabProcess> StartProcess(const std::vector<std::string>& argv,
                                        const std::string& name, const std::string& log);
// The pid lives and is the process that was started (same start time).
bool IsAlive(const LabProcess& process);
// SIGTERM to all, then waits; SIGKILL for those left after `patience`. True when none had to be
// killed.
bool StopProcesses(const std::vector<LabProcess>& processes, Duration patience);
// The last `lines` lines of a file; empty when it cannot be read.
std::string Tail(const std::string& file, size_t lines);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_LAB_PROCESSES_H_
