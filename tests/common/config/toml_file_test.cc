#include "common/config/toml_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/config/units.h"
#include "tests/support/status_matchers.h"

namespace consilium::config {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TomlFile Read(std::string_view text, Layers layers = {}) {
  auto file = TomlFile::Parse(text, "server.toml", kConfigErrors, std::move(layers));
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

Layers WithVariable(const std::string& name, const std::string& value) {
  Layers layers;
  layers.environment[name] = value;
  return layers;
}

struct Expected {
  ErrorCode code;
  std::string place;
  std::string message;
  std::string help = "";
};
void ExpectError(const absl::Status& status, const Expected& want) {
  EXPECT_THAT(status, HasCode(want.code));
  ASSERT_TRUE(PlaceOf(status).has_value());
  EXPECT_EQ(PlaceOf(status)->ToString(), want.place);
  EXPECT_THAT(std::string(status.message()), HasSubstr(want.message));
  EXPECT_THAT(HelpOf(status), HasSubstr(want.help));
}

TEST(TomlFile, EveryGetterReadsItsType) {
  TomlFile file = Read(
      "text = 'a'\ninteger = 7\nnumber = 2.5\nwhole = 3\nflag = true\nduration = '1h30m'\n"
      "size = '64MiB'\nplain_size = 17\ntexts = ['a', 'b']\nintegers = [1, 2]\nchoice = 'two'\n"
      "[table]\nkey = 1\n[[list]]\nkey = 2\n[[list]]\nkey = 3\n[named.b]\nkey = 4\n[named.a]\n"
      "key = 5\n");
  const TomlTable root = file.root();
  EXPECT_EQ(root.Text("text"), "a");
  EXPECT_EQ(root.Integer("integer", {0, 10}), 7);
  EXPECT_EQ(root.Number("number", {0, 10}), 2.5);
  EXPECT_EQ(root.Number("whole", {0, 10}), 3.0);
  EXPECT_EQ(root.Flag("flag"), true);
  EXPECT_EQ(root.DurationOf("duration", Duration(0), std::chrono::hours(2)),
            std::chrono::minutes(90));
  EXPECT_EQ(root.ByteSize("size", 0, UINT64_MAX), 64u << 20);
  EXPECT_EQ(root.ByteSize("plain_size", 0, UINT64_MAX), 17u);
  EXPECT_THAT(root.Texts("texts", 2), ::testing::Optional(ElementsAre("a", "b")));
  EXPECT_THAT(root.Integers("integers", 2, {0, 9}), ::testing::Optional(ElementsAre(1, 2)));
  EXPECT_EQ(root.Choice("choice", {"one", "two"}), 1u);
  EXPECT_EQ(root.Table("table").Integer("key", {0, 9}), 1);
  const auto list = root.Tables("list");
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1].Integer("key", {0, 9}), 3);
  EXPECT_EQ(list[0].Integer("key", {0, 9}), 2);
  const auto named = root.Table("named").NamedTables();
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].first, "b");
  EXPECT_EQ(named[0].second.Integer("key", {0, 9}), 4);
  EXPECT_EQ(named[1].second.Integer("key", {0, 9}), 5);
  EXPECT_THAT(file.Finish(), IsOk());
}

TEST(TomlFile, WhatIsAbsentIsNoError) {
  TomlFile file = Read("");
  const TomlTable table = file.root().Table("a").Table("b");
  EXPECT_FALSE(table.present());
  EXPECT_EQ(table.Text("key"), std::nullopt);
  EXPECT_FALSE(table.Has("key"));
  EXPECT_TRUE(table.Tables("list").empty());
  EXPECT_TRUE(table.NamedTables().empty());
  EXPECT_THAT(file.Finish(), IsOk());
}

TEST(TomlFile, WhatNobodyAskedForIsUnknown) {
  TomlFile file = Read("[server]\nlisten = 'a'\n lisen = 'b'\n");
  file.root().Table("server").Text("listen");
  ExpectError(file.Finish(), {ErrorCode::kConfigUnknownKey, "server.toml:3:2",
                              "unknown key `lisen` in [server]", "did you mean `listen`?"});
}

