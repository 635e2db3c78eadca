#include "tests/client/train/tcga_data.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "client/train/prepared.h"
#include "common/learn/survival.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/data_folder.h"

namespace consilium::testing {
namespace {

using client::data::Dataset;
using client::data::Split;

constexpr uint32_t kTcgaColumns = 39;

std::vector<std::string> TcgaCells(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream text(line);
  for (std::string cell; std::getline(text, cell, ',');) cells.push_back(cell);
  return cells;
}

// By patient: "train_3".
std::map<std::string, std::string> TcgaFolds(const std::string& path) {
  std::map<std::string, std::string> folds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto cells = TcgaCells(line);  // pid,fold,fold2
    folds[cells.at(0)] = cells.at(2);
  }
  return folds;
}

}  // namespace

std::vector<Dataset> TcgaSites() {
  const auto rows = DataFile("tcga_brca/brca.csv");
  const auto split = DataFile("tcga_brca/train_test_split.csv");
  if (!rows || !split) return {};
  const auto folds = TcgaFolds(*split);
  std::vector<Dataset> sites(6);
  for (Dataset& site : sites) site.train.columns = site.test.columns = kTcgaColumns;
  std::ifstream file(*rows);
  std::string line;
  std::getline(file, line);
  // The names of the columns hold commas; those of the values do not.
  while (std::getline(file, line)) {
    const auto cells = TcgaCells(line);  // pid, 39 features, E, T
    const auto fold = folds.find(cells.at(0));
    if (fold == folds.end()) continue;
    const bool test = fold->second.starts_with("test");
    Dataset& site = sites.at(static_cast<size_t>(fold->second.back() - '0'));
    Split& part = test ? site.test : site.train;
    for (size_t c = 1; c <= kTcgaColumns; ++c) part.x.push_back(std::stod(cells.at(c)));
    const double time = std::stod(cells.at(kTcgaColumns + 2));
    part.y.push_back(std::stod(cells.at(kTcgaColumns + 1)) == 1 ? time : -time);
  }
  return sites;
}

void ScaleAge(double mean, double scale, std::vector<Dataset>& sites) {
  for (Dataset& site : sites) {
    for (Split* part : {&site.train, &site.test}) {
      for (size_t i = 0; i < part->x.size(); i += kTcgaColumns) {
        part->x[i] = (part->x[i] - mean) / scale;
      }
    }
  }
}

job::JobSpec TcgaJob(job::Ties ties) {
  job::JobSpec spec = LogisticJob(kTcgaColumns);
  spec.model.kind = job::ModelKind::kCox;
  spec.model.ties = ties;
  spec.data.classes = 1;
  spec.data.event = "event";
  spec.data.standardize = job::Standardize::kNone;
  return spec;
}

double PooledConcordance(const std::vector<Dataset>& sites, bool test, const wire::State& state) {
  Split all;
  all.columns = kTcgaColumns;
  for (const Dataset& site : sites) {
    const Split& part = test ? site.test : site.train;
    all.x.insert(all.x.end(), part.x.begin(), part.x.end());
    all.y.insert(all.y.end(), part.y.begin(), part.y.end());
  }
  const learn::ModelShape shape = learn::ShapeOf(TcgaJob(job::Ties::kNone)).value();
  const auto rows = client::train::Prepare(shape, all, nullptr).value();
  std::vector<float> scores(rows.rows());
  const auto model = learn::MakeModel<float>(shape);
  model->Scores(state.broadcast.tensors.Float32(0), rows.x, scores);
  const learn::Concordance pairs = learn::ConcordanceOf(scores, rows.y);
  return pairs.concordant / pairs.comparable;
}

}  // namespace consilium::testing
