#include "server/round/cohort.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "common/base/random.h"
#include "common/crypto/sha256.h"
#include "common/learn/start.h"

namespace consilium::server::round {
namespace {

using Sites = std::vector<SiteId>;

bool Holds(const Sites& sites, const SiteId& site) {
  return std::ranges::find(sites, site) != sites.end();
}

// A stream for each site, so that who else is there changes nothing.
Sites DrawPoisson(double rate, const Sites& eligible, const Digest& key) {
  const auto below = static_cast<uint64_t>(std::ldexp(rate, 53));  // exact: a rate has 53 bits
  Sites drawn;
  for (const SiteId& site : eligible) {
    const std::array<ByteSpan, 2> parts = {std::as_bytes(std::span(key.bytes)),
                                           AsBytes(site.value())};
    Random random(crypto::DeriveKey("consilium-poisson-v1", parts));
    if (random.Next64() >> 11 < below) drawn.push_back(site);
  }
  return drawn;
}

// The first `count` of a draw without replacement.
Sites DrawWeighted(const std::map<SiteId, uint32_t>& weights, Sites others, size_t count,
                   Random& random) {
  std::vector<uint32_t> weight(others.size(), 1);
  uint32_t total = 0;  // at most 16,384 sites of 65,536
  for (size_t i = 0; i < others.size(); ++i) {
    const auto given = weights.find(others[i]);
    if (given != weights.end()) weight[i] = given->second;
    total += weight[i];
  }
  Sites drawn;
  while (drawn.size() < count) {
    uint32_t point = random.Below(total);
    size_t at = 0;
    while (point >= weight[at]) point -= weight[at++];
    drawn.push_back(others[at]);
    total -= std::exchange(weight[at], 0);  // never met again
  }
  return drawn;
}

Sites DrawByTag(const std::map<std::string, Sites>& tags, const Sites& others, size_t count,
                Random& random) {
  std::vector<Sites> groups;
  Sites rest = others;
  for (const auto& [tag, sites] : tags) {
    Sites& group = groups.emplace_back();
    for (const SiteId& site : others) {
      if (!Holds(sites, site)) continue;
      group.push_back(site);
      std::erase(rest, site);
    }
  }
  groups.push_back(std::move(rest));
  for (Sites& group : groups) random.Shuffle(std::span<SiteId>(group));
  Sites drawn;
  for (size_t turn = 0; drawn.size() < count; ++turn) {
    for (const Sites& group : groups) {
      if (turn < group.size() && drawn.size() < count) drawn.push_back(group[turn]);
    }
  }
  return drawn;
}

Sites DrawOthers(const job::ParticipationSpec& participation, Sites others, size_t count,
                 const Digest& key) {
  Random random(key);
  switch (participation.sampling) {
    case job::Sampling::kWeighted:
      return DrawWeighted(participation.site_weights, std::move(others), count, random);
    case job::Sampling::kTags:
      return DrawByTag(participation.tags, others, count, random);
    case job::Sampling::kUniform:
    case job::Sampling::kPoisson:
      break;
  }
  random.Shuffle(std::span<SiteId>(others));
  others.resize(count);
  return others;
}

}  // namespace

std::vector<SiteId> DrawCohort(const job::ParticipationSpec& participation,
                               const std::vector<SiteId>& eligible, const Digest& key) {
  if (participation.sampling == job::Sampling::kPoisson) {
    return DrawPoisson(participation.sampling_rate, eligible, key);
  }
  // The factor is a decimal fraction in a binary double: 100 * 1.1 is 110, not 111.
  const auto wanted = static_cast<size_t>(
      std::ceil(static_cast<double>(participation.goal) * participation.select - 1e-6));
  if (participation.goal == 0 || eligible.size() <= wanted) return eligible;
  Sites cohort;
  Sites others;
  for (const SiteId& site : eligible) {
    (Holds(participation.required_sites, site) ? cohort : others).push_back(site);
  }
  const size_t places = wanted > cohort.size() ? wanted - cohort.size() : 0;
  const Sites drawn = DrawOthers(participation, std::move(others), places, key);
  cohort.insert(cohort.end(), drawn.begin(), drawn.end());
  std::ranges::sort(cohort);
  return cohort;
}

Digest CohortKey(const job::JobSpec& spec, StepNumber step) {
  const Bytes material = learn::SeedMaterial(spec);
  Bytes number;
  ByteWriter(number).Put(step.value());
  const std::array<ByteSpan, 2> parts = {material, number};
  return crypto::DeriveKey("consilium-cohort-v1", parts);
}

}  // namespace consilium::server::round
