// What `consilium-client predict` says: rows as CSV or JSON, and the talk beside them.
//
// A row goes by its place among the data rows of the file (the first is 1), so a prediction can be
// matched to the row that was given; rows that were left out are named. Rows come in file order.
// Pure; thread-safe.
#ifndef CONSILIUM_CLIENT_APP_PREDICTION_TEXT_H_
#define CONSILIUM_CLIENT_APP_PREDICTION_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "client/data/dataset.h"
#include "client/train/predict.h"
#include "common/job/job_spec.h"

namespace consilium::client::app {

inline constexpr size_t kMaxRowsNamed = 20;  // of those left out, in the talk; JSON names all

// One split's predictions. `split`: "train", "test", or "new" where there is no label to learn
// from. `rows` outlives this.
struct PredictedSplit {
  std::string_view split;
  const data::Split& rows;
  train::Prediction prediction;
};

// Everything a prediction came to. At least one part; the references outlive this.
struct PredictionReport {
  const job::JobSpec& spec;
  const data::Dataset& dataset;
  std::vector<PredictedSplit> parts;
  std::string personal = {};  // the file of this site's own model that was used; empty: it was not
};

// A header, then `split,row,` and the values of each row.
std::string CsvOf(const PredictionReport& report);
// The envelope of docs/cli-json.md, one line.
std::string JsonOf(const PredictionReport& report, const std::string& model);
// Lines for people: metrics, why there are none, and which rows were left out.
std::string TalkOf(const PredictionReport& report);

}  // namespace consilium::client::app

#endif  // CONSILIUM_CLIENT_APP_PREDICTION_TEXT_H_
