// A model describes itself: the texts of a state's broadcast part, and back to the parts of a job
// that predicting needs. docs/formats/model.md lists them.
//
// They hold neither a time nor the job's name or digest: the same training gives the same state.
#ifndef CONSILIUM_COMMON_LEARN_MODEL_TEXT_H_
#define CONSILIUM_COMMON_LEARN_MODEL_TEXT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/wire/state_file.h"

namespace consilium::learn {

inline constexpr char kModelFormat[] = "1";
// Of a model whose text `job` has an `activation` (a reader that knows none would predict with
// ReLU) or `personal` (it would miss tensors).
inline constexpr char kModelFormatActivation[] = "2";
inline constexpr size_t kMaxModelFeatures = 65536;
inline constexpr size_t kMaxModelLevels = 65536;

// "format", "job", "features", "label", "standardize".
std::map<std::string, std::string> ModelTexts(const job::JobSpec& spec);

// Exactly the texts above, each small enough for a state: kModelSyntax otherwise.
absl::Status CheckTexts(const std::map<std::string, std::string>& texts);

// `data` (features, label, standardize, classes) and `model` (kind, hidden) of a model; everything
// else is as a JobSpec is born. kModelSyntax names the text and what it wants; kFormatVersion.
absl::StatusOr<job::JobSpec> SpecOfModel(const wire::StatePart& model);

// OK when the features and label in a state's texts are those of the job: kModelMismatch otherwise.
// `wanted`: ModelTexts of the job.
absl::Status CheckTextsFit(const std::map<std::string, std::string>& wanted,
                           const std::map<std::string, std::string>& texts);
absl::Status CheckModelFits(const job::JobSpec& spec,
                            const std::map<std::string, std::string>& texts);

// One name per design column, in order: "age", or "cp=2" for the dummy of level 2.
std::vector<std::string> ColumnNames(const job::JobSpec& spec);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_TEXT_H_
