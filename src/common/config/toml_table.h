// One table of a TomlFile (toml_file.h): typed getters that remember what was asked for.
//
// Every getter makes its key known. nullopt: the key is absent, or its value is wrong and the error
// is kept for TomlFile::Finish(). Ranges are inclusive. A value from a flag or the environment is
// text and read as whatever is wanted (lists: separated by commas).
// A light handle, cheap to copy; borrows from the TomlFile. Not thread-safe.
#ifndef CONSILIUM_COMMON_CONFIG_TOML_TABLE_H_
#define CONSILIUM_COMMON_CONFIG_TOML_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/config/toml_node.h"

namespace consilium::config {

struct TomlReading;  // what all tables of one file share; in toml_reading.h
struct TomlItem;

struct IntegerRange {
  int64_t least;
  int64_t most;
};
// above <= x <= most, or above < x where `open`.
struct NumberRange {
  double least;
  double most;
  bool open = false;
};

class TomlTable {
 public:
  // False for a table that the file does not have; its getters then answer nullopt (flags and
  // environment still count).
  bool present() const { return node_ != nullptr; }
  // True when the key has a value in the file, a flag or the environment. Does not make it known.
  bool Has(std::string_view key) const;
  // Where the key's value is; where the table is, when it has none.
  Place PlaceOf(std::string_view key) const;
  const Place& place() const { return place_; }
  const std::string& path() const { return path_; }

  std::optional<std::string> Text(std::string_view key) const;
  std::optional<int64_t> Integer(std::string_view key, IntegerRange range) const;
  std::optional<double> Number(std::string_view key, NumberRange range) const;
  std::optional<bool> Flag(std::string_view key) const;
  std::optional<Duration> DurationOf(std::string_view key, Duration least, Duration most) const;
  std::optional<uint64_t> ByteSize(std::string_view key, uint64_t least, uint64_t most) const;
  // At most `most` texts.
  std::optional<std::vector<std::string>> Texts(std::string_view key, size_t most) const;
  std::optional<std::vector<int64_t>> Integers(std::string_view key, size_t most,
                                               IntegerRange range) const;
  // One of `choices`; the error names the nearest. Answers its index.
  std::optional<size_t> Choice(std::string_view key, const std::vector<std::string>& choices) const;
  // A sub-table; not present() where there is none.
  TomlTable Table(std::string_view key) const;
  // [[key]]; empty where there is none.
  std::vector<TomlTable> Tables(std::string_view key) const;
  // Every [this.NAME], in file order.
  std::vector<std::pair<std::string, TomlTable>> NamedTables() const;
  // Its keys in file order, all made known: for tables whose keys are data.
  std::vector<std::string> Keys() const;
  // A value that is a text or a table.
  std::optional<TomlItem> TextOrTable(std::string_view key) const;
  // A list of texts and tables, or a table whose entries are texts and tables; at most `most`.
  std::optional<std::vector<TomlItem>> Items(std::string_view key, size_t most) const;
  // True when the value of `key` is a text. Does not make it known.
  bool IsText(std::string_view key) const;

  // Keeps an error about this table or key, for Finish() to return in its turn. `message` goes on
  // after the key: "is -1, want > 0" becomes "`train.rate` is -1, want > 0".
  void Missing(std::string_view key, std::string_view help = "") const;
  void OutOfRange(std::string_view key, std::string_view message, std::string_view help = "") const;
  void Conflict(std::string_view key, std::string_view message, std::string_view help = "") const;
  // At an element of the key's value (TomlItem::place).
  void ConflictAt(const Place& place, std::string_view key, std::string_view message,
                  std::string_view help = "") const;
  void Fail(ErrorCode code, std::string_view key, std::string_view message,
            std::string_view help = "") const;

 private:
  friend class TomlFile;
  TomlTable(TomlReading* reading, const TomlNode* node, std::string path, Place place);
  // The value that wins, its key made known.
  const TomlNode* Ask(std::string_view key) const;
  // The elements of a list (of a loose value, split), at most `most`.
  std::optional<std::vector<TomlNode>> ListOf(std::string_view key, size_t most,
                                              std::string_view want) const;
  TomlTable Of(const TomlNode& node, std::string path) const;
  TomlItem ItemOf(const TomlNode& node, std::string path) const;
  void KeepAt(ErrorCode code, const Place& place, std::string_view message,
              std::string_view help) const;
  void WrongType(std::string_view key, const TomlNode& found, std::string_view want) const;
  std::string PathOf(std::string_view key) const;

  TomlReading* reading_;
  const TomlNode* node_;
  std::string path_;
  Place place_;
};

// An element that may be written as a text or as a table.
struct TomlItem {
  std::string name;  // its key; empty in a list
  Place place;
  std::optional<std::string> text;
  std::optional<TomlTable> table;  // one of the two is there
};

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_TOML_TABLE_H_
