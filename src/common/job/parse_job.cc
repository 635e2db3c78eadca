#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/config/toml_file.h"
#include "common/crypto/sha256.h"
#include "common/job/job_keys.h"
#include "common/job/job_spec.h"
#include "common/job/parse_data.h"
#include "common/job/parse_optimizer.h"
#include "common/job/parse_personal.h"
#include "common/job/parse_robust.h"
#include "common/job/parse_sampling.h"
#include "common/job/parse_strategy.h"
#include "common/wire/messages.h"
#include "fmt/format.h"

namespace consilium::job {
namespace {

using config::TomlTable;

constexpr int64_t kMaxBatchSize = 1'000'000'000;
constexpr int64_t kMaxHiddenWidth = 65536;
constexpr std::string_view kStatePrefix = "sha256:";

static_assert(wire::kMaxJobFileBytes == config::kMaxTomlBytes);

class JobReader {
 public:
  explicit JobReader(TomlTable root) : root_(std::move(root)) {}

  // What is wrong is kept for TomlFile::Finish; the result is used only when that is ok.
  JobSpec Read() {
    ReadTop();
    ReadModel(root_.Table("model"));
    spec_.data = ReadData(root_.Table("data"), kind_known_ ? &spec_.model.kind : nullptr);
    CheckSize();
    ReadTrain(root_.Table("train"));
    ReadParticipation(root_.Table("participation"));
    CheckLocalTime();
    ReadAggregation(root_.Table("aggregation"));
    ReadSampling(root_.Table("participation"), spec_);
    ReadPersonal(root_, kind_known_, spec_);
    return std::move(spec_);
  }

 private:
  void ReadTop() {
    if (auto name = root_.Text(Leaf("name"))) {
      if (!IsPrintableName(*name, kMaxJobNameBytes)) {
        root_.OutOfRange("name", fmt::format("has {} bytes, want 1 to {} printable characters",
                                             name->size(), kMaxJobNameBytes));
      }
      spec_.name = *std::move(name);
    } else if (!root_.Has("name")) {
      root_.Missing("name", "add name = \"my-first-job\" at the top");
    }
    if (const auto rounds = root_.Integer(Leaf("rounds"), {1, 1'000'000})) {
      spec_.rounds = static_cast<uint32_t>(*rounds);
    } else if (!root_.Has("rounds")) {
      root_.Missing("rounds", "add rounds = 50 at the top");
    }
    if (const auto seed = root_.Integer(Leaf("seed"), {0, INT64_MAX})) {
      spec_.seed = static_cast<uint64_t>(*seed);
      spec_.seed_given = true;
    }
    if (root_.Choice(Leaf("durability"), {"update", "round"}) == 1) {
      spec_.durability = Durability::kRound;
    }
    if (root_.Choice(Leaf("retain"), {"round", "updates"}) == 1) spec_.retain = Retain::kUpdates;
  }

  void ReadModel(const TomlTable& table) {
    const auto kind = table.Choice(Leaf("model.kind"),
                                   {"logistic", "linear", "softmax", "mlp", "cox", "poisson"});
    kind_known_ = kind.has_value();
    if (kind) spec_.model.kind = static_cast<ModelKind>(*kind);
    if (!table.Has("kind")) {
      table.Missing("kind", "add kind = \"logistic\" under [model]");
    }
    const bool mlp = spec_.model.kind == ModelKind::kMlp;
    if (const auto hidden =
            table.Integers(Leaf("model.hidden"), kMaxHiddenLayers, {1, kMaxHiddenWidth})) {
      spec_.model.hidden.assign(hidden->begin(), hidden->end());
      if (hidden->empty()) table.OutOfRange("hidden", "is empty, want 1 to 8 widths");
    }
    if (kind_known_ && mlp && !table.Has("hidden")) {
      table.Missing("hidden", "an mlp needs its widths: hidden = [64, 32]");
    }
    if (kind_known_ && !mlp && table.Has("hidden")) {
      table.Conflict("hidden",
                     fmt::format("does not go with kind = \"{}\"", NameOf(spec_.model.kind)),
                     "take kind = \"mlp\", or remove `hidden`");
    }
    const auto activation = table.Choice(Leaf("model.activation"), {"relu", "tanh"});
    if (activation) spec_.model.activation = static_cast<Activation>(*activation);
    if (activation && kind_known_ && !mlp) {
      table.Conflict("activation",
                     fmt::format("does not go with kind = \"{}\"", NameOf(spec_.model.kind)),
                     "take kind = \"mlp\", or remove `activation`");
    }
    const auto ties = table.Choice(Leaf("model.ties"), {"breslow", "efron", "none"});
    if (ties) spec_.model.ties = static_cast<Ties>(*ties);
    if (ties && kind_known_ && spec_.model.kind != ModelKind::kCox) {
      table.Conflict("ties",
                     fmt::format("does not go with kind = \"{}\"", NameOf(spec_.model.kind)),
                     "take kind = \"cox\", or remove `ties`");
    }
    ReadInit(table);
  }

