#include "common/job/parse_strategy.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/job/job_keys.h"
#include "common/wire/messages.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace consilium::job {
namespace {

using config::TomlTable;

constexpr int64_t kMostPopulation = 1'000'000;
constexpr int64_t kUsualStaleness = 10;

class StrategyReader {
 public:
  StrategyReader(const TomlTable& table, JobSpec& spec)
      : table_(table), spec_(spec), strategy_(spec.strategy) {}

  void Read() {
    std::vector<std::string> names;
    for (const StrategyRow& row : StrategyTable()) names.emplace_back(row.name);
    const auto named = table_.Choice(Leaf("aggregation.strategy"), names);
    // What another strategy would take cannot be judged while its name is wrong.
    judge_ = named.has_value() || !table_.Has("strategy");
    if (named) strategy_.kind = static_cast<StrategyKind>(*named);
    row_ = &RowOf(strategy_.kind);
    ReadNumbers();
    Judge("aggregation.option", row_->has_option);
    const auto option = table_.Integer(Leaf("aggregation.option"), {1, 2});
    strategy_.option = static_cast<uint32_t>(option.value_or(strategy_.option));
    Judge("aggregation.variate_mean", row_->has_variate_mean);
    if (table_.Choice(Leaf("aggregation.variate_mean"), {"weighted", "plain"}) == 1) {
      strategy_.variate_mean = VariateMean::kPlain;
    }
    Judge("aggregation.population", row_->has_population);
    ReadPopulation();
    ReadBuffer();
    JudgeLate();
  }

  // A buffer says when a round closes and what late updates count.
  void PinParticipation(const TomlTable& participation) const {
    if (!row_->has_buffer) return;
    for (const char* key : {"goal", "late", "staleness"}) {
      if (!participation.Has(key)) continue;
      participation.Conflict(key,
                             fmt::format("does not go with strategy = \"{}\", whose buffer says "
                                         "when a round closes and what late updates count",
                                         row_->name),
                             "remove it, and set `aggregation.buffer`, `max_staleness` and "
                             "`staleness_exponent`");
    }
    ParticipationSpec& part = spec_.participation;
    part.late = Late::kNextRound;
    part.goal = strategy_.buffer;
    if (!participation.Has("select")) part.select = kMostSelect;
  }

  // One step over all rows: what says otherwise contradicts the strategy.
  void PinTraining(const TomlTable& train) const {
    if (!row_->one_full_step) return;
    for (const char* key : {"batch_size", "local_epochs", "local_steps", "local_time"}) {
      if (!train.Has(key)) continue;
      train.Conflict(key,
                     fmt::format("does not go with strategy = \"{}\", whose sites take one step "
                                 "over all rows",
                                 row_->name),
                     "remove it, or take strategy = \"fedavg\"");
    }
    spec_.train.batch_size = 0;
    spec_.train.local_epochs = 0;
    spec_.train.local_steps = 1;
  }

 private:
  void ReadNumbers() {
    for (const StrategyNumber& number : row_->numbers) strategy_.*number.field = number.fallback;
    for (const JobKey& key : JobKeyTable()) {
      const std::string_view leaf = Leaf(key.path);
      const StrategyNumber* known = FindNumber(leaf);
      if (known == nullptr || !key.path.starts_with("aggregation.")) continue;
      const auto mine = std::ranges::find(row_->numbers, leaf, &StrategyNumber::key);
      Judge(key.path, mine != row_->numbers.end());
      const auto value = table_.Number(leaf, {known->least, known->most, known->open});
      if (value) strategy_.*known->field = *value;
    }
    if (!table_.Has("initial_v")) strategy_.initial_v = strategy_.tau * strategy_.tau;
  }

  // Of any strategy: a key has one range wherever it stands.
  static const StrategyNumber* FindNumber(std::string_view key) {
    for (const StrategyRow& row : StrategyTable()) {
      const auto found = std::ranges::find(row.numbers, key, &StrategyNumber::key);
      if (found != row.numbers.end()) return &*found;
    }
    return nullptr;
  }

