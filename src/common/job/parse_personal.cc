#include "common/job/parse_personal.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/job/job_keys.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace consilium::job {
namespace {

using config::TomlTable;

constexpr size_t kMostLayerNames = 64;

// The model's layers from the first to the last, each with its tensors: the names of
// learn::ParameterLayout.
std::vector<std::vector<std::string>> LayersOf(const ModelSpec& model) {
  if (model.kind == ModelKind::kCox) return {{"w"}};
  if (model.kind != ModelKind::kMlp) return {{"w", "b"}};
  std::vector<std::vector<std::string>> layers;
  for (size_t i = 0; i <= model.hidden.size(); ++i) {
    layers.push_back({fmt::format("layer{}.w", i), fmt::format("layer{}.b", i)});
  }
  return layers;
}

bool IsBias(std::string_view tensor) { return tensor == "b" || tensor.ends_with(".b"); }

// The tensors that one entry of `layers` means; none: it means nothing.
std::vector<std::string> TensorsMeant(const std::vector<std::vector<std::string>>& layers,
                                      const std::string& entry) {
  if (entry == "first") return layers.front();
  if (entry == "last") return layers.back();
  std::vector<std::string> meant;
  for (const std::vector<std::string>& layer : layers) {
    for (const std::string& tensor : layer) {
      if (tensor == entry || tensor.starts_with(entry + ".") ||
          (entry == "biases" && IsBias(tensor))) {
        meant.push_back(tensor);
      }
    }
  }
  return meant;
}

class PersonalReader {
 public:
  PersonalReader(const TomlTable& table, JobSpec& spec)
      : table_(table), spec_(spec), personal_(spec.personal) {}

  void Read(bool model_known) {
    std::vector<std::string> names;
    for (const PersonalRow& row : PersonalTable()) names.emplace_back(row.name);
    const auto named = table_.Choice(Leaf("personal.method"), names);
    if (named) row_ = &PersonalTable()[*named];
    if (!table_.Has("method")) {
      table_.Missing("method", "say how: method = \"layers\", \"ditto\" or \"fine_tune\"");
    }
    ReadLayers(named.has_value() && model_known);
    Judge("personal.lambda", &PersonalRow::has_lambda);
    personal_.lambda = table_.Number(Leaf("personal.lambda"), {0, 1000}).value_or(personal_.lambda);
    ReadTraining();
    if (row_ == nullptr) return;
    personal_.kind = row_->kind;
    JudgeStrategy();
  }

 private:
  // A parameter that the method has not is refused, and read all the same: it is no unknown key.
  void Judge(std::string_view path, bool PersonalRow::* has) const {
    const std::string_view key = Leaf(path);
    if (row_ == nullptr || row_->*has || !table_.Has(key)) return;
    std::vector<std::string_view> mine;
    if (row_->has_layers) mine.push_back("layers");
    if (row_->has_lambda) mine.push_back("lambda");
    for (const char* of_training : {"epochs", "steps", "learning_rate"}) {
      if (row_->trains) mine.emplace_back(of_training);
    }
    table_.Conflict(key, fmt::format("does not go with method = \"{}\"", row_->name),
                    fmt::format("that method has {}", fmt::join(mine, ", ")));
  }

  void ReadLayers(bool judge) {
    Judge("personal.layers", &PersonalRow::has_layers);
    const std::string_view key = Leaf("personal.layers");
    const auto entries = table_.Texts(key, kMostLayerNames);
    if (!judge || !row_->has_layers) return;
    const auto layers = LayersOf(spec_.model);
    std::vector<std::string> all;
    for (const auto& layer : layers) all.insert(all.end(), layer.begin(), layer.end());
    if (!table_.Has(key)) {
      table_.Missing(key, "name what stays at the sites: layers = [\"last\"], or [\"biases\"]");
    }
    if (!entries) return;
    for (const std::string& entry : *entries) {
      const std::vector<std::string> meant = TensorsMeant(layers, entry);
      if (meant.empty()) {
        table_.OutOfRange(key,
                          fmt::format("holds \"{}\", want \"first\", \"last\", \"biases\", a layer "
                                      "or a tensor of the model",
                                      entry),
                          fmt::format("this model has {}", fmt::join(all, ", ")));
      }
      for (const std::string& tensor : meant) named_.push_back(tensor);
    }
    for (const std::string& tensor : all) {
      if (std::ranges::find(named_, tensor) != named_.end()) personal_.tensors.push_back(tensor);
    }
    if (entries->empty()) {
      table_.OutOfRange(key, "is empty, want at least one name", "or remove [personal]");
    } else if (personal_.tensors.size() == all.size()) {
      table_.Conflict(key,
                      fmt::format("keeps all of the model at the sites: {}", fmt::join(all, ", ")),
                      "leave something to learn together");
    }
  }

  void ReadTraining() {
    Judge("personal.epochs", &PersonalRow::trains);
    Judge("personal.steps", &PersonalRow::trains);
    Judge("personal.learning_rate", &PersonalRow::trains);
    const auto epochs = table_.Integer(Leaf("personal.epochs"), {1, 10'000});
    const auto steps = table_.Integer(Leaf("personal.steps"), {1, 10'000'000});
    if (table_.Has("epochs") && table_.Has("steps")) {
      table_.Conflict("steps", "and `personal.epochs` exclude each other", "keep one of them");
    }
    const std::string_view rate_key = Leaf("personal.learning_rate");
    const auto rate = table_.Number(rate_key, {0, 1000, true});
    if (rate && static_cast<float>(*rate) <= 0) {
      table_.OutOfRange(rate_key, fmt::format("is {}, which float32 rounds to 0", *rate));
    }
    if (row_ == nullptr || !row_->trains) return;
    personal_.learning_rate = rate ? static_cast<float>(*rate) : spec_.train.learning_rate;
    // Ditto's steps stand beside those of each round; fine-tuning comes once.
    const bool as_round = row_->in_every_round && !epochs && !steps;
    personal_.epochs =
        as_round ? spec_.train.local_epochs : static_cast<uint32_t>(epochs.value_or(steps ? 0 : 1));
    personal_.steps = as_round ? spec_.train.local_steps : static_cast<uint32_t>(steps.value_or(0));
  }

  // A site keeps one vector a job; and a late update moves nothing at its site.
  void JudgeStrategy() const {
    const StrategyRow& strategy = RowOf(spec_.strategy.kind);
    if (strategy.vectors.site_vector) {
      table_.Conflict("method",
                      fmt::format("is \"{}\", which does not go with strategy = \"{}\": that keeps "
                                  "a vector of its own at the sites",
                                  row_->name, strategy.name),
                      "take fedavg, fedprox or a server optimizer, or remove [personal]");
    }
    if (row_->in_every_round && spec_.participation.late == Late::kNextRound) {
      table_.Conflict("method",
                      fmt::format("is \"{}\", which has no place for a late update: what stays at "
                                  "a site moves with an update that counts in time",
                                  row_->name),
                      spec_.strategy.buffer > 0
                          ? "take another strategy: a buffer is filled by late updates"
                          : "remove `participation.late = \"next_round\"`: late updates are then "
                            "dropped");
    }
  }

  const TomlTable& table_;
  JobSpec& spec_;
  PersonalSpec& personal_;
  const PersonalRow* row_ = nullptr;
  std::vector<std::string> named_;
};

}  // namespace

void ReadPersonal(const TomlTable& root, bool model_known, JobSpec& spec) {
  const TomlTable table = root.Table("personal");
  if (table.present()) PersonalReader(table, spec).Read(model_known);
}

}  // namespace consilium::job
