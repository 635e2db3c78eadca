// A validated job: what a job file says, with every default filled in.
//
// ParseJob is the one place that knows every key. Site and server each parse the same bytes; the
// result depends on those bytes only. JobDigest = SHA-256 of the bytes; every seed derives from it
// (or from `seed`). docs/job-file.md lists keys, types, defaults and meaning.
// Plain values; thread-safe when const.
#ifndef CONSILIUM_COMMON_JOB_JOB_SPEC_H_
#define CONSILIUM_COMMON_JOB_JOB_SPEC_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/job/optimizer.h"
#include "common/job/personal.h"
#include "common/job/robust_rule.h"
#include "common/job/schedule.h"
#include "common/job/strategy.h"

namespace consilium::job {

inline constexpr size_t kMaxJobNameBytes = 64;
inline constexpr size_t kMaxColumnNameBytes = 128;  // features, labels, levels
inline constexpr size_t kMaxFeatures = 16384;
inline constexpr size_t kMaxLevels = 4096;  // of one feature, or of the label
inline constexpr uint32_t kMaxDesignColumns = 65536;
inline constexpr size_t kMaxHiddenLayers = 8;
inline constexpr uint64_t kMaxParameters = uint64_t{1} << 28;  // 1 GiB of float32
inline constexpr uint32_t kFullStaleness = 65536;              // an update in time
inline constexpr double kMostSelect = 16;                      // times the goal
inline constexpr size_t kMaxStaleness = 64;                    // rounds
inline constexpr uint32_t kMaxSiteWeight = 65536;
inline constexpr size_t kMaxTags = 256;
inline constexpr uint32_t kMaxWeightCap = 1u << 29;  // specs/exact_sum.md

enum class Standardize { kFederated, kSite, kNone };
enum class ModelKind { kLogistic, kLinear, kSoftmax, kMlp, kCox, kPoisson };
enum class Activation { kRelu, kTanh };       // behind each hidden layer
enum class Ties { kBreslow, kEfron, kNone };  // between events at the same time
enum class StartKind { kZeros, kSeed, kState };
enum class OnTooFew { kWait, kFail };
enum class Late { kDrop, kNextRound };
enum class Sampling { kUniform, kWeighted, kTags, kPoisson };
enum class Durability { kUpdate, kRound };
enum class Retain { kRound, kUpdates };  // what replay can redo
enum class ColumnType { kNumber, kBinary, kCategory };

// What becomes of a missing cell of a feature: the row is dropped; or the cell is filled with the
// mean of its columns, with its most frequent value, or with the mean beside a column that says so.
enum class Missing { kDrop, kMean, kMode, kIndicator };

// A feature as the job names it: a logical column of the site's dataset.
struct FeatureSpec {
  std::string name;
  ColumnType type = ColumnType::kNumber;
  std::vector<std::string> levels;  // kCategory: in order; the first is the base (no dummy)
  Missing missing = Missing::kDrop;
  std::string other = {};    // kCategory: the level of every cell that is none of them; empty: none
  bool standardized = true;  // false: its columns stay as they are, whatever DataSpec says
  // Columns of the design matrix it becomes: 1, or levels - 1; one more for an indicator, the last.
  uint32_t width() const;
  uint32_t value_width() const;  // without the indicator
};

struct DataSpec {
  std::string dataset;
  std::string label;  // cox: the time
  std::string event;  // cox: 1 where the event happened at that time, 0 where the row was censored
  std::vector<FeatureSpec> features;
  Standardize standardize = Standardize::kFederated;
  // softmax, and mlp with label levels: their count; logistic, and mlp without levels: 2;
  // linear, poisson and cox: 1.
  uint32_t classes = 2;
  std::vector<std::string> label_levels;  // softmax, mlp with levels: in order; else empty
};

struct ModelSpec {
  ModelKind kind = ModelKind::kLogistic;
  std::vector<uint32_t> hidden;               // mlp only
  Activation activation = Activation::kRelu;  // mlp only
  Ties ties = Ties::kEfron;                   // cox only
  StartKind start = StartKind::kZeros;        // key `init`; mlp defaults to kSeed
  Digest start_state;                         // kState
};

struct TrainSpec {
  float learning_rate = 0.1f;
  uint32_t batch_size = 32;   // 0 = full batch
  uint32_t local_epochs = 1;  // exactly one of these two is not 0
  uint32_t local_steps = 0;
  Duration local_time{0};  // a site stops after this, whatever is left of them; 0: it does not
  std::string kernel;      // pinned: learn::TrainKernel; empty: any
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  double dropout = 0;  // mlp only: the chance of a hidden unit to be left out of a step
  std::vector<float> class_weights;  // one per class; empty: all 1
};

struct ParticipationSpec {
  uint32_t min_sites = 1;
  std::vector<SiteId> required_sites;
  std::vector<SiteId> sites;  // empty = every admitted site
  Duration round_deadline = std::chrono::minutes(5);
  uint32_t goal = 0;    // a train step closes at this many counted; 0 = all selected
  double select = 1.0;  // a train step asks ceil(goal * select) sites
  Sampling sampling = Sampling::kUniform;           // how they are drawn
  double sampling_rate = 1;                         // kPoisson: each site's chance
  std::map<SiteId, uint32_t> site_weights;          // kWeighted; absent: 1
  std::map<std::string, std::vector<SiteId>> tags;  // kTags
  Late late = Late::kDrop;
  // kNextRound: what an update that is 1, 2, .. rounds late counts, in 65536ths of its weight; a
  // later one is dropped. Polynomial staleness 1 / sqrt(1 + age) (FedBuff, Nguyen et al. 2022,
  // section 5).
  std::vector<uint32_t> staleness = {46341, 37837, 32768, 29309, 26755,
                                     24770, 23170, 21845, 20724, 19760};
  OnTooFew on_too_few = OnTooFew::kWait;
  uint32_t max_failed_rounds = 10;
};

struct JobSpec {
  std::string name;
  uint32_t rounds = 0;
  uint64_t seed = 0;
  bool seed_given = false;  // else seeds derive from the job digest
  DataSpec data;
  ModelSpec model;
  TrainSpec train;
  ParticipationSpec participation;
  Durability durability = Durability::kUpdate;
  Retain retain = Retain::kRound;
  StrategySpec strategy;
  RobustSpec robust;  // of train steps
  PersonalSpec personal;
  uint32_t weight_cap = 1u << 20;
  Digest digest;  // SHA-256 of the file