  void ReadInit(const TomlTable& table) {
    const bool mlp = spec_.model.kind == ModelKind::kMlp;
    spec_.model.start = mlp ? StartKind::kSeed : StartKind::kZeros;
    const auto init = table.Text(Leaf("model.init"));
    if (!init) return;
    if (*init == "seed") {
      spec_.model.start = StartKind::kSeed;
    } else if (*init == "zeros") {
      spec_.model.start = StartKind::kZeros;
      if (mlp) {
        table.Conflict("init", "is \"zeros\", from which an mlp never learns: its units stay alike",
                       "take init = \"seed\"");
      }
    } else if (const auto digest = ParseDigest(*init); digest && init->starts_with(kStatePrefix)) {
      spec_.model.start = StartKind::kState;
      spec_.model.start_state = *digest;
    } else {
      table.OutOfRange("init",
                       fmt::format("is \"{}\", want \"zeros\", \"seed\" or \"sha256:\" and "
                                   "64 hex digits",
                                   *init),
                       "`consilium model put` prints the digest of a state");
    }
  }

  void CheckSize() {
    const TomlTable data = root_.Table("data");
    uint64_t columns = 0;
    for (const FeatureSpec& feature : spec_.data.features) columns += feature.width();
    if (columns > kMaxDesignColumns) {
      data.OutOfRange("features", fmt::format("become {} columns, want at most {}", columns,
                                              kMaxDesignColumns));
    } else if (spec_.parameters() > kMaxParameters) {
      root_.Table("model").OutOfRange(
          root_.Table("model").Has("hidden") ? "hidden" : "kind",
          fmt::format("gives {} parameters, want at most {}", spec_.parameters(), kMaxParameters));
    }
  }

