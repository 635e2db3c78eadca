#include "cli/output/kernels_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/output/job_json.h"
#include "cli/output/job_text.h"

namespace consilium::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What site `site` ran in a train step of round `round`; nothing counted where `kernel` is empty.
void AddRound(v1::JobView& job, uint64_t round, const char* site, const char* kernel) {
  v1::StepView* step = job.add_steps();
  step->set_workload(v1::WORKLOAD_TRAIN);
  step->set_round(round);
  v1::SiteStepView* row = step->add_sites();
  row->set_site(site);
  row->set_kernel(kernel);
}

// The cells of each line but the head.
std::vector<std::string> RowsOf(const v1::JobView& job) {
  std::vector<std::string> rows;
  const std::string table = KernelsTable(Terminal::Plain(), job);
  std::string word;
  bool head = true;
  for (const char c : table) {
    if (c == '\n') {
      if (!head) rows.push_back(word);
      head = false;
      word.clear();
    } else if (c != ' ' || (!word.empty() && word.back() != ' ')) {
      word += c;
    }
  }
  return rows;
}

TEST(KernelsTable, NamesTheRoundsOfEachSiteAndKernel) {
  v1::JobView job;
  for (uint64_t round = 1; round <= 4; ++round) AddRound(job, round, "north", "eigen-a");
  AddRound(job, 4, "south", "eigen-a");
  AddRound(job, 5, "north", "eigen-b");  // its machine was replaced
  AddRound(job, 6, "north", "eigen-a");
  EXPECT_THAT(RowsOf(job),
              ElementsAre("north eigen-a 1-4, 6", "north eigen-b 5", "south eigen-a 4"));
}

TEST(KernelsTable, ARoundThatFailedAndWasRepeatedIsOneRound) {
  v1::JobView job;
  for (const uint64_t round : {1, 2, 2, 3}) AddRound(job, round, "north", "eigen-a");
  EXPECT_THAT(RowsOf(job), ElementsAre("north eigen-a 1-3"));
}

TEST(KernelsTable, IsAbsentWhereNoUpdateNamesOne) {
  v1::JobView job;
  AddRound(job, 1, "north", "");
  EXPECT_EQ(KernelsTable(Terminal::Plain(), job), "");
  EXPECT_THAT(JobDetails(Terminal::Plain(), job, 10), Not(HasSubstr("KERNEL")));
}

TEST(KernelsTable, IsPartOfWhatShowSays) {
  v1::JobView job;
  AddRound(job, 1, "north", "eigen-a");
  EXPECT_THAT(JobDetails(Terminal::Plain(), job, 10), HasSubstr("TRAINING KERNEL"));
  EXPECT_EQ(ToJson(job)["steps"][0]["sites"][0]["kernel"], "eigen-a");
}

}  // namespace
}  // namespace consilium::cli
