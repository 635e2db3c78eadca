// MNIST cut into sites: site k of n has rows [k m, (k + 1) m) of the training and of the test
// files, in files of its own.
#ifndef CONSILIUM_TESTS_SIMULATION_MNIST_SITES_H_
#define CONSILIUM_TESTS_SIMULATION_MNIST_SITES_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "tests/support/temp_folder.h"

namespace consilium::simulation {

// The [datasets.digits] and [policy] of a site: {data} and {index} as in LabSites.
extern const char* const kMnistClient;
// [data] and [model] of a job of softmax regression on them.
extern const char* const kMnistData;

// Writes the sites' files to `folder` from `mnist`, the folder of the four .gz files. `relabel`
// (or null) changes a training label of a site.
absl::Status CutMnist(const std::string& mnist, size_t sites,
                      const consilium::testing::TempFolder& folder,
                      const std::function<char(size_t site, char label)>& relabel);

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_MNIST_SITES_H_
