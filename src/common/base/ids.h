// Ids as distinct types: a SiteId cannot be passed where a JobId is wanted.
#ifndef CONSILIUM_COMMON_BASE_IDS_H_
#define CONSILIUM_COMMON_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace consilium {

// A text id. Site, researcher and dataset names: 1 to 64 of [a-z0-9-_.], first a letter or digit.
template <typename Tag>
class TextId {
 public:
  TextId() = default;
  explicit TextId(std::string value) : value_(std::move(value)) {}
  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend auto operator<=>(const TextId&, const TextId&) = default;

 private:
  std::string value_;
};

using SiteId = TextId<struct SiteTag>;
using JobId = TextId<struct JobTag>;  // 16 lower-case hex digits: the head of SHA-256(envelope)

// True for a well-formed name (the rule above TextId).
bool IsValidName(std::string_view name);

// A counted id, from 1; 0 = none yet.
template <typename Tag>
class NumberId {
 public:
  constexpr NumberId() = default;
  constexpr explicit NumberId(uint64_t value) : value_(value) {}
  constexpr uint64_t value() const { return value_; }
  constexpr NumberId Next() const { return NumberId(value_ + 1); }
  friend constexpr auto operator<=>(NumberId, NumberId) = default;

 private:
  uint64_t value_ = 0;
};

using StepNumber = NumberId<struct StepTag>;    // journalled steps of a job
using RoundNumber = NumberId<struct RoundTag>;  // train steps of a job
using Epoch = NumberId<struct EpochTag>;        // one Attend of one site

}  // namespace consilium

template <typename Tag>
struct std::hash<consilium::TextId<Tag>> {
  size_t operator()(const consilium::TextId<Tag>& id) const {
    return std::hash<std::string>()(id.value());
  }
};

#endif  // CONSILIUM_COMMON_BASE_IDS_H_
