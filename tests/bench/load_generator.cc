#include "tests/bench/load_generator.h"

#include "common/base/check.h"
#include "tests/bench/figures.h"

namespace consilium::bench {
namespace {

void WaitAMoment() {
  BoundedQueue<bool> nothing(1);
  nothing.PopFor(std::chrono::milliseconds(1));
}

}  // namespace

LoadGenerator::LoadGenerator(Lab& lab, const Options& options)
    : lab_(lab),
      options_(options),
      shared_({.target = options.target.empty() ? lab.target() : options.target,
               .federation = lab.federation(),
               .fetch = options.fetch,
               .by_stream = options.by_stream,
               .backoff = options.backoff,
               .on_event = [this](LoadEvent event, StepNumber step) { OnEvent(event, step); }},
              lab.clock()) {
  for (size_t i = 0; i < options.sites; ++i) {
    sites_.push_back(std::make_shared<LoadSite>(shared_, lab.Site(i), lab.SiteFiles(i)));
    CN_CHECK(shared_.pool.TryRun([site = sites_.back()] { site->Dial(); }));
  }
}

LoadGenerator::~LoadGenerator() {
  shared_.stopping = true;
  for (const auto& site : sites_) site->Stop();
  while (shared_.open_calls > 0) WaitAMoment();
}

void LoadGenerator::WaitForWelcomes(uint64_t times) {
  while (shared_.welcomed < times * options_.sites) WaitAMoment();
}

void LoadGenerator::OnEvent(LoadEvent event, StepNumber step) {
  const double wall = WallSeconds();
  const int pid = lab_.server_pid();
  const double cpu = pid == 0 ? 0 : CpuSecondsOf(pid);
  MutexLock lock(mutex_);
  StepMarks& marks = marks_[step];
  Mark& mark = event == LoadEvent::kOffered     ? marks.offered
               : event == LoadEvent::kReceipted ? marks.receipted
                                                : marks.outcome;
  if (mark.sites++ == 0) {
    mark.first_wall = wall;
    mark.first_cpu = cpu;
  }
  mark.wall = wall;
  mark.cpu = cpu;
  changed_.NotifyAll();
}

void LoadGenerator::WaitForReceipts(StepNumber step, size_t sites) {
  MutexLock lock(mutex_);
  while (marks_[step].receipted.sites < sites) changed_.Wait(mutex_);
}

void LoadGenerator::WaitForLastOutcome(uint32_t rounds) {
  MutexLock lock(mutex_);
  while (marks_[StepNumber(rounds + 1)].outcome.sites < options_.sites) changed_.Wait(mutex_);
}

std::map<StepNumber, StepMarks> LoadGenerator::marks() const {
  MutexLock lock(mutex_);
  return marks_;
}

}  // namespace consilium::bench
