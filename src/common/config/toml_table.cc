#include "common/config/toml_table.h"

#include <charconv>
#include <cmath>

#include "common/config/nearest.h"
#include "common/config/toml_reading.h"
#include "common/config/units.h"
#include "fmt/format.h"

namespace consilium::config {
namespace {

using Kind = TomlNode::Kind;

template <typename T>
std::optional<T> NumberIn(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> TextIn(const TomlNode& node) {
  if (node.kind != Kind::kText && node.kind != Kind::kLoose) return std::nullopt;
  return node.text;
}

std::optional<int64_t> IntegerIn(const TomlNode& node) {
  if (node.kind == Kind::kLoose) return NumberIn<int64_t>(Trimmed(node.text));
  if (node.kind != Kind::kInteger) return std::nullopt;
  return node.integer;
}

std::optional<double> DoubleIn(const TomlNode& node) {
  if (node.kind == Kind::kLoose) return NumberIn<double>(Trimmed(node.text));
  if (node.kind == Kind::kInteger) return static_cast<double>(node.integer);
  if (node.kind != Kind::kNumber) return std::nullopt;
  return node.number;
}

std::optional<bool> FlagIn(const TomlNode& node) {
  if (node.kind == Kind::kLoose) {
    const std::string_view text = Trimmed(node.text);
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return std::nullopt;
  }
  if (node.kind != Kind::kFlag) return std::nullopt;
  return node.flag;
}

std::string RangeText(const NumberRange& range) {
  if (std::isinf(range.most)) return fmt::format("{} {}", range.open ? ">" : ">=", range.least);
  if (range.open) return fmt::format("more than {}, at most {}", range.least, range.most);
  return fmt::format("{} to {}", range.least, range.most);
}

}  // namespace

TomlTable::TomlTable(TomlReading* reading, const TomlNode* node, std::string path, Place place)
    : reading_(reading), node_(node), path_(std::move(path)), place_(std::move(place)) {}

std::string TomlTable::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const TomlNode* TomlTable::Ask(std::string_view key) const {
  reading_->asked[path_].emplace(key);
  return reading_->Winner(PathOf(key), node_ == nullptr ? nullptr : node_->Find(key));
}

bool TomlTable::Has(std::string_view key) const {
  return reading_->Winner(PathOf(key), node_ == nullptr ? nullptr : node_->Find(key)) != nullptr;
}

Place TomlTable::PlaceOf(std::string_view key) const {
  const TomlNode* found =
      reading_->Winner(PathOf(key), node_ == nullptr ? nullptr : node_->Find(key));
  return found == nullptr ? place_ : found->place;
}

std::optional<std::string> TomlTable::Text(std::string_view key) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  std::optional<std::string> text = TextIn(*found);
  if (!text) WrongType(key, *found, "text in quotes");
  return text;
}

std::optional<int64_t> TomlTable::Integer(std::string_view key, IntegerRange range) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  const std::optional<int64_t> value = IntegerIn(*found);
  if (!value) {
    WrongType(key, *found, "an integer");
    return std::nullopt;
  }
  if (*value < range.least || *value > range.most) {
    OutOfRange(key, fmt::format("is {}, want {} to {}", *value, range.least, range.most));
    return std::nullopt;
  }
  return value;
}

std::optional<double> TomlTable::Number(std::string_view key, NumberRange range) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  const std::optional<double> value = DoubleIn(*found);
  if (!value) {
    WrongType(key, *found, "a number");
    return std::nullopt;
  }
  const bool above = range.open ? *value > range.least : *value >= range.least;
  if (!above || !(*value <= range.most) || !std::isfinite(*value)) {
    OutOfRange(key, fmt::format("is {}, want {}", *value, RangeText(range)));
    return std::nullopt;
  }
  return value;
}

std::optional<bool> TomlTable::Flag(std::string_view key) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  const std::optional<bool> value = FlagIn(*found);
  if (!value) WrongType(key, *found, "true or false");
  return value;
}

std::optional<Duration> TomlTable::DurationOf(std::string_view key, Duration least,
                                              Duration most) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  const std::optional<std::string> text = TextIn(*found);
  const std::optional<Duration> value =
      text ? ParseDuration(Trimmed(*text)) : std::optional<Duration>();
  if (!value) {
    WrongType(key, *found, "a duration such as \"250ms\", \"30s\" or \"1h30m\"");
    return std::nullopt;
  }
  if (*value < least || *value > most) {
    OutOfRange(key, fmt::format("is {}, want {} to {}", DurationText(*value), DurationText(least),
                                DurationText(most)));
    return std::nullopt;
  }
  return value;
}

std::optional<uint64_t> TomlTable::ByteSize(std::string_view key, uint64_t least,
                                            uint64_t most) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  const std::optional<std::string> text = TextIn(*found);
  std::optional<uint64_t> value;
  if (text) value = ParseByteSize(Trimmed(*text));
  if (found->kind == Kind::kInteger && found->integer >= 0) {
    value = static_cast<uint64_t>(found->integer);
  }
  if (!value) {
    WrongType(key, *found, "a size such as \"512MiB\"");
    return std::nullopt;
  }
  if (*value < least || *value > most) {
    OutOfRange(key, fmt::format("is {}, want {} to {}", ByteSizeText(*value), ByteSizeText(least),
                                ByteSizeText(most)));
    return std::nullopt;
  }
  return value;
}

std::optional<std::vector<std::string>> TomlTable::Texts(std::string_view key, size_t most) const {
  std::vector<std::string> texts;
  const std::optional<std::vector<TomlNode>> nodes = ListOf(key, most, "a list of texts");
  if (!nodes) return std::nullopt;
  for (const TomlNode& node : *nodes) {
    std::optional<std::string> text = TextIn(node);
    if (!text) {
      WrongType(key, node, "texts in quotes only");
      return std::nullopt;
    }
    texts.push_back(*std::move(text));
  }
  return texts;
}

std::optional<std::vector<int64_t>> TomlTable::Integers(std::string_view key, size_t most,
                                                        IntegerRange range) const {
  std::vector<int64_t> values;
  const std::optional<std::vector<TomlNode>> nodes = ListOf(key, most, "a list of integers");
  if (!nodes) return std::nullopt;
  for (const TomlNode& node : *nodes) {
    const std::optional<int64_t> value = IntegerIn(node);
    if (!value) {
      WrongType(key, node, "integers only");
      return std::nullopt;
    }
    if (*value < range.least || *value > range.most) {
      OutOfRange(key, fmt::format("holds {}, want {} to {}", *value, range.least, range.most));
      return std::nullopt;
    }
    values.push_back(*value);
  }
  return values;
}

std::optional<size_t> TomlTable::Choice(std::string_view key,
                                        const std::vector<std::string>& choices) const {
  const std::optional<std::string> text = Text(key);
  if (!text) return std::nullopt;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] == *text) return i;
  }
  std::string want;
  for (size_t i = 0; i < choices.size(); ++i) {
    want += fmt::format("{}\"{}\"", i == 0 ? "" : (i + 1 == choices.size() ? " or " : ", "),
                        choices[i]);
  }
  const std::string nearest = NearestOf(*text, choices);
  OutOfRange(key, fmt::format("is \"{}\", want {}", *text, want),
             nearest.empty() ? "" : fmt::format("did you mean \"{}\"?", nearest));
  return std::nullopt;
}

}  // namespace consilium::config
