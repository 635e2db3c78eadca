// Reads delimited text record by record, in memory that does not grow with the file.
//
// RFC 4180 and what hospitals really export: a byte order mark, CRLF, LF or CR, `,` `;` or tab,
// quoted cells with separators, quotes ("") and line breaks inside. Text is UTF-8; anything else is
// refused with its place. Lines without any byte are skipped. Errors (kDataSyntax, kDataTooLarge)
// have file:line:column and never show a cell.
// Not thread-safe. Borrows the FileReader, which outlives it.
#ifndef CONSILIUM_CLIENT_DATA_CSV_READER_H_
#define CONSILIUM_CLIENT_DATA_CSV_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/base/error.h"
#include "common/base/storage.h"
#include "common/crypto/sha256.h"

namespace consilium::client::data {

inline constexpr size_t kMaxCsvColumns = 16384;
inline constexpr size_t kMaxCellBytes = 64 * 1024;
inline constexpr size_t kMaxRecordBytes = 4 * 1024 * 1024;
inline constexpr size_t kReadBytes = 64 * 1024;

// One record; cells are valid until the next one is read.
class CsvRecord {
 public:
  size_t size() const { return ends_.size(); }
  std::string_view cell(size_t column) const;
  // Where a cell begins: 1-based line, column in characters.
  int line(size_t column) const { return places_[column].line; }
  int column(size_t column) const { return places_[column].column; }

 private:
  friend class CsvReader;
  struct At {
    int line;
    int column;
  };
  std::string text_;  // cells without quotes, one after the other
  std::vector<size_t> ends_;
  std::vector<At> places_;
};

class CsvReader {
 public:
  // `separator`: ',', ';' or tab; absent: the one the first line has most of, else ','.
  CsvReader(const FileReader& file, std::string file_name, std::optional<char> separator);

  // False at the end of the file; `record` is then empty.
  absl::StatusOr<bool> Next(CsvRecord& record);
  uint64_t bytes_read() const { return offset_; }
  // SHA-256 of the file's bytes. REQUIRES: Next said false.
  Digest FileDigest() const { return hash_.Current(); }
  Place PlaceOf(int line, int column) const { return {file_name_, line, column}; }

 private:
  enum class In { kCellStart, kPlain, kQuoted, kQuoteSeen };

  absl::Status Begin();
  absl::Status Fill();
  // Takes one byte, or a run of ordinary ones; true when it ended the record.
  absl::StatusOr<bool> Step(CsvRecord& record);
  absl::StatusOr<bool> StepOutside(char c, CsvRecord& record);
  absl::Status StepQuoted(char c, CsvRecord& record);
  absl::Status Keep(std::string_view bytes, CsvRecord& record);
  absl::Status EndCell(CsvRecord& record);
  absl::StatusOr<bool> EndFile(CsvRecord& record);
  size_t OrdinaryRun() const;
  void StartCell();
  absl::Status Syntax(CsvRecord::At at, std::string_view message, std::string_view help) const;

  const FileReader& file_;
  const std::string file_name_;
  std::optional<char> separator_;
  crypto::Sha256 hash_;
  std::string buffer_;
  size_t at_ = 0;        // next byte of buffer_
  uint64_t offset_ = 0;  // bytes read from the file
  bool begun_ = false;
  bool after_return_ = false;  // the last byte was CR: an LF belongs to it
  In in_ = In::kCellStart;
  CsvRecord::At now_{1, 1};
  CsvRecord::At cell_{1, 1};   // where the cell begins
  CsvRecord::At quote_{1, 1};  // where the open quote is
  size_t cell_begin_ = 0;      // in the record's text
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_CSV_READER_H_
