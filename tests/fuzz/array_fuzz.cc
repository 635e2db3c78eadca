// Any bytes as a file of an array: it is read, each cell the same on both ways to it, or it is
// refused by name. Nothing unpacks to more than was allowed.
// Input: one byte, what the rest is:
//   0  a file as it comes: IDX, NPY, NPZ, gzip (whose checksums the fuzzer seldom guesses)
//   1  an NPY or IDX, put into a ZIP that is in order
//   2  a raw deflate stream, unpacked to the size that its first two bytes say
//   3  rows and, from the middle on, labels: a dataset
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "client/data/array.h"
#include "client/data/array_dataset.h"
#include "common/base/check.h"
#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/inflate.h"
#include "common/base/memory_storage.h"

namespace consilium::client::data {
namespace {

constexpr uint64_t kMostUnpacked = uint64_t{1} << 20;
constexpr uint64_t kMostCells = 4096;

void CheckRefused(const absl::Status& status) {
  const auto code = CodeOf(status);
  CN_CHECK(code.has_value() && *code >= ErrorCode::kDataSyntax &&
           *code <= ErrorCode::kDataTooLarge);
  CN_CHECK(!status.message().empty());
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

void CheckArray(const Array& array) {
  CN_CHECK(!array.shape().empty() && array.shape().size() <= kMaxArrayDimensions);
  uint64_t columns = 1;
  for (size_t d = 1; d < array.shape().size(); ++d) columns *= array.shape()[d];
  CN_CHECK(columns == array.columns() && columns <= kMaxArrayColumns);
  std::vector<uint64_t> some(std::min(columns, kMostCells));
  std::iota(some.begin(), some.end(), columns - some.size());
  std::vector<double> values(some.size());
  const uint64_t rows = std::min(array.rows(), 1 + kMostCells / some.size());
  for (uint64_t i = 0; i < rows; ++i) {
    const uint64_t row = i % 2 == 0 ? i : array.rows() - 1 - i;  // of both ends
    array.ReadRow(row, some, values);
    for (size_t c = 0; c < some.size(); ++c) CN_CHECK(SameBits(values[c], array.At(row, some[c])));
  }
}

void ParseAs(ByteSpan file, const std::string& member) {
  const auto array = Array::Parse({file.begin(), file.end()}, member, "f");
  if (!array.ok()) return CheckRefused(array.status());
  CheckArray(*array);
}

// A ZIP of one stored member, x.npy.
Bytes Zipped(ByteSpan content) {
  const std::string_view name = "x.npy";
  Bytes zip;
  ByteWriter out(zip);
  const auto put_sizes = [&] {
    out.Put<uint32_t>(Crc32Of(content));
    out.Put(static_cast<uint32_t>(content.size()));
    out.Put(static_cast<uint32_t>(content.size()));
    out.Put(static_cast<uint16_t>(name.size()));
  };
  out.Put<uint32_t>(0x04034b50);
  out.PutBytes(Bytes(10));  // version, flags, stored, time and date
  put_sizes();
  out.Put<uint16_t>(0);
  out.PutBytes(AsBytes(name));
  out.PutBytes(content);
  const auto directory = static_cast<uint32_t>(zip.size());
  out.Put<uint32_t>(0x02014b50);
  out.PutBytes(Bytes(12));  // two versions, flags, stored, time and date
  put_sizes();
  out.PutBytes(Bytes(16));  // extra, comment, disk, attributes, offset
  out.PutBytes(AsBytes(name));
  const auto bytes = static_cast<uint32_t>(zip.size()) - directory;
  out.Put<uint32_t>(0x06054b50);
  out.PutBytes(Bytes(4));
  out.Put<uint16_t>(1);
  out.Put<uint16_t>(1);
  out.Put(bytes);
  out.Put(directory);
  out.Put<uint16_t>(0);
  return zip;
}

void Unpack(ByteSpan bytes) {
  if (const auto text = InflateGzip(bytes, "f", kMostUnpacked); text.ok()) {
    CN_CHECK(text->size() <= kMostUnpacked);
  } else {
    CheckRefused(text.status());
  }
  ByteReader reader(bytes);
  const uint64_t size = reader.Get<uint16_t>();
  const auto raw = InflateRaw(bytes.last(reader.left()), size, "f");
  if (!raw.ok()) return CheckRefused(raw.status());
  CN_CHECK(raw->size() == size);
}

// One column twice: plain numbers, read a row at once.
job::JobSpec FirstColumnTwice() {
  job::JobSpec job;
  job.data.dataset = "d";
  job.data.label = "y";
  job.data.features.assign(2, {"c0", job::ColumnType::kNumber, {}});
  return job;
}

void Load(ByteSpan rows, ByteSpan labels) {
  MemoryStorage storage;
  storage.Plant("x", rows);
  storage.Plant("y", labels);
  DatasetConfig config;
  config.name = "d";
  config.format = Format::kArray;
  config.path = "x";
  config.array.labels.path = "y";
  config.array.prefix = "c";
  config.missing = {"7"};
  config.split.holdout = 0.3;
  const auto dataset = LoadArrays(config, FirstColumnTwice(), SiteId("north"), storage);
  if (!dataset.ok()) return CheckRefused(dataset.status());
  CN_CHECK(dataset->rows_read ==
           dataset->train.rows() + dataset->test.rows() + dataset->rows_incomplete);
  for (const Split* split : {&dataset->train, &dataset->test}) {
    CN_CHECK(split->x.size() == 2 * split->rows() && split->places.size() == split->rows());
    for (const double value : split->x) CN_CHECK(std::isfinite(value));
    for (const double value : split->y) CN_CHECK(value == 0 || value == 1);
  }
}

void Run(ByteSpan bytes) {
  if (bytes.empty()) return;
  const auto kind = static_cast<uint8_t>(bytes[0]) % 4;
  bytes = bytes.subspan(1);
  if (kind == 0) {
    ParseAs(bytes, "");
    ParseAs(bytes, "x");
  } else if (kind == 1) {
    ParseAs(Zipped(bytes), "x");
  } else if (kind == 2) {
    Unpack(bytes);
  } else {
    Load(bytes.first(bytes.size() / 2), bytes.subspan(bytes.size() / 2));
  }
}

}  // namespace
}  // namespace consilium::client::data

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::client::data::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
