// EXPLAIN of a SELECT over tables: its steps from the last one to the tables, each indented below the step that takes
// its rows.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/query/rows_profile.h"
#include "engine/query/select_rows.h"

namespace engine {

// With a profile, each line ends with the measurements of its step.
std::vector<std::string> select_lines(const SelectRowsPlan& plan,
                                      const RowsProfile* profile = nullptr);

// EXPLAIN ANALYZE: the same lines, preceded by the times.
struct SelectTimes {
  int64_t reading_us = 0, running_us = 0;
};
std::vector<std::string> analyzed_lines(const SelectRowsPlan& plan, const RowsProfile& profile,
                                        const SelectTimes& times);

// The lines as one document in the form of PostgreSQL's FORMAT JSON: [{"Plan": {"Node Type": ..., "Plans": [...]}}].
// Steps have types that PostgreSQL's tools know, and their line under "Text".
std::string plan_document(const std::vector<std::string>& lines);

// EXPLAIN without ANALYZE of a statement whose parameters, if it has any, have values in the context.
Result<std::vector<std::string>> explained_lines(const Explain& explain,
                                                 const PlanContext& context);

}  // namespace engine
