#include "client/data/array.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "client/data/npz.h"
#include "common/base/error.h"
#include "common/base/inflate.h"
#include "common/base/status_macros.h"

namespace consilium::client::data {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr size_t kMaxNpyHeader = 65536;

absl::Status NotAnArray(const std::string& name, std::string_view what,
                        std::string_view help = "") {
  return Error(ErrorCode::kDataSyntax, fmt::format("`{}` {}", name, what), help);
}

// `key`'s value in the literal of a dict that an NPY begins with: up to the end of its line.
std::optional<std::string_view> ValueOf(std::string_view header, std::string_view key) {
  const size_t found = header.find(fmt::format("'{}':", key));
  if (found == std::string_view::npos) return std::nullopt;
  std::string_view value = header.substr(found + key.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

// "<f4": its order of bytes and its type.
std::optional<ElementType> TypeOf(std::string_view descr) {
  static constexpr std::pair<std::string_view, ElementType> kTypes[] = {
      {"u1", ElementType::kU8},  {"b1", ElementType::kU8},  {"i1", ElementType::kI8},
      {"u2", ElementType::kU16}, {"i2", ElementType::kI16}, {"u4", ElementType::kU32},
      {"i4", ElementType::kI32}, {"u8", ElementType::kU64}, {"i8", ElementType::kI64},
      {"f4", ElementType::kF32}, {"f8", ElementType::kF64}};
  for (const auto& [name, type] : kTypes) {
    if (descr == name) return type;
  }
  return std::nullopt;
}

std::optional<std::vector<uint64_t>> ShapeIn(std::string_view text) {
  if (!text.starts_with('(') || text.find(')') == std::string_view::npos) return std::nullopt;
  text = text.substr(1, text.find(')') - 1);
  std::vector<uint64_t> shape;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const size_t begin = std::min(item.find_first_not_of(' '), item.size());
    uint64_t extent = 0;
    const auto [end, error] =
        std::from_chars(item.data() + begin, item.data() + item.size(), extent);
    if (error != std::errc() || end != item.data() + item.size()) return std::nullopt;
    shape.push_back(extent);
  }
  return shape;
}

template <typename T>
double Load(const std::byte* from, bool swapped) {
  std::array<std::byte, sizeof(T)> bytes;
  std::memcpy(bytes.data(), from, sizeof(T));
  if (swapped) std::ranges::reverse(bytes);
  return static_cast<double>(std::bit_cast<T>(bytes));
}

}  // namespace

size_t BytesOf(ElementType type) {
  static constexpr size_t kBytes[] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
  return kBytes[static_cast<size_t>(type)];
}

// How each format's first bytes become the fields of an Array.
class ArrayFormats {
 public:
  static absl::Status ReadIdx(const std::string& name, Array& array) {
    static constexpr std::pair<int, ElementType> kTypes[] = {
        {0x08, ElementType::kU8},  {0x09, ElementType::kI8},  {0x0b, ElementType::kI16},
        {0x0c, ElementType::kI32}, {0x0d, ElementType::kF32}, {0x0e, ElementType::kF64}};
    const ByteSpan bytes = array.bytes_;
    const auto* found = std::ranges::find(kTypes, std::to_integer<int>(bytes[2]),
                                          &std::pair<int, ElementType>::first);
    if (found == std::end(kTypes)) {
      return NotAnArray(name, "begins like an IDX file of an unknown type of numbers");
    }
    const size_t dimensions = std::to_integer<size_t>(bytes[3]);
    if (dimensions == 0 || bytes.size() < 4 + 4 * dimensions) {
      return NotAnArray(name, "is an IDX file whose first bytes are cut off");
    }
    for (size_t d = 0; d < dimensions; ++d) {
      array.shape_.push_back(static_cast<uint64_t>(Load<uint32_t>(&bytes[4 + 4 * d], true)));
    }
    array.type_ = found->second;
    array.big_endian_ = true;
    array.data_ = 4 + 4 * dimensions;
    return array.Settle(name);
  }

