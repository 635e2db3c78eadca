#include "common/job/parse_optimizer.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "common/job/job_keys.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace consilium::job {
namespace {

using config::TomlTable;

constexpr double kMostMoment = 0.999999;
constexpr double kMostDropout = 0.99;
constexpr double kMostClassWeight = 1e6;

// A number that some optimizers have: from `first` to `last`, in the order of OptimizerKind.
struct OptimizerNumber {
  std::string_view path;
  double OptimizerSpec::* field;
  config::NumberRange range;
  OptimizerKind first;
  OptimizerKind last;
  std::string_view of;
};

constexpr std::array kNumbers = {
    OptimizerNumber{"train.momentum",
                    &OptimizerSpec::momentum,
                    {0, 0.999},
                    OptimizerKind::kMomentum,
                    OptimizerKind::kNesterov,
                    "\"momentum\" or \"nesterov\""},
    OptimizerNumber{"train.beta1",
                    &OptimizerSpec::beta1,
                    {0, kMostMoment},
                    OptimizerKind::kAdam,
                    OptimizerKind::kAdamW,
                    "\"adam\" or \"adamw\""},
    OptimizerNumber{"train.beta2",
                    &OptimizerSpec::beta2,
                    {0, kMostMoment},
                    OptimizerKind::kAdam,
                    OptimizerKind::kAdamW,
                    "\"adam\" or \"adamw\""},
    OptimizerNumber{"train.epsilon",
                    &OptimizerSpec::epsilon,
                    {1e-30, 1},
                    OptimizerKind::kAdam,
                    OptimizerKind::kAdamW,
                    "\"adam\" or \"adamw\""},
    OptimizerNumber{"train.weight_decay",
                    &OptimizerSpec::weight_decay,
                    {0, 1000},
                    OptimizerKind::kAdamW,
                    OptimizerKind::kAdamW,
                    "\"adamw\"; the penalty of the other optimizers is `l2`"},
};

class OptimizerReader {
 public:
  OptimizerReader(const TomlTable& table, bool kind_known, JobSpec& spec)
      : table_(table), kind_known_(kind_known), spec_(spec), optimizer_(spec.train.optimizer) {}

  void Read() {
    const auto kind =
        table_.Choice(Leaf("train.optimizer"), {"sgd", "momentum", "nesterov", "adam", "adamw"});
    if (kind) optimizer_.kind = static_cast<OptimizerKind>(*kind);
    const bool judge = kind.has_value() || !table_.Has("optimizer");
    for (const OptimizerNumber& number : kNumbers) ReadNumber(number, judge);
    Set("train.l1", {0, 1000}, optimizer_.l1);
    Set("train.l2", {0, 1000}, optimizer_.l2);
    Set("train.clip_norm", {0, 1e9, true}, optimizer_.clip_norm);
    ReadSchedule();
    ReadDropout();
    ReadClassWeights();
  }

 private:
  void Set(std::string_view path, config::NumberRange range, double& into) const {
    into = table_.Number(Leaf(path), range).value_or(into);
  }

  void ReadNumber(const OptimizerNumber& number, bool judge) {
    const std::string_view key = Leaf(number.path);
    const bool has = number.first <= optimizer_.kind && optimizer_.kind <= number.last;
    if (judge && !has && table_.Has(key)) {
      table_.Conflict(key,
                      fmt::format("does not go with optimizer = \"{}\"", NameOf(optimizer_.kind)),
                      fmt::format("it belongs to optimizer = {}", number.of));
    }
    Set(number.path, number.range, optimizer_.*number.field);
  }

  void ReadSchedule() {
    ScheduleSpec& schedule = spec_.train.schedule;
    const auto kind = table_.Choice(Leaf("train.schedule"), {"constant", "step", "cosine"});
    if (kind) schedule.kind = static_cast<ScheduleKind>(*kind);
    const bool judge = kind.has_value() || !table_.Has("schedule");
    const auto belongs = [&](std::string_view path, ScheduleKind to) {
      const std::string_view key = Leaf(path);
      if (!judge || schedule.kind == to || !table_.Has(key)) return;
      table_.Conflict(key, fmt::format("does not go with schedule = \"{}\"", NameOf(schedule.kind)),
                      fmt::format("it belongs to schedule = \"{}\"", NameOf(to)));
    };
    belongs("train.decay_every", ScheduleKind::kStep);
    belongs("train.decay_factor", ScheduleKind::kStep);
    belongs("train.least_rate", ScheduleKind::kCosine);
    const auto every = table_.Integer(Leaf("train.decay_every"), {1, 1'000'000});
    if (every) schedule.decay_every = static_cast<uint32_t>(*every);
    if (schedule.kind == ScheduleKind::kStep && !table_.Has("decay_every")) {
      table_.Missing("decay_every", "say after how many rounds the rate falls: decay_every = 20");
    }
    Set("train.decay_factor", {0, 1, true}, schedule.decay_factor);
    Set("train.least_rate", {0, 1000}, schedule.least_rate);
    const auto warmup = table_.Integer(Leaf("train.warmup_rounds"), {0, 1'000'000});
    if (warmup) schedule.warmup_rounds = static_cast<uint32_t>(*warmup);
    CheckRates();
  }