TEST(TomlFile, UnknownKeysInListsOfTablesAreFound) {
  TomlFile file = Read("[[list]]\nkey = 1\n[[list]]\nkay = 1\n");
  for (const TomlTable& table : file.root().Tables("list")) table.Integer("key", {0, 9});
  ExpectError(file.Finish(), {ErrorCode::kConfigUnknownKey, "server.toml:4:1",
                              "unknown key `kay` in [list[1]]", "did you mean `key`?"});
}

TEST(TomlFile, AnUnknownTableIsReportedOnceByItsOwnName) {
  TomlFile file = Read("[sever]\nlisten = 'a'\n");
  file.root().Table("server").Text("listen");
  ExpectError(file.Finish(), {ErrorCode::kConfigUnknownKey, "server.toml:1:2",
                              "unknown key `sever`", "did you mean `server`?"});
}

TEST(TomlFile, TheFirstErrorInTheFileWinsWhateverTheOrderOfReading) {
  TomlFile file = Read("a = 1\nb = 'x'\nc = 99\n");
  const TomlTable root = file.root();
  root.Integer("c", {0, 9});
  root.Missing("d");
  root.Integer("b", {0, 9});
  root.Integer("a", {0, 9});
  ExpectError(file.Finish(),
              {ErrorCode::kConfigWrongType, "server.toml:2:5", "`b` is text, want an integer"});
}

TEST(TomlFile, MissingKeysComeAfterWhatIsThere) {
  TomlFile file = Read("[server]\nlisten = 3\n[client]\n");
  const TomlTable root = file.root();
  root.Table("client").Missing("server", "say where it is");
  EXPECT_THAT(Read("").Finish(), IsOk());
  root.Table("server");
  EXPECT_THAT(file.Finish(), HasCode(ErrorCode::kConfigUnknownKey));
  TomlFile only = Read("[client]\n");
  only.root().Table("client").Missing("server", "say where it is");
  ExpectError(only.Finish(), {ErrorCode::kConfigMissingKey, "server.toml:1:2",
                              "missing key `server` in [client]", "say where it is"});
}

TEST(TomlFile, WrongTypesOfEveryKindAreReported) {
  const auto error = [](std::string_view text, auto read) {
    TomlFile file = Read(text);
    read(file.root());
    return file.Finish();
  };
  const auto expect = [&](std::string_view text, auto read, const std::string& message) {
    ExpectError(error(text, read), {ErrorCode::kConfigWrongType, "server.toml:1:5", message});
  };
  expect("k = 1", [](TomlTable t) { t.Text("k"); }, "is an integer, want text in quotes");
  expect(
      "k = 1.5", [](TomlTable t) { t.Integer("k", {0, 9}); },
      "is a number with a point, want an integer");
  expect("k = true", [](TomlTable t) { t.Number("k", {0, 9}); }, "is true or false, want a number");
  expect("k = 1", [](TomlTable t) { t.Flag("k"); }, "want true or false");
  expect(
      "k = '5'", [](TomlTable t) { t.DurationOf("k", Duration(0), kMaxDuration); },
      "want a duration");
  expect("k = -5", [](TomlTable t) { t.ByteSize("k", 0, 9); }, "want a size");
  expect("k = 'a'", [](TomlTable t) { t.Texts("k", 9); }, "want a list of texts");
  expect("k = 2026-01-01", [](TomlTable t) { t.Table("k"); }, "is a date or time, want a table");
  expect("k = [1]", [](TomlTable t) { t.Tables("k"); }, "is a list, want tables");
  expect("k = 1", [](TomlTable t) { t.Items("k", 9); }, "want a list or a table");
  expect("k = 1", [](TomlTable t) { t.TextOrTable("k"); }, "want text in quotes, or a table");
  ExpectError(error("k = ['a', 1]", [](TomlTable t) { t.Texts("k", 9); }),
              {ErrorCode::kConfigWrongType, "server.toml:1:11", "`k` holds an integer"});
}

