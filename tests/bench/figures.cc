#include "tests/bench/figures.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/check.h"
#include "common/base/error.h"

namespace consilium::bench {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(3);

double ToSeconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double SecondsOf(clockid_t clock) {
  timespec now{};
  CN_CHECK(clock_gettime(clock, &now) == 0);
  return ToSeconds(now);
}

std::string OrDash(std::optional<double> value) {
  return value ? fmt::format("{:.4g}", *value) : "-";
}

}  // namespace

void Print(std::string_view name, double value, std::string_view unit, std::optional<double> floor,
           std::optional<double> ratio) {
  fmt::print("{} {:.4g} {} {} {}\n", name, value, unit, OrDash(floor), OrDash(ratio));
  std::fflush(stdout);
}

double Median(std::vector<double> values) {
  CN_CHECK(!values.empty());
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double WallSeconds() { return SecondsOf(CLOCK_MONOTONIC); }
double ThreadCpuSeconds() { return SecondsOf(CLOCK_THREAD_CPUTIME_ID); }

double CpuSecondsOf(int pid) {
  clockid_t clock{};
  timespec now{};
  // Neither works once the process is gone.
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &now) != 0) return 0;
  return ToSeconds(now);
}

uint64_t AnonymousBytesOf(int pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string word; file >> word;) {
    uint64_t kilobytes = 0;
    if (word == "RssAnon:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

PeakMemory::PeakMemory(int pid) : pid_(pid), stop_(1) {
  thread_ = std::thread([this] {
    do {
      most_ = std::max(most_, AnonymousBytesOf(pid_));
      stop_.PopFor(kLookEvery);
    } while (!stop_.closed());
  });
}

uint64_t PeakMemory::Stop() {
  stop_.Close();
  if (thread_.joinable()) thread_.join();
  return most_;
}

void Must(const absl::Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}", FormatError(status));
  std::_Exit(1);
}

Arguments ParseArguments(int argc, char** argv) {
  Arguments arguments;
  arguments.work = "build/bench/work";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--full") {
      arguments.full = true;
    } else if (word == "--work" && i + 1 < argc) {
      arguments.work = argv[++i];
    } else {
      fmt::print(stderr, "{}: unknown word {}, want --full or --work FOLDER\n", argv[0], word);
      std::_Exit(4);
    }
  }
  std::filesystem::create_directories(arguments.work);
  arguments.work = std::filesystem::absolute(arguments.work).string();
  return arguments;
}

}  // namespace consilium::bench
