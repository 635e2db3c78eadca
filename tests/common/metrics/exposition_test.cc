#include "common/metrics/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/metrics/counter.h"

namespace consilium::metrics {
namespace {

using ::testing::HasSubstr;

size_t Occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Exposition, OneNameIsOneFamilyWithItsHelpAndType) {
  Exposition scrape;
  scrape.Counter("consilium_rounds_total", "Rounds.", 3, {{"result", "committed"}});
  scrape.Counter("consilium_rounds_total", "Rounds.", 1, {{"result", "failed"}});
  scrape.Gauge("consilium_sites_connected", "Sites.", 4);
  const std::string text = scrape.Text();
  EXPECT_EQ(Occurrences(text, "# TYPE consilium_rounds_total counter"), 1u);
  EXPECT_THAT(text, HasSubstr("consilium_rounds_total{result=\"committed\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("consilium_rounds_total{result=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# HELP consilium_sites_connected Sites.\n"));
  EXPECT_THAT(text, HasSubstr("consilium_sites_connected 4\n"));
}

TEST(Exposition, LabelValuesAreEscaped) {
  Exposition scrape;
  scrape.Gauge("consilium_x", "X.", 1, {{"text", "a\"b\nc"}});
  EXPECT_THAT(scrape.Text(), HasSubstr("text=\"a\\\"b\\nc\""));
}

TEST(Exposition, HistogramBucketsAreCumulativeAndEndAtInfinity) {
  Histogram seconds({0.5, 1, 5});
  for (const double value : {0.1, 0.5, 0.7, 4.0, 60.0}) seconds.Observe(value);
  Exposition scrape;
  scrape.AddHistogram("consilium_round_seconds", "Seconds.", seconds);
  const std::string text = scrape.Text();
  EXPECT_THAT(text, HasSubstr("consilium_round_seconds_bucket{le=\"0.5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("consilium_round_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("consilium_round_seconds_bucket{le=\"5\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("consilium_round_seconds_bucket{le=\"+Inf\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("consilium_round_seconds_count 5\n"));
}

TEST(Counter, AddsUp) {
  Counter bytes;
  bytes.Add(5);
  bytes.Add(7);
  EXPECT_EQ(bytes.value(), 12u);
}

}  // namespace
}  // namespace consilium::metrics
