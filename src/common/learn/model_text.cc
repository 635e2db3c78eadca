#include "common/learn/model_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_file_parts.h"

namespace consilium::learn {
namespace {

using nlohmann::json;

constexpr const char* kTextNames[] = {"format", "job", "features", "label", "standardize"};

absl::Status Syntax(std::string_view text, std::string_view wanted) {
  return Error(ErrorCode::kModelSyntax,
               fmt::format("text `{}` of the model: want {}", text, wanted));
}

const char* NameOfType(job::ColumnType type) {
  switch (type) {
    case job::ColumnType::kNumber:
      return "number";
    case job::ColumnType::kBinary:
      return "binary";
    case job::ColumnType::kCategory:
      return "category";
  }
  return "";
}

template <typename Enum>
std::optional<Enum> Named(const json& name, std::initializer_list<Enum> all,
                          const char* (*name_of)(Enum)) {
  for (const Enum value : all) {
    if (name.is_string() && name.get_ref<const std::string&>() == name_of(value)) return value;
  }
  return std::nullopt;
}

absl::StatusOr<json> ParseText(const wire::StatePart& model, const char* name) {
  json value = json::parse(model.texts.at(name), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Syntax(name, "JSON");
  return value;
}

// A member of an object, null when absent or not an object.
const json& Member(const json& object, const char* key) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

bool ReadLevels(const json& value, std::vector<std::string>& levels) {
  if (!value.is_array() || value.size() > kMaxModelLevels) return false;
  for (const json& level : value) {
    if (!level.is_string()) return false;
    levels.push_back(level.get<std::string>());
  }
  return true;
}

// A whole number in [0, most].
std::optional<uint32_t> ReadCount(const json& value, uint32_t most) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > most) return std::nullopt;
  return static_cast<uint32_t>(value.get<uint64_t>());
}

absl::Status ReadJob(const wire::StatePart& part, job::JobSpec& spec) {
  CN_ASSIGN_OR_RETURN(const json job, ParseText(part, "job"));
  using job::ModelKind;
  const auto kind = Named<ModelKind>(Member(job, "kind"),
                                     {ModelKind::kLogistic, ModelKind::kLinear, ModelKind::kSoftmax,
                                      ModelKind::kMlp, ModelKind::kCox, ModelKind::kPoisson},
                                     job::NameOf);
  if (!kind) return Syntax("job", "a known `kind`");
  spec.model.kind = *kind;
  if (*kind == ModelKind::kCox) {
    using job::Ties;
    const auto ties =
        Named<Ties>(Member(job, "ties"), {Ties::kBreslow, Ties::kEfron, Ties::kNone}, job::NameOf);
    if (!ties) return Syntax("job", "`ties` as breslow, efron or none");
    spec.model.ties = *ties;
  }
  if (const json& name = Member(job, "activation"); !name.is_null()) {
    using job::Activation;
    const auto activation =
        Named<Activation>(name, {Activation::kRelu, Activation::kTanh}, job::NameOf);
    if (!activation) return Syntax("job", "`activation` as relu or tanh");
    spec.model.activation = *activation;
  }
  const json& hidden = Member(job, "hidden");
  if (!hidden.is_array()) return Syntax("job", "`hidden` as a list");
  for (const json& width : hidden) {
    const auto count = ReadCount(width, UINT32_MAX);
    if (!count) return Syntax("job", "whole numbers in `hidden`");
    spec.model.hidden.push_back(*count);
  }
  const json& dataset = Member(job, "dataset");
  if (!dataset.is_string()) return Syntax("job", "`dataset` as text");
  spec.data.dataset = dataset.get<std::string>();
  const json& personal = Member(job, "personal");
  if (personal.is_null()) return absl::OkStatus();
  if (!ReadLevels(personal, spec.personal.tensors) || spec.personal.tensors.empty()) {
    return Syntax("job", "`personal` as a list of tensors");
  }
  spec.personal.kind = job::PersonalKind::kLayers;
  return absl::OkStatus();
}

// What the entry says only where it is not as a rule.
bool ReadFill(const json& entry, job::FeatureSpec& feature) {
  using job::Missing;
  if (const json& missing = Member(entry, "missing"); !missing.is_null()) {
    const auto kind = Named<Missing>(
        missing, {Missing::kDrop, Missing::kMean, Missing::kMode, Missing::kIndicator},
        job::NameOf);
    if (!kind) return false;
    feature.missing = *kind;
  }
  if (const json& standardized = Member(entry, "standardize"); !standardized.is_null()) {
    if (!standardized.is_boolean()) return false;
    feature.standardized = standardized.get<bool>();
  }
  const json& other = Member(entry, "other");
  if (other.is_null()) return true;
  if (!other.is_string()) return false;
  feature.other = other.get<std::string>();
  return std::find(feature.levels.begin(), feature.levels.end(), feature.other) !=
         feature.levels.end();
}

absl::Status ReadFeatures(const wire::StatePart& part, job::DataSpec& data) {
  CN_ASSIGN_OR_RETURN(const json features, ParseText(part, "features"));
  if (!features.is_array() || features.size() > kMaxModelFeatures) {
    return Syntax("features", "a list");
  }
  using job::ColumnType;
  for (const json& entry : features) {
    job::FeatureSpec feature;
    const json& name = Member(entry, "name");
    const auto type = Named<ColumnType>(
        Member(entry, "type"), {ColumnType::kNumber, ColumnType::kBinary, ColumnType::kCategory},
        NameOfType);
    if (!name.is_string() || !type || !ReadLevels(Member(entry, "levels"), feature.levels)) {
      return Syntax("features", "name, type and levels of each");
    }
    if (*type == ColumnType::kCategory && feature.levels.size() < 2) {
      return Syntax("features", "at least two levels of a category");
    }
    feature.name = name.get<std::string>();
    feature.type = *type;
    if (!ReadFill(entry, feature)) {
      return Syntax("features", "a known `missing`, `standardize` true or false, `other` a level");
    }
    data.features.push_back(std::move(feature));
  }
  return absl::OkStatus();
}

absl::Status ReadLabel(const wire::StatePart& part, job::DataSpec& data) {
  CN_ASSIGN_OR_RETURN(const json label, ParseText(part, "label"));
  const json& name = Member(label, "name");
  const auto classes = ReadCount(Member(label, "classes"), kMaxModelLevels);
  if (!name.is_string() || !classes || !ReadLevels(Member(label, "levels"), data.label_levels)) {
    return Syntax("label", "name, classes and levels");
  }
  data.label = name.get<std::string>();
  if (const json& event = Member(label, "event"); event.is_string()) {
    data.event = event.get<std::string>();
  }
  data.classes = *classes;
  return absl::OkStatus();
}

absl::Status ReadStandardize(const wire::StatePart& part, job::DataSpec& data) {
  using job::Standardize;
  const auto kind = Named<Standardize>(
      json(part.texts.at("standardize")),
      {Standardize::kFederated, Standardize::kSite, Standardize::kNone}, job::NameOf);
  if (!kind) return Syntax("standardize", "federated, site or none");
  data.standardize = *kind;
  return absl::OkStatus();
}

}  // namespace

