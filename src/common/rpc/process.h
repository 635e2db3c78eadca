// The first lines of every main that speaks TLS.
//
//   int main(int argc, char** argv) {
//     if (absl::Status ready = rpc::InitProcess({}); !ready.ok()) { ... }
#ifndef CONSILIUM_COMMON_RPC_PROCESS_H_
#define CONSILIUM_COMMON_RPC_PROCESS_H_

#include "absl/status/status.h"

namespace consilium::rpc {

struct ProcessOptions {
  // No other process of the same user may read our memory (ptrace, /proc/pid/mem): for daemons.
  bool undumpable = false;
};

// Before the first gRPC call and before other threads; safe to call again.
// - OpenSSL: TLS 1.3 only, no tickets, checked (crypto::InitTls).
// - No core dumps: the TLS key is in gRPC's memory.
// - malloc keeps freed chunks of a megabyte (page faults are half of a server's work by default),
//   and absl's mutexes do not hunt for deadlocks (Debian left that on).
// - Host names are looked up as every program here does it (gRPC's own resolver reads less).
// - gRPC's and Protobuf's own messages go to our log instead of stderr.
// - As many open files as the hard limit allows: a connection is one.
// kTlsSettings: the process must end.
absl::Status InitProcess(const ProcessOptions& options);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_PROCESS_H_
