// Which rows of a file are held out for testing. See csv_dataset.h for the rule.
#ifndef CONSILIUM_CLIENT_DATA_HOLDOUT_H_
#define CONSILIUM_CLIENT_DATA_HOLDOUT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/random.h"

namespace consilium::client::data {

// Call NextIsTest once per row of the file, in order. Not thread-safe.
class Holdout {
 public:
  static constexpr size_t kBlockRows = 20;

  // `share` of the rows is test, 0 <= share < 1.
  Holdout(double share, const SiteId& site, std::string_view dataset);
  bool NextIsTest();

 private:
  void StartBlock();

  const double share_;
  Random random_;
  uint64_t blocks_ = 0;
  size_t in_block_ = kBlockRows;
  std::array<bool, kBlockRows> test_{};
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_HOLDOUT_H_
