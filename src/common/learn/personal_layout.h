// What of a model is shared and what is each site's own (job/personal.h), as tensors: the one place
// that keeps personal tensors out of contributions and states.
//
//   train step's contribution   deltas of the shared tensors only; behind eval.* personal.train.*
//                               and personal.test.*: the same sums of the site's own model, where
//                               the method moves it in every round
//   evaluate                    eval.*, then personal.*, whatever the method
//   broadcast and private part  the shared tensors only
//   what a site keeps           layers: the personal tensors; ditto: a whole model; flat, in the
//                               order of the model
// Personal tensors start at the site where the whole model would (learn/start.h); with
// init = "sha256:.." from the model's usual start, since no state holds them.
// Pure; thread-safe.
#ifndef CONSILIUM_COMMON_LEARN_PERSONAL_LAYOUT_H_
#define CONSILIUM_COMMON_LEARN_PERSONAL_LAYOUT_H_

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/learn/aligned_vector.h"
#include "common/learn/model.h"
#include "common/tensor/bundle.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"
#include "common/wire/state_file.h"

namespace consilium::learn {

inline constexpr std::string_view kPersonalPrefix = "personal.";

// ParameterLayout without the tensors that stay at the sites. kModelMismatch.
absl::StatusOr<tensor::Layout> SharedLayout(const job::JobSpec& spec);

// Whether a step of this workload measures the site's own model beside the global one.
bool EvaluatesPersonal(const job::JobSpec& spec, wire::Workload workload);
// Whether a site has to have what it keeps of the job for a step of this workload: its strategy's
// vector or its personal weights.
bool NeedsOwnVector(const job::JobSpec& spec, wire::Workload workload);

// The whole start model, flat: every tensor, personal or not.
AlignedVector<float> StartParameters(const job::JobSpec& spec, const tensor::Layout& parameters);
// The whole model: shared tensors out of a state, personal ones from the job's start.
// kModelMismatch as ReadParameters.
absl::StatusOr<AlignedVector<float>> ReadShared(const job::JobSpec& spec,
                                                const tensor::Layout& parameters,
                                                const tensor::Bundle& state);

// Elements of the tensors that job's sites keep.
size_t PersonalCount(const job::PersonalSpec& personal, const tensor::Layout& parameters);
// Out of a whole model, and into one. REQUIRES: sizes fit.
AlignedVector<float> TakePersonal(const job::PersonalSpec& personal,
                                  const tensor::Layout& parameters, std::span<const float> model);
void PlacePersonal(const job::PersonalSpec& personal, const tensor::Layout& parameters,
                   std::span<const float> own, std::span<float> model);

// A model file of a site's own: all tensors, and what scales rows, as `broadcast` has it.
// REQUIRES: `model` is of the job's ParameterLayout.
wire::StatePart PersonalModel(const job::JobSpec& spec, const wire::StatePart& broadcast,
                              std::span<const float> model);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_PERSONAL_LAYOUT_H_
