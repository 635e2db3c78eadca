// Any bytes as client.toml: datasets and policy come out within their bounds, or an error with a
// code. A policy that is read from what was refused allows nothing that the file does not list.
#include <cstddef>
#include <cstdint>
#include <span>

#include "client/data/dataset_config.h"
#include "client/policy/policy_config.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/error.h"
#include "common/config/toml_file.h"

namespace consilium {
namespace {

void Run(ByteSpan bytes) {
  config::Layers layers;
  layers.environment["CONSILIUM_POLICY_MIN_ROWS"] =
      std::string(AsText(bytes.first(bytes.size() / 9)));
  auto file = config::TomlFile::Parse(AsText(bytes), "client.toml", config::kConfigErrors, layers);
  if (!file.ok()) {
    CN_CHECK(CodeOf(file.status()) == ErrorCode::kConfigSyntax);
    return;
  }
  const auto datasets = client::data::ParseDatasets(file->root().Table("datasets"), "/etc");
  const auto policy = client::policy::ParsePolicy(file->root().Table("policy"));
  CN_CHECK(policy.min_rows >= 1 && policy.min_cell >= 1);
  const absl::Status status = file->Finish();
  if (!status.ok()) {
    CN_CHECK(CodeOf(status).has_value());
    return;
  }
  for (const auto& dataset : datasets) {
    CN_CHECK(IsValidName(dataset.name) && !dataset.path.empty());
    CN_CHECK(dataset.split.holdout >= 0 && dataset.split.holdout < 1);
  }
}

}  // namespace
}  // namespace consilium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
