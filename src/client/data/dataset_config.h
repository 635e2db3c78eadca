// [datasets.NAME] of client.toml: where a dataset lies, which of its rows count, how they are
// split, and which file columns stand for the names that jobs use. docs/client-toml.md lists the
// keys.
//
// Plain values; thread-safe when const.
#ifndef CONSILIUM_CLIENT_DATA_DATASET_CONFIG_H_
#define CONSILIUM_CLIENT_DATA_DATASET_CONFIG_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/data/row_filter.h"
#include "common/config/toml_table.h"

namespace consilium::client::data {

inline constexpr size_t kMaxMarkers = 64;  // missing, positive, train, test: texts in a list
inline constexpr size_t kMaxFileColumns = 16384;
inline constexpr size_t kMaxPathBytes = 4096;

// What a job calls a column. Without one of these, the name is the file's own.
struct ColumnConfig {
  std::string column;                         // in the file
  std::vector<std::string> positive;          // cells that are 1; every other one is 0
  std::map<std::string, std::string> values;  // cell -> what the job calls it
};

// How rows become train and test: by a column, by time, by chance, or all of them train.
struct SplitConfig {
  std::string fold_column;  // empty: no fold column
  std::vector<std::string> train;
  std::vector<std::string> test;
  double holdout = 0;            // about this share of the rows is test
  std::string time_column = {};  // empty: none; rows without a time are left out
  std::string test_from = {};    // rows of this time and later are test
};

// How a dataset's files are read: text in columns, or arrays of numbers (array.h).
enum class Format { kCsv, kArray };

// An array in a file; `member` of an NPZ. Written PATH, or PATH.npz#MEMBER.
struct ArrayPlace {
  std::string path;  // empty: there is none
  std::string member;
};

// kArray: the rows are in `path`, and what goes with them is here.
struct ArrayConfig {
  std::string member;  // of `path`
  ArrayPlace labels;
  ArrayPlace test;  // rows that test; without them `holdout` decides
  ArrayPlace test_labels;
  std::string prefix;               // of the columns' names; empty: "pixel" of IDX, else "x"
  std::optional<double> divide_by;  // else 255 for images of bytes, 1 for the rest
};

struct DatasetConfig {
  std::string name;
  std::string path;  // absolute, or as the configuration's folder makes it
  Format format = Format::kCsv;
  ArrayConfig array;
  // The first line names the columns. `header_sure`: the file says so, so names may be numbers.
  bool header = true;
  bool header_sure = false;
  std::vector<std::string> names;  // of the file's columns: instead of a header, or over it
  std::optional<char> separator;   // else found from the first line
  std::vector<std::string> missing = {"", "?", "NA"};
  RowFilter filter;  // keeps every row unless given
  SplitConfig split;
  std::map<std::string, ColumnConfig> columns;  // by what jobs call them
};

// Every [datasets.NAME] of `datasets`; errors are kept for TomlFile::Finish(). Relative paths are
// taken from `folder`, that of the configuration file.
std::vector<DatasetConfig> ParseDatasets(const config::TomlTable& datasets,
                                         const std::string& folder);

// By its ending: .npy, .npz, .idx, -ubyte as MNIST's are called, each also with .gz, are arrays.
Format FormatOf(std::string_view path);
// PATH or PATH.npz#MEMBER.
ArrayPlace ArrayPlaceOf(std::string_view text);
// Another file in the place of the configured one: its own format, and no labels or test rows of
// the arrays that were there.
void ReplaceFile(DatasetConfig& config, const std::string& path);

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_DATASET_CONFIG_H_
