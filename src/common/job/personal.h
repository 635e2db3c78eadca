// The table of personalisations: what of a model is each site's own.
//
// A job's [personal] says which one. Whatever it is, the personal weights stay at the site: no
// tensor of a contribution has them (learn/personal_layout.h), only how well they do, as sums.
// Plain values; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_PERSONAL_H_
#define CONSILIUM_COMMON_JOB_PERSONAL_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace consilium::job {

enum class PersonalKind { kNone, kLayers, kDitto, kFineTune };

// The personalisation of a job with its parameters; those that it has not stay as they are here.
struct PersonalSpec {
  PersonalKind kind = PersonalKind::kNone;
  std::vector<std::string> tensors = {};  // kLayers: those that stay, in the order of the model
  double lambda = 0.1;                    // kDitto: pull of the personal model to the global one
  float learning_rate = 0.1f;             // of personal training; where a job does not say: train's
  uint32_t epochs = 0;                    // of personal training: exactly one of these two is not 0
  uint32_t steps = 0;

  bool Keeps(std::string_view tensor) const;
};

struct PersonalRow {
  PersonalKind kind;
  std::string_view name;
  std::string_view meaning;
  std::string_view reference;
  bool has_layers = false;
  bool has_lambda = false;
  bool trains = false;  // `epochs`, `steps`, `learning_rate`: beside the rounds' own training
  bool in_every_round = true;  // what is personal moves with the rounds; else once, at the end
};

// Without kNone, in the order of PersonalKind.
std::span<const PersonalRow> PersonalTable();
// REQUIRES: not kNone.
const PersonalRow& RowOf(PersonalKind kind);
// "none"; "layers, layer1.w and layer1.b stay at the sites"; "ditto, lambda 0.1, epochs 1, ..".
std::string TextOf(const PersonalSpec& personal);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_PERSONAL_H_
