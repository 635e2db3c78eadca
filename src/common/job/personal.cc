#include "common/job/personal.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "common/base/check.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace consilium::job {
namespace {

constexpr std::array kPersonal = {
    PersonalRow{.kind = PersonalKind::kLayers,
                .name = "layers",
                .meaning = "The tensors that `layers` names are trained at each site and stay "
                           "there; the others are learned together.",
                .reference = "FedPer: Arivazhagan et al. 2019, arXiv 1912.00818, section 3; with "
                             "\"biases\" after the idea of FedBN: Li et al. 2021, arXiv "
                             "2102.07623, section 3",
                .has_layers = true},
    PersonalRow{.kind = PersonalKind::kDitto,
                .name = "ditto",
                .meaning = "Beside the global model w each site trains a whole one of its own, v, "
                           "by its gradient + `lambda` (v - w).",
                .reference = "Ditto: Li et al. 2021, arXiv 2012.04221, algorithm 1",
                .has_lambda = true,
                .trains = true},
    PersonalRow{.kind = PersonalKind::kFineTune,
                .name = "fine_tune",
                .meaning = "At the job's end each site trains the global model on its own rows.",
                .reference = "Wang et al. 2019, arXiv 1910.10252, section 2",
                .trains = true,
                .in_every_round = false},
};

}  // namespace

bool PersonalSpec::Keeps(std::string_view tensor) const {
  return std::ranges::find(tensors, tensor) != tensors.end();
}

std::span<const PersonalRow> PersonalTable() { return kPersonal; }

const PersonalRow& RowOf(PersonalKind kind) {
  CN_CHECK(kind != PersonalKind::kNone);
  return kPersonal[static_cast<size_t>(kind) - 1];
}

std::string TextOf(const PersonalSpec& personal) {
  if (personal.kind == PersonalKind::kNone) return "none";
  const PersonalRow& row = RowOf(personal.kind);
  std::string text(row.name);
  if (row.has_layers)
    text += fmt::format(", {} stay at the sites", fmt::join(personal.tensors, ", "));
  if (row.has_lambda) text += fmt::format(", lambda {}", personal.lambda);
  if (row.trains) {
    text += personal.steps > 0 ? fmt::format(", steps {}", personal.steps)
                               : fmt::format(", epochs {}", personal.epochs);
    text += fmt::format(", learning_rate {}", personal.learning_rate);
  }
  return text;
}

}  // namespace consilium::job
