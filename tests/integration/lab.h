// A lab for a test: real processes in a temporary folder, gone when the test ends.
#ifndef CONSILIUM_TESTS_INTEGRATION_LAB_H_
#define CONSILIUM_TESTS_INTEGRATION_LAB_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace consilium::testing {

class Lab {
 public:
  ~Lab();  // stops every process

  // Writes a lab file and starts it. `client` is the text of every client.toml, with {name},
  // {index} and {data}. Empty `client`: the built-in lab of synthetic hospitals.
  Ran Up(const std::vector<std::string>& sites = {}, const std::string& client = "",
         const std::string& data = "");
  Ran Down();

  // The programs of this folder inside this build's bin, instead of bin itself.
  void UseProgramsIn(const std::string& folder) { programs_ = folder + "/"; }

  // `consilium WORDS...` in the lab's folder.
  Ran Consilium(std::vector<std::string> words);
  // The same with --json; the data of the last envelope, null when there is none.
  nlohmann::json Json(const std::vector<std::string>& words);
  // Submits job text and waits for its end; the job as `show --json` gives it.
  nlohmann::json RunJob(const std::string& job, Ran* ran = nullptr);

  const std::string& folder() const { return folder_.path(); }
  std::string PathOf(const std::string& name) const { return folder_.PathOf(name); }
  std::string Write(const std::string& name, const std::string& text) {
    return folder_.Write(name, text);
  }
  // The pid of "server" or a site; 0 when unknown.
  int PidOf(const std::string& name);

 private:
  TempFolder folder_;
  std::string programs_;
  int jobs_ = 0;
};

// The client.toml of a heart site, after FLamby's preprocessing, as examples/heart/lab.toml has it:
// {data} is heart_flamby.csv.
std::string HeartClient();
// A job over it with the 13 golden features. `standardize`, `rounds`, `steps` and `rate` as given.
std::string HeartJob(const std::string& standardize, int rounds, int steps, double rate);

// A dataset of 60 rows, columns x and y, and the client.toml of a site that has it ({data}) and
// lets anyone use it. `more` is appended: lines of either.
std::string TinyCsv(const std::string& more = "");
std::string TinyClient(const std::string& more = "");
// A logistic job over it with both of two sites. `more`: further keys of [participation].
std::string TinyJob(int rounds, const std::string& more = "");

// Asks again and again until it holds; false after so long.
bool AwaitWithin(int seconds, const std::function<bool()>& holds);

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_INTEGRATION_LAB_H_
