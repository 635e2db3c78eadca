#include "common/job/job_keys.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace consilium::job {
namespace {

constexpr auto kTable = std::to_array<JobKey>({
    {"name", "text, 1 to 64 printable characters", "required",
     "What people call the job; need not be unique."},
    {"rounds", "integer, 1 to 1000000", "required",
     "Training rounds that commit; a failed round does not count."},
    {"seed", "integer, 0 or more", "derived from the file's digest",
     "Fixes mini-batch order and `init = \"seed\"`."},
    {"durability", "\"update\" or \"round\"", "\"update\"",
     "When accepted updates are synced to the server's disk: each before its receipt, or all when "
     "their round is committed. With `round` a power cut at the server may cost the running "
     "round's "
     "updates, which the sites then send again; a crash of the process costs nothing either way."},
    {"retain", "\"round\" or \"updates\"", "\"round\"",
     "What is kept for `consilium replay`: each round's sum, or every update as well. Updates stay "
     "until the server forgets the job (`[storage] keep_jobs`): rounds times sites times the "
     "model's size."},

    {"data.dataset", "name", "required",
     "The dataset's name in each site's `client.toml`; 1 to 64 of `a-z 0-9 - _ .`."},
    {"data.label", "text, or { name, levels }, or { name, event }", "required",
     "The logical column to predict. A text for `logistic` and `linear` (and a two-class `mlp`); a "
     "table with levels where there are classes, with an event for `cox`."},
    {"data.label.name", "text", "required in the table", "The label's logical column."},
    {"data.label.levels", "list of 2 to 4096 texts", "required for softmax",
     "The classes in order; a row of another class is an error at the site that has it."},
    {"data.label.event", "text", "required for cox",
     "The column that is 1 where the event happened at the time that the label says, and 0 where "
     "the row was censored then. Only for `cox`."},
    {"data.features", "list of texts or { name, type, levels }, or a table by name", "required",
     "The logical columns to learn from, in order; a bare text is a number. As a table: "
     "`age = \"number\"` or `cp = { type = \"category\", levels = [..] }`."},
    {"data.features.name", "text", "required in a list", "The feature's logical column."},
    {"data.features.type", "\"number\", \"binary\" or \"category\"", "\"number\"",
     "binary: 0 or 1, or what the site says is positive. category: one column per level after the "
     "first."},
    {"data.features.levels", "list of 2 to 4096 texts", "required for category",
     "The levels in order; the first is the base and gets no column."},
    {"data.features.other", "text, one of the levels", "none",
     "The level of every cell that is none of the levels; without it such a cell is an error."},
    {"data.features.missing", "\"drop\", \"mean\", \"mode\" or \"indicator\"", "\"drop\"",
     "A missing cell. drop: the row is left out, and counted. mean: the mean over the rows that "
     "have it. mode: its most frequent value; not for numbers. indicator: the mean, and a column "
     "more that is 1 where the cell is missing. The means are those of `standardize`: over all "
     "sites, or each site's own."},
    {"data.features.standardize", "true or false", "true",
     "false: its columns stay as they are, whatever `data.standardize` says. Not with cells that "
     "are "
     "filled."},
    {"data.features.count", "integer, 1 to 16384", "none",
     "So many columns of one kind, NAME0, NAME1, ..: `{ name = \"pixel\", count = 784 }`."},
    {"data.standardize", "\"federated\", \"site\" or \"none\"", "\"federated\"",
     "By the mean and standard deviation over all sites (two short extra passes), by each site's "
     "own, or not at all."},

    {"model.kind", "\"logistic\", \"linear\", \"softmax\", \"mlp\", \"cox\" or \"poisson\"",
     "required",
     "logistic: two classes. linear: a number, squared error. softmax: several classes. mlp: "
     "hidden layers. cox: times to an event, the partial likelihood of each batch. poisson: a "
     "count, by its logarithm."},
    {"model.activation", "\"relu\" or \"tanh\"", "\"relu\" for mlp",
     "What stands behind each hidden layer; only for `mlp`."},
    {"model.ties", "\"breslow\", \"efron\" or \"none\"", "\"efron\" for cox",
     "Events at the same time, for `cox`. none: one after the other, in the order of the rows."},
    {"model.hidden", "list of 1 to 8 integers, 1 to 65536", "required for mlp",
     "Widths of the hidden layers; only for `mlp`."},
    {"model.init", "\"zeros\", \"seed\" or \"sha256:<64 hex digits>\"",
     "\"seed\" for mlp, else \"zeros\"",
     "The start: all zero, drawn from the seed, or a state that was uploaded with `consilium model "
     "put`."},

    {"train.optimizer", "\"sgd\", \"momentum\", \"nesterov\", \"adam\" or \"adamw\"", "\"sgd\"",
     "How a site takes its local steps (see Local steps). What it keeps from step to step begins "
     "at zero in every round."},
    {"train.momentum", "number, 0 to 0.999", "0.9 for momentum and nesterov",
     "How much of the step before stays in the next one."},
    {"train.beta1", "number, 0 to 0.999999", "0.9 for adam and adamw",
     "How much of the first moment stays from step to step."},
    {"train.beta2", "number, 0 to 0.999999", "0.999 for adam and adamw",
     "How much of the second moment stays from step to step."},
    {"train.epsilon", "number, 1e-30 to 1", "1e-08 for adam and adamw",
     "Added to the root of the second moment."},
    {"train.weight_decay", "number, 0 to 1000", "0.01 for adamw",
     "Decoupled: each step takes this times the learning rate off the weights, beside the "
     "gradient. Biases do not decay."},
    {"train.l1", "number, 0 to 1000", "0",
     "Adds l1 times the sum of |weight| to the mean loss of a batch; biases are not penalised. "
     "With sgd as a proximal step, which makes weights exactly zero at the site (their mean over "
     "sites need not be); with the others its subgradient."},
    {"train.l2", "number, 0 to 1000", "0",
     "Adds l2 / 2 times the sum of weight^2 to the mean loss of a batch; biases are not "
     "penalised."},
    {"train.clip_norm", "number, more than 0, at most 1000000000", "none",
     "A gradient (with its penalties, before the strategy's correction) that is longer than this "
     "is shortened to it."},
    {"train.dropout", "number, 0 to 0.99", "0",
     "The chance of each hidden unit of an `mlp` to be left out of a row's local step; the others "
     "count 1 / (1 - dropout) times. Never in evaluation and prediction. Drawn from seed, round, "
     "site and step."},
    {"train.class_weights", "table: level = number, more than 0, at most 1000000", "1 for each",
     "What a row of each class counts in the loss of local steps (the sum is still divided by the "
     "number of rows); \"0\" and \"1\" where the label has no levels. Metrics are not weighted."},
    {"train.schedule", "\"constant\", \"step\" or \"cosine\"", "\"constant\"",
     "How the learning rate goes from round to round, from the round's number alone. step: times "
     "`decay_factor` every `decay_every` rounds (1: an exponential). cosine: along half a cosine "
     "from `learning_rate` towards `least_rate`."},
    {"train.decay_every", "integer, 1 to 1000000", "required for step",
     "Rounds, after the warm-up, between two falls of the rate."},
    {"train.decay_factor", "number, more than 0, at most 1", "0.1 for step",
     "What the rate is multiplied by at each fall."},
    {"train.least_rate", "number, 0 to 1000", "0 for cosine",
     "Where the cosine ends after the last round; at most `learning_rate`."},
    {"train.warmup_rounds", "integer, 0 to 1000000, less than rounds", "0",
     "W: the rates of the first W rounds are 1, 2, .. W of W + 1 parts of `learning_rate`; the "
     "schedule begins after them."},
    {"train.learning_rate", "number, more than 0, at most 1000", "0.1", "Step size at the sites."},
    {"train.batch_size", "integer, 1 to 1000000000, or \"full\"", "32", "Rows per local step."},
    {"train.local_epochs", "integer, 1 to 10000", "1, unless local_steps is given",
     "Passes over a site's rows in a round; not together with `local_steps`."},
    {"train.local_steps", "integer, 1 to 10000000", "none",
     "Mini-batches in a round instead of epochs: the same number at every site."},
    {"train.local_time", "duration, \"1ms\" to \"30d\"", "none",
     "Semi-synchronous: a site stops at the first step after this time, whatever `local_epochs` or "
     "`local_steps` leave; so give these as the most that a fast site may do. Such a run cannot be "
     "repeated bit for bit; `fednova` keeps sites with more steps from pulling harder."},
    {"train.kernel", "text, a name of 1 to 64 of `a-z 0-9 - _ .`", "any",
     "Pins the training kernel, so that the whole run can be repeated bit for bit: a site with "
     "another one refuses the job by name. `consilium show` names the kernel that each site ran, "
     "`consilium sites --json` those that are there."},

    {"participation.min_sites", "integer, 1 to 16384", "1",
     "A round with fewer counted updates fails."},
    {"participation.required_sites", "list of site names", "[]",
     "A round without one of these fails."},
    {"participation.sites", "list of site names", "[]",
     "Only these take part; empty: every site that admits the job."},
    {"participation.round_deadline", "duration, \"100ms\" to \"30d\"", "\"5m\"",
     "A round closes then at the latest, with what it has."},
    {"participation.goal", "integer, 1 to 16384", "min_sites with select, else every selected site",
     "A training round closes when this many updates are counted; the other sites are late. "
     "Statistics and evaluation always ask every site."},
    {"participation.select", "number, 1 to 16", "1.0",
     "Over-selection: a training round asks `goal` times this many sites, drawn anew for each, so "
     "that a few slow ones do not hold it up. Required sites are always asked."},
    {"participation.sampling", "\"uniform\", \"weighted\", \"tags\" or \"poisson\"", "\"uniform\"",
     "How a training round's sites are drawn, from the seed and the step's number. uniform, "
     "weighted and tags draw `goal` times `select` of them. poisson: each site by itself, with "
     "`sampling_rate`; it needs no goal."},
    {"participation.sampling_rate", "number, more than 0, at most 1", "required for poisson",
     "The chance of each site to be asked, whoever else is. A round that draws fewer than "
     "`min_sites` fails by name and the next one draws anew: keep `min_sites` well below rate "
     "times sites."},
    {"participation.site_weights", "table: site = integer, 1 to 65536", "required for weighted",
     "How likely a site is drawn next, against the others that are left; 1 where it is not named."},
    {"participation.tags", "table: tag = list of site names", "required for tags",
     "The tags take turns, by name, and each turn draws one of its sites: every tag has as many "
     "sites in a round as another, as far as it has them. Sites without a tag are one more group, "
     "the last."},
    {"participation.late", "\"drop\" or \"next_round\"", "\"drop\"",
     "What becomes of an update that is not there when its training round closes. drop: the site "
     "stops, and deletes it. next_round: the site goes on, is not asked for another one meanwhile, "
     "and its update counts once, in the round that is open or next when it arrives, by its "
     "staleness; it moves the model, but is no part of that round's min_sites, goal and metrics."},
    {"participation.staleness", "list of 1 to 64 integers, 1 to 65536, none above the one before",
     "65536 / sqrt(1 + rounds late), for 1 to 10 rounds",
     "What an update that is 1, 2, .. rounds late counts, in 65536ths of its weight (at least 1 "
     "row). One that is later than the list is long is dropped. Only with `late = "
     "\"next_round\"`."},
    {"participation.on_too_few", "\"wait\" or \"fail\"", "\"wait\"",
     "When too few sites are there to begin a round: wait for more, or end the job."},
    {"participation.max_failed_rounds", "integer, 0 to 1000000", "10",
     "The job ends as failed after more failed rounds than this."},

    {"aggregation.strategy", "name of a strategy, see Strategies", "\"fedavg\"",
     "How sites train and how their updates become the next state."},
    {"aggregation.server_learning_rate", "number, more than 0, at most 1000", "by strategy",
     "Step size of the server."},
    {"aggregation.beta1", "number, 0 to 0.999999", "by strategy",
     "How much of the first moment stays from round to round; the momentum of `fedavgm`."},
    {"aggregation.beta2", "number, 0 to 0.999999", "by strategy",
     "How much of the second moment stays from round to round."},
    {"aggregation.tau", "number, more than 0, at most 1", "by strategy",
     "Added to the root of the second moment."},
    {"aggregation.initial_v", "number, 0 to 1000000", "tau squared",
     "What the second moment starts from; 0 as in FLamby's code."},
    {"aggregation.mu", "number, more than 0, at most 1000", "by strategy",
     "Strength of the pull to the round's start."},
    {"aggregation.q", "number, 0 to 100", "by strategy",
     "How much a site's loss weighs; 0 weighs all sites alike."},
    {"aggregation.alpha", "number, more than 0, at most 1000", "by strategy",
     "Strength of the dynamic regularisation."},
    {"aggregation.option", "1 or 2", "2 for scaffold",
     "A site's variate: 1, the gradient of all its rows at the round's start (one pass more); 2, "
     "what its steps came to."},
    {"aggregation.variate_mean", "\"weighted\" or \"plain\"", "\"weighted\" for scaffold",
     "The server's variate: by rows, as the model, or every site alike, as in the paper."},
    {"aggregation.population", "integer, 1 to 1000000",
     "the number of `participation.sites`, else every counted site",
     "Sites in all, for strategies that remember something of each: with a part of them in a "
     "round, the server's memory moves by that part."},
    {"aggregation.rule", "name of a rule, see Rules", "\"mean\"",
     "What takes the place of the mean of the sites' changes in training rounds."},
    {"aggregation.byzantine", "integer, 1 to 8000", "required for krum, multi_krum, trimmed_mean",
     "f: how many sites of a round may send anything at all. `min_sites` has to be at least 2f + 1 "
     "(trimmed_mean) or 2f + 3 (krum, multi_krum)."},
    {"aggregation.keep", "integer, 1 to 16384", "all but `byzantine`",
     "How many updates multi_krum averages; at most min_sites less `byzantine`."},
    {"aggregation.iterations", "integer, 1 to 100", "by rule",
     "How often the centre is moved; each is one pass over the updates."},
    {"aggregation.smoothing", "number, more than 0, at most 1000", "1e-06",
     "Of geometric_median: a distance counts as at least this."},
    {"aggregation.clip_radius", "number, more than 0, at most 1000000000",
     "each time the median distance", "Of centred_clip: how far one site may pull the centre."},
    {"aggregation.rule_weights", "\"sites\" or \"rows\"", "\"sites\", where a rule has it",
     "Whether each site weighs alike or by its rows (as it says, at most `weight_cap`): who may "
     "send anything may also claim many rows."},
    {"aggregation.root_site", "name of a site", "required for fltrust",
     "The trusted site whose update judges the others: a server holds no data. It is a required "
     "site, and its own update counts with full trust."},
    {"aggregation.buffer", "integer, 1 to 16384", "min_sites for fedbuff",
     "How many updates, of this round or older ones, move the model. All free sites train "
     "meanwhile, unless `participation.select` says how many times `buffer`."},
    {"aggregation.max_staleness", "integer, 1 to 64", "10 for fedbuff",
     "An update that is more rounds old than this is dropped."},
    {"aggregation.staleness_exponent", "number, 0 to 10", "by strategy",
     "How fast an update loses weight with its age; 0: not at all."},
    {"aggregation.weight_cap", "integer, 1 to 536870912", "1048576",
     "A site's rows count as at most this many."},

    {"personal.method", "name of a method, see Personal models", "required with [personal]",
     "What of the model is each site's own and never leaves it."},
    {"personal.layers", "list of 1 to 64 texts", "required for layers",
     "What stays at the sites: \"first\", \"last\", \"biases\", a layer (\"layer1\") or a tensor "
     "(\"layer1.b\", \"w\", \"b\"). Something has to be left to learn together."},
    {"personal.lambda", "number, 0 to 1000", "0.1 for ditto",
     "Pull of a site's own model to the global one; 0: each site learns alone."},
    {"personal.epochs", "integer, 1 to 10000",
     "as a round's local training for ditto, 1 for fine_tune, unless steps is given",
     "Passes of personal training over a site's rows; not together with `steps`."},
    {"personal.steps", "integer, 1 to 10000000", "none",
     "Mini-batches of personal training instead of epochs."},
    {"personal.learning_rate", "number, more than 0, at most 1000", "`train.learning_rate`",
     "Step size of personal training; what `train.optimizer` and its keys say goes for it, too, "
     "and "
     "`train.schedule` in the rounds."},
});

}  // namespace

std::span<const JobKey> JobKeyTable() { return kTable; }

std::vector<JobKey> AllJobKeys() { return {kTable.begin(), kTable.end()}; }

std::string_view Leaf(std::string_view path) {
  CN_CHECK(std::any_of(kTable.begin(), kTable.end(),
                       [&](const JobKey& key) { return key.path == path; }));
  return path.substr(path.rfind('.') + 1);  // npos + 1 = 0
}

}  // namespace consilium::job
