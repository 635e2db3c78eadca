#include "simulator/pace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <string>

#include "common/base/error.h"
#include "common/base/random.h"
#include "common/config/units.h"
#include "common/learn/personal_layout.h"
#include "simulator/draw.h"

namespace consilium::simulator {
namespace {

std::optional<double> NumberIn(std::string_view text, double least, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(value >= least && value <= most)) return std::nullopt;
  return value;
}

uint64_t BatchRows(const job::TrainSpec& train, uint64_t rows) {
  return train.batch_size == 0 ? rows : std::min<uint64_t>(train.batch_size, rows);
}

absl::Status Unwanted(std::string_view option, std::string_view text, std::string_view wanted,
                      std::string_view example) {
  return Error(ErrorCode::kUsage, fmt::format("{} is `{}`, want {}", option, text, wanted),
               fmt::format("write it like {} {}", option, example));
}

}  // namespace

absl::StatusOr<Slow> ParseSlow(std::string_view text) {
  const size_t colon = text.find(':');
  const auto share = NumberIn(text.substr(0, colon), 0, 1);
  const auto factor = colon == std::string_view::npos
                          ? std::nullopt
                          : NumberIn(text.substr(colon + 1), 1, kMostSlowness);
  if (!share || !factor) {
    return Unwanted("--slow", text,
                    "the share of slow sites from 0 to 1, a colon, and how many times as long "
                    "they take, at least 1",
                    "0.1:10");
  }
  return Slow{*share, *factor};
}

absl::StatusOr<Drop> ParseDrop(std::string_view text) {
  const size_t colon = text.find(':');
  Drop drop;
  const auto chance = NumberIn(text.substr(0, colon), 0, 1);
  const auto away = colon == std::string_view::npos ? std::optional<Duration>(drop.away)
                                                    : config::ParseDuration(text.substr(colon + 1));
  if (!chance || !away || away->count() <= 0) {
    return Unwanted("--drop", text,
                    "the chance from 0 to 1 that an asked site goes away, and after a colon how "
                    "long it stays away",
                    "0.05 or 0.05:2m");
  }
  drop.chance = *chance;
  drop.away = *away;
  return drop;
}

std::vector<double> Slowness(const Slow& slow, size_t sites, uint64_t seed) {
  std::vector<double> factors(sites, 1);
  const auto count = static_cast<size_t>(std::llround(slow.share * static_cast<double>(sites)));
  std::fill_n(factors.begin(), std::min(count, sites), slow.factor);
  DrawFor("slow", seed).Shuffle(std::span<double>(factors));
  return factors;
}

Duration StepTime(const job::JobSpec& spec, uint64_t train_rows, Duration row_time) {
  return row_time * static_cast<int64_t>(BatchRows(spec.train, train_rows));
}

uint64_t RowVisits(const job::JobSpec& spec, wire::Workload workload, uint64_t train_rows,
                   uint64_t test_rows, Duration row_time) {
  const bool trains = workload == wire::Workload::kTrain;
  if (!trains && workload != wire::Workload::kEvaluate) return train_rows;
  // The rows that local training of so many epochs or steps takes, as far as local_time lets it.
  const auto training = [&](uint64_t epochs, uint64_t steps) {
    const uint64_t batch = BatchRows(spec.train, train_rows);
    const uint64_t visits = steps > 0 ? steps * batch : epochs * train_rows;
    const Duration step = StepTime(spec, train_rows, row_time);
    if (spec.train.local_time <= Duration(0) || step <= Duration(0)) return visits;
    const auto fit = static_cast<uint64_t>((spec.train.local_time + step - Duration(1)) / step);
    return std::min(visits, fit * batch);
  };
  uint64_t visits = train_rows + test_rows;
  if (trains) visits += training(spec.train.local_epochs, spec.train.local_steps);
  if (!learn::EvaluatesPersonal(spec, workload)) return visits;
  visits += train_rows + test_rows;
  const job::PersonalRow& own = job::RowOf(spec.personal.kind);
  if (own.trains && own.in_every_round == trains) {
    visits += training(spec.personal.epochs, spec.personal.steps);
  }
  return visits;
}

}  // namespace consilium::simulator
