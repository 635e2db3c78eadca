#include "common/rpc/status_conversion.h"

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/error.h"
#include "common/base/retry_after.h"
#include "common/rpc/channel.h"
#include "common/rpc/error_details.h"
#include "tests/support/status_matchers.h"

namespace consilium::rpc {
namespace {

using ::testing::AllOf;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;
using testing::StatusIs;

absl::Status ThereAndBack(const absl::Status& status) { return FromGrpc(ToGrpc(status)); }

TEST(StatusConversion, CodePlaceAndHelpArrive) {
  const absl::Status sent = ErrorAt(ErrorCode::kJobUnknownKey, {"job.toml", 3, 7},
                                    "unknown key `round`", "did you mean `rounds`?");
  EXPECT_EQ(FormatError(ThereAndBack(sent)), FormatError(sent));
  EXPECT_EQ(ThereAndBack(sent).code(), sent.code());
}

TEST(StatusConversion, EveryCodeSurvives) {
  for (const ErrorRow& row : AllErrorRows()) {
    const absl::Status back = ThereAndBack(Error(row.code, "what"));
    EXPECT_THAT(back, HasCode(row.code));
    EXPECT_EQ(back.code(), row.status);
  }
}

TEST(StatusConversion, WhenToComeBackArrives) {
  const absl::Status full = Error(ErrorCode::kOverloaded, "full");
  EXPECT_EQ(RetryAfterOf(ThereAndBack(WithRetryAfter(full, std::chrono::milliseconds(1500)))),
            std::chrono::milliseconds(1500));
  EXPECT_EQ(RetryAfterOf(ThereAndBack(full)), std::nullopt);
  // Of a fault that the peer learns nothing of, it learns when to come back.
  EXPECT_EQ(RetryAfterOf(ThereAndBack(
                WithRetryAfter(Error(ErrorCode::kStorageIo, "disk"), std::chrono::seconds(2)))),
            std::chrono::seconds(2));
}

TEST(StatusConversion, DetailsOfTheFirstVersionAreStillRead) {
  std::string old = EncodeErrorDetails({ErrorCode::kOverloaded, std::nullopt, "wait", {}});
  old.resize(old.size() - 5);
  old[4] = 1;
  const auto details = DecodeErrorDetails(old);
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->help, "wait");
  EXPECT_EQ(details->retry_after, std::nullopt);
  old[4] = 2;
  EXPECT_EQ(DecodeErrorDetails(old), std::nullopt) << "the second version has five bytes more";
}

TEST(StatusConversion, OkStaysOk) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_THAT(FromGrpc(grpc::Status::OK), IsOk());
}

TEST(StatusConversion, APeerLearnsNothingOfThisMachine) {
  for (const absl::Status& status :
       {Error(ErrorCode::kStorageIo, "write /var/lib/consilium/journal: I/O error"),
        Error(ErrorCode::kJournalCorrupt, "/var/lib/consilium/journal at 17"),
        Error(ErrorCode::kFileNotFound, "/var/lib/consilium/x"),
        Error(ErrorCode::kKeyUnreadable, "/var/lib/consilium/key.pem"),
        Error(ErrorCode::kConfigOutOfRange, "/var/lib/consilium/server.toml"),
        absl::InternalError("/var/lib/consilium: nullptr"),
        absl::InvalidArgumentError("/var/lib/consilium")}) {
    const absl::Status back = ThereAndBack(status);
    EXPECT_FALSE(back.ok());
    EXPECT_TRUE(CodeOf(back).has_value());
    EXPECT_THAT(FormatError(back), AllOf(Not(HasSubstr("/var/lib")), HasSubstr("server's log")));
  }
}

