// Goes over every documented key of a configuration file with values of wrong types and shapes.
#ifndef CONSILIUM_TESTS_SUPPORT_CONFIG_KEYS_H_
#define CONSILIUM_TESTS_SUPPORT_CONFIG_KEYS_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace consilium::testing {

// The keys of docs/`page`, with their sections: "policy.min_rows". Of each table whose first column
// is called "key"; the section is the heading's, NAME in it is `heart`, and a column's is `age`.
std::vector<std::string> DocumentedKeys(const std::string& page);

// `base` with `path` set to `value`, in place of what it said of it.
struct ChangedConfig {
  std::string text;
  int line = 0;  // of the key
};
ChangedConfig WithKey(std::string_view base, std::string_view path, std::string_view value);

// Every key of docs/`page` refuses some of many odd values; each refusal has the place of the key
// and names it by its whole path exactly once.
void ExpectRefusalsNameTheirKeyOnce(const std::string& page, std::string_view base,
                                    const std::function<absl::Status(std::string_view)>& parse);

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_CONFIG_KEYS_H_
