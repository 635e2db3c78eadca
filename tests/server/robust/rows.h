// Updates in memory, one for each row of numbers, as the rules read them.
#ifndef CONSILIUM_TESTS_SERVER_ROBUST_ROWS_H_
#define CONSILIUM_TESTS_SERVER_ROBUST_ROWS_H_

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/memory_storage.h"
#include "common/tensor/bundle.h"
#include "server/store/update_store.h"

namespace consilium::server::robust {

using Row = std::vector<float>;

// Site "a" has the first row, "b" the second. Each also counts 10 rows in a statistic.
class Rows {
 public:
  explicit Rows(std::vector<Row> rows, std::vector<uint32_t> weights = {})
      : layout(*tensor::Layout::Create(
            {{.name = "w", .shape = {static_cast<uint32_t>(rows.front().size())}, .bound_log2 = 30},
             {.name = "n",
              .shape = {1},
              .dtype = tensor::DType::kFloat64,
              .bound_log2 = 40,
              .weighting = tensor::Weighting::kOne,
              .tag = tensor::Tag::kCount}})) {
    for (size_t i = 0; i < rows.size(); ++i) {
      tensor::Bundle values(layout);
      std::ranges::copy(rows[i], values.Float32(0).begin());
      values.Float64(1)[0] = 10;
      const std::string path = fmt::format("u{}", i);
      storage.Plant(path, Bytes(values.payload().begin(), values.payload().end()));
      inputs.push_back({path, 0, weights.empty() ? 1 : weights[i]});
      sites.emplace_back(std::string(1, static_cast<char>('a' + static_cast<int>(i))));
    }
  }
  store::StepColumns Open() const {
    return {sites, store::ColumnReader::Open(storage, layout, inputs).value()};
  }

  tensor::Layout layout;
  MemoryStorage storage;
  std::vector<store::ColumnInput> inputs;
  std::vector<SiteId> sites;
};

}  // namespace consilium::server::robust

#endif  // CONSILIUM_TESTS_SERVER_ROBUST_ROWS_H_