TEST(StatusConversion, CancellingIsNotAnError) {
  EXPECT_THAT(ThereAndBack(absl::CancelledError("enough")), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(CodeOf(FromGrpc(grpc::Status::CANCELLED)), std::nullopt);
}

TEST(StatusConversion, LongTextsAreCutToFitMetadata) {
  const std::string huge(100'000, 'x');
  const grpc::Status sent = ToGrpc(ErrorAt(ErrorCode::kJobSyntax, {huge, 1, 1}, huge, huge));
  // Base64 of the details, percent-encoding of the message at its worst.
  EXPECT_LT(sent.error_details().size() * 4 / 3 + sent.error_message().size() * 3,
            static_cast<size_t>(kMaxMetadataBytes));
  const absl::Status back = FromGrpc(sent);
  EXPECT_THAT(back, HasCode(ErrorCode::kJobSyntax));
  EXPECT_THAT(std::string(back.message()), ::testing::EndsWith("..."));
}

TEST(StatusConversion, DetailsThatAreNotOursAreIgnored) {
  const std::string good = EncodeErrorDetails({ErrorCode::kJobSyntax, Place{"f", 1, 2}, "help"});
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(DecodeErrorDetails(good.substr(0, size)).has_value()) << size;
  }
  EXPECT_TRUE(DecodeErrorDetails(good + "what a later version appends").has_value());
  std::string unknown_code = good;
  unknown_code[6] = '\xff';
  unknown_code[7] = '\xff';
  EXPECT_FALSE(DecodeErrorDetails(unknown_code).has_value());
  EXPECT_FALSE(DecodeErrorDetails("\x08\x05 a google.rpc.Status").has_value());
  const grpc::Status status(grpc::StatusCode::NOT_FOUND, "no such job", unknown_code);
  EXPECT_THAT(std::string(FromGrpc(status).message()), HasSubstr("no such job"));
}

TEST(StatusConversion, CutTextNeverHalvesACharacter) {
  EXPECT_EQ(CutText("abcdef", 6), "abcdef");
  EXPECT_EQ(CutText("abcdefg", 6), "abc...");
  EXPECT_EQ(CutText("ab\xc3\xa9\xc3\xa9\xc3\xa9", 6), "ab...");  // 3 bytes would end inside an e
}

TEST(StatusConversion, WhatGrpcSaysByItselfGetsACodeAndAHelp) {
  using grpc::StatusCode;
  const auto from = [](StatusCode code, const char* text) {
    return FromGrpc(grpc::Status(code, text), "the server at x:8443");
  };
  EXPECT_THAT(from(StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"),
              HasCode(ErrorCode::kTimedOut));
  EXPECT_THAT(from(StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)"),
              HasCode(ErrorCode::kMessageTooLarge));
  EXPECT_THAT(from(StatusCode::RESOURCE_EXHAUSTED, "quota"), HasCode(ErrorCode::kOverloaded));
  EXPECT_THAT(from(StatusCode::UNIMPLEMENTED, ""), HasCode(ErrorCode::kVersion));
  EXPECT_THAT(from(StatusCode::UNAUTHENTICATED, "x"), HasCode(ErrorCode::kNotAuthenticated));
  EXPECT_THAT(from(StatusCode::PERMISSION_DENIED, "x"), HasCode(ErrorCode::kNotAllowed));
  EXPECT_THAT(from(StatusCode::INTERNAL, "RST_STREAM"), HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(from(StatusCode::UNKNOWN, "x"), HasCode(ErrorCode::kInternal));
  for (const StatusCode code : {StatusCode::DEADLINE_EXCEEDED, StatusCode::UNIMPLEMENTED,
                                StatusCode::UNAVAILABLE, StatusCode::UNKNOWN}) {
    EXPECT_THAT(FormatError(from(code, "why")),
                AllOf(HasSubstr("the server at x:8443"), HasSubstr("help: ")));
  }
}

// The texts are those that gRPC 1.51 and OpenSSL 3.0 gave (mtls_test meets them live).
TEST(StatusConversion, UnavailableIsToldApartByItsText) {
  const auto from = [](const std::string& text) {
    return FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, text));
  };
  const std::string head = "failed to connect to all addresses; last error: ";
  struct Case {
    std::string text;
    ErrorCode code;
    const char* help;
  };
  const Case cases[] = {
      {head + "UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused",
       ErrorCode::kCannotConnect, "check that the server runs"},
      {head + "UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed", ErrorCode::kConnectionLost,
       "may have refused our certificate"},
      {head + "UNKNOWN: ipv4:127.0.0.1:1: Tls handshake failed: SSL_ERROR_SSL: "
              "error:0A000086:SSL routines::certificate verify failed",
       ErrorCode::kCannotConnect, "ca.pem"},
      {head + "UNKNOWN: ipv4:127.0.0.1:1: Tls handshake failed: SSL_ERROR_SSL: "
              "error:0A00010B:SSL routines::wrong version number",
       ErrorCode::kCannotConnect, "does not speak TLS"},
      {head + "UNKNOWN: ipv4:127.0.0.1:1: Custom verification check failed with error: "
              "UNAUTHENTICATED: not our server: its certificate has 2 URI names",
       ErrorCode::kWrongRole, "check the address"},
      {"DNS resolution failed for nowhere:8443: C-ares status is not ARES_SUCCESS",
       ErrorCode::kCannotConnect, "spelling"},
      {"GOAWAY received", ErrorCode::kConnectionLost, "restarting"},
      {"keepalive watchdog timeout", ErrorCode::kConnectionLost, "network"},
      {"something new", ErrorCode::kConnectionLost, "check that the server runs"},
  };
  for (const Case& each : cases) {
    EXPECT_THAT(from(each.text), HasCode(each.code)) << each.text;
    EXPECT_THAT(FormatError(from(each.text)),
                AllOf(HasSubstr(each.help), Not(HasSubstr("last error"))))
        << each.text;
  }
}

}  // namespace
}  // namespace consilium::rpc
