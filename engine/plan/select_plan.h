// The part that all planned queries share: sources, filter, grouping, projection.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"
#include "engine/plan/plan.h"

namespace engine {

// The result columns of a planned SELECT: the keys, then the values, as the last node gives them.
struct PlannedSelect {
  std::vector<StagePlan> stages;  // the last one still lacks its output
  std::vector<ExchangePlan> exchanges;
  Schema schema;                       // without window bounds
  std::optional<SourceWindow> window;  // then the last layout ends with WINDOWSTART and WINDOWEND
  bool is_table = false;
  bool key_is_made = false;  // by PARTITION BY
  std::optional<MaterializationPlan>
      materialization;  // of tables; its columns are those of `schema`, then the system's
  std::vector<AnalysedItem> items;  // after expansion, in the order of the text
};

struct SelectTarget {
  QueryUse use = QueryUse::Persistent;
  std::string query_id;   // names internal topics
  std::string sink_name;  // for messages
};

// How a persistent query's key will be written must be known before its state is laid out:
// `choose_key_format` is asked once, with the key columns, and may refuse them.
using ChooseKeyFormat = std::function<Result<FormatSpec>(const std::vector<ColumnDef>& keys)>;

Result<PlannedSelect> plan_select(Analysis analysis, const SelectTarget& target,
                                  const PlanContext& context,
                                  const ChooseKeyFormat& choose_key_format);

// The scope in which a query's expressions mean something.
Scope make_scope(const Layout& layout, std::string_view clause, const Analysis& analysis,
                 const PlanContext& context);

}  // namespace engine
