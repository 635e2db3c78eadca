#include "common/job/parse_sampling.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "common/job/job_keys.h"
#include "common/wire/messages.h"
#include "fmt/format.h"

namespace consilium::job {
namespace {

using config::TomlTable;

constexpr std::array kSamplings = {"uniform", "weighted", "tags", "poisson"};

class SamplingReader {
 public:
  SamplingReader(const TomlTable& table, JobSpec& spec)
      : table_(table), spec_(spec), part_(spec.participation) {}

  void Read() {
    const auto named =
        table_.Choice(Leaf("participation.sampling"), {kSamplings.begin(), kSamplings.end()});
    if (named) part_.sampling = static_cast<Sampling>(*named);
    ReadRate();
    ReadWeights();
    ReadTags();
    if (!named && table_.Has("sampling")) return;  // its name is wrong: nothing to judge
    Judge("sampling_rate", Sampling::kPoisson);
    Judge("site_weights", Sampling::kWeighted);
    Judge("tags", Sampling::kTags);
    if (part_.sampling == Sampling::kPoisson) {
      JudgePoisson();
    } else if (part_.sampling != Sampling::kUniform && part_.goal == 0) {
      table_.Conflict("sampling",
                      fmt::format("is \"{}\", but without a goal every site is asked", Name()),
                      "add goal = 10: so many updates close a round");
    }
  }

 private:
  std::string_view Name() const { return kSamplings[static_cast<size_t>(part_.sampling)]; }

  void ReadRate() {
    part_.sampling_rate = table_.Number(Leaf("participation.sampling_rate"), {0, 1, true})
                              .value_or(part_.sampling_rate);
  }

  bool IsSite(const TomlTable& table, std::string_view key, const std::string& name) const {
    if (!IsValidName(name)) {
      table.OutOfRange(key, fmt::format("names \"{}\", want 1 to 64 of a-z 0-9 - _ .", name));
      return false;
    }
    const bool known =
        part_.sites.empty() || std::ranges::find(part_.sites, SiteId(name)) != part_.sites.end();
    if (known) return true;
    table.Conflict(key, fmt::format("names \"{}\", which is not in `participation.sites`", name),
                   "add it there, or remove it here");
    return false;
  }

  void ReadWeights() {
    const TomlTable weights = table_.Table(Leaf("participation.site_weights"));
    if (!weights.present()) return;
    for (const std::string& name : weights.Keys()) {
      const auto weight = weights.Integer(name, {1, kMaxSiteWeight});
      if (!IsSite(weights, name, name) || !weight) continue;
      part_.site_weights[SiteId(name)] = static_cast<uint32_t>(*weight);
    }
  }

  void ReadTags() {
    const std::string_view key = Leaf("participation.tags");
    const TomlTable tags = table_.Table(key);
    if (!tags.present()) return;
    std::set<std::string> seen;
    for (const std::string& tag : tags.Keys()) {
      const auto names = tags.Texts(tag, wire::kMaxCohort);
      if (!IsValidName(tag)) {
        tags.OutOfRange(tag, "is no name, want 1 to 64 of a-z 0-9 - _ .");
      }
      if (!names) continue;
      for (const std::string& name : *names) {
        if (!IsSite(tags, tag, name)) continue;
        if (!seen.insert(name).second) {
          tags.Conflict(tag, fmt::format("names \"{}\", which has a tag already", name),
                        "a site has one tag");
        }
        part_.tags[tag].emplace_back(name);
      }
    }
    if (part_.tags.size() > kMaxTags) {
      table_.OutOfRange(key,
                        fmt::format("has {} tags, want at most {}", part_.tags.size(), kMaxTags));
    }
  }

  // A parameter of one sampling: refused with the others, and wanted with its own.
  void Judge(std::string_view key, Sampling of) const {
    const std::string_view own = kSamplings[static_cast<size_t>(of)];
    if (part_.sampling == of && !table_.Has(key)) {
      table_.Missing(key, fmt::format("sampling = \"{}\" needs it", own));
    } else if (part_.sampling != of && table_.Has(key)) {
      table_.Conflict(key, fmt::format("goes with sampling = \"{}\" only", own),
                      fmt::format("set that, or remove `{}`", key));
    }
  }

  // Every site by itself and with the same chance, or there is nothing to account by.
  void JudgePoisson() const {
    constexpr const char* kWhy = "poisson draws every site by itself, with the same chance";
    const auto refuse = [&](const char* key, std::string_view what) {
      table_.Conflict(key, fmt::format("{} does not go with sampling = \"poisson\"", what), kWhy);
    };
    const auto refuse_with = [&](std::string_view what) {
      table_.Conflict("sampling", fmt::format("is \"poisson\", which does not go with {}", what),
                      kWhy);
    };
    if (spec_.strategy.buffer > 0) {
      refuse_with("a strategy that fills a buffer: it closes a round early");
      return;
    }
    if (part_.goal > 0) refuse(table_.Has("goal") ? "goal" : "select", "closes a round early, and");
    if (spec_.robust.kind == RobustKind::kFlTrust) {
      refuse_with("rule = \"fltrust\", which asks its root site in every round");
    } else if (!part_.required_sites.empty()) {
      refuse("required_sites", "asks a site in every round, and");
    }
    if (part_.late == Late::kNextRound) {
      refuse("late", "leaves out sites that are still at work, and");
    }
    if (part_.on_too_few == OnTooFew::kFail) {
      refuse("on_too_few", "ends the job at the first small draw, and");
    }
  }

  const TomlTable& table_;
  const JobSpec& spec_;
  ParticipationSpec& part_;
};

}  // namespace

void ReadSampling(const TomlTable& table, JobSpec& spec) { SamplingReader(table, spec).Read(); }

}  // namespace consilium::job