  uint32_t design_columns() const;  // sum of feature widths
  // What the model ends in: one score per class (softmax; mlp with label levels), or one number
  // (linear: the value; poisson: its logarithm; logistic and mlp without label levels: the logit of
  // class 1).
  uint32_t outputs() const;
  uint64_t parameters() const;  // weights and biases of all layers
};

// Errors 02xx with file:line:column, what was wanted and the nearest valid name. `file_name` is
// only for the place. Never crashes or hangs on any bytes; at most wire::kMaxJobFileBytes.
absl::StatusOr<JobSpec> ParseJob(ByteSpan file, std::string_view file_name);

// Every key, type, default and meaning, from the same table that ParseJob reads: for the generated
// docs/job-file.md and `consilium job schema`.
struct JobKey {
  std::string_view path;      // "train.learning_rate"
  std::string_view type;      // "number > 0"
  std::string_view fallback;  // "0.1", or "required"
  std::string_view meaning;
};
std::vector<JobKey> AllJobKeys();
// docs/job-file.md, whole.
std::string JobFileMarkdown();

const char* NameOf(ModelKind kind);
const char* NameOf(Activation activation);
const char* NameOf(Ties ties);
const char* NameOf(Missing missing);
const char* NameOf(Standardize standardize);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_JOB_SPEC_H_
