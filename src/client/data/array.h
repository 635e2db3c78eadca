// An array of numbers out of a binary file: IDX (as MNIST comes), NPY and a member of an NPZ, each
// as it is or gzipped.
//
// IDX: two zero bytes, type, number of dimensions, big-endian u32 per dimension, then the elements,
// big-endian, the last dimension fastest (LeCun, yann.lecun.com/exdb/mnist). NPY 1.0 to 3.0: numpy,
// doc/neps/nep-0001-npy-format; numbers and truth values only, so that nothing is ever unpickled.
// NPZ: a ZIP of NPYs, stored or deflated. What a file is, its first bytes say.
//
// The first dimension counts rows; the others, flattened with the last one fastest, are a row's
// columns. Immutable; thread-safe. The bytes stay as they are in the file: O(file) memory.
#ifndef CONSILIUM_CLIENT_DATA_ARRAY_H_
#define CONSILIUM_CLIENT_DATA_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"

namespace consilium::client::data {

inline constexpr size_t kMaxArrayDimensions = 32;
inline constexpr uint64_t kMaxArrayColumns = uint64_t{1} << 20;

enum class ElementType { kU8, kI8, kU16, kI16, kU32, kI32, kU64, kI64, kF32, kF64 };

class Array {
 public:
  // Takes the bytes of a whole file. `member`: of an NPZ ("x_train"), else empty. `name`: the
  // file's, for errors: kDataSyntax, kDataTooLarge.
  static absl::StatusOr<Array> Parse(Bytes file, const std::string& member,
                                     const std::string& name);

  const std::vector<uint64_t>& shape() const { return shape_; }
  ElementType type() const { return type_; }
  uint64_t rows() const { return shape_[0]; }
  uint64_t columns() const { return column_at_.size(); }
  // REQUIRES: row < rows(), column < columns(). Integers beyond 2^53 lose their last bits.
  double At(uint64_t row, uint64_t column) const;
  // At for each of `columns`, in one pass over the row. REQUIRES: as At, and columns.size() ==
  // out.size().
  void ReadRow(uint64_t row, std::span<const uint64_t> columns, std::span<double> out) const;

 private:
  friend class ArrayFormats;
  Array() = default;
  template <typename T>
  void ReadRowOf(uint64_t row, std::span<const uint64_t> columns, std::span<double> out) const;
  // Checks shape and size, and finds where columns are.
  absl::Status Settle(const std::string& name);

  Bytes bytes_;
  size_t data_ = 0;  // where the elements begin
  std::vector<uint64_t> shape_;
  ElementType type_ = ElementType::kU8;
  bool big_endian_ = false;
  bool first_fastest_ = false;       // NPY's fortran_order
  uint64_t row_stride_ = 0;          // in elements
  std::vector<uint64_t> column_at_;  // offset of each column in its row, in elements
};

size_t BytesOf(ElementType type);

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_ARRAY_H_
