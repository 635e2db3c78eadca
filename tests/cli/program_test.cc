// The program without a server: what it prints, where, and the exit codes it promises.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace consilium::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr const char* kExampleJob = CONSILIUM_SOURCE_DIR "/examples/heart/job.toml";

std::string Write(const TempFolder& folder, const std::string& name, const std::string& text) {
  const std::string path = folder.path() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(ConsiliumProgram, VersionIsData) {
  const Ran ran = RunProgram({"consilium", "--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, StartsWith("consilium 0."));
}

TEST(ConsiliumProgram, AnUnknownVerbIsBadUsage) {
  const Ran ran = RunProgram({"consilium", "sumbit"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("error[CN0101]"));
}

TEST(ConsiliumProgram, AValidJobIsSaidToBeValidAndTheNextCommandIsNamed) {
  const Ran ran = RunProgram({"consilium", "job", "check", kExampleJob});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("is a valid job"));
  EXPECT_THAT(ran.err, HasSubstr("next: consilium submit"));
}

TEST(ConsiliumProgram, ACheckedJobNamesItsStrategyAndAllItsParameters) {
  TempFolder folder;
  const std::string job =
      Write(folder, "job.toml",
            "name = \"x\"\nrounds = 3\n[data]\ndataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n"
            "[model]\nkind = \"logistic\"\n[aggregation]\nstrategy = \"fedadam\"\nbeta1 = 0.5\n");
  const Ran ran = RunProgram({"consilium", "job", "check", job});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("strategy fedadam, server_learning_rate 0.01, beta1 0.5"));
}

TEST(ConsiliumProgram, AMisspeltKeyIsNamedWithPlaceAndNeighbour) {
  TempFolder folder;
  const std::string job = Write(folder, "job.toml", "name = \"x\"\nround = 3\n");
  const Ran ran = RunProgram({"consilium", "job", "check", job});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("error[CN0203]"));
  EXPECT_THAT(ran.err, HasSubstr("job.toml:2:1"));
  EXPECT_THAT(ran.err, HasSubstr("rounds"));
}

TEST(ConsiliumProgram, UnderJsonAnErrorIsAnEnvelopeOnStdout) {
  TempFolder folder;
  const std::string job = Write(folder, "job.toml", "name = \"x\"\nround = 3\n");
  const Ran ran = RunProgram({"consilium", "--json", "job", "check", job});
  EXPECT_EQ(ran.exit_code, 4);
  const auto json = nlohmann::json::parse(ran.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << ran.out;
  EXPECT_EQ(json["kind"], "error");
  EXPECT_EQ(json["error"]["code"], "CN0203");
  EXPECT_EQ(json["error"]["place"]["line"], 2);
}

TEST(ConsiliumProgram, AMissingFileIsNamed) {
  const Ran ran = RunProgram({"consilium", "submit", "/nowhere/job.toml"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("error[CN0102]"));
  EXPECT_THAT(ran.err, HasSubstr("/nowhere/job.toml"));
}

TEST(ConsiliumProgram, ExplainKnowsItsCodesAndNoOthers) {
  const Ran known = RunProgram({"consilium", "explain", "CN0203"});
  EXPECT_EQ(known.exit_code, 0);
  EXPECT_THAT(known.out, HasSubstr("What to do:"));
  const Ran unknown = RunProgram({"consilium", "explain", "CN9999"});
  EXPECT_EQ(unknown.exit_code, 4);
}

TEST(ConsiliumProgram, WithoutAServerConfiguredItSaysHowToNameOne) {
  TempFolder folder;
  const Ran ran = RunProgram({"consilium", "jobs"},
                             {.folder = folder.path(),
                              .environment = {{"HOME", folder.path()}, {"CONSILIUM_CONFIG", ""}}});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("consilium lab up"));
}

TEST(ConsiliumProgram, PkiMakesAnAuthorityAndCertificatesThatItCanShow) {
  TempFolder folder;
  const std::string pki = folder.path() + "/pki";
  ASSERT_EQ(RunProgram({"consilium", "pki", "init", "demo", "--folder", pki}).exit_code, 0);
  const Ran again = RunProgram({"consilium", "pki", "init", "demo", "--folder", pki});
  EXPECT_EQ(again.exit_code, 4);
  EXPECT_THAT(again.err, HasSubstr("CN0512"));
  const Ran issued = RunProgram({"consilium", "pki", "issue", "--folder", pki, "site", "north"});
  ASSERT_EQ(issued.exit_code, 0) << issued.err;
  EXPECT_THAT(issued.out, HasSubstr("spiffe://demo/site/north"));
  const Ran shown =
      RunProgram({"consilium", "--json", "pki", "show", pki + "/issued/site-north/cert.pem"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  const auto json = nlohmann::json::parse(shown.out, nullptr, false);
  EXPECT_EQ(json["data"]["uris"][0], "spiffe://demo/site/north");
}

TEST(ConsiliumProgram, AServerThatIsNotThereIsExitCodeTwo) {
  TempFolder folder;
  const std::string pki = folder.path() + "/pki";
  ASSERT_EQ(RunProgram({"consilium", "pki", "init", "demo", "--folder", pki}).exit_code, 0);
  ASSERT_EQ(
      RunProgram({"consilium", "pki", "issue", "--folder", pki, "researcher", "me"}).exit_code, 0);
  const std::string own = pki + "/issued/researcher-me/";
  const Ran ran =
      RunProgram({"consilium", "--server", "localhost:1", "--cert", own + "cert.pem", "--key",
                  own + "key.pem", "--ca", own + "ca.pem", "--timeout", "5s", "jobs"});
  EXPECT_EQ(ran.exit_code, 2) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("localhost:1"));
}

}  // namespace
}  // namespace consilium::testing
