#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/verbs/verbs.h"
#include "common/base/digest.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/model_file.h"
#include "common/learn/model_npz.h"
#include "common/learn/model_text.h"
#include "common/learn/strategy_layout.h"
#include "common/wire/state_file.h"

namespace consilium::cli {
namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

absl::Status ModelGet(const Context& context, const ModelGetOptions& options) {
  const bool json = EndsWith(options.output, ".json"), npz = EndsWith(options.output, ".npz");
  if (!json && !npz && !EndsWith(options.output, ".safetensors")) {
    return Error(ErrorCode::kUsage,
                 fmt::format("`{}` does not say a format", Printable(options.output)),
                 "name it *.safetensors, *.npz or *.json");
  }
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  std::string job;
  std::string state;
  if (const std::optional<Digest> digest = ParseDigest(options.which)) {
    state = HexOf(*digest);
  } else {
    CN_ASSIGN_OR_RETURN(job, ResolveJob(*client, options.which));
  }
  CN_ASSIGN_OR_RETURN(const std::string bytes, client->GetModel(job, state));
  CN_ASSIGN_OR_RETURN(const wire::StatePart broadcast, wire::DecodeStatePart(AsBytes(bytes)));
  const wire::StatePart part = learn::ModelIn(broadcast);
  CN_ASSIGN_OR_RETURN(const job::JobSpec model, learn::SpecOfModel(part));
  const std::vector<std::string>& missing = model.personal.tensors;
  if (json) {
    CN_ASSIGN_OR_RETURN(const std::string text, learn::EncodeModelJson(part));
    CN_RETURN_IF_ERROR(WriteFile(options.output, text));
  } else if (npz) {
    CN_RETURN_IF_ERROR(learn::CheckModel(part));
    CN_ASSIGN_OR_RETURN(const Bytes archive, learn::EncodeNpz(part));
    CN_RETURN_IF_ERROR(WriteFile(options.output, AsText(archive)));
  } else {
    CN_RETURN_IF_ERROR(learn::CheckModel(part));
    CN_RETURN_IF_ERROR(WriteFile(options.output, AsText(learn::EncodeSafetensors(part))));
  }
  if (context.json) {
    context.Json("model",
                 {{"file", options.output}, {"bytes", bytes.size()}, {"missing", missing}});
  } else {
    context.Data(fmt::format("wrote {}\n", options.output));
  }
  if (!missing.empty()) {
    context.Talk(
        fmt::format("not in it: {}, which each site keeps to itself; only a site that took "
                    "part can predict with it\n",
                    fmt::join(missing, ", ")));
  }
  if (npz) return absl::OkStatus();
  context.Next(fmt::format("consilium-client predict --model {} --data rows.csv", options.output));
  return absl::OkStatus();
}

absl::Status ModelPut(const Context& context, const std::string& path) {
  CN_ASSIGN_OR_RETURN(const std::string file, ReadFile(path, uint64_t{1} << 30));
  CN_ASSIGN_OR_RETURN(const wire::StatePart part, learn::DecodeModel(AsBytes(file)));
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const std::string digest, client->PutModel(wire::EncodeStatePart(part)));
  if (context.json) {
    context.Json("model", {{"state", digest}});
  } else {
    context.Data(fmt::format("sha256:{}\n", digest));
  }
  context.Talk(fmt::format("start a job from it: [model] init = \"sha256:{}\"\n", digest));
  return absl::OkStatus();
}

}  // namespace consilium::cli