  void ReadTrain(const TomlTable& table) {
    if (const auto rate = table.Number(Leaf("train.learning_rate"), {0, 1000, true})) {
      spec_.train.learning_rate = static_cast<float>(*rate);
      if (spec_.train.learning_rate <= 0) {
        table.OutOfRange("learning_rate", fmt::format("is {}, which float32 rounds to 0", *rate));
      }
    }
    ReadBatchSize(table);
    ReadKernel(table);
    ReadOptimizer(table, kind_known_, spec_);
    const auto epochs = table.Integer(Leaf("train.local_epochs"), {1, 10'000});
    const auto steps = table.Integer(Leaf("train.local_steps"), {1, 10'000'000});
    if (table.Has("local_epochs") && table.Has("local_steps")) {
      table.Conflict("local_steps", "and `train.local_epochs` exclude each other",
                     "keep one of them");
    }
    if (epochs) spec_.train.local_epochs = static_cast<uint32_t>(*epochs);
    if (steps) {
      spec_.train.local_steps = static_cast<uint32_t>(*steps);
      spec_.train.local_epochs = 0;
    }
    spec_.train.local_time = table
                                 .DurationOf(Leaf("train.local_time"), std::chrono::milliseconds(1),
                                             std::chrono::hours(24 * 30))
                                 .value_or(spec_.train.local_time);
  }

  // Less than the round: what a site has by then has still to be sent.
  void CheckLocalTime() const {
    const Duration most = spec_.participation.round_deadline;
    if (spec_.train.local_time < most) return;
    root_.Table("train").Conflict(
        "local_time",
        fmt::format("is not shorter than `participation.round_deadline` = \"{}\"",
                    FormatDuration(most)),
        "leave time for the update to be sent");
  }

  void ReadKernel(const TomlTable& table) {
    const std::string_view key = Leaf("train.kernel");
    const auto kernel = table.Text(key);
    if (!kernel) return;
    if (IsValidName(*kernel)) {
      spec_.train.kernel = *kernel;
    } else {
      table.OutOfRange(key,
                       fmt::format("is \"{}\", want a name of 1 to 64 of a-z 0-9 - _ .", *kernel),
                       "`consilium show` names the kernel that each site of a job ran");
    }
  }

  void ReadBatchSize(const TomlTable& table) {
    const std::string_view key = Leaf("train.batch_size");
    if (table.IsText(key)) {
      if (table.Choice(key, {"full"})) spec_.train.batch_size = 0;
    } else if (const auto size = table.Integer(key, {1, kMaxBatchSize})) {
      spec_.train.batch_size = static_cast<uint32_t>(*size);
    }
  }

  void ReadParticipation(const TomlTable& table) {
    ParticipationSpec& part = spec_.participation;
    part.min_sites =
        static_cast<uint32_t>(table.Integer(Leaf("participation.min_sites"), {1, wire::kMaxCohort})
                                  .value_or(part.min_sites));
    part.sites = ReadSites(table, "participation.sites");
    part.required_sites = ReadSites(table, "participation.required_sites");
    part.round_deadline =
        table
            .DurationOf(Leaf("participation.round_deadline"), std::chrono::milliseconds(100),
                        std::chrono::hours(24 * 30))
            .value_or(part.round_deadline);
    ReadGoal(table);
    if (table.Choice(Leaf("participation.on_too_few"), {"wait", "fail"}) == 1) {
      part.on_too_few = OnTooFew::kFail;
    }
    part.max_failed_rounds =
        static_cast<uint32_t>(table.Integer(Leaf("participation.max_failed_rounds"), {0, 1'000'000})
                                  .value_or(part.max_failed_rounds));
    CheckSites(table);
  }

  void ReadGoal(const TomlTable& table) {
    ParticipationSpec& part = spec_.participation;
    part.select =
        table.Number(Leaf("participation.select"), {1, kMostSelect}).value_or(part.select);
    const auto goal = table.Integer(Leaf("participation.goal"), {1, wire::kMaxCohort});
    if (goal) part.goal = static_cast<uint32_t>(*goal);
    if (!goal && part.select > 1) part.goal = part.min_sites;
    if (part.goal > 0 && part.goal < part.min_sites) {
      table.Conflict(
          "goal",
          fmt::format("is {}, below `participation.min_sites` = {}", part.goal, part.min_sites),
          "a round would close before it has enough updates");
    }
    ReadLate(table);
  }

  void ReadLate(const TomlTable& table) {
    ParticipationSpec& part = spec_.participation;
    if (table.Choice(Leaf("participation.late"), {"drop", "next_round"}) == 1) {
      part.late = Late::kNextRound;
    }
    const std::string_view key = Leaf("participation.staleness");
    const auto factors = table.Integers(key, kMaxStaleness, {1, kFullStaleness});
    if (!factors) return;
    if (part.late == Late::kDrop) {
      table.Conflict(key, "needs `late = \"next_round\"`", "late updates are dropped otherwise");
    }
    if (factors->empty()) {
      table.OutOfRange(key, fmt::format("is empty, want 1 to {} integers", kMaxStaleness));
    }
    part.staleness.assign(factors->begin(), factors->end());
    if (!std::is_sorted(part.staleness.rbegin(), part.staleness.rend())) {
      table.OutOfRange(key, "grows, want no factor above the one before",
                       "an older update never counts more than a younger one");
    }
  }

  static std::vector<SiteId> ReadSites(const TomlTable& table, std::string_view path) {
    std::vector<SiteId> sites;
    const std::string_view key = Leaf(path);
    const auto names = table.Texts(key, wire::kMaxCohort);
    if (!names) return sites;
    std::set<std::string_view> seen;
    for (const std::string& name : *names) {
      if (!IsValidName(name)) {
        table.OutOfRange(key, fmt::format("holds \"{}\", want 1 to 64 of a-z 0-9 - _ .", name));
      } else if (!seen.insert(name).second) {
        table.Conflict(key, fmt::format("names \"{}\" twice", name), "each site once");
      }
      sites.emplace_back(name);
    }
    return sites;
  }

  void CheckSites(const TomlTable& table) const {
    const ParticipationSpec& part = spec_.participation;
    if (part.sites.empty()) return;
    if (part.min_sites > part.sites.size()) {
      table.Conflict("min_sites",
                     fmt::format("is {}, but `participation.sites` names {}", part.min_sites,
                                 part.sites.size()),
                     "no round could ever have enough sites");
    }
    if (part.goal > part.sites.size()) {
      table.Conflict(table.Has("goal") ? "goal" : "select",
                     fmt::format("asks for {} updates, but `participation.sites` names {}",
                                 part.goal, part.sites.size()),
                     "no round could ever reach its goal");
    }
    for (const SiteId& site : part.required_sites) {
      if (std::find(part.sites.begin(), part.sites.end(), site) != part.sites.end()) continue;
      table.Conflict(
          "required_sites",
          fmt::format("names \"{}\", which is not in `participation.sites`", site.value()),
          "add it there, or remove it here");
    }
  }

  void ReadAggregation(const TomlTable& table) {
    ReadStrategy(table, root_.Table("train"), root_.Table("participation"), spec_);
    JudgeOptimizer(root_.Table("train"), spec_);
    ReadRobust(table, root_.Table("participation"), spec_);
    spec_.weight_cap =
        static_cast<uint32_t>(table.Integer(Leaf("aggregation.weight_cap"), {1, kMaxWeightCap})
                                  .value_or(spec_.weight_cap));
  }

  TomlTable root_;
  JobSpec spec_;
  bool kind_known_ = false;
};

}  // namespace

absl::StatusOr<JobSpec> ParseJob(ByteSpan file, std::string_view file_name) {
  CN_ASSIGN_OR_RETURN(config::TomlFile toml,
                      config::TomlFile::Parse(AsText(file), file_name, config::kJobErrors));
  JobSpec spec = JobReader(toml.root()).Read();
  CN_RETURN_IF_ERROR(toml.Finish());
  spec.digest = crypto::Sha256Of(file);
  return spec;
}

}  // namespace consilium::job
