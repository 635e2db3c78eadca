// The columns of many updates: every value once, in bounded memory, checked.
#include "server/store/column_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/tensor/bundle.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::store {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

constexpr uint64_t kHeader = 24;

class ColumnReaderTest : public ::testing::Test {
 protected:
  // Update `i` holds 1000 i, 1000 i + 1, ...
  void Write(size_t i) {
    tensor::Bundle values(layout_);
    float next = 1000.0f * static_cast<float>(i);
    for (float& x : values.Float32(0)) x = next++;
    for (double& x : values.Float64(1)) x = static_cast<double>(i);
    Bytes file(kHeader);
    file.insert(file.end(), values.payload().begin(), values.payload().end());
    const std::string path = "u" + std::to_string(i);
    storage_.Plant(path, file);
    inputs_.push_back({path, kHeader, static_cast<uint32_t>(i + 1)});
  }
  const tensor::Layout layout_ =
      *tensor::Layout::Create({{.name = "w", .shape = {5001}, .bound_log2 = 20},
                               {.name = "n",
                                .shape = {2},
                                .dtype = tensor::DType::kFloat64,
                                .bound_log2 = 40,
                                .weighting = tensor::Weighting::kOne,
                                .tag = tensor::Tag::kCount}});
  MemoryStorage storage_;
  std::vector<ColumnInput> inputs_;
};

// What a median needs: all values of an element at once, from more updates than files are open.
TEST_F(ColumnReaderTest, GivesEveryElementOfEveryUpdate) {
  for (size_t i = 0; i < kOpenColumns + 6; ++i) Write(i);
  ASSERT_OK_AND_ASSIGN(ColumnReader reader, ColumnReader::Open(storage_, layout_, inputs_));
  uint64_t seen = 0;
  for (uint64_t first = 0; first < 5001; first += reader.block_elements()) {
    const uint64_t count = std::min<uint64_t>(reader.block_elements(), 5001 - first);
    ASSERT_OK_AND_ASSIGN(const auto runs, reader.Read(0, first, count));
    ASSERT_EQ(runs.size(), inputs_.size());
    for (size_t i = 0; i < runs.size(); ++i) {
      EXPECT_EQ(runs[i].weight, i + 1);
      for (uint64_t e = 0; e < count; ++e, ++seen) {
        float value = 0;
        std::memcpy(&value, runs[i].values + e * sizeof value, sizeof value);
        ASSERT_EQ(value, 1000.0f * static_cast<float>(i) + static_cast<float>(first + e));
      }
    }
  }
  EXPECT_EQ(seen, 5001u * inputs_.size());
  ASSERT_OK_AND_ASSIGN(const auto runs, reader.Read(1, 0, 2));
  double value = 0;
  std::memcpy(&value, runs[9].values, sizeof value);
  EXPECT_EQ(value, 9.0);
}

TEST_F(ColumnReaderTest, BlocksShrinkAsUpdatesGrowInNumber) {
  Write(0);
  ASSERT_OK_AND_ASSIGN(const ColumnReader few, ColumnReader::Open(storage_, layout_, inputs_));
  const std::vector<ColumnInput> many(1000, inputs_.front());
  ASSERT_OK_AND_ASSIGN(const ColumnReader lots, ColumnReader::Open(storage_, layout_, many));
  EXPECT_LT(lots.block_elements(), few.block_elements());
  EXPECT_LE(lots.block_elements() * sizeof(double) * many.size(), kColumnBytes);
}

TEST_F(ColumnReaderTest, FileThatChangedSinceItWasAcceptedIsRefused) {
  Write(0);
  ASSERT_OK_AND_ASSIGN(Bytes file, ReadWhole(storage_, "u0", 1 << 20));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(file.data() + kHeader + 8, &nan, sizeof nan);
  storage_.Plant("u0", file);
  ASSERT_OK_AND_ASSIGN(ColumnReader reader, ColumnReader::Open(storage_, layout_, inputs_));
  EXPECT_THAT(reader.Read(0, 0, 5001), HasCode(ErrorCode::kUpdateNotFinite));
  storage_.Plant("u0", ByteSpan(file).first(100));
  ASSERT_OK_AND_ASSIGN(ColumnReader cut, ColumnReader::Open(storage_, layout_, inputs_));
  EXPECT_THAT(cut.Read(0, 0, 5001), HasCode(ErrorCode::kStorageIo));
  storage_.Remove("u0").IgnoreError();
  EXPECT_THAT(ColumnReader::Open(storage_, layout_, inputs_), HasCode(ErrorCode::kFileNotFound));
}

}  // namespace
}  // namespace consilium::server::store