  static absl::Status ReadNpy(const std::string& name, Array& array) {
    const ByteSpan bytes = array.bytes_;
    const bool long_length = bytes.size() > 6 && bytes[6] >= std::byte{2};
    const size_t header_at = long_length ? 12 : 10;
    if (bytes.size() < header_at) return NotAnArray(name, "is an NPY file that is cut off");
    const auto length = static_cast<uint64_t>(long_length ? Load<uint32_t>(&bytes[8], false)
                                                          : Load<uint16_t>(&bytes[8], false));
    if (length > kMaxNpyHeader || length > bytes.size() - header_at) {
      return NotAnArray(name, "is an NPY file whose header is cut off or too long");
    }
    const std::string_view header = AsText(bytes.subspan(header_at, length));
    array.data_ = header_at + length;
    const auto descr = ValueOf(header, "descr");
    const auto order = ValueOf(header, "fortran_order");
    const auto shape = ValueOf(header, "shape");
    auto extents = shape ? ShapeIn(*shape) : std::nullopt;
    if (!descr || !order || !extents) {
      return NotAnArray(name, "is an NPY file without a type, an order or a shape");
    }
    const auto type =
        descr->size() > 4 && (*descr)[4] == '\'' ? TypeOf(descr->substr(2, 2)) : std::nullopt;
    if (!type) {
      return NotAnArray(name, "holds no numbers of 1 to 8 bytes",
                        "save it as floats: np.save(path, array.astype('float32'))");
    }
    array.type_ = *type;
    array.big_endian_ = (*descr)[1] == '>';
    array.first_fastest_ = order->starts_with("True");
    array.shape_ = *std::move(extents);
    return array.Settle(name);
  }
};

absl::Status Array::Settle(const std::string& name) {
  if (shape_.empty() || shape_.size() > kMaxArrayDimensions) {
    return NotAnArray(name, fmt::format("has {} dimensions, want 1 to {}, rows first",
                                        shape_.size(), kMaxArrayDimensions));
  }
  uint64_t columns = 1;
  for (size_t d = 1; d < shape_.size(); ++d) {
    if (shape_[d] == 0 || shape_[d] > kMaxArrayColumns / columns) {
      return Error(
          ErrorCode::kDataTooLarge,
          fmt::format("`{}` has no numbers in a row, or more than {}", name, kMaxArrayColumns));
    }
    columns *= shape_[d];
  }
  const uint64_t wanted = columns * BytesOf(type_);
  const uint64_t held = bytes_.size() - data_;
  if (held / wanted != shape_[0] || held % wanted != 0) {
    return NotAnArray(name,
                      fmt::format("has {} bytes of numbers, want {} for each of its {} rows", held,
                                  wanted, shape_[0]),
                      "the file is cut off or has something behind its end: copy it again");
  }
  row_stride_ = first_fastest_ ? 1 : columns;
  column_at_.resize(columns);
  for (uint64_t c = 0; c < columns; ++c) {
    uint64_t rest = c, stride = first_fastest_ ? columns * shape_[0] : 1;
    for (size_t d = shape_.size(); d-- > 1;) {
      if (first_fastest_) stride /= shape_[d];
      column_at_[c] += rest % shape_[d] * stride;
      if (!first_fastest_) stride *= shape_[d];
      rest /= shape_[d];
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Array> Array::Parse(Bytes file, const std::string& member, const std::string& name) {
  Array array;
  if (IsGzip(file)) {
    CN_ASSIGN_OR_RETURN(array.bytes_, InflateGzip(file, name));
  } else {
    array.bytes_ = std::move(file);
  }
  if (IsZip(array.bytes_)) {
    CN_ASSIGN_OR_RETURN(array.bytes_, ZipMember(array.bytes_, member, name));
  } else if (!member.empty()) {
    return NotAnArray(name, fmt::format("is no NPZ, so there is no `{}` in it", member),
                      "leave the # and what follows out of the path");
  }
  const std::string_view text = AsText(array.bytes_);
  if (text.starts_with(kNpyMagic)) {
    CN_RETURN_IF_ERROR(ArrayFormats::ReadNpy(name, array));
  } else if (text.size() >= 4 && text[0] == '\0' && text[1] == '\0') {
    CN_RETURN_IF_ERROR(ArrayFormats::ReadIdx(name, array));
  } else {
    return NotAnArray(name, "is no array: want IDX, NPY or NPZ, which may be gzipped",
                      "for a file of text say format = \"csv\"");
  }
  return array;
}

template <typename T>
void Array::ReadRowOf(uint64_t row, std::span<const uint64_t> columns,
                      std::span<double> out) const {
  const std::byte* from = &bytes_[data_] + row * row_stride_ * sizeof(T);
  const bool swapped = big_endian_;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = Load<T>(from + column_at_[columns[i]] * sizeof(T), swapped);
  }
}

void Array::ReadRow(uint64_t row, std::span<const uint64_t> columns, std::span<double> out) const {
  switch (type_) {
    case ElementType::kU8:
      return ReadRowOf<uint8_t>(row, columns, out);
    case ElementType::kI8:
      return ReadRowOf<int8_t>(row, columns, out);
    case ElementType::kU16:
      return ReadRowOf<uint16_t>(row, columns, out);
    case ElementType::kI16:
      return ReadRowOf<int16_t>(row, columns, out);
    case ElementType::kU32:
      return ReadRowOf<uint32_t>(row, columns, out);
    case ElementType::kI32:
      return ReadRowOf<int32_t>(row, columns, out);
    case ElementType::kU64:
      return ReadRowOf<uint64_t>(row, columns, out);
    case ElementType::kI64:
      return ReadRowOf<int64_t>(row, columns, out);
    case ElementType::kF32:
      return ReadRowOf<float>(row, columns, out);
    case ElementType::kF64:
      return ReadRowOf<double>(row, columns, out);
  }
}

double Array::At(uint64_t row, uint64_t column) const {
  double value = 0;
  ReadRow(row, {&column, 1}, {&value, 1});
  return value;
}

}  // namespace consilium::client::data
