#include "tests/simulation/tiny_workload.h"

#include <fmt/format.h>

#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/learn/contribution.h"
#include "common/learn/personal_layout.h"

namespace consilium::simulation {

absl::StatusOr<client::train::Contribution> TinyHalf(const job::JobSpec& spec,
                                                     const client::train::SiteTask& task) {
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout, learn::ContributionLayout(spec, task.workload));
  client::train::Contribution contribution;
  contribution.values = tensor::Bundle(layout);
  const std::string key =
      fmt::format("{}/{}/{}", task.site.value(), NameOf(task.workload), task.round.value());
  Random random(crypto::Sha256Of(AsBytes(key)));
  for (size_t i = 0; i < layout.size(); ++i) {
    if (layout.tensors()[i].dtype == tensor::DType::kFloat64) {
      for (double& x : contribution.values.Float64(i)) x = 10 + 90 * random.Uniform();
    } else {
      for (float& x : contribution.values.Float32(i))
        x = static_cast<float>(random.Uniform() - 0.5);
    }
  }
  contribution.weight = 50 + random.Below(200);
  contribution.support.assign(layout.size(), contribution.weight);
  const float counted = task.own.empty() ? 0.0F : task.own[0];
  if (learn::NeedsOwnVector(spec, task.workload)) {
    const bool train = task.workload == wire::Workload::kTrain;
    (train ? contribution.next_own : contribution.own_model)
        .assign(train ? 1 : spec.parameters(), counted + (train ? 1.0F : 0.0F));
  }
  return contribution;
}

absl::StatusOr<std::shared_ptr<const client::data::Dataset>> TinyData::Load(
    const job::JobSpec&, const client::data::ReadProgress&) {
  auto dataset = std::make_shared<client::data::Dataset>();
  dataset->train.columns = 2;
  dataset->train.x.resize(60);
  dataset->train.y.resize(30);
  return dataset;
}

}  // namespace consilium::simulation
