// `consilium-client predict`: a model file applied to rows of this site, without a server.
//
// Which columns, levels, label and standardisation: the model file says so. How the file's columns
// are named, filtered and split: [datasets.NAME] of client.toml where there is one, else the file's
// own header. The metrics of the hold-out rows are those that the federation reported; rows without
// a label, or without its column, are predicted and not measured. Where the site keeps a model of
// its own that belongs to this one ([personal] of its job), that one predicts.
#ifndef CONSILIUM_CLIENT_APP_PREDICT_VERB_H_
#define CONSILIUM_CLIENT_APP_PREDICT_VERB_H_

#include <string>

#include "absl/status/status.h"

namespace consilium::client::app {

struct PredictOptions {
  std::string model;
  std::string data;     // instead of the dataset's own path
  std::string dataset;  // empty: the one the model was trained on
  std::string rows;     // "test", "train", "all"; empty: a labelled hold-out, else all
  std::string weights;  // "personal", "global"; empty: the site's own where it has some
  std::string output;   // empty: stdout
  bool json = false;
};

// `config_file` may be empty: the default one if there; with --data none is needed. Rows go to
// stdout or the file, metrics and what was left out to stderr.
// kModelSyntax, kModelMismatch, kModelNeedsStatistics, kModelNeedsPersonal, 03xx, 04xx.
absl::Status PredictRows(const std::string& config_file, const PredictOptions& options);

}  // namespace consilium::client::app

#endif  // CONSILIUM_CLIENT_APP_PREDICT_VERB_H_
