// The messages of wire/messages.h as Protobuf, and back.
//
// Coming in, every bound of messages.h is checked: a list or text too long, an enum value that is
// unknown, an id or digest that is malformed is kProtocol, naming the field. Unknown fields are
// tolerated, and so is a frame of an unknown kind (std::monostate): it is from a newer peer and is
// to be ignored. Going out, texts are cut to kMaxTextBytes and made valid UTF-8, so that what we
// send can always be read.
// Stateless; thread-safe. Cost is the size of the message.
#ifndef CONSILIUM_COMMON_WIRE_MESSAGES_PROTO_H_
#define CONSILIUM_COMMON_WIRE_MESSAGES_PROTO_H_

#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "common/wire/messages.h"
#include "consilium/v1/federation.pb.h"

namespace consilium::wire {

using FromSite = std::variant<std::monostate, Hello, StreamedUpdate, SiteMessage>;
using FromServer = std::variant<std::monostate, Welcome, UpdateReply, ServerMessage>;

v1::SiteFrame ToProto(const Hello& hello);
v1::SiteFrame ToProto(const SiteMessage& message);
v1::SiteFrame ToProto(const StreamedUpdate& update);
absl::StatusOr<FromSite> FromProto(const v1::SiteFrame& frame);

v1::ServerFrame ToProto(const Welcome& welcome);
v1::ServerFrame ToProto(const ServerMessage& message);
v1::ServerFrame ToProto(const UpdateReply& reply);
absl::StatusOr<FromServer> FromProto(const v1::ServerFrame& frame);

v1::FetchRequest ToProto(const FetchRequest& request);
absl::StatusOr<FetchRequest> FromProto(const v1::FetchRequest& request);

v1::SubmitReply ToProto(const SubmitReply& reply);
// A reply does not say whose it is: `site` is the one that reads it.
absl::StatusOr<SubmitReply> FromProto(const v1::SubmitReply& reply, const SiteId& site);

inline constexpr size_t kMaxKeyIdBytes = 64;  // of a receipt
inline constexpr size_t kMaxReceiptSignatureBytes = 1024;

v1::Workload ToProto(Workload workload);
v1::Verdict ToProto(Verdict verdict);
v1::OutcomeKind ToProto(OutcomeKind outcome);

// For fields that hold a digest: its 32 bytes. Malformed: kProtocol, naming `field`.
std::string DigestBytes(const Digest& digest);
absl::StatusOr<Digest> DigestFromBytes(std::string_view bytes, std::string_view field);
// `text` as valid UTF-8 of at most kMaxTextBytes; each byte that is not becomes '?'.
std::string TextForProto(std::string_view text);

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_MESSAGES_PROTO_H_