std::map<std::string, std::string> ModelTexts(const job::JobSpec& spec) {
  json features = json::array();
  for (const job::FeatureSpec& feature : spec.data.features) {
    json entry = {
        {"name", feature.name}, {"type", NameOfType(feature.type)}, {"levels", feature.levels}};
    if (feature.missing != job::Missing::kDrop) entry["missing"] = job::NameOf(feature.missing);
    if (!feature.standardized) entry["standardize"] = false;
    if (!feature.other.empty()) entry["other"] = feature.other;
    features.push_back(std::move(entry));
  }
  json job = {{"kind", job::NameOf(spec.model.kind)},
              {"hidden", spec.model.hidden},
              {"dataset", spec.data.dataset}};
  if (spec.model.kind == job::ModelKind::kCox) job["ties"] = job::NameOf(spec.model.ties);
  const bool tanh = spec.model.activation == job::Activation::kTanh;
  if (tanh) job["activation"] = job::NameOf(spec.model.activation);
  const bool lacks = !spec.personal.tensors.empty();
  if (lacks) job["personal"] = spec.personal.tensors;
  json label = {{"name", spec.data.label},
                {"classes", spec.data.classes},
                {"levels", spec.data.label_levels}};
  if (!spec.data.event.empty()) label["event"] = spec.data.event;
  return {{"format", tanh || lacks ? kModelFormatActivation : kModelFormat},
          {"job", Dump(job)},
          {"features", Dump(features)},
          {"label", Dump(label)},
          {"standardize", job::NameOf(spec.data.standardize)}};
}

absl::Status CheckTexts(const std::map<std::string, std::string>& texts) {
  for (const char* name : kTextNames) {
    const auto found = texts.find(name);
    if (found == texts.end()) return Syntax(name, "it to be there");
    if (found->second.size() > wire::kMaxStateTextBytes) {
      return Syntax(name, fmt::format("at most {} bytes: it has {}", wire::kMaxStateTextBytes,
                                      found->second.size()));
    }
  }
  if (texts.size() == std::size(kTextNames)) return absl::OkStatus();
  return Error(ErrorCode::kModelSyntax,
               fmt::format("the model has {} texts, want {}: {}", texts.size(),
                           std::size(kTextNames), fmt::join(kTextNames, ", ")));
}

absl::StatusOr<job::JobSpec> SpecOfModel(const wire::StatePart& model) {
  CN_RETURN_IF_ERROR(CheckTexts(model.texts));
  const auto format = model.texts.find("format");
  if (format->second != kModelFormat && format->second != kModelFormatActivation) {
    return Error(ErrorCode::kFormatVersion,
                 fmt::format("the model has format `{}`, want {} or {}", format->second,
                             kModelFormat, kModelFormatActivation));
  }
  job::JobSpec spec;
  CN_RETURN_IF_ERROR(ReadJob(model, spec));
  CN_RETURN_IF_ERROR(ReadFeatures(model, spec.data));
  CN_RETURN_IF_ERROR(ReadLabel(model, spec.data));
  CN_RETURN_IF_ERROR(ReadStandardize(model, spec.data));
  return spec;
}

absl::Status CheckModelFits(const job::JobSpec& spec,
                            const std::map<std::string, std::string>& texts) {
  return CheckTextsFit(ModelTexts(spec), texts);
}

absl::Status CheckTextsFit(const std::map<std::string, std::string>& wanted,
                           const std::map<std::string, std::string>& texts) {
  for (const char* name : {"features", "label"}) {
    const auto held = texts.find(name);
    if (held != texts.end() && held->second == wanted.at(name)) continue;
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("the {} of the state are not those of the job: `{}`, want `{}`", name,
                             held == texts.end() ? "" : held->second, wanted.at(name)),
                 "start from a model that was trained on the same features and label");
  }
  return absl::OkStatus();
}

std::vector<std::string> ColumnNames(const job::JobSpec& spec) {
  std::vector<std::string> names;
  for (const job::FeatureSpec& feature : spec.data.features) {
    if (feature.type != job::ColumnType::kCategory) names.push_back(feature.name);
    for (size_t level = 1; level < feature.levels.size(); ++level) {
      names.push_back(feature.name + "=" + feature.levels[level]);
    }
    if (feature.missing == job::Missing::kIndicator) names.push_back(feature.name + " is missing");
  }
  return names;
}

}  // namespace consilium::learn