TEST(TomlFile, RangesAreInclusiveAndNamed) {
  TomlFile file = Read("a = 1\nb = 9\nc = 10\n");
  const TomlTable root = file.root();
  EXPECT_EQ(root.Integer("a", {1, 9}), 1);
  EXPECT_EQ(root.Integer("b", {1, 9}), 9);
  EXPECT_EQ(root.Integer("c", {1, 9}), std::nullopt);
  ExpectError(file.Finish(),
              {ErrorCode::kConfigOutOfRange, "server.toml:3:5", "`c` is 10, want 1 to 9"});
}

TEST(TomlFile, ListsHaveABound) {
  TomlFile file = Read("k = ['a', 'b', 'c']");
  EXPECT_EQ(file.root().Texts("k", 2), std::nullopt);
  ExpectError(file.Finish(), {ErrorCode::kConfigOutOfRange, "server.toml:1:5", "has 3 elements"});
}

TEST(Layers, AVariableGoesOverTheFileAndAFlagOverBoth) {
  const std::string text = "[server]\nlisten = 'file'\n";
  Layers layers = WithVariable("CONSILIUM_SERVER_LISTEN", "variable");
  TomlFile by_variable = Read(text, layers);
  EXPECT_EQ(by_variable.root().Table("server").Text("listen"), "variable");
  EXPECT_THAT(by_variable.Finish(), IsOk());
  layers.flags.push_back({"server.listen", "--listen", "flag"});
  TomlFile by_flag = Read(text, layers);
  EXPECT_EQ(by_flag.root().Table("server").Text("listen"), "flag");
  EXPECT_THAT(by_flag.Finish(), IsOk());
}

TEST(Layers, AVariableIsReadWithoutAFileAsEveryType) {
  Layers layers;
  layers.environment = {{"CONSILIUM_A_TEXT", "t"},       {"CONSILIUM_A_INTEGER", " 7 "},
                        {"CONSILIUM_A_NUMBER", "2.5"},   {"CONSILIUM_A_FLAG", "true"},
                        {"CONSILIUM_A_DURATION", "5m"},  {"CONSILIUM_A_SIZE", "1KiB"},
                        {"CONSILIUM_A_TEXTS", "x, y,z"}, {"CONSILIUM_A_NONE", ""},
                        {"CONSILIUM_A_DASH_KEY", "d"}};
  TomlFile file = Read("", layers);
  const TomlTable table = file.root().Table("a");
  EXPECT_EQ(table.Text("text"), "t");
  EXPECT_EQ(table.Integer("integer", {0, 9}), 7);
  EXPECT_EQ(table.Number("number", {0, 9}), 2.5);
  EXPECT_EQ(table.Flag("flag"), true);
  EXPECT_EQ(table.DurationOf("duration", Duration(0), kMaxDuration), std::chrono::minutes(5));
  EXPECT_EQ(table.ByteSize("size", 0, 9999), 1024u);
  EXPECT_THAT(table.Texts("texts", 9), ::testing::Optional(ElementsAre("x", "y", "z")));
  EXPECT_THAT(table.Texts("none", 9), ::testing::Optional(ElementsAre()));
  EXPECT_EQ(table.Text("dash-key"), "d");
  EXPECT_TRUE(table.Has("text"));
  EXPECT_THAT(file.Finish(), IsOk());
}

TEST(Layers, ErrorsNameTheirSource) {
  TomlFile file = Read("zzz = 1\n", WithVariable("CONSILIUM_SERVER_PORT", "tcp://10.0.0.1:1"));
  EXPECT_EQ(file.root().Table("server").Integer("port", {1, 65535}), std::nullopt);
  ExpectError(file.Finish(),
              {ErrorCode::kConfigWrongType, "environment variable CONSILIUM_SERVER_PORT",
               "`server.port` is text, want an integer"});
  Layers layers;
  layers.flags.push_back({"server.port", "--port", "99999"});
  TomlFile by_flag = Read("", layers);
  by_flag.root().Table("server").Integer("port", {1, 65535});
  ExpectError(by_flag.Finish(),
              {ErrorCode::kConfigOutOfRange, "flag --port", "is 99999, want 1 to 65535"});
}

