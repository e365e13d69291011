// Plans the steps that all queries share: sources, filter, grouping and projection.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"
#include "engine/plan/plan.h"

namespace engine {

// Plan of a SELECT. Its result columns are the keys, then the values, as in the layout of the last
// node.
struct PlannedSelect {
  std::vector<StagePlan> stages;  // the last one has no output yet
  std::vector<ExchangePlan> exchanges;
  Schema schema;                       // without window bounds
  std::optional<SourceWindow> window;  // if set, the last layout ends with WINDOWSTART and
                                       // WINDOWEND
  bool is_table = false;
  bool key_is_made = false;  // PARTITION BY made the key
  std::optional<MaterializationPlan>
      materialization;  // for tables; its columns are those of `schema`, then the system columns
  std::vector<AnalysedItem> items;  // items after expansion, in the order of the text
};

struct SelectTarget {
  QueryUse use = QueryUse::Persistent;
  std::string query_id;   // part of the names of internal topics
  std::string sink_name;  // name of the sink, for messages
};

// Chooses the key format of a persistent query. plan_select() calls it once, with the key columns,
// because the format must be known before the layout of the query's state is decided. The function
// may reject the columns.
using ChooseKeyFormat = std::function<Result<FormatSpec>(const std::vector<ColumnDef>& keys)>;

Result<PlannedSelect> plan_select(Analysis analysis, const SelectTarget& target,
                                  const PlanContext& context,
                                  const ChooseKeyFormat& choose_key_format);

// Returns the scope in which the expressions of a query are bound.
Scope make_scope(const Layout& layout, std::string_view clause, const Analysis& analysis,
                 const PlanContext& context);

}  // namespace engine
