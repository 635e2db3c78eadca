#include "common/job/parse_robust.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/job/job_keys.h"
#include "common/wire/messages.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace consilium::job {
namespace {

using config::TomlTable;

constexpr int64_t kMostByzantine = 8000;
constexpr int64_t kMostIterations = 100;

class RobustReader {
 public:
  RobustReader(const TomlTable& table, const TomlTable& participation, JobSpec& spec)
      : table_(table), participation_(participation), spec_(spec), rule_(spec.robust) {}

  void Read() {
    std::vector<std::string> names;
    for (const RobustRow& row : RobustTable()) names.emplace_back(row.name);
    const auto named = table_.Choice(Leaf("aggregation.rule"), names);
    judge_ = named.has_value() || !table_.Has("rule");
    if (named) rule_.kind = static_cast<RobustKind>(*named);
    row_ = &RowOf(rule_.kind);
    ReadNumbers();
    ReadRootSite();
    if (rule_.kind == RobustKind::kMean) return;
    JudgeStrategy();
    JudgeLate();
    JudgeSites();
  }

 private:
  void ReadNumbers() {
    Judge("aggregation.byzantine", row_->has_byzantine());
    const auto byzantine = table_.Integer(Leaf("aggregation.byzantine"), {1, kMostByzantine});
    if (byzantine) rule_.byzantine = static_cast<uint32_t>(*byzantine);
    if (row_->has_byzantine() && !table_.Has("byzantine")) {
      table_.Missing("byzantine", fmt::format("rule = \"{}\" has to know how many sites may send "
                                              "anything: byzantine = 1",
                                              row_->name));
    }
    Judge("aggregation.keep", row_->has_keep);
    const auto keep = table_.Integer(Leaf("aggregation.keep"), {1, wire::kMaxCohort});
    if (keep) rule_.keep = static_cast<uint32_t>(*keep);
    Judge("aggregation.iterations", row_->iterations > 0);
    const auto iterations = table_.Integer(Leaf("aggregation.iterations"), {1, kMostIterations});
    rule_.iterations = iterations ? static_cast<uint32_t>(*iterations) : row_->iterations;
    Judge("aggregation.smoothing", row_->has_smoothing);
    rule_.smoothing =
        table_.Number(Leaf("aggregation.smoothing"), {0, 1000, true}).value_or(rule_.smoothing);
    Judge("aggregation.clip_radius", row_->has_clip_radius);
    rule_.clip_radius =
        table_.Number(Leaf("aggregation.clip_radius"), {0, 1e9, true}).value_or(rule_.clip_radius);
    Judge("aggregation.rule_weights", row_->has_rule_weights);
    rule_.by_rows = table_.Choice(Leaf("aggregation.rule_weights"), {"sites", "rows"}) == 1;
  }

  void ReadRootSite() {
    Judge("aggregation.root_site", row_->has_root_site);
    const std::string_view key = Leaf("aggregation.root_site");
    const auto name = table_.Text(key);
    if (name && !IsValidName(*name)) {
      table_.OutOfRange(key, fmt::format("is \"{}\", want 1 to 64 of a-z 0-9 - _ .", *name));
    } else if (name) {
      rule_.root_site = SiteId(*name);
    }
    if (!row_->has_root_site) return;
    if (!table_.Has(key)) {
      table_.Missing(key,
                     "rule = \"fltrust\" has to know which site is trusted: its update judges "
                     "the others");
    }
    if (rule_.root_site.value().empty()) return;
    ParticipationSpec& part = spec_.participation;
    if (!part.sites.empty() && std::ranges::find(part.sites, rule_.root_site) == part.sites.end()) {
      table_.Conflict(key,
                      fmt::format("names \"{}\", which is not in `participation.sites`",
                                  rule_.root_site.value()),
                      "add it there: a round without it has nothing to judge by");
    }
    auto& required = part.required_sites;
    if (std::ranges::find(required, rule_.root_site) == required.end()) {
      required.push_back(rule_.root_site);
    }
  }

