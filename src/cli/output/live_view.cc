#include "cli/output/live_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output/figures.h"
#include "cli/output/job_json.h"
#include "cli/output/job_text.h"
#include "cli/output/wait_text.h"

namespace consilium::cli {
namespace {

constexpr size_t kSparkWidth = 30;
constexpr int kMostSiteRows = 12;

std::string Bar(uint32_t done, uint32_t all, int width) {
  const int full =
      all == 0 ? 0 : static_cast<int>(uint64_t{done} * static_cast<unsigned>(width) / all);
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < full ? "━" : "╌";
  return bar;
}

std::string Newest(const Panel& panel) {
  std::string text;
  for (const Series& series : panel.series) {
    text += fmt::format("  {:<10} {:.4f}  {}\n", series.name, series.y.back(),
                        Sparkline(series.y, kSparkWidth));
  }
  return text;
}

}  // namespace

std::string LiveView::Update(const v1::WatchJobReply& reply) {
  connection_.clear();
  google::protobuf::RepeatedPtrField<v1::StepView> steps;
  steps.Swap(job_.mutable_steps());
  job_ = reply.job();
  job_.mutable_steps()->Swap(&steps);
  std::string lines;
  for (const auto& step : reply.job().steps()) {
    if (job_.steps_size() > 0 && step.step() <= job_.steps(job_.steps_size() - 1).step()) continue;
    *job_.add_steps() = step;
    if (!terminal_.live()) {
      lines += StepLine(terminal_, step, job_.rounds()) + "\n" + Exceptions(terminal_, step);
    }
  }
  return terminal_.live() ? Redraw() : lines;
}

std::string LiveView::Waiting(const std::string& reason) {
  if (!terminal_.live()) return "";
  connection_ = reason;
  return Redraw();
}

std::string LiveView::Finish() {
  if (!terminal_.live()) return "";
  connection_.clear();
  std::string out = Redraw();
  drawn_lines_ = 0;
  return out;
}

std::string LiveView::Block() const {
  std::string out =
      fmt::format("{}  {}  {}\n", terminal_.Paint(Style::kBold, Printable(job_.name())),
                  terminal_.Paint(Style::kDim, job_.job_id()), NameOf(job_.status()));
  out +=
      fmt::format("  {} round {}/{}\n",
                  terminal_.Paint(Style::kAccent, Bar(job_.rounds_committed(), job_.rounds(), 40)),
                  job_.rounds_committed(), job_.rounds());
  for (const Panel& panel : CurvesOf(job_)) out += Newest(panel);
  const v1::StepView* step = job_.has_current() && !HasEnded(job_.status()) ? &job_.current()
                             : job_.steps_size() > 0 ? &job_.steps(job_.steps_size() - 1)
                                                     : nullptr;
  if (step != nullptr) {
    int shown = 0;
    for (const auto& site : step->sites()) {
      if (++shown > kMostSiteRows) {
        out += fmt::format("  ... {} more sites\n", step->sites_size() - kMostSiteRows);
        break;
      }
      out += fmt::format("  {:<16} {:<9} {:>8}  {:>8}  {}\n", site.site(), SiteState(site),
                         FormatBytes(site.update_bytes()), FormatSeconds(site.elapsed_ms()),
                         site.reason().empty() ? SiteProgress(site) : Printable(site.reason()));
    }
  }
  if (!connection_.empty()) {
    out += "  " + terminal_.Paint(Style::kWarning, Printable(connection_)) + "\n";
  } else if (!job_.waiting().empty() && !HasEnded(job_.status())) {
    out += "  " + terminal_.Paint(Style::kDim, WaitText(job_)) + "\n";
  }
  return out;
}

std::string LiveView::Redraw() {
  std::string out = drawn_lines_ > 0 ? fmt::format("\x1b[{}A\x1b[J", drawn_lines_) : "";
  const std::string block = Block();
  drawn_lines_ = static_cast<int>(std::ranges::count(block, '\n'));
  return out + block;
}

}  // namespace consilium::cli
