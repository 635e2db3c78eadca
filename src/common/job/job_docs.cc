// Writes docs/job-file.md from the key table.
#include <string>

#include "common/job/job_keys.h"
#include "common/job/job_spec.h"
#include "fmt/format.h"

namespace consilium::job {
namespace {

constexpr std::string_view kHead = R"(# The job file

<!-- Made from the key table of src/common/job/job_keys.cc; a test keeps the two equal.
     Regenerate: CONSILIUM_WRITE_DOCS=1 build/dev/bin/common_job_test -->

A job is a TOML file of at most 256 KiB. It is data: it names a workload that is compiled into every
site and says with which parameters to run it. The server and every site parse the same bytes, and
the SHA-256 of those bytes is the job's digest. `consilium job check FILE` reads a file as they do.

```toml
name = "heart-disease"
rounds = 50

[data]
dataset = "heart"
label = "disease"
features = ["age", "sex", "trestbps", "chol", "thalach", "oldpeak"]
standardize = "federated"

[model]
kind = "logistic"

[train]
learning_rate = 0.1
batch_size = 32
local_epochs = 1

[participation]
min_sites = 3
round_deadline = "5m"
```

A key that is not listed here is an error with its line, its column and the nearest valid name;
so is a value of another type or range, and a combination that cannot work.

)";

constexpr std::string_view kTail = R"(## Features

Three ways to write them, which may be mixed within a list. The order is the order of the model's
weights.

```toml
features = ["age", { name = "cp", type = "category", levels = ["1", "2", "3", "4"] }]
```
```toml
[data.features]
age = "number"
sex = "binary"
cp = { type = "category", levels = ["1", "2", "3", "4"] }
```

`binary` reads 0 or 1, or what the site's `client.toml` calls positive. `category` gives one column
of 0 and 1 per level after the first, so 4 levels are 3 columns. A value outside the levels is an
error at the site that has it, before training.

## Labels and models

| kind | label | what the model ends in | loss |
|---|---|---|---|
| `logistic` | text; 0, 1 or what the site calls positive | one score, the logit of 1 | logistic |
| `linear` | text; a number | the number | squared error |
| `poisson` | text; a count, 0 or more | the log of the mean m | m - y + y log(y / m) |
| `softmax` | table with levels | one score per level | cross entropy |
| `mlp` with label levels | table with levels | one score per level | cross entropy |
| `mlp` without | text; as for `logistic` | one score, the logit of 1 | logistic |

An `mlp` starts from `init = "seed"`: from zeros its hidden units would stay alike for ever, so that
is refused. A model has at most 268,435,456 parameters and 65,536 input columns.

## What is refused as a combination

- `hidden`, `activation` or `dropout` without `kind = "mlp"`, and an `mlp` without `hidden`
- `local_epochs` and `local_steps` together
- levels for a feature that is not a category, a category without levels, a level twice
- a feature twice, or the label among the features
- `softmax` without label levels, `logistic` or `linear` with them
- a parameter that the strategy or the rule, the optimizer or the schedule has not
- an optimizer other than sgd with fedsgd, scaffold or qfedavg; adam and adamw with fednova, adamw
  with feddyn; `clip_norm` with scaffold or feddyn; `l1`, `l2` and `class_weights` with qfedavg
- `class_weights` for a label without classes, or of a class that it has not
- a rule other than `mean` with scaffold, fednova, qfedavg or feddyn, or with `late = "next_round"`
- `byzantine` that `min_sites` is too small for: n < 2f + 3 with krum and multi_krum, n < 2f + 1
  with trimmed_mean
- a `root_site` that `sites` does not name
- `batch_size`, `local_epochs`, `local_steps` or `local_time` with `fedsgd`; a `local_time` that is
  not shorter than `round_deadline`
- `goal` (or `select`) with `scaffold` or `feddyn`, unless `population` or `sites` says how many
  sites there are
- `goal`, `late` or `staleness` with `fedbuff`; `late = "next_round"` with `scaffold`, `feddyn` or
  `qfedavg`
- [personal] with `scaffold` or `feddyn`; `layers` and `ditto` with `late = "next_round"` or
  `fedbuff`; `layers` that are all of the model
- a required site that `sites` does not name, or `min_sites` above the number of `sites`

## Durations

Whole numbers with `ms`, `s`, `m`, `h` or `d`, largest first: `"250ms"`, `"5m"`, `"1h30m"`.
)";

std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

// A row of the table of strategies: its parameters with their defaults.
std::string ParametersOf(const StrategyRow& row) {
  std::string text;
  for (const StrategyNumber& number : row.numbers) {
    const bool follows = number.key == "initial_v";
    text += fmt::format("{}`{}` {}", text.empty() ? "" : ", ", number.key,
                        follows ? "tau^2" : fmt::format("{}", number.fallback));
  }
  if (row.has_option) text += ", `option` 2";
  if (row.has_variate_mean) text += ", `variate_mean` \"weighted\"";
  if (row.has_population) text += text.empty() ? "`population`" : ", `population`";
  if (row.has_buffer) text += ", `buffer` min_sites, `max_staleness` 10";
  return text.empty() ? "none" : text;
}