TEST(Layers, VariablesThatNoKeyHasAreLeftAlone) {
  TomlFile file = Read("", WithVariable("CONSILIUM_SERVER_SERVICE_HOST", "10.0.0.1"));
  file.root().Table("server").Text("listen");
  EXPECT_THAT(file.Finish(), IsOk());
}

TEST(Layers, TheEnvironmentIsReadFromItsArray) {
  const char* const variables[] = {"A=1", "B=x=y", "broken", "C=", nullptr};
  const std::map<std::string, std::string> want = {{"A", "1"}, {"B", "x=y"}, {"C", ""}};
  EXPECT_EQ(ReadEnvironment(variables), want);
  EXPECT_EQ(VariableOf("server.round-deadline"), "CONSILIUM_SERVER_ROUND_DEADLINE");
}

TEST(ReadToml, KeysKeepTheOrderOfTheFile) {
  ASSERT_OK_AND_ASSIGN(const TomlNode root,
                       ReadToml("z = 1\na = 2\nm.x = 3\n[b]\n", "f", ErrorCode::kConfigSyntax));
  std::vector<std::string> keys;
  for (const TomlNode& child : root.children) keys.push_back(child.key);
  EXPECT_THAT(keys, ElementsAre("z", "a", "m", "b"));
}

TEST(ReadToml, DepthIsBoundedBeforeTheParserSeesIt) {
  const auto read = [](const std::string& text) {
    return ReadToml(text, "f", ErrorCode::kConfigSyntax).status();
  };
  std::string dotted = "a";
  for (int i = 0; i < 100'000; ++i) dotted += ".a";
  EXPECT_THAT(read(dotted + " = 1"), HasCode(ErrorCode::kConfigSyntax));
  EXPECT_THAT(read("[" + dotted + "]"), HasCode(ErrorCode::kConfigSyntax));
  EXPECT_THAT(read("a = " + std::string(100'000, '[')), HasCode(ErrorCode::kConfigSyntax));
  std::string tables;
  for (int i = 0; i < 30'000; ++i) tables += "a={";
  EXPECT_THAT(read(tables), HasCode(ErrorCode::kConfigSyntax));
}

TEST(ReadToml, DotsAndBracketsInTextsAndCommentsAreNoDepth) {
  const std::string dots(100, '.');
  const std::string brackets(100, '[');
  const std::string text = "a = \"" + dots + "\\\"" + brackets + "\"\nb = '" + brackets + "'\n# " +
                           dots + brackets + "\nc = \"\"\"\n" + dots + "\n\"\"" + brackets +
                           "\"\"\"\"\"\nd = '''" + brackets + "'''\n\"" + dots + "\" = 1\n";
  EXPECT_THAT(ReadToml(text, "f", ErrorCode::kConfigSyntax), IsOk());
}

TEST(ReadToml, MalformedTextsThatTheParserAssertsAreErrorsWithAPlace) {
  for (const char* text : {"\nk = [1, }2]", "\n[$x]", "\nk = ]", "\na. = 1", "\n[a.$]",
                           "\nk = {$ = 1}", "\nk = ,", "\nk = {a = }", "\n[[$]]",
                           "\nGr\xc3\xb6\xc3\x9f"
                           "e = 1",
                           "\n[\xd0\xba]"}) {
    SCOPED_TRACE(text);
    const auto status = ReadToml(text, "f", ErrorCode::kConfigSyntax).status();
    EXPECT_THAT(status, HasCode(ErrorCode::kConfigSyntax));
    EXPECT_EQ(PlaceOf(status)->line, 2);
  }
}

TEST(ReadToml, DepthAfterATextThatEndsInQuotesIsStillSeen) {
  const std::string text = "a = \"\"\"x\"\"\"\"\"\nb = " + std::string(50, '[');
  const auto status = ReadToml(text, "f", ErrorCode::kConfigSyntax).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("nested too deep"));
}

}  // namespace
}  // namespace consilium::config
