#include "cli/output/curve_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace consilium::cli {
namespace {

constexpr double kPanelWidth = 480, kPanelHeight = 320;
constexpr double kLeft = 60, kRight = 20, kTop = 60, kBottom = 70;
constexpr std::array<std::string_view, 8> kColours = {"#1b6ca8", "#c8553d", "#3a7d44", "#8f5db7",
                                                      "#b07d12", "#2a9d8f", "#6c757d", "#d1495b"};
constexpr std::array<std::string_view, 4> kDashes = {"none", "6 3", "2 3", "8 3 2 3"};

struct Range {
  double low = INFINITY;
  double high = -INFINITY;
  void Take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void Settle() {
    if (!(low <= high)) low = 0, high = 1;
    if (low == high) low -= 0.5, high += 0.5;
  }
  double Part(double value) const { return (value - low) / (high - low); }
};

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A step of 1, 2 or 5 times a power of ten that gives about five ticks.
double TickStep(double span) {
  const double raw = span / 5;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double part = raw / power;
  return (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10) * power;
}

class PanelWriter {
 public:
  PanelWriter(const Panel& panel, double left, std::string& out)
      : panel_(panel), left_(left), out_(out) {
    for (const Series& series : panel.series) {
      for (const double value : series.x) x_.Take(value);
      for (const double value : series.y) y_.Take(value);
    }
    x_.Settle();
    y_.Settle();
  }

  void Write() {
    Text(left_ + kLeft, kTop - 12, "start", 14, panel_.title);
    WriteTicks();
    Text(left_ + (kLeft + kPanelWidth - kRight) / 2, kPanelHeight - kBottom + 34, "middle", 12,
         panel_.x_label);
    for (size_t i = 0; i < panel_.series.size(); ++i) WriteSeries(i);
  }

 private:
  double X(double value) const {
    return left_ + kLeft + x_.Part(value) * (kPanelWidth - kLeft - kRight);
  }
  double Y(double value) const {
    return kPanelHeight - kBottom - y_.Part(value) * (kPanelHeight - kTop - kBottom);
  }
  void Text(double x, double y, std::string_view anchor, int size, std::string_view text) {
    out_ += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}"
        "</text>\n",
        x, y, anchor, size, Escape(text));
  }
  void Line(double x1, double y1, double x2, double y2) {
    out_ += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" "
        "stroke=\"#ccc\" stroke-width=\"1\"/>\n",
        x1, y1, x2, y2);
  }
  void WriteTicks() {
    const double step_y = TickStep(y_.high - y_.low);
    for (double tick = std::ceil(y_.low / step_y) * step_y; tick <= y_.high; tick += step_y) {
      Line(X(x_.low), Y(tick), X(x_.high), Y(tick));
      Text(X(x_.low) - 6, Y(tick) + 4, "end", 11, fmt::format("{:.4g}", tick));
    }
    const double step_x = std::max(1.0, TickStep(x_.high - x_.low));
    for (double tick = std::ceil(x_.low / step_x) * step_x; tick <= x_.high; tick += step_x) {
      Text(X(tick), Y(y_.low) + 16, "middle", 11, fmt::format("{:.4g}", tick));
    }
  }
  void WriteSeries(size_t index) {
    const Series& series = panel_.series[index];
    const auto colour = kColours[index % kColours.size()];
    std::string points;
    bool open = false;
    for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
      if (!std::isfinite(series.y[i])) {
        open = false;
        continue;
      }
      points += fmt::format("{}{:.1f} {:.1f} ", open ? "L" : "M", X(series.x[i]), Y(series.y[i]));
      open = true;
    }
    out_ += fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" "
        "stroke-dasharray=\"{}\"/>\n",
        points, colour, series.emphasised ? 2.5 : 1.3,
        series.emphasised ? "none" : kDashes[index % kDashes.size()]);
    const double key_x = left_ + kLeft + 104.0 * static_cast<double>(index % 4);
    const size_t key_line = index / 4;
    const double key_y = kPanelHeight - 22 + 14.0 * static_cast<double>(key_line);
    out_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"10\" height=\"4\" fill=\"{}\"/>\n",
                        key_x, key_y - 5, colour);
    Text(key_x + 14, key_y, "start", 11, series.name);
  }

  const Panel& panel_;
  const double left_;
  std::string& out_;
  Range x_, y_;
};

}  // namespace

std::string RenderCurves(const std::string& title, const std::vector<Panel>& panels) {
  const double width = kPanelWidth * static_cast<double>(std::max<size_t>(1, panels.size()));
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" font-family=\"sans-serif\" fill=\"#222\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<text x=\"20\" y=\"26\" font-size=\"17\" font-weight=\"bold\">{2}</text>\n",
      width, kPanelHeight, Escape(title));
  for (size_t i = 0; i < panels.size(); ++i) {
    PanelWriter(panels[i], kPanelWidth * static_cast<double>(i), out).Write();
  }
  out += "</svg>\n";
  return out;
}

}  // namespace consilium::cli
