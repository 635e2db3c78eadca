#include "cli/output/wait_text.h"

#include <fmt/format.h>

#include "cli/output/figures.h"
#include "cli/output/table.h"

namespace consilium::cli {
namespace {

std::string Spoken(bool known, uint64_t millis) { return known ? FormatSeconds(millis) : ""; }

}  // namespace

std::string SiteProgress(const v1::SiteStepView& site) {
  std::string text = Printable(site.phase());
  if (site.total() == 0) return text;
  if (site.phase() != "submit" && site.phase() != "fetch") {
    const double share = static_cast<double>(site.done()) / static_cast<double>(site.total());
    return fmt::format("{}  {:.0f}%", text, 100 * share);
  }
  text += fmt::format("  {} of {}", FormatBytes(site.done()), FormatBytes(site.total()));
  if (site.per_second() > 0) text += fmt::format("  {}/s", FormatBytes(site.per_second()));
  return text;
}

std::string SiteState(const v1::SiteStepView& site) {
  return site.has_quiet_ms() && site.away() ? "away" : Printable(site.result());
}

std::string OpenStep(const Terminal& terminal, const v1::StepView& step) {
  Table table({{"SITE"}, {"STATE"}, {"PROGRESS"}, {"LAST SIGN"}, {"GIVEN UP IN"}, {"REASON"}});
  for (const bool waited_for : {true, false}) {
    for (const auto& site : step.sites()) {
      if (site.has_quiet_ms() != waited_for) continue;
      const std::string state = SiteState(site);
      table.AddRow({site.site(),
                    terminal.Paint(state == "away" ? Style::kWarning : Style::kPlain, state),
                    waited_for ? SiteProgress(site) : "", Spoken(waited_for, site.quiet_ms()),
                    Spoken(site.has_left_ms(), site.left_ms()), Printable(site.reason())});
    }
  }
  return table.Render(terminal);
}

std::string WaitText(const v1::JobView& job) {
  if (job.waiting().empty()) return "";
  std::string text = Printable(job.waiting());
  if (job.has_wait()) text += fmt::format(" (for {})", FormatSeconds(job.wait().since_ms()));
  return text;
}

}  // namespace consilium::cli
