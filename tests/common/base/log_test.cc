#include "common/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "common/base/error.h"

namespace consilium {
namespace {

// What a call writes to stdout.
template <typename Call>
std::string Written(const Call& call) {
  ::testing::internal::CaptureStdout();
  call();
  return ::testing::internal::GetCapturedStdout();
}

// The one line that a call logs, parsed.
template <typename Call>
nlohmann::ordered_json Line(const Call& call) {
  const std::string text = Written(call);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
  return nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
}

TEST(Log, JsonLineHasTheFixedKeysFirstAndEveryField) {
  InitLog("server", Level::kInfo, LogFormat::kJson);
  const auto line = Line([] {
    Log(Level::kInfo, "round committed",
        {{"job", "ab12"}, {"round", 3}, {"seconds", 0.5}, {"resumed", true}});
  });
  std::vector<std::string> keys;
  for (const auto& [key, value] : line.items()) keys.push_back(key);
  EXPECT_THAT(keys, ::testing::ElementsAre("time", "level", "process", "event", "job", "round",
                                           "seconds", "resumed"));
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["process"], "server");
  EXPECT_EQ(line["event"], "round committed");
  EXPECT_EQ(line["round"], 3);
  EXPECT_EQ(line["seconds"], 0.5);
  EXPECT_EQ(line["resumed"], true);
}

TEST(Log, AFieldCannotReplaceAFixedKeyNorBreakTheLine) {
  InitLog("client", Level::kInfo, LogFormat::kJson);
  const auto line = Line([] {
    Log(Level::kError, "odd", {{"level", "debug"}, {"text", "a\n\"b\xff"}, {"none", std::nan("")}});
  });
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["text"], "a\n\"b\xef\xbf\xbd");
  EXPECT_TRUE(line["none"].is_null());
}

TEST(Log, LessThanTheLeastLevelIsNotWritten) {
  InitLog("client", Level::kWarning, LogFormat::kJson);
  EXPECT_EQ(Written([] { Log(Level::kInfo, "quiet"); }), "");
  EXPECT_NE(Written([] { Log(Level::kWarning, "loud"); }), "");
}

TEST(Log, TextLineQuotesWhatIsNotPlain) {
  InitLog("client", Level::kDebug, LogFormat::kText);
  const std::string line = Written([] {
    Log(Level::kDebug, "state fetched", {{"file", "a b\x1b"}, {"bytes", 12}, {"empty", ""}});
  });
  EXPECT_THAT(line, ::testing::EndsWith(
                        "debug   state fetched  file=\"a b\\u001b\"  bytes=12  empty=\"\"\n"));
}

TEST(Log, StatusBringsCodePlaceMessageAndHelp) {
  InitLog("client", Level::kInfo, LogFormat::kJson);
  const auto line = Line([] {
    LogStatus(Level::kError, "dataset refused",
              ErrorAt(ErrorCode::kDataBadCell, {"a.csv", 3, 2}, "not a number", "correct it"),
              {{"dataset", "heart"}});
  });
  EXPECT_EQ(line["dataset"], "heart");
  EXPECT_EQ(line["code"], "CN0404");
  EXPECT_EQ(line["place"], "a.csv:3:2");
  EXPECT_EQ(line["message"], "not a number");
  EXPECT_EQ(line["help"], "correct it");
}

}  // namespace
}  // namespace consilium
