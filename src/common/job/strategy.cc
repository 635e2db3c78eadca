#include "common/job/strategy.h"

#include <array>
#include <cstddef>

namespace consilium::job {
namespace {

constexpr double kMostBeta = 0.999999;

constexpr StrategyNumber ServerRate(double fallback) {
  return {"server_learning_rate", &StrategySpec::server_learning_rate, fallback, 0, 1000, true};
}
constexpr StrategyNumber Beta1(double fallback) {
  return {"beta1", &StrategySpec::beta1, fallback, 0, kMostBeta};
}
constexpr StrategyNumber kBeta2{"beta2", &StrategySpec::beta2, 0.99, 0, kMostBeta};
constexpr StrategyNumber kTau{"tau", &StrategySpec::tau, 1e-3, 0, 1, true};
// Its fallback is tau^2, which ParseJob fills in.
constexpr StrategyNumber kInitialV{"initial_v", &StrategySpec::initial_v, 1e-6, 0, 1e6};

constexpr std::array kProx = {
    StrategyNumber{"mu", &StrategySpec::mu, 0.01, 0, 1000, true},
};
constexpr std::array kMomentum = {ServerRate(1), Beta1(0.9)};
constexpr std::array kAdagrad = {ServerRate(0.1), Beta1(0), kTau, kInitialV};
constexpr std::array kAdam = {ServerRate(0.01), Beta1(0.9), kBeta2, kTau, kInitialV};
constexpr std::array kScaffoldNumbers = {ServerRate(1)};
constexpr std::array kFair = {StrategyNumber{"q", &StrategySpec::q, 1, 0, 100}};
constexpr std::array kDyn = {
    StrategyNumber{"alpha", &StrategySpec::alpha, 0.01, 0, 1000, true},
};
constexpr std::array kBuffered = {
    ServerRate(1),
    StrategyNumber{"staleness_exponent", &StrategySpec::staleness_exponent, 0.5, 0, 10},
};

constexpr std::array kStrategies = {
    StrategyRow{.kind = StrategyKind::kFedAvg,
                .name = "fedavg",
                .meaning = "The mean of the sites' models, weighted by rows.",
                .reference = "McMahan et al. 2017, arXiv 1602.05629, algorithm 1"},
    StrategyRow{.kind = StrategyKind::kFedSgd,
                .name = "fedsgd",
                .meaning = "One gradient step per round over all rows of all sites.",
                .reference = "McMahan et al. 2017, arXiv 1602.05629, section 2",
                .one_full_step = true,
                .steps = {.up_to = OptimizerKind::kSgd,
                          .why = "its one step is the gradient of all rows; momentum has nothing "
                                 "to gather in one step, and Adam's would be the gradient's "
                                 "sign"}},
    StrategyRow{.kind = StrategyKind::kFedProx,
                .name = "fedprox",
                .meaning = "Sites are pulled to the round's start with strength `mu`.",
                .reference = "Li et al. 2020, arXiv 1812.06127, equation 2",
                .numbers = kProx},
    StrategyRow{
        .kind = StrategyKind::kFedAvgM,
        .name = "fedavgm",
        .meaning = "Server momentum `beta1`: m = beta1 m + d, w += server_learning_rate m.",
        .reference = "Hsu et al. 2019, arXiv 1909.06335, federated averaging with server momentum",
        .numbers = kMomentum,
        .vectors = {.private_slots = 1}},
    StrategyRow{.kind = StrategyKind::kFedAdagrad,
                .name = "fedadagrad",
                .meaning = "Adagrad at the server.",
                .reference = "Reddi et al. 2021, arXiv 2003.00295, algorithm 2",
                .numbers = kAdagrad,
                .vectors = {.private_slots = 2}},
    StrategyRow{.kind = StrategyKind::kFedAdam,
                .name = "fedadam",
                .meaning = "Adam at the server, without bias correction.",
                .reference = "Reddi et al. 2021, arXiv 2003.00295, algorithm 2",
                .numbers = kAdam,
                .vectors = {.private_slots = 2}},
    StrategyRow{.kind = StrategyKind::kFedYogi,
                .name = "fedyogi",
                .meaning = "Yogi at the server: v moves towards d^2 by steps of bounded size.",
                .reference = "Reddi et al. 2021, arXiv 2003.00295, algorithm 2",
                .numbers = kAdam,
                .vectors = {.private_slots = 2}},
    StrategyRow{.kind = StrategyKind::kScaffold,
                .name = "scaffold",
                .meaning = "Control variates take the drift of unlike sites out of local steps.",
                .reference = "Karimireddy et al. 2020, arXiv 1910.06378, algorithm 1",
                .numbers = kScaffoldNumbers,
                .has_option = true,
                .has_variate_mean = true,
                .has_population = true,
                .vectors = {.variates = true, .site_vector = true, .counts_sites = true},
                .steps = {.up_to = OptimizerKind::kSgd,
                          .clips = false,
                          .why = "its variates are gradients, read off from how far plain steps "
                                 "went (algorithm 1)"}},
    StrategyRow{.kind = StrategyKind::kFedNova,
                .name = "fednova",
                .meaning = "Sites that take more local steps do not pull harder.",
                .reference = "Wang et al. 2020, arXiv 2007.07481, section 5",
                .vectors = {.scalar = "fednova.steps", .scalar_by_rows = true},
                .steps = {.up_to = OptimizerKind::kNesterov,
                          .why = "it divides by how many gradients a site's steps add up to, and "
                                 "Adam's steps are no such sum (section 4.1)"}},
    StrategyRow{.kind = StrategyKind::kQFedAvg,
                .name = "qfedavg",
                .meaning = "Sites with a higher loss weigh more, by the power `q` of it; rows do "
                           "not weigh.",
                .reference = "Li et al. 2020, arXiv 1905.10497, algorithm 2",
                .numbers = kFair,
                .vectors = {.plain_mean = true,
                            .counts_sites = true,
                            .scalar = "qfedavg.h_over_l",
                            .scalar_by_rows = false},
                .steps = {.up_to = OptimizerKind::kSgd,
                          .plain_loss = true,
                          .why = "it takes 1 / learning_rate for the gradient's Lipschitz constant "
                                 "and powers of the rows' plain loss for weights (algorithm 2)"}},
    StrategyRow{.kind = StrategyKind::kFedDyn,
                .name = "feddyn",
                .meaning = "Dynamic regularisation of strength `alpha` aligns the sites' minima; "
                           "rows do not weigh.",
                .reference = "Acar et al. 2021, arXiv 2111.04263, algorithm 1",
                .numbers = kDyn,
                .has_population = true,
                .vectors = {.plain_mean = true,
                            .private_slots = 1,
                            .site_vector = true,
                            .counts_sites = true},
                .steps = {.up_to = OptimizerKind::kAdam,
                          .clips = false,
                          .why = "what a site remembers is the gradient where its own objective is "
                                 "flat, which decay or clipping beside that objective would move "
                                 "(algorithm 1)"}},
    StrategyRow{.kind = StrategyKind::kFedBuff,
                .name = "fedbuff",
                .meaning = "Asynchronous: every `buffer` updates move the model, w += "
                           "server_learning_rate d, whatever round they began in; one that is a "
                           "rounds old counts (1 + a)^-staleness_exponent of its rows in the mean.",
                .reference = "Nguyen et al. 2022, arXiv 2106.06639, algorithm 1 and section 5",
                .numbers = kBuffered,
                .has_buffer = true},
};

}  // namespace

std::span<const StrategyRow> StrategyTable() { return kStrategies; }

const StrategyRow& RowOf(StrategyKind kind) { return kStrategies[static_cast<size_t>(kind)]; }

}  // namespace consilium::job
