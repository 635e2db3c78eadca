#include "client/data/row_filter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "client/data/cell_value.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::client::data {

namespace {

enum class Operator { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

struct Literal {
  std::string text;
  std::optional<double> number;  // absent: compared as text
};

template <typename T>
bool Holds(Operator op, const T& cell, const T& literal) {
  switch (op) {
    case Operator::kEqual:
      return cell == literal;
    case Operator::kNotEqual:
      return cell != literal;
    case Operator::kLess:
      return cell < literal;
    case Operator::kLessOrEqual:
      return cell <= literal;
    case Operator::kGreater:
      return cell > literal;
    case Operator::kGreaterOrEqual:
      return cell >= literal;
  }
  return false;
}

// Postfix order: a condition pushes its answer, the others combine what was pushed. So a long chain
// needs no recursion when it is evaluated or taken down.
struct Operation {
  enum class Kind { kCompare, kNot, kAnd, kOr };
  Kind kind = Kind::kCompare;
  size_t column = 0;
  Operator op = Operator::kEqual;
  Literal literal;
};

using Answer = std::optional<bool>;  // nullopt: unknown

Answer And(Answer a, Answer b) {
  if (a == false || b == false) return false;
  if (!a || !b) return std::nullopt;
  return true;
}
Answer Or(Answer a, Answer b) {
  if (a == true || b == true) return true;
  if (!a || !b) return std::nullopt;
  return false;
}

}  // namespace

struct RowFilter::Expression {
  std::string text;
  std::vector<std::string> columns;
  std::vector<Operation> operations;
};

namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c) || c == '.'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { expression_.text = std::string(text); }

  absl::StatusOr<RowFilter::Expression> Parse() {
    if (text_.size() > kMaxFilterBytes) {
      return Wrong(fmt::format("is {} bytes long, want at most {}", text_.size(), kMaxFilterBytes));
    }
    CN_RETURN_IF_ERROR(ParseOr(0));
    SkipSpace();
    if (at_ < text_.size()) return Wrong("wants `and`, `or` or the end here", HelpForOperator());
    return std::move(expression_);
  }

 private:
  absl::Status ParseOr(int depth) {
    CN_RETURN_IF_ERROR(ParseAnd(depth));
    while (TakeWord("or")) {
      CN_RETURN_IF_ERROR(ParseAnd(depth));
      Push(Operation::Kind::kOr);
    }
    return absl::OkStatus();
  }

  absl::Status ParseAnd(int depth) {
    CN_RETURN_IF_ERROR(ParseCondition(depth));
    while (TakeWord("and")) {
      CN_RETURN_IF_ERROR(ParseCondition(depth));
      Push(Operation::Kind::kAnd);
    }
    return absl::OkStatus();
  }

  absl::Status ParseCondition(int depth) {
    if (depth > kMaxFilterDepth) {
      return Wrong(fmt::format("is nested deeper than {} levels here", kMaxFilterDepth));
    }
    if (TakeWord("not")) {
      CN_RETURN_IF_ERROR(ParseCondition(depth + 1));
      Push(Operation::Kind::kNot);
      return absl::OkStatus();
    }
    if (Take("(")) {
      CN_RETURN_IF_ERROR(ParseOr(depth + 1));
      if (!Take(")")) return Wrong("wants `)` here", HelpForOperator());
      return absl::OkStatus();
    }
    return ParseComparison();
  }

  absl::Status ParseComparison() {
    Operation operation;
    CN_ASSIGN_OR_RETURN(const std::string column, ParseColumn());
    operation.column = ColumnIndex(column);
    CN_ASSIGN_OR_RETURN(operation.op, ParseOperator());
    CN_ASSIGN_OR_RETURN(operation.literal, ParseLiteral());
    expression_.operations.push_back(std::move(operation));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ParseColumn() {
    SkipSpace();
    if (Take("`")) {
      const size_t end = text_.find('`', at_);
      if (end == std::string_view::npos) return Wrong("has a ` that is never closed");
      const std::string_view name = text_.substr(at_, end - at_);
      at_ = end + 1;
      return std::string(name);
    }
    if (at_ == text_.size() || !IsNameStart(text_[at_])) {
      return Wrong("wants a column's name here",
                   "names with other characters go in backticks: `a b`");
    }
    const size_t begin = at_;
    while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  absl::StatusOr<Operator> ParseOperator() {
    static constexpr std::pair<std::string_view, Operator> kOperators[] = {
        {"==", Operator::kEqual},       {"!=", Operator::kNotEqual},
        {"<=", Operator::kLessOrEqual}, {">=", Operator::kGreaterOrEqual},
        {"<", Operator::kLess},         {">", Operator::kGreater}};
    for (const auto& [text, op] : kOperators) {
      if (Take(text)) return op;
    }
    return Wrong("wants ==, !=, <, <=, > or >= here", HelpForOperator());
  }

  absl::StatusOr<Literal> ParseLiteral() {
    SkipSpace();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const size_t end = text_.find(text_[at_], at_ + 1);
      if (end == std::string_view::npos) return Wrong("has a quote that is never closed");
      Literal literal{std::string(text_.substr(at_ + 1, end - at_ - 1)), std::nullopt};
      at_ = end + 1;
      return literal;
    }
    size_t end = at_;
    while (end < text_.size() &&
           (IsNamePart(text_[end]) || text_[end] == '-' || text_[end] == '+')) {
      ++end;
    }
    const std::string_view word = text_.substr(at_, end - at_);
    const std::optional<double> number = NumberOf(word);
    if (!number) return Wrong("wants a number or a text in quotes here", "write texts as \"M\"");
    at_ = end;
    return Literal{std::string(word), number};
  }

  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      ++at_;
    }
  }
  bool Take(std::string_view token) {
    SkipSpace();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool TakeWord(std::string_view word) {
    SkipSpace();
    const std::string_view left = text_.substr(at_);
    if (!left.starts_with(word)) return false;
    if (left.size() > word.size() && IsNamePart(left[word.size()])) return false;
    at_ += word.size();
    return true;
  }
  void Push(Operation::Kind kind) {
    Operation operation;
    operation.kind = kind;
    expression_.operations.push_back(std::move(operation));
  }
  size_t ColumnIndex(const std::string& name) {
    auto& columns = expression_.columns;
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found != columns.end()) return static_cast<size_t>(found - columns.begin());
    columns.push_back(name);
    return columns.size() - 1;
  }

  // For those who think in C or SQL.
  std::string HelpForOperator() const {
    const std::string_view left = text_.substr(at_);
    if (left.starts_with("=")) return "equality is written ==";
    if (left.starts_with("&")) return "write `and`";
    if (left.starts_with("|")) return "write `or`";
    if (left.starts_with("AND") || left.starts_with("OR"))
      return "write `and`, `or` in small letters";
    return "";
  }
  absl::Status Wrong(std::string_view message, std::string_view help = "") const {
    return Error(ErrorCode::kDataFilter,
                 fmt::format("the filter {} (character {})", message, at_ + 1), help);
  }

  std::string_view text_;
  size_t at_ = 0;
  RowFilter::Expression expression_;
};