  // A parameter that the rule has not is refused, and read all the same: it is no unknown key.
  void Judge(std::string_view path, bool has) const {
    const std::string_view key = Leaf(path);
    if (has || !judge_ || !table_.Has(key)) return;
    const std::vector<std::string_view> mine = KeysOf(*row_);
    table_.Conflict(key, fmt::format("does not go with rule = \"{}\"", row_->name),
                    mine.empty() ? std::string("remove it: that rule has no parameters")
                                 : fmt::format("that rule has {}", fmt::join(mine, ", ")));
  }

  static std::vector<std::string_view> KeysOf(const RobustRow& row) {
    std::vector<std::string_view> keys;
    if (row.has_byzantine()) keys.push_back("byzantine");
    if (row.has_keep) keys.push_back("keep");
    if (row.iterations > 0) keys.push_back("iterations");
    if (row.has_smoothing) keys.push_back("smoothing");
    if (row.has_clip_radius) keys.push_back("clip_radius");
    if (row.has_rule_weights) keys.push_back("rule_weights");
    if (row.has_root_site) keys.push_back("root_site");
    return keys;
  }

  // What a strategy adds to the mean of the changes (variates, scalars, vectors at the sites) would
  // be summed as it comes: a wild site would move the model through it, past the rule.
  void JudgeStrategy() const {
    const StrategyRow& strategy = RowOf(spec_.strategy.kind);
    const StrategyVectors& vectors = strategy.vectors;
    const bool plain = !vectors.variates && !vectors.site_vector && !vectors.counts_sites &&
                       vectors.scalar.empty();
    if (plain) return;
    table_.Conflict("rule",
                    fmt::format("is \"{}\", which does not go with strategy = \"{}\": a wild site "
                                "would move the model through what that strategy sums besides",
                                row_->name, strategy.name),
                    "take fedavg, fedprox or a server optimizer, or rule = \"mean\"");
  }

  void JudgeLate() const {
    if (spec_.participation.late != Late::kNextRound) return;
    table_.Conflict("rule",
                    fmt::format("is \"{}\", which has no place for a late update: it compares "
                                "updates that started from one state",
                                row_->name),
                    spec_.strategy.buffer > 0
                        ? "take another strategy: a buffer is filled by late updates"
                        : "remove `participation.late = \"next_round\"`: late updates are then "
                          "dropped");
  }

  void JudgeSites() const {
    const ParticipationSpec& part = spec_.participation;
    const uint32_t least = LeastSites(rule_);
    if (part.min_sites < least) {
      table_.Conflict(row_->has_byzantine() ? "byzantine" : "rule",
                      fmt::format("is {}: rule = \"{}\" then needs {} updates a round, but "
                                  "`participation.min_sites` is {}",
                                  rule_.byzantine, row_->name, least, part.min_sites),
                      fmt::format("set min_sites = {} (n >= {}f + {}), or a smaller byzantine",
                                  least, row_->least_per_byzantine, row_->least_more));
    } else if (rule_.keep > part.min_sites - rule_.byzantine) {
      table_.Conflict(
          "keep",
          fmt::format("is {}, but of `participation.min_sites` = {} updates {} may be "
                      "wild",
                      rule_.keep, part.min_sites, rule_.byzantine),
          fmt::format("want at most {}, or leave it out", part.min_sites - rule_.byzantine));
    }
    const bool pairs = rule_.kind == RobustKind::kKrum || rule_.kind == RobustKind::kMultiKrum;
    if (pairs && std::max(part.min_sites, part.goal) > kMaxKrumSites) {
      participation_.Conflict(part.goal > kMaxKrumSites ? "goal" : "min_sites",
                              fmt::format("is more than the {} sites whose updates rule = \"{}\" "
                                          "compares pair by pair",
                                          kMaxKrumSites, row_->name),
                              "take rule = \"geometric_median\" or \"median\"");
    }
  }

  const TomlTable& table_;
  const TomlTable& participation_;
  JobSpec& spec_;
  RobustSpec& rule_;
  const RobustRow* row_ = nullptr;
  bool judge_ = true;
};

}  // namespace

void ReadRobust(const TomlTable& aggregation, const TomlTable& participation, JobSpec& spec) {
  RobustReader(aggregation, participation, spec).Read();
}

}  // namespace consilium::job
