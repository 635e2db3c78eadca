// TLS 1.3 only, no session tickets: for every TLS context of this process, gRPC's included.
//
// gRPC 1.51 sets its own minimum version and has no setter for another, so the rule is given to
// OpenSSL as its configuration, which the process writes itself and which a missing or misspelt
// file can therefore not switch off. A ticket would let a revoked client resume without showing its
// certificate. What took effect is then read back from a fresh context.
#ifndef CONSILIUM_COMMON_CRYPTO_TLS_SETTINGS_H_
#define CONSILIUM_COMMON_CRYPTO_TLS_SETTINGS_H_

#include "absl/status/status.h"

namespace consilium::crypto {

// Before the first gRPC call and before other threads. Safe to call again. kTlsSettings when
// CheckTlsSettings fails afterwards: the process must end. Also opens the secure heap.
absl::Status InitTls();

// Reads a fresh TLS context: kTlsSettings unless TLS 1.3 is the only version, there are no tickets
// and the first cipher suite is TLS_AES_128_GCM_SHA256.
absl::Status CheckTlsSettings();

}  // namespace consilium::crypto

#endif  // CONSILIUM_COMMON_CRYPTO_TLS_SETTINGS_H_
