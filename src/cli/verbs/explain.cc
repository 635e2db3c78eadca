#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output/table.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"

namespace consilium::cli {
namespace {

nlohmann::json RowJson(const ErrorRow& row) {
  return {{"code", CodeName(row.code)},
          {"title", row.title},
          {"meaning", row.meaning},
          {"next", row.next},
          {"exit_code", row.exit_code}};
}

}  // namespace

absl::Status Explain(const Context& context, const std::string& text) {
  if (text.empty()) {
    nlohmann::json list = nlohmann::json::array();
    Table table({{"CODE"}, {"EXIT", Align::kRight}, {"WHAT"}});
    for (const ErrorRow& row : AllErrorRows()) {
      list.push_back(RowJson(row));
      table.AddRow({CodeName(row.code), std::to_string(row.exit_code), std::string(row.title)});
    }
    if (context.json) {
      context.Json("errors", list);
    } else {
      context.Data(table.Render(context.terminal));
    }
    return absl::OkStatus();
  }
  const std::optional<ErrorCode> code = ParseCodeName(text);
  if (!code.has_value()) {
    return Error(ErrorCode::kUnknownErrorCode,
                 fmt::format("there is no error code `{}`, want one like CN0203", Printable(text)),
                 "`consilium explain` lists them all");
  }
  const ErrorRow& row = RowOf(*code);
  if (context.json) {
    context.Json("error_code", RowJson(row));
    return absl::OkStatus();
  }
  context.Data(fmt::format("{}  {}\n\n{}\n\nWhat to do: {}\n\nExit code: {}\n",
                           context.terminal.Paint(Style::kBold, CodeName(row.code)), row.title,
                           row.meaning, row.next, row.exit_code));
  return absl::OkStatus();
}

}  // namespace consilium::cli