// How one comparison answers. kDataBadCell when a number is wanted and there is none.
absl::StatusOr<Answer> Compare(const Operation& operation, std::optional<std::string_view> cell,
                               const std::string& column) {
  if (!cell) return Answer();
  if (!operation.literal.number) {
    return Answer(Holds(operation.op, *cell, std::string_view(operation.literal.text)));
  }
  const std::optional<double> number = NumberOf(*cell);
  if (!number) {
    return Error(ErrorCode::kDataBadCell,
                 fmt::format("column `{}` is not a number, which the filter wants", column),
                 "compare it with a text in quotes, or list the cell's text under `missing`");
  }
  return Answer(Holds(operation.op, *number, *operation.literal.number));
}

}  // namespace

absl::StatusOr<RowFilter> RowFilter::Parse(std::string_view text) {
  CN_ASSIGN_OR_RETURN(Expression expression, Parser(text).Parse());
  RowFilter filter;
  filter.expression_ = std::make_shared<const Expression>(std::move(expression));
  return filter;
}

const std::vector<std::string>& RowFilter::columns() const {
  static const std::vector<std::string> none;
  return expression_ ? expression_->columns : none;
}

const std::string& RowFilter::text() const {
  static const std::string none;
  return expression_ ? expression_->text : none;
}

absl::StatusOr<bool> RowFilter::Keeps(const Cells& cells, size_t* bad_column) const {
  if (!expression_) return true;
  std::vector<Answer> answers;
  for (const Operation& operation : expression_->operations) {
    if (operation.kind == Operation::Kind::kCompare) {
      *bad_column = operation.column;
      CN_ASSIGN_OR_RETURN(const Answer answer, Compare(operation, cells(operation.column),
                                                       expression_->columns[operation.column]));
      answers.push_back(answer);
      continue;
    }
    const Answer last = answers.back();
    if (operation.kind == Operation::Kind::kNot) {
      answers.back() = last ? Answer(!*last) : std::nullopt;
      continue;
    }
    answers.pop_back();
    const bool conjunction = operation.kind == Operation::Kind::kAnd;
    answers.back() = conjunction ? And(answers.back(), last) : Or(answers.back(), last);
  }
  return answers.back() == true;
}

}  // namespace consilium::client::data
