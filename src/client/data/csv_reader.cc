#include "client/data/csv_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "client/data/utf8.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::array<char, 3> kSeparators = {',', ';', '\t'};

// The separator that the first line has most of outside quotes; ',' when it has none.
char FindSeparator(std::string_view text) {
  std::array<size_t, kSeparators.size()> counts{};
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    for (size_t i = 0; i < kSeparators.size(); ++i) {
      if (c == kSeparators[i]) ++counts[i];
    }
  }
  const auto most = std::max_element(counts.begin(), counts.end());
  return kSeparators[static_cast<size_t>(most - counts.begin())];
}

}  // namespace

std::string_view CsvRecord::cell(size_t column) const {
  const size_t begin = column == 0 ? 0 : ends_[column - 1];
  return std::string_view(text_).substr(begin, ends_[column] - begin);
}

CsvReader::CsvReader(const FileReader& file, std::string file_name, std::optional<char> separator)
    : file_(file), file_name_(std::move(file_name)), separator_(separator) {}

absl::Status CsvReader::Syntax(CsvRecord::At at, std::string_view message,
                               std::string_view help) const {
  return ErrorAt(ErrorCode::kDataSyntax, PlaceOf(at.line, at.column), message, help);
}

absl::Status CsvReader::Fill() {
  const uint64_t left = file_.size() - offset_;
  buffer_.resize(static_cast<size_t>(std::min<uint64_t>(left, kReadBytes)));
  at_ = 0;
  if (buffer_.empty()) return absl::OkStatus();
  const auto bytes = std::as_writable_bytes(std::span<char>(buffer_));
  CN_RETURN_IF_ERROR(file_.ReadAt(offset_, bytes));
  hash_.Update(bytes);
  offset_ += buffer_.size();
  return absl::OkStatus();
}