  // A parameter that the strategy has not is refused, and read all the same: it is no unknown key.
  void Judge(std::string_view path, bool has) const {
    const std::string_view key = Leaf(path);
    if (has || !judge_ || !table_.Has(key)) return;
    const std::vector<std::string_view> mine = KeysOf(*row_);
    table_.Conflict(key, fmt::format("does not go with strategy = \"{}\"", row_->name),
                    mine.empty() ? std::string("remove it: that strategy has no parameters")
                                 : fmt::format("that strategy has {}", fmt::join(mine, ", ")));
  }

  static std::vector<std::string_view> KeysOf(const StrategyRow& row) {
    std::vector<std::string_view> keys;
    for (const StrategyNumber& number : row.numbers) keys.push_back(number.key);
    if (row.has_option) keys.push_back("option");
    if (row.has_variate_mean) keys.push_back("variate_mean");
    if (row.has_population) keys.push_back("population");
    if (row.has_buffer) keys.insert(keys.end(), {"buffer", "max_staleness"});
    return keys;
  }

  // A carried update counts by its staleness in means weighted by rows, and moves nothing at its
  // site: what rests on means over sites, or on a vector there, cannot use it.
  void JudgeLate() const {
    if (spec_.participation.late != Late::kNextRound) return;
    if (!row_->vectors.plain_mean && !row_->vectors.site_vector) return;
    table_.Conflict("strategy",
                    fmt::format("is \"{}\", which has no place for a late update", row_->name),
                    "remove `participation.late = \"next_round\"`: late updates are then dropped");
  }

  void ReadPopulation() const {
    const ParticipationSpec& part = spec_.participation;
    const auto population = table_.Integer(Leaf("aggregation.population"), {1, kMostPopulation});
    if (population) strategy_.population = static_cast<uint32_t>(*population);
    if (!row_->has_population) return;
    if (!population) strategy_.population = static_cast<uint32_t>(part.sites.size());
    const size_t least = std::max<size_t>({part.min_sites, part.goal, part.sites.size()});
    if (population && strategy_.population < least) {
      table_.Conflict("population",
                      fmt::format("is {}, but {} sites may be in one round", *population, least),
                      "give the number of all sites that take part in the job");
    }
    if (strategy_.population == 0 && part.goal > 0) {
      table_.Conflict("strategy",
                      fmt::format("is \"{}\", which has to know how many sites there are when "
                                  "`participation.goal` takes a part of them",
                                  row_->name),
                      "add population, or name the sites in `participation.sites`");
    }
  }

  void ReadBuffer() const {
    Judge("aggregation.buffer", row_->has_buffer);
    Judge("aggregation.max_staleness", row_->has_buffer);
    const auto buffer = table_.Integer(Leaf("aggregation.buffer"), {1, wire::kMaxCohort});
    const auto oldest =
        table_.Integer(Leaf("aggregation.max_staleness"), {1, static_cast<int64_t>(kMaxStaleness)});
    if (!row_->has_buffer) return;
    ParticipationSpec& part = spec_.participation;
    strategy_.buffer = static_cast<uint32_t>(buffer.value_or(std::max(1u, part.min_sites)));
    const bool enough = strategy_.buffer >= part.min_sites &&
                        (part.sites.empty() || strategy_.buffer <= part.sites.size());
    if (!enough) {
      table_.Conflict(
          "buffer",
          fmt::format(
              "is {}, with `participation.min_sites` = {}{}", strategy_.buffer, part.min_sites,
              part.sites.empty() ? "" : fmt::format(" and {} sites named", part.sites.size())),
          "want at least min_sites, and no more than there are sites");
    }
    part.staleness.clear();
    for (int64_t age = 1; age <= oldest.value_or(kUsualStaleness); ++age) {
      const double part_of =
          std::pow(1.0 + static_cast<double>(age), -strategy_.staleness_exponent);
      part.staleness.push_back(
          std::max(1u, static_cast<uint32_t>(std::lround(kFullStaleness * part_of))));
    }
  }

  const TomlTable& table_;
  JobSpec& spec_;
  StrategySpec& strategy_;
  const StrategyRow* row_ = nullptr;
  bool judge_ = true;
};

}  // namespace

void ReadStrategy(const TomlTable& aggregation, const TomlTable& train,
                  const TomlTable& participation, JobSpec& spec) {
  StrategyReader reader(aggregation, spec);
  reader.Read();
  reader.PinTraining(train);
  reader.PinParticipation(participation);
}

}  // namespace consilium::job
