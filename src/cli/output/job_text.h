// Jobs as people read them: the list, one job, one line per round, the final table.
#ifndef CONSILIUM_CLI_OUTPUT_JOB_TEXT_H_
#define CONSILIUM_CLI_OUTPUT_JOB_TEXT_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/output/curve_svg.h"
#include "cli/output/terminal.h"
#include "consilium/v1/control.pb.h"

namespace consilium::cli {

std::string JobsTable(const Terminal& terminal, const v1::ListJobsReply& jobs);
std::string SitesTable(const Terminal& terminal, const v1::ListSitesReply& sites);
// Everything `consilium show` says: head, admissions, steps (the last `newest` of them), waits.
std::string JobDetails(const Terminal& terminal, const v1::JobView& job, int newest);
// "round  3  4/4 sites  loss 0.5021  acc 0.8110  auc 0.8802  0.04 s  1.9 KB", no newline.
std::string StepLine(const Terminal& terminal, const v1::StepView& step, uint32_t rounds);
// The sites that were not counted in a step, each with its reason; empty when all were.
std::string Exceptions(const Terminal& terminal, const v1::StepView& step);

// Metrics of the trained model: per site, their plain mean, and over all test rows; with `alone`
// (site -> metrics of the model that this site trained by itself) a comparison beside it.
std::string FinalTable(const Terminal& terminal, const v1::StepView& evaluation,
                       const std::map<std::string, v1::SplitMetricsView>& alone);
// The committed evaluation that closes a job; nullptr while there is none.
const v1::StepView* EvaluationOf(const v1::JobView& job);
// Loss and metric per state: x = rounds behind the state. For curves and sparklines.
std::vector<Panel> CurvesOf(const v1::JobView& job);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_JOB_TEXT_H_
