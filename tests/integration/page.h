// A page of documentation, as its reader would use it: command by command, as written.
#ifndef CONSILIUM_TESTS_INTEGRATION_PAGE_H_
#define CONSILIUM_TESTS_INTEGRATION_PAGE_H_

#include <set>
#include <string>
#include <vector>

namespace consilium::testing {

struct PageOptions {
  std::set<std::string> run_outside = {};  // commands that are left out
  std::vector<std::string> data = {};      // folders of the real data that the reader has at hand
  bool outputs = false;                    // what the page shows is what the commands print
};

// Runs the lines "$ COMMAND" of the ```console blocks of `page` (a path in the repository), in
// order and in a folder that has the repository's examples, with our programs on PATH. Each has to
// end with 0; with `outputs` every line of a ```text block has to be in what the block of commands
// before it printed. Fails when the page has no command. Stops a lab that the page left.
void RunPage(const std::string& page, const PageOptions& options = {});

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_INTEGRATION_PAGE_H_
