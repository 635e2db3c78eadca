// One function per verb: options in, Status out. main.cc parses the words and calls exactly one.
//
// A verb prints its data through Context and returns the Status whose exit code the process ends
// with: 0 ok, 1 job failed, 2 cannot connect, 3 timed out, 4 bad input or usage, 5 not allowed.
#ifndef CONSILIUM_CLI_VERBS_VERBS_H_
#define CONSILIUM_CLI_VERBS_VERBS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/context.h"
#include "common/base/clock.h"

namespace consilium::cli {

// ---- job files
absl::Status JobCheck(const Context& context, const std::string& file);
absl::Status JobSchema(const Context& context);

// ---- jobs
struct SubmitOptions {
  std::string file;
  bool watch = false;
};
absl::Status Submit(const Context& context, const SubmitOptions& options);
absl::Status Watch(const Context& context, const std::string& job);
struct WaitOptions {
  std::string job;
  Duration timeout{0};  // 0 = as long as it takes
};
absl::Status Wait(const Context& context, const WaitOptions& options);
absl::Status Jobs(const Context& context);
struct ShowOptions {
  std::string job;
  bool all = false;   // every step, not the newest ten
  bool file = false;  // the job file's own bytes
};
absl::Status Show(const Context& context, const ShowOptions& options);
absl::Status Cancel(const Context& context, const std::string& job);
absl::Status Replay(const Context& context, const std::string& job);
absl::Status Sites(const Context& context);
absl::Status Plot(const Context& context, const std::string& job, const std::string& output);

// ---- runs
// Ends in consilium-simulate with these words; returns only when that cannot be started.
absl::Status Simulate(const Context& context, const std::vector<std::string>& words);
struct CompareOptions {
  std::vector<std::string> runs;  // files or folders
  std::string output;             // SVG; empty: none
};
absl::Status Compare(const Context& context, const CompareOptions& options);

// ---- models
struct ModelGetOptions {
  std::string which;   // a job id or a manifest digest
  std::string output;  // *.safetensors, *.npz or *.json
};
absl::Status ModelGet(const Context& context, const ModelGetOptions& options);
absl::Status ModelPut(const Context& context, const std::string& file);

// ---- errors
absl::Status Explain(const Context& context, const std::string& code);

// ---- certificates
struct PkiInitOptions {
  std::string folder;
  std::string federation;
};
absl::Status PkiInit(const Context& context, const PkiInitOptions& options);
struct PkiIssueOptions {
  std::string folder;
  std::string role;
  std::string id;
  std::vector<std::string> hosts;  // servers: DNS names and IP addresses
  int days = 90;
};
absl::Status PkiIssue(const Context& context, const PkiIssueOptions& options);
absl::Status PkiShow(const Context& context, const std::string& file);

// Shared by the verbs that follow a job.
//
// Resolves a prefix of at least 4 digits, or "latest", to one job id: kJobNotFound names what
// matched.
absl::StatusOr<std::string> ResolveJob(ControlClient& client, const std::string& text);
// Follows a job to its end, drawing it. Returns its last view with every step; Ctrl-C ends it with
// absl::CancelledError, and the job goes on.
absl::StatusOr<v1::JobView> Follow(const Context& context, ControlClient& client,
                                   const std::string& job, bool draw);
// Ok for a job that is done; kJobFailed or kJobCancelled otherwise.
absl::Status ResultOf(const v1::JobView& job);
// A fresh envelope around a job file, submitted.
absl::StatusOr<v1::SubmitJobReply> SubmitFile(ControlClient& client, std::string_view file);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_VERBS_VERBS_H_