  void CheckRates() const {
    const ScheduleSpec& schedule = spec_.train.schedule;
    const float rate = spec_.train.learning_rate;
    if (schedule.least_rate > static_cast<double>(rate)) {
      table_.Conflict(
          "least_rate",
          fmt::format("is {}, above `train.learning_rate` = {}", schedule.least_rate, rate),
          "it is where the cosine ends");
    }
    if (spec_.rounds == 0) return;  // missing, and said so
    if (schedule.warmup_rounds >= spec_.rounds) {
      if (schedule.warmup_rounds == 0) return;
      table_.Conflict(
          "warmup_rounds",
          fmt::format("is {}, and the job has {} rounds", schedule.warmup_rounds, spec_.rounds),
          "it has to end before the last round");
      return;
    }
    for (const uint32_t round : {1u, spec_.rounds}) {
      if (LearningRateIn(schedule, rate, spec_.rounds, RoundNumber(round)) > 0 || rate <= 0) {
        continue;
      }
      table_.OutOfRange(table_.Has("schedule") ? "schedule" : "warmup_rounds",
                        fmt::format("gives round {} a rate that float32 rounds to 0", round),
                        "let it fall less: a larger decay_factor, decay_every or least_rate");
    }
  }

  void RefuseForKind(const char* key, const char* help) const {
    table_.Conflict(key, fmt::format("does not go with kind = \"{}\"", NameOf(spec_.model.kind)),
                    help);
  }

  void ReadDropout() {
    Set("train.dropout", {0, kMostDropout}, spec_.train.dropout);
    if (kind_known_ && spec_.train.dropout > 0 && spec_.model.kind != ModelKind::kMlp) {
      RefuseForKind("dropout", "it leaves out hidden units: take kind = \"mlp\", or remove it");
    }
  }

  // The labels as `class_weights` names them: "0" and "1" where the label has no levels.
  std::vector<std::string> LabelsOf() const {
    if (!spec_.data.label_levels.empty()) return spec_.data.label_levels;
    return {"0", "1"};
  }

  void ReadClassWeights() {
    const TomlTable table = table_.Table(Leaf("train.class_weights"));
    if (!table.present()) return;
    const ModelKind kind = spec_.model.kind;
    const bool classes =
        kind == ModelKind::kLogistic || kind == ModelKind::kSoftmax || kind == ModelKind::kMlp;
    if (!kind_known_) return;
    if (!classes) {
      RefuseForKind("class_weights", "its label has no classes: remove it");
      return;
    }
    const std::vector<std::string> labels = LabelsOf();
    spec_.train.class_weights.assign(labels.size(), 1.0F);
    for (const std::string& name : table.Keys()) {
      const auto label = std::ranges::find(labels, name);
      const auto weight = table.Number(name, {0, kMostClassWeight, true});
      if (label == labels.end()) {
        table.OutOfRange(name, "is no class of the label",
                         fmt::format("want one of \"{}\"", fmt::join(labels, "\", \"")));
      } else if (weight) {
        spec_.train.class_weights[static_cast<size_t>(label - labels.begin())] =
            static_cast<float>(*weight);
      }
    }
  }

  const TomlTable& table_;
  const bool kind_known_;
  JobSpec& spec_;
  OptimizerSpec& optimizer_;
};

}  // namespace

void ReadOptimizer(const TomlTable& train, bool kind_known, JobSpec& spec) {
  OptimizerReader(train, kind_known, spec).Read();
}

void JudgeOptimizer(const TomlTable& train, const JobSpec& spec) {
  const StrategyRow& row = RowOf(spec.strategy.kind);
  const StepDemands& demands = row.steps;
  const OptimizerSpec& optimizer = spec.train.optimizer;
  const auto refuse = [&](std::string_view key, std::string_view value, std::string_view help) {
    train.Conflict(
        key, fmt::format("{}does not go with strategy = \"{}\": {}", value, row.name, demands.why),
        help);
  };
  if (optimizer.kind > demands.up_to) {
    refuse("optimizer", fmt::format("= \"{}\" ", NameOf(optimizer.kind)),
           fmt::format("take optimizer = \"{}\", or strategy = \"fedavg\"", NameOf(demands.up_to)));
  }
  if (optimizer.clip_norm > 0 && !demands.clips) {
    refuse("clip_norm", "", "remove it, or take strategy = \"fedavg\"");
  }
  if (!demands.plain_loss) return;
  if (optimizer.l1 > 0) refuse("l1", "", "remove it, or take strategy = \"fedavg\"");
  if (optimizer.l2 > 0) refuse("l2", "", "remove it, or take strategy = \"fedavg\"");
  if (!spec.train.class_weights.empty()) {
    refuse("class_weights", "", "remove it, or take strategy = \"fedavg\"");
  }
}

}  // namespace consilium::job
