#include "simulator/partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "simulator/dirichlet.h"
#include "simulator/draw.h"

namespace consilium::simulator {
namespace {

constexpr double kLeastAlpha = 1e-3, kMostAlpha = 1e6;
constexpr const char* kSchemes = "iid, shards:K (K from 1), dirichlet:A (A above 0) or column:NAME";

absl::Status Unwanted(std::string_view text, std::string_view why) {
  return Error(ErrorCode::kUsage,
               fmt::format("--partition is `{}`{}, want {}", text, why, kSchemes),
               "write it like --partition shards:2");
}

template <typename Number>
bool ReadNumber(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

using Rows = std::vector<uint32_t>;

std::vector<Rows> RowsByLabel(std::span<const double> labels, uint32_t classes) {
  std::vector<Rows> rows(classes);
  for (uint32_t i = 0; i < labels.size(); ++i) rows[static_cast<uint32_t>(labels[i])].push_back(i);
  return rows;
}

// The part `part` of `parts` nearly equal ones.
std::span<const uint32_t> Part(std::span<const uint32_t> rows, size_t part, size_t parts) {
  const size_t begin = rows.size() * part / parts;
  return rows.subspan(begin, rows.size() * (part + 1) / parts - begin);
}

std::vector<SiteRowsOf> NamedSites(uint32_t sites) {
  std::vector<SiteRowsOf> named(sites);
  const size_t digits = std::to_string(sites).size();
  for (uint32_t i = 0; i < sites; ++i) {
    named[i].site = SiteId(fmt::format("site-{:0{}}", i + 1, digits));
  }
  return named;
}

void Append(Rows& to, std::span<const uint32_t> rows) {
  to.insert(to.end(), rows.begin(), rows.end());
}

void DealOut(std::vector<SiteRowsOf>& sites, const Labels& labels, uint64_t seed) {
  for (const bool test : {false, true}) {
    Rows rows(test ? labels.test.size() : labels.train.size());
    std::iota(rows.begin(), rows.end(), 0u);
    DrawFor(test ? "iid test" : "iid train", seed).Shuffle(std::span<uint32_t>(rows));
    for (size_t i = 0; i < sites.size(); ++i) {
      Append(test ? sites[i].test : sites[i].train, Part(rows, i, sites.size()));
    }
  }
}

// How many of `shards` shards each label is cut into: as its rows are to all, by largest remainder,
// at least one.
std::vector<uint32_t> ShardsPerLabel(const std::vector<Rows>& rows, uint32_t shards) {
  const auto all = std::accumulate(rows.begin(), rows.end(), uint64_t{0},
                                   [](uint64_t sum, const Rows& r) { return sum + r.size(); });
  std::vector<uint32_t> counts(rows.size(), 0);
  uint32_t given = 0;
  for (size_t c = 0; c < rows.size(); ++c) {
    if (rows[c].empty()) continue;
    counts[c] = std::max<uint32_t>(1, static_cast<uint32_t>(shards * rows[c].size() / all));
    given += counts[c];
  }
  // The label whose shards are largest gets one more, the one whose are smallest one less.
  const auto size = [&](size_t c) {
    return counts[c] == 0 ? 0.0 : static_cast<double>(rows[c].size()) / counts[c];
  };
  for (; given < shards; ++given) {
    size_t best = 0;
    for (size_t c = 1; c < rows.size(); ++c) {
      if (size(c) > size(best)) best = c;
    }
    ++counts[best];
  }
  for (; given > shards; --given) {
    size_t best = rows.size();
    for (size_t c = 0; c < rows.size(); ++c) {
      if (counts[c] > 1 && (best == rows.size() || size(c) < size(best))) best = c;
    }
    --counts[best];
  }
  return counts;
}

absl::Status DealShards(std::vector<SiteRowsOf>& sites, const Labels& labels, uint32_t per_site,
                        uint64_t seed) {
  std::vector<Rows> train = RowsByLabel(labels.train, labels.classes);
  const std::vector<Rows> test = RowsByLabel(labels.test, labels.classes);
  const auto shards = static_cast<uint32_t>(sites.size()) * per_site;
  const auto present = static_cast<uint32_t>(
      std::ranges::count_if(train, [](const Rows& rows) { return !rows.empty(); }));
  if (shards < present) {
    return Error(ErrorCode::kUsage,
                 fmt::format("{} sites with {} shards each make {} shards, want at least one for "
                             "each of the {} labels",
                             sites.size(), per_site, shards, present),
                 "give it more sites or more shards a site");
  }
  if (shards > labels.train.size()) {
    return Error(ErrorCode::kUsage,
                 fmt::format("{} sites with {} shards each make {} shards of {} training rows, "
                             "want at least one row in each",
                             sites.size(), per_site, shards, labels.train.size()),
                 "give it fewer sites or fewer shards a site");
  }
  const std::vector<uint32_t> counts = ShardsPerLabel(train, shards);
  struct Shard {
    uint32_t label, part, parts;
  };
  std::vector<Shard> all;
  for (uint32_t label = 0; label < counts.size(); ++label) {
    for (uint32_t part = 0; part < counts[label]; ++part)
      all.push_back({label, part, counts[label]});
  }
  DrawFor("shards", seed).Shuffle(std::span<Shard>(all));
  for (size_t i = 0; i < all.size(); ++i) {
    SiteRowsOf& site = sites[i / per_site];
    Append(site.train, Part(train[all[i].label], all[i].part, all[i].parts));
    Append(site.test, Part(test[all[i].label], all[i].part, all[i].parts));
  }
  // Test rows of a label that nobody trains on: dealt out, none is lost.
  Rows strangers;
  for (uint32_t label = 0; label < counts.size(); ++label) {
    if (counts[label] == 0) Append(strangers, test[label]);
  }
  for (size_t i = 0; i < sites.size(); ++i) {
    Append(sites[i].test, Part(strangers, i, sites.size()));
  }
  return absl::OkStatus();
}

// Takes rows by a mix of labels, each once.
class Urn {
 public:
  Urn(std::span<const double> labels, uint32_t classes, std::string_view purpose, uint64_t seed)
      : random_(DrawFor(purpose, seed)), rows_(RowsByLabel(labels, classes)) {
    for (Rows& rows : rows_) random_.Shuffle(std::span<uint32_t>(rows));
  }
  // Labels that have run out are left out of the mix; where nothing of the mix is left, what is
  // left decides.
  void Take(std::span<const double> mix, size_t count, Rows& out) {
    std::vector<double> weights(rows_.size());
    for (; count > 0; --count) {
      double sum = 0;
      for (size_t c = 0; c < rows_.size(); ++c) {
        weights[c] = rows_[c].empty() ? 0 : mix[c];
        sum += weights[c];
      }
      if (!(sum > 0)) {
        for (size_t c = 0; c < rows_.size(); ++c) {
          weights[c] = static_cast<double>(rows_[c].size());
          sum += weights[c];
        }
      }
      Rows& rows = rows_[Pick(weights, sum)];
      out.push_back(rows.back());
      rows.pop_back();
    }
  }

 private:
  size_t Pick(const std::vector<double>& weights, double sum) {
    double left = random_.Uniform() * sum;
    size_t last = 0;
    for (size_t c = 0; c < weights.size(); ++c) {
      if (weights[c] <= 0) continue;
      last = c;
      left -= weights[c];
      if (left < 0) break;
    }
    return last;
  }

  Random random_;
  std::vector<Rows> rows_;
};

void DealByMix(std::vector<SiteRowsOf>& sites, const Labels& labels, double alpha, uint64_t seed) {
  Urn train(labels.train, labels.classes, "dirichlet train", seed);
  Urn test(labels.test, labels.classes, "dirichlet test", seed);
  Random mixes = DrawFor("dirichlet mix", seed);
  const auto share = [&](size_t rows, size_t i) {
    return rows * (i + 1) / sites.size() - rows * i / sites.size();
  };
  for (size_t i = 0; i < sites.size(); ++i) {
    const std::vector<double> mix = Dirichlet(alpha, labels.classes, mixes);
    train.Take(mix, share(labels.train.size(), i), sites[i].train);
    test.Take(mix, share(labels.test.size(), i), sites[i].test);
  }
}

// A label may also be a value, or a time with its sign.
bool AreClasses(const Labels& labels) {
  const auto is_class = [&](double label) {
    return label >= 0 && label < labels.classes && label == std::floor(label);
  };
  return labels.classes >= 2 && std::ranges::all_of(labels.train, is_class) &&
         std::ranges::all_of(labels.test, is_class);
}

absl::Status CheckSites(const Labels& labels, uint32_t sites) {
  if (sites < 1 || sites > kMaxSimulatedSites) {
    return Error(ErrorCode::kUsage,
                 fmt::format("--sites is {}, want 1 to {}", sites, kMaxSimulatedSites));
  }
  if (sites <= labels.train.size()) return absl::OkStatus();
  return Error(ErrorCode::kUsage,
               fmt::format("{} sites cannot share {} training rows, want at least one for each",
                           sites, labels.train.size()),
               "give it fewer sites (--sites) or more rows (--data)");
}

// The part of `value` that may stand in a name.
std::string NameFrom(const std::string& value) {
  if (IsValidName(value)) return value;
  std::string name;
  for (const char c : value) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool letter = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (letter || (!name.empty() && (lower == '-' || lower == '_' || lower == '.'))) {
      name += lower;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  constexpr size_t kMost = 56;  // a number fits behind
  return name.empty() ? "site" : name.substr(0, kMost);
}

}  // namespace

absl::StatusOr<Partition> ParsePartition(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  Partition partition;
  if (scheme == "iid" && colon == std::string_view::npos) return partition;
  if (scheme == "shards") {
    partition.scheme = Scheme::kShards;
    if (ReadNumber(rest, partition.shards) && partition.shards >= 1 &&
        partition.shards <= kMaxShardsPerSite) {
      return partition;
    }
    return Unwanted(text, fmt::format(" and K is not a number from 1 to {}", kMaxShardsPerSite));
  }
  if (scheme == "dirichlet") {
    partition.scheme = Scheme::kDirichlet;
    if (ReadNumber(rest, partition.alpha) && partition.alpha >= kLeastAlpha &&
        partition.alpha <= kMostAlpha) {
      return partition;
    }
    return Unwanted(text,
                    fmt::format(" and A is not a number from {} to {}", kLeastAlpha, kMostAlpha));
  }
  if (scheme == "column") {
    partition.scheme = Scheme::kColumn;
    partition.column = rest;
    if (!rest.empty()) return partition;
    return Unwanted(text, " and names no column");
  }
  return Unwanted(text, "");
}

std::string TextOf(const Partition& partition) {
  switch (partition.scheme) {
    case Scheme::kIid:
      return "iid";
    case Scheme::kShards:
      return fmt::format("shards:{}", partition.shards);
    case Scheme::kDirichlet:
      return fmt::format("dirichlet:{}", partition.alpha);
    case Scheme::kColumn:
      return "column:" + partition.column;
  }
  return "";
}

absl::StatusOr<std::vector<SiteRowsOf>> Divide(const Partition& partition, const Labels& labels,
                                               uint32_t sites, uint64_t seed) {
  CN_RETURN_IF_ERROR(CheckSites(labels, sites));
  if (partition.scheme != Scheme::kIid && !AreClasses(labels)) {
    return Error(ErrorCode::kUsage,
                 fmt::format("--partition {} divides by label, and the job's label is a number",
                             TextOf(partition)),
                 "use iid or column:NAME, or a job with classes");
  }
  std::vector<SiteRowsOf> divided = NamedSites(sites);
  if (partition.scheme == Scheme::kIid) {
    DealOut(divided, labels, seed);
  } else if (partition.scheme == Scheme::kShards) {
    CN_RETURN_IF_ERROR(DealShards(divided, labels, partition.shards, seed));
  } else {
    DealByMix(divided, labels, partition.alpha, seed);
  }
  for (SiteRowsOf& site : divided) {
    std::ranges::sort(site.train);
    std::ranges::sort(site.test);
  }
  return divided;
}

absl::StatusOr<std::vector<SiteRowsOf>> DivideByValue(std::span<const std::string> train,
                                                      std::span<const std::string> test) {
  std::map<std::string, SiteRowsOf> by_value;
  for (uint32_t i = 0; i < train.size(); ++i) by_value[train[i]].train.push_back(i);
  for (uint32_t i = 0; i < test.size(); ++i) by_value[test[i]].test.push_back(i);
  if (by_value.size() > kMaxSimulatedSites) {
    return Error(ErrorCode::kUsage,
                 fmt::format("the column has {} values, and each is a site: want at most {}",
                             by_value.size(), kMaxSimulatedSites),
                 "name a column that says where a row is from");
  }
  std::set<std::string> taken;
  std::vector<SiteRowsOf> divided;
  for (auto& [value, rows] : by_value) {
    const std::string name = NameFrom(value);
    std::string free = name;
    for (int number = 2; !taken.insert(free).second; ++number) {
      free = fmt::format("{}-{}", name, number);
    }
    rows.site = SiteId(free);
    divided.push_back(std::move(rows));
  }
  return divided;
}

}  // namespace consilium::simulator
