// [policy] of client.toml. Deny by default: a file without it allows nothing.
// docs/client-toml.md lists the keys. Thread-safe.
#ifndef CONSILIUM_CLIENT_POLICY_POLICY_CONFIG_H_
#define CONSILIUM_CLIENT_POLICY_POLICY_CONFIG_H_

#include <cstddef>
#include <string>
#include <vector>

#include "client/policy/policy.h"
#include "common/config/toml_table.h"

namespace consilium::client::policy {

inline constexpr size_t kMaxPolicyNames = 1024;  // of one list

// Every workload that a policy can list.
std::vector<std::string> WorkloadNames();

// Errors (an unknown workload, a list that is no list) are kept for TomlFile::Finish().
PolicyOptions ParsePolicy(const config::TomlTable& policy);

}  // namespace consilium::client::policy

#endif  // CONSILIUM_CLIENT_POLICY_POLICY_CONFIG_H_
