#include "common/job/job_spec.h"

namespace consilium::job {

uint32_t FeatureSpec::width() const {
  return value_width() + (missing == Missing::kIndicator ? 1 : 0);
}

uint32_t FeatureSpec::value_width() const {
  return levels.empty() ? 1 : static_cast<uint32_t>(levels.size()) - 1;
}

uint32_t JobSpec::design_columns() const {
  uint32_t columns = 0;
  for (const FeatureSpec& feature : data.features) columns += feature.width();
  return columns;
}

uint32_t JobSpec::outputs() const {
  return data.label_levels.empty() ? 1 : static_cast<uint32_t>(data.label_levels.size());
}

uint64_t JobSpec::parameters() const {
  uint64_t count = 0;
  uint64_t inputs = design_columns();
  for (const uint32_t width : model.hidden) {
    count += (inputs + 1) * width;
    inputs = width;
  }
  if (model.kind == ModelKind::kCox) return count + inputs;
  return count + (inputs + 1) * outputs();
}

const char* NameOf(ModelKind kind) {
  switch (kind) {
    case ModelKind::kLogistic:
      return "logistic";
    case ModelKind::kLinear:
      return "linear";
    case ModelKind::kSoftmax:
      return "softmax";
    case ModelKind::kMlp:
      return "mlp";
    case ModelKind::kCox:
      return "cox";
    case ModelKind::kPoisson:
      return "poisson";
  }
  return "unknown";
}

const char* NameOf(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return "relu";
    case Activation::kTanh:
      return "tanh";
  }
  return "unknown";
}

const char* NameOf(Ties ties) {
  switch (ties) {
    case Ties::kBreslow:
      return "breslow";
    case Ties::kEfron:
      return "efron";
    case Ties::kNone:
      return "none";
  }
  return "unknown";
}

const char* NameOf(Missing missing) {
  switch (missing) {
    case Missing::kDrop:
      return "drop";
    case Missing::kMean:
      return "mean";
    case Missing::kMode:
      return "mode";
    case Missing::kIndicator:
      return "indicator";
  }
  return "unknown";
}

const char* NameOf(Standardize standardize) {
  switch (standardize) {
    case Standardize::kFederated:
      return "federated";
    case Standardize::kSite:
      return "site";
    case Standardize::kNone:
      return "none";
  }
  return "unknown";
}

}  // namespace consilium::job
