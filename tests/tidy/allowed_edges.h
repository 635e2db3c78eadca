// Who may include whom: the direction of this project as a table. What is not here is refused.
//
// app -> rpc -> {round, session} -> the other server and client rooms -> common -> base.
// Server, client and cli never include each other; only the simulator links both halves.
// A room is a folder under src/ with a row here; its subfolders belong to it. To allow an edge, add
// it to the row, keep the direction above, and say why in the commit.
#ifndef CONSILIUM_TESTS_TIDY_ALLOWED_EDGES_H_
#define CONSILIUM_TESTS_TIDY_ALLOWED_EDGES_H_

#include <string_view>
#include <vector>

namespace consilium::tidy {

struct RoomEdges {
  std::string_view room;
  std::vector<std::string_view> may_include;  // common/base always, and itself
};

// clang-format off
inline const std::vector<RoomEdges> kAllowedEdges = {
    {"common/base", {}},
    {"common/crypto", {}},
    {"common/tensor", {}},
    {"common/config", {}},
    {"common/metrics", {}},
    {"common/sum", {"common/tensor"}},
    {"common/journal", {"common/crypto"}},
    {"common/pki", {"common/crypto"}},
    {"common/wire", {"common/crypto", "common/tensor"}},
    {"common/job", {"common/config", "common/crypto", "common/wire"}},
    {"common/learn", {"common/crypto", "common/job", "common/sum", "common/tensor",
                      "common/wire"}},
    {"common/rpc", {"common/crypto", "common/metrics", "common/pki", "common/wire"}},

    {"server/store", {"common/crypto", "common/journal", "common/sum", "common/tensor",
                      "common/wire"}},
    {"server/aggregation", {"common/job", "common/learn", "common/sum", "common/tensor",
                            "common/wire"}},
    {"server/robust", {"common/crypto", "common/job", "common/sum", "common/tensor",
                       "server/store"}},
    {"server/registry", {"common/wire"}},
    {"server/jobs", {"common/crypto", "common/job", "common/journal", "common/wire",
                     "server/aggregation"}},
    {"server/round", {"common/crypto", "common/job", "common/journal", "common/learn",
                      "common/sum", "common/tensor", "common/wire", "server/aggregation",
                      "server/jobs", "server/registry", "server/robust", "server/store"}},
    {"server/ops", {"common/metrics", "server/jobs", "server/registry", "server/round"}},
    {"server/views", {"common/wire", "server/jobs", "server/registry", "server/round"}},
    {"server/rpc", {"common/crypto", "common/job", "common/metrics", "common/pki", "common/rpc",
                    "common/wire", "server/jobs", "server/registry", "server/round",
                    "server/store", "server/views"}},
    {"server/app", {"common/config", "common/crypto", "common/job", "common/metrics",
                    "common/pki", "common/rpc", "common/wire", "server/jobs", "server/ops",
                    "server/registry", "server/round", "server/rpc", "server/store"}},

    {"client/data", {"common/config", "common/crypto", "common/job"}},
    {"client/policy", {"common/config", "common/job", "common/tensor", "common/wire"}},
    {"client/train", {"client/data", "common/crypto", "common/job", "common/learn", "common/sum",
                      "common/tensor", "common/wire"}},
    {"client/session", {"client/data", "client/policy", "client/train", "common/crypto",
                        "common/job", "common/journal", "common/learn", "common/sum",
                        "common/tensor", "common/wire"}},
    {"client/rpc", {"client/session", "common/crypto", "common/metrics", "common/pki",
                    "common/rpc", "common/wire"}},
    {"client/app", {"client/data", "client/policy", "client/rpc", "client/session",
                    "client/train", "common/config", "common/crypto", "common/job",
                    "common/learn", "common/metrics", "common/pki", "common/rpc",
                    "common/tensor", "common/wire", "common/journal"}},

    {"cli/output", {}},  // the simulator's program prints with it, too
    {"cli", {"cli/output", "common/config", "common/crypto", "common/job", "common/learn",
             "common/metrics", "common/pki", "common/rpc", "common/tensor", "common/wire"}},

    {"simulator/app", {"cli/output", "client/data", "client/policy", "common/config",
                       "common/crypto", "common/job", "common/learn", "common/wire",
                       "server/jobs", "server/round", "server/views", "simulator"}},
    {"simulator", {"client/data", "client/policy", "client/session", "client/train",
                   "common/config", "common/crypto", "common/job", "common/learn", "common/sum",
                   "common/tensor", "common/wire", "server/jobs", "server/registry",
                   "server/round", "server/store"}},
};

// Headers of other projects that only some folders may see. A header is matched by how it begins,
// a folder with all below it; headers without a row may be used anywhere.
struct ForeignHeader {
  std::string_view header;
  std::vector<std::string_view> only_in;
};

inline const std::vector<ForeignHeader> kForeignHeaders = {
    {"grpc", {"common/rpc", "server/rpc", "server/app", "client/rpc", "client/app", "cli/rpc"}},
    {"openssl/", {"common/crypto"}},
    {"consilium/v1/", {"common/wire", "common/job", "common/rpc", "server/store", "server/rpc",
                       "server/views", "client/rpc", "cli", "simulator/app"}},
    {"google/protobuf/", {"common/wire", "common/job", "common/rpc", "server/store",
                          "server/rpc", "server/views", "client/rpc", "cli"}},
    {"Eigen/", {"common/learn", "client/train"}},
    {"spdlog/", {"common/base"}},
    {"CLI/", {"cli", "server/app", "client/app", "simulator/app"}},
    {"toml++", {"common/config"}},
    {"sqlite3.h", {"server/jobs"}},
    {"SQLiteCpp/", {"server/jobs"}},
    {"httplib.h", {"common/metrics"}},
    {"prometheus/", {"common/metrics"}},
    {"libdeflate.h", {"common/base"}},
    // Locks only through common/base/mutex.h.
    {"absl/synchronization/", {"common/rpc"}},  // gRPC's own locks are switched there
    {"mutex", {"common/base"}},
    {"shared_mutex", {}},
    {"condition_variable", {"common/base"}},
    // Results of these differ between standard libraries: common/base/random.h.
    {"random", {}},
    {"iostream", {"cli", "server/app", "client/app"}},
};
// clang-format on

}  // namespace consilium::tidy

#endif  // CONSILIUM_TESTS_TIDY_ALLOWED_EDGES_H_