absl::Status CsvReader::Begin() {
  begun_ = true;
  CN_RETURN_IF_ERROR(Fill());
  if (buffer_.starts_with("\xff\xfe") || buffer_.starts_with("\xfe\xff")) {
    return Syntax({1, 1}, "the file is UTF-16, want UTF-8",
                  "convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW");
  }
  if (buffer_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  if (!separator_) separator_ = FindSeparator(std::string_view(buffer_).substr(at_));
  return absl::OkStatus();
}

void CsvReader::StartCell() {
  in_ = In::kCellStart;
  cell_ = now_;
}

absl::StatusOr<bool> CsvReader::Next(CsvRecord& record) {
  if (!begun_) CN_RETURN_IF_ERROR(Begin());
  record.text_.clear();
  record.ends_.clear();
  record.places_.clear();
  cell_begin_ = 0;
  StartCell();
  while (true) {
    if (at_ == buffer_.size()) CN_RETURN_IF_ERROR(Fill());
    if (buffer_.empty()) return EndFile(record);
    CN_ASSIGN_OR_RETURN(const bool ended, Step(record));
    if (ended) return true;
  }
}

absl::StatusOr<bool> CsvReader::Step(CsvRecord& record) {
  if (const size_t run = OrdinaryRun(); run > 0) {
    after_return_ = false;
    if (in_ == In::kQuoteSeen) {
      return Syntax(now_, "text after a closing quote, want a separator or the line's end",
                    "write a quote inside a quoted cell twice");
    }
    if (in_ == In::kCellStart) in_ = In::kPlain;
    const std::string_view bytes = std::string_view(buffer_).substr(at_, run);
    CN_RETURN_IF_ERROR(Keep(bytes, record));
    now_.column += static_cast<int>(CharactersIn(bytes));
    at_ += run;
    return false;
  }
  const char c = buffer_[at_++];
  if (c == '\0') {
    return Syntax(now_, "a NUL byte, want UTF-8 text",
                  "if it is UTF-16, convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW");
  }
  if (in_ == In::kQuoted) {
    CN_RETURN_IF_ERROR(StepQuoted(c, record));
    return false;
  }
  return StepOutside(c, record);
}

// How many bytes from at_ on mean only themselves.
size_t CsvReader::OrdinaryRun() const {
  size_t end = at_;
  while (end < buffer_.size()) {
    const char c = buffer_[end];
    if (c == '"' || c == *separator_ || c == '\n' || c == '\r' || c == '\0') break;
    ++end;
  }
  return end - at_;
}

absl::Status CsvReader::StepQuoted(char c, CsvRecord& record) {
  ++now_.column;
  if (c == '"') {
    in_ = In::kQuoteSeen;
    return absl::OkStatus();
  }
  if (c == '\n') {
    ++now_.line;
    now_.column = 1;
  }
  return Keep(std::string_view(&c, 1), record);
}

absl::StatusOr<bool> CsvReader::StepOutside(char c, CsvRecord& record) {
  const bool after_return = std::exchange(after_return_, c == '\r');
  if (c == '\n' && after_return) return false;
  if (c == '"') {
    if (in_ == In::kPlain) {
      return Syntax(now_, "a quote inside a cell that has none at its start",
                    "put the whole cell in quotes and write the quote inside twice");
    }
    if (in_ == In::kQuoteSeen) CN_RETURN_IF_ERROR(Keep("\"", record));
    if (in_ == In::kCellStart) quote_ = now_;
    in_ = In::kQuoted;
    ++now_.column;
    return false;
  }
  const bool line_end = c != *separator_;
  if (line_end && record.ends_.empty() && in_ == In::kCellStart) {  // a line without any byte
    now_ = {now_.line + 1, 1};
    StartCell();
    return false;
  }
  CN_RETURN_IF_ERROR(EndCell(record));
  now_ = line_end ? CsvRecord::At{now_.line + 1, 1} : CsvRecord::At{now_.line, now_.column + 1};
  StartCell();
  return line_end;
}

absl::Status CsvReader::Keep(std::string_view bytes, CsvRecord& record) {
  const size_t cell_bytes = record.text_.size() + bytes.size() - cell_begin_;
  if (cell_bytes > kMaxCellBytes) {
    return ErrorAt(ErrorCode::kDataTooLarge, PlaceOf(cell_.line, cell_.column),
                   fmt::format("a cell of more than {} bytes", kMaxCellBytes),
                   "a quote that is never closed makes such cells; look at this place");
  }
  if (record.text_.size() + bytes.size() > kMaxRecordBytes) {
    return ErrorAt(ErrorCode::kDataTooLarge, PlaceOf(cell_.line, cell_.column),
                   fmt::format("a row of more than {} bytes", kMaxRecordBytes));
  }
  record.text_ += bytes;
  return absl::OkStatus();
}

absl::Status CsvReader::EndCell(CsvRecord& record) {
  if (record.ends_.size() >= kMaxCsvColumns) {
    return ErrorAt(ErrorCode::kDataTooLarge, PlaceOf(cell_.line, cell_.column),
                   fmt::format("a row of more than {} cells", kMaxCsvColumns),
                   "export only the columns that are used");
  }
  const std::string_view cell = std::string_view(record.text_).substr(cell_begin_);
  if (const size_t bad = FirstInvalidUtf8(cell); bad != std::string_view::npos) {
    const int characters = static_cast<int>(CharactersIn(cell.substr(0, bad)));
    return Syntax({cell_.line, cell_.column + characters}, "a byte that is not UTF-8",
                  "convert the file: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW");
  }
  record.ends_.push_back(record.text_.size());
  record.places_.push_back(cell_);
  cell_begin_ = record.text_.size();
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::EndFile(CsvRecord& record) {
  if (in_ == In::kQuoted) {
    return Syntax(quote_, "a quote that is never closed", "close it, or remove it");
  }
  if (record.ends_.empty() && in_ == In::kCellStart) return false;
  CN_RETURN_IF_ERROR(EndCell(record));
  StartCell();
  return true;
}

}  // namespace consilium::client::data
