// The table of keys, the parser and the documentation say the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "common/job/job_spec.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::job {
namespace {

const std::string kDocs = CONSILIUM_SOURCE_DIR "/docs/job-file.md";

std::string MinimalJob() {
  return "name = \"j\"\nrounds = 2\n[data]\ndataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n"
         "[model]\nkind = \"logistic\"\n";
}

// The minimal job with one more key, at the place its path says.
std::string WithKey(std::string_view path, std::string_view value) {
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos) {
    return std::string(path) + " = " + std::string(value) + "\n" + MinimalJob();
  }
  const std::string header = "[" + std::string(path.substr(0, dot)) + "]\n";
  const std::string entry = std::string(path.substr(dot + 1)) + " = " + std::string(value) + "\n";
  std::string job = MinimalJob();
  const size_t table = job.find(header);
  if (table == std::string::npos) return job + header + entry;
  return job.insert(table + header.size(), entry);
}

bool SameSettings(const JobSpec& a, const JobSpec& b) {
  return a.rounds == b.rounds && a.durability == b.durability && a.retain == b.retain &&
         a.data.standardize == b.data.standardize &&
         a.train.learning_rate == b.train.learning_rate &&
         a.train.batch_size == b.train.batch_size &&
         a.participation.min_sites == b.participation.min_sites &&
         a.participation.sites == b.participation.sites &&
         a.participation.required_sites == b.participation.required_sites &&
         a.participation.round_deadline == b.participation.round_deadline &&
         a.participation.goal == b.participation.goal &&
         a.participation.select == b.participation.select &&
         a.participation.on_too_few == b.participation.on_too_few &&
         a.participation.max_failed_rounds == b.participation.max_failed_rounds &&
         a.weight_cap == b.weight_cap;
}

// A default that is a TOML value, and not a rule in words.
bool IsValue(std::string_view fallback) {
  const bool quoted = fallback.front() == '"' && fallback.find('"', 1) == fallback.size() - 1;
  const bool number = fallback.find_first_not_of("0123456789.") == std::string_view::npos;
  return quoted || number || fallback == "[]";
}

TEST(JobKeys, EveryPathIsListedOnceWithAllItsParts) {
  std::set<std::string_view> paths;
  for (const JobKey& key : AllJobKeys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_FALSE(key.type.empty() || key.fallback.empty() || key.meaning.empty()) << key.path;
  }
}

TEST(JobKeys, WritingADefaultOutChangesNothing) {
  ASSERT_OK_AND_ASSIGN(const JobSpec minimal, ParseJob(AsBytes(MinimalJob()), "job.toml"));
  int tried = 0;
  for (const JobKey& key : AllJobKeys()) {
    if (!IsValue(key.fallback) || key.path.starts_with("data.features.")) continue;
    SCOPED_TRACE(key.path);
    ++tried;
    const std::string text = WithKey(key.path, key.fallback);
    ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseJob(AsBytes(text), "job.toml"));
    EXPECT_TRUE(SameSettings(spec, minimal));
  }
  EXPECT_GE(tried, 14);
}

// A key in the table that the parser does not ask for would be unknown to it.
TEST(JobKeys, TheParserKnowsEveryKeyOfTheTable) {
  for (const JobKey& key : AllJobKeys()) {
    if (key.path.starts_with("data.features.") || key.path.starts_with("data.label.")) continue;
    SCOPED_TRACE(key.path);
    // A date is no key's type: a known key is of the wrong type (or there twice), not unknown.
    const auto spec = ParseJob(AsBytes(WithKey(key.path, "2026-01-01")), "job.toml");
    ASSERT_FALSE(spec.ok());
    EXPECT_NE(CodeOf(spec.status()), ErrorCode::kJobUnknownKey) << spec.status();
  }
}

TEST(JobKeys, TheDocumentationIsMadeFromTheTable) {
  if (std::getenv("CONSILIUM_WRITE_DOCS") != nullptr) {
    std::ofstream(kDocs, std::ios::binary) << JobFileMarkdown();
  }
  EXPECT_EQ(consilium::testing::ReadTextFile(kDocs), JobFileMarkdown())
      << "regenerate with CONSILIUM_WRITE_DOCS=1 build/dev/bin/common_job_test";
}

TEST(JobKeys, TheExampleOfTheDocumentationIsAJob) {
  const std::string text = JobFileMarkdown();
  const size_t begin = text.find("```toml\n") + 8;
  const std::string example = text.substr(begin, text.find("```", begin) - begin);
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseJob(AsBytes(example), "job.toml"));
  EXPECT_EQ(spec.name, "heart-disease");
}

}  // namespace
}  // namespace consilium::job