std::string LocalStepsText() {
  std::string text =
      "## Local steps\n\nA local step goes by the gradient g of its batch's mean loss, with "
      "penalties, clipped, corrected by the\nstrategy; l is the round's learning rate. Moments "
      "begin at zero in every round (in Reddi et al. 2021, too, what\nlasts is kept by the "
      "server), "
      "stay at the site, and are part of its checkpoints: a site that was killed goes on\nto the "
      "same bits.\n\n| optimizer | a step | after |\n|---|---|---|\n";
  const auto add = [&text](OptimizerKind kind, std::string_view step, std::string_view after) {
    text += fmt::format("| `{}` | {} | {} |\n", NameOf(kind), Cell(step), after);
  };
  add(OptimizerKind::kSgd,
      "w -= l g; with `l1` each weight then moves l times l1 towards 0, and stops there", "");
  add(OptimizerKind::kMomentum, "u = momentum u + g; w -= l u",
      "Sutskever et al. 2013, equations 1 and 2");
  add(OptimizerKind::kNesterov, "u = momentum u + g; w -= l (g + momentum u)",
      "the same, equations 3 and 4, seen from the point ahead");
  add(OptimizerKind::kAdam,
      "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= l m' / (sqrt(v') + "
      "epsilon), m' and v' without their start's bias",
      "Kingma & Ba 2015, algorithm 1");
  add(OptimizerKind::kAdamW, "weights: w -= l weight_decay w; then as `adam`",
      "Loshchilov & Hutter 2019, algorithm 2");
  return text + "\n";
}

std::string Strategies() {
  std::string text =
      "## Strategies\n\nWhat `aggregation.strategy` may be, with its parameters (keys of "
      "`[aggregation]`) and their defaults. d is\nthe mean change of the sites' models, weighted "
      "by "
      "rows where nothing else is said.\n\n| strategy | what it does | parameters | after |\n"
      "|---|---|---|---|\n";
  for (const StrategyRow& row : StrategyTable()) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, Cell(row.meaning),
                        Cell(ParametersOf(row)), Cell(row.reference));
  }
  return text + "\n";
}

std::string ParametersOf(const RobustRow& row) {
  std::string text;
  const auto add = [&text](bool has, std::string_view parameter) {
    if (has) text += fmt::format("{}{}", text.empty() ? "" : ", ", parameter);
  };
  add(row.has_byzantine(), "`byzantine`");
  add(row.has_keep, "`keep` n - f");
  add(row.iterations > 0, fmt::format("`iterations` {}", row.iterations));
  add(row.has_smoothing, "`smoothing` 1e-06");
  add(row.has_clip_radius, "`clip_radius` the median distance");
  add(row.has_rule_weights, "`rule_weights` \"sites\"");
  add(row.has_root_site, "`root_site`");
  return text.empty() ? "none" : text;
}

std::string Rules() {
  std::string text =
      "## Rules\n\nWhat `aggregation.rule` may be: how the sites' changes become the one that the "
      "strategy's server goes on\nwith. n updates are counted in a round, f is `byzantine`. Every "
      "rule but `mean` is for training rounds only, and\ngoes with fedavg, fedsgd, fedprox, "
      "fedavgm "
      "and the adaptive server optimizers.\n\n| rule | what it does | needs | parameters | after "
      "|\n|---|---|---|---|---|\n";
  for (const RobustRow& row : RobustTable()) {
    const std::string needs =
        row.has_byzantine() ? fmt::format("n >= {}f + {}", row.least_per_byzantine, row.least_more)
                            : "n >= 1";
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", row.name, Cell(row.meaning), needs,
                        Cell(ParametersOf(row)), Cell(row.reference));
  }
  return text + "\n";
}

std::string Personal() {
  std::string text =
      "## Personal models\n\nWhat `personal.method` may be. Whatever is personal stays at its "
      "site: it is in no update and in no state of the\nserver. What a site reports of it is how "
      "well it does on the site's rows, beside the global model.\n\n| method | what it does | "
      "parameters | after |\n|---|---|---|---|\n";
  for (const PersonalRow& row : PersonalTable()) {
    std::string keys;
    if (row.has_layers) keys = "`layers`";
    if (row.has_lambda) keys = "`lambda` 0.1, ";
    if (row.trains) keys += "`epochs` or `steps`, `learning_rate`";
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, Cell(row.meaning), keys,
                        Cell(row.reference));
  }
  return text + "\n";
}

}  // namespace

std::string JobFileMarkdown() {
  std::string text(kHead);
  std::string_view table = "-";
  for (const JobKey& key : JobKeyTable()) {
    const std::string_view in = key.path.substr(0, std::min(key.path.find('.'), key.path.size()));
    const std::string_view section = in == key.path ? "" : in;
    if (section != table) {
      table = section;
      text += table.empty() ? "## At the top\n\n" : fmt::format("\n## [{}]\n\n", table);
      text += "| key | value | default | meaning |\n|---|---|---|---|\n";
    }
    const std::string_view name = section.empty() ? key.path : key.path.substr(section.size() + 1);
    text += fmt::format("| `{}` | {} | {} | {} |\n", name, Cell(key.type), Cell(key.fallback),
                        Cell(key.meaning));
  }
  text += '\n';
  text += LocalStepsText();
  text += Strategies();
  text += Rules();
  text += Personal();
  text += kTail;
  return text;
}

}  // namespace consilium::job
