// Four synthetic hospitals with the columns of the heart example. Not patients: every number comes
// from a seeded generator, and only their differing sizes, ages and prevalences are modelled on
// life.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/lab/lab.h"
#include "common/base/random.h"

namespace consilium::cli {
namespace {

struct Hospital {
  const char* name;
  int rows;
  double age;
  double male;
  double cholesterol;
  double intercept;  // log odds of disease for an average patient of the federation
};
constexpr std::array<Hospital, 4> kHospitals = {{{"north", 300, 54, 0.68, 247, -0.3},
                                                 {"east", 260, 48, 0.72, 250, -0.8},
                                                 {"south", 60, 57, 0.90, 205, 1.2},
                                                 {"west", 130, 59, 0.95, 180, 0.8}}};

struct Patient {
  double age, sex, trestbps, chol, fbs, thalach, exang, oldpeak;
  int cp, restecg;
};

Patient Draw(const Hospital& hospital, Random& random) {
  const auto normal = [&](double mean, double deviation) {
    return mean + deviation * random.Normal();
  };
  Patient patient{};
  patient.age = std::round(std::clamp(normal(hospital.age, 9), 28.0, 80.0));
  patient.sex = random.Uniform() < hospital.male ? 1 : 0;
  patient.trestbps = std::round(normal(132, 18));
  patient.chol = std::round(std::max(100.0, normal(hospital.cholesterol, 55)));
  patient.fbs = random.Uniform() < 0.15 ? 1 : 0;
  patient.thalach = std::round(normal(190 - 0.9 * patient.age, 20));
  patient.exang = random.Uniform() < 0.38 ? 1 : 0;
  patient.oldpeak = std::round(std::max(0.0, normal(0.9, 1.0)) * 10) / 10;
  const double pain = random.Uniform();
  patient.cp = pain < 0.05 ? 1 : pain < 0.25 ? 2 : pain < 0.48 ? 3 : 4;
  const double ecg = random.Uniform();
  patient.restecg = ecg < 0.6 ? 0 : ecg < 0.75 ? 1 : 2;
  return patient;
}

double LogOdds(const Hospital& hospital, const Patient& patient) {
  return hospital.intercept + 0.04 * (patient.age - 53) + 0.9 * (patient.sex - 0.75) +
         0.003 * (patient.chol - 220) - 0.02 * (patient.thalach - 140) +
         1.0 * (patient.exang - 0.38) + 0.6 * (patient.oldpeak - 0.9) +
         (patient.cp == 4 ? 1.1 : -0.6);
}

}  // namespace

std::string SyntheticHospitals(uint64_t seed) {
  std::string csv =
      "site,site_name,fold,age,sex,trestbps,chol,fbs,thalach,exang,oldpeak,cp_2,cp_3,cp_4,"
      "restecg_1,restecg_2,y\n";
  for (size_t site = 0; site < kHospitals.size(); ++site) {
    const Hospital& hospital = kHospitals[site];
    Random random(seed + site);
    for (int row = 0; row < hospital.rows; ++row) {
      const Patient patient = Draw(hospital, random);
      const bool ill = random.Uniform() < 1 / (1 + std::exp(-LogOdds(hospital, patient)));
      const bool train = random.Uniform() < 0.66;
      csv +=
          fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", site, hospital.name,
                      train ? "train" : "test", patient.age, patient.sex, patient.trestbps,
                      patient.chol, patient.fbs, patient.thalach, patient.exang, patient.oldpeak,
                      patient.cp == 2 ? 1 : 0, patient.cp == 3 ? 1 : 0, patient.cp == 4 ? 1 : 0,
                      patient.restecg == 1 ? 1 : 0, patient.restecg == 2 ? 1 : 0, ill ? 1 : 0);
    }
  }
  return csv;
}

}  // namespace consilium::cli
