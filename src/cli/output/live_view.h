// A watched job on a terminal: one block of lines that is redrawn in place; elsewhere one line per
// finished step. Not thread-safe.
#ifndef CONSILIUM_CLI_OUTPUT_LIVE_VIEW_H_
#define CONSILIUM_CLI_OUTPUT_LIVE_VIEW_H_

#include <string>
#include <vector>

#include "cli/output/terminal.h"
#include "consilium/v1/control.pb.h"

namespace consilium::cli {

class LiveView {
 public:
  explicit LiveView(const Terminal& terminal) : terminal_(terminal) {}

  // Takes in a reply and returns what to write to stdout now.
  std::string Update(const v1::WatchJobReply& reply);
  // A line about the connection, shown in place of the wait.
  std::string Waiting(const std::string& reason);
  // What remains on the screen at the end.
  std::string Finish();

  // The job with every step seen so far.
  const v1::JobView& job() const { return job_; }

 private:
  std::string Block() const;
  std::string Redraw();

  const Terminal terminal_;
  v1::JobView job_;
  std::string connection_;
  int drawn_lines_ = 0;
};

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_LIVE_VIEW_H_
