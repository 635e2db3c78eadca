// A configuration or job file read strictly: what is unknown, of the wrong type or out of range is
// an error with line, column and the nearest valid name.
//
//   CN_ASSIGN_OR_RETURN(TomlFile file, TomlFile::Parse(text, "server.toml", kConfigErrors,
//   layers)); TomlTable server = file.root().Table("server"); options.listen =
//   server.Text("listen").value_or("0.0.0.0:8443"); CN_RETURN_IF_ERROR(file.Finish());
//
// Getters answer nullopt for a value that is absent or wrong and keep the error; Finish() returns
// the first error in file order (missing keys last, flags and environment first), so readers need
// no branch per key. What no getter asked for by then is unknown.
//
// Precedence: flag over environment over file. The variable of `server.listen` is
// CONSILIUM_SERVER_LISTEN (upper case, `.` and `-` as `_`). Variables that no key has are left
// alone: Kubernetes sets CONSILIUM_SERVER_PORT and the like for a service of that name.
//
// Not thread-safe. A TomlTable borrows from its TomlFile, which outlives it (and may be moved).
#ifndef CONSILIUM_COMMON_CONFIG_TOML_FILE_H_
#define CONSILIUM_COMMON_CONFIG_TOML_FILE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/error_codes.h"
#include "common/config/toml_table.h"

namespace consilium::config {

// Which codes a file's errors have.
struct ErrorFamily {
  ErrorCode syntax;
  ErrorCode unknown_key;
  ErrorCode wrong_type;
  ErrorCode missing_key;
  ErrorCode out_of_range;
  ErrorCode conflict;
};
inline constexpr ErrorFamily kJobErrors = {ErrorCode::kJobSyntax,     ErrorCode::kJobUnknownKey,
                                           ErrorCode::kJobWrongType,  ErrorCode::kJobMissingKey,
                                           ErrorCode::kJobOutOfRange, ErrorCode::kJobConflict};
inline constexpr ErrorFamily kConfigErrors = {
    ErrorCode::kConfigSyntax,     ErrorCode::kConfigUnknownKey, ErrorCode::kConfigWrongType,
    ErrorCode::kConfigMissingKey, ErrorCode::kConfigOutOfRange, ErrorCode::kConfigConflict};

// A value given on the command line for a key of the file.
struct FlagValue {
  std::string path;  // "server.listen"
  std::string flag;  // "--listen", for errors
  std::string text;
};
struct Layers {
  std::vector<FlagValue> flags;
  std::map<std::string, std::string> environment;
};

// All variables of an environ-shaped array, "NAME=value" each, ended by nullptr.
std::map<std::string, std::string> ReadEnvironment(const char* const* variables);
// "server.listen" -> "CONSILIUM_SERVER_LISTEN"
std::string VariableOf(std::string_view path);

class TomlFile {
 public:
  // `family.syntax` when the text is not TOML. `file_name` is only for places.
  static absl::StatusOr<TomlFile> Parse(std::string_view text, std::string_view file_name,
                                        const ErrorFamily& family, Layers layers = {});
  TomlFile(TomlFile&&) noexcept;
  TomlFile& operator=(TomlFile&&) noexcept;
  ~TomlFile();

  TomlTable root();
  // The first error in file order. Call once every key was asked for.
  absl::Status Finish();
  // Paths that getters asked for, sorted: what the file may hold.
  std::vector<std::string> AskedPaths() const;

 private:
  explicit TomlFile(std::unique_ptr<TomlReading> reading);
  std::unique_ptr<TomlReading> reading_;
};

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_TOML_FILE_H_
