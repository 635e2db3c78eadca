// Training curves as one self-contained SVG: loss per round, and a test metric beside it.
#ifndef CONSILIUM_CLI_OUTPUT_CURVE_SVG_H_
#define CONSILIUM_CLI_OUTPUT_CURVE_SVG_H_

#include <string>
#include <vector>

namespace consilium::cli {

struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;  // NaN breaks the line
  bool emphasised = false;
};

struct Panel {
  std::string title;
  std::string x_label;
  std::vector<Series> series;
};

// Panels side by side, 480 x 320 units each. Readable in black and white (dashes differ).
std::string RenderCurves(const std::string& title, const std::vector<Panel>& panels);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_CURVE_SVG_H_
