// TCGA breast cancer survival as six regions (FLamby's Fed-TCGA-BRCA), for tests.
#ifndef CONSILIUM_TESTS_CLIENT_TRAIN_TCGA_DATA_H_
#define CONSILIUM_TESTS_CLIENT_TRAIN_TCGA_DATA_H_

#include <vector>

#include "client/data/dataset.h"
#include "common/job/job_spec.h"
#include "common/wire/state_file.h"

namespace consilium::testing {

// Rows in the order of brca.csv; empty where the files are absent.
std::vector<client::data::Dataset> TcgaSites();
// Column 0, the age, becomes (age - mean) / scale in every row.
void ScaleAge(double mean, double scale, std::vector<client::data::Dataset>& sites);
// A job of 39 features without standardisation.
job::JobSpec TcgaJob(job::Ties ties);
// Harrell's C over the test (else training) rows of all sites together.
double PooledConcordance(const std::vector<client::data::Dataset>& sites, bool test,
                         const wire::State& state);

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_CLIENT_TRAIN_TCGA_DATA_H_
