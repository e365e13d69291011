// Prints the plan of a SELECT over tables for EXPLAIN, from the last step to the tables. Each step is indented below
// the step that takes its rows.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/query/rows_profile.h"
#include "engine/query/select_rows.h"
#include "engine/query/table_reads.h"

namespace engine {

// Returns the lines of the plan, with the ways in which its tables are read. With a profile, each line ends with the
// measurements of its step.
std::vector<std::string> select_lines(const SelectRowsPlan& plan, const TableReads& reads,
                                      const RowsProfile* profile = nullptr);
inline std::vector<std::string> select_lines(const SelectRowsPlan& plan) {
  return select_lines(plan, table_reads(plan));
}

// Times of a SELECT for EXPLAIN ANALYZE: of reading its tables, and of running its steps.
struct SelectTimes {
  int64_t reading_us = 0, running_us = 0;
};
// Returns the lines of EXPLAIN ANALYZE: the lines of the plan, preceded by the times.
std::vector<std::string> analyzed_lines(const SelectRowsPlan& plan, const TableReads& reads,
                                        const RowsProfile& profile, const SelectTimes& times);

// Returns the lines as one document in the form of PostgreSQL's FORMAT JSON:
//   [{"Plan": {"Node Type": ..., "Plans": [...]}}]
// Steps have types that PostgreSQL's tools know. "Text" contains the line of the step. A topology,
// which is JSON, is the member "Topology" in addition to "Plan".
std::string plan_document(const std::vector<std::string>& lines, std::string_view topology = {});

// Returns the lines of EXPLAIN without ANALYZE. If the statement has parameters, the context has their values.
Result<std::vector<std::string>> explained_lines(const Explain& explain,
                                                 const PlanContext& context);

}  // namespace engine
