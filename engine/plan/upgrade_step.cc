#include "engine/plan/upgrade_step.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/expr/print_bound.h"
#include "engine/plan/create_source.h"
#include "engine/plan/plan_fields.h"

namespace engine {

namespace {

// Index of a column that the old plan does not have.
constexpr int kNew = -1;
// The index that stands for a column without a counterpart in the old plan. It is greater than the
// index of any column.
constexpr uint32_t kNewColumn = UINT32_MAX;

// Removes the positions in the query's text, and the flag for range checks, which plans of earlier
// versions do not have. Otherwise a query of such a version would differ from a new query with the
// same text, and could not be replaced by it.
void forget_positions(BoundExpression& expression) {
  expression.position = {};
  expression.checks_range = false;
  expression.can_fail = true;  // the range check may fail
  for (BoundExpression& child : expression.children) forget_positions(child);
}

void move(std::vector<BoundExpression>& expressions, const Places& places) {
  for (BoundExpression& each : expressions) each = moved(std::move(each), places);
}
void move(std::vector<int>& columns, const Places& places) {
  for (int& column : columns) column = column < 0 ? column : places[static_cast<size_t>(column)];
}
void move(int& column, const Places& places) {
  if (column >= 0) column = places[static_cast<size_t>(column)];
}

std::string shown(const std::string& text) {
  const bool is_quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return is_quoted ? text.substr(1, text.size() - 2) : text;
}
std::string shown_list(const std::vector<std::string>& items) {
  return fmt::format("[{}]", fmt::join(items, ", "));
}

// ---- ksqlDB's names for the members and kinds of plan steps

struct PropertyName {
  std::string_view member, property;
};
constexpr PropertyName kPropertyNames[] = {{"topic", "topicName"},
                                           {"key_format", "formats"},
                                           {"value_format", "formats"},
                                           {"schema", "sourceSchema"},
                                           {"timestamp", "timestampColumn"},
                                           {"window", "windowInfo"},
                                           {"type", "joinType"},
                                           {"before_ms", "beforeMillis"},
                                           {"after_ms", "afterMillis"},
                                           {"grace_ms", "graceMillis"},
                                           {"key_count", "groupByExpressions"},
                                           {"calls", "aggregationFunctions"},
                                           {"functions", "tableFunctions"},
                                           {"foreign_key", "leftJoinExpression"},
                                           {"final_only", "emitStrategy"}};

std::string_view property_name(std::string_view member) {
  for (const PropertyName& known : kPropertyNames)
    if (known.member == member) return known.property;
  return member;
}

struct StepName {
  std::string operator()(const InputStep& step) const {
    if (step.exchange >= 0) return "Repartition";
    return fmt::format("{}{}Source", step.window ? "Windowed" : "", kind(is_table(step)));
  }
  std::string operator()(const FilterStep& step) const { return kind(step.is_table) + "Filter"; }
  std::string operator()(const ProjectStep& step) const { return kind(step.old_too) + "Select"; }
  std::string operator()(const FlatMapStep&) const { return "StreamFlatMap"; }
  std::string operator()(const RegroupStep& step) const { return kind(step.is_table) + "GroupBy"; }
  std::string operator()(const AggregateStep& step) const {
    if (step.window) return "StreamWindowedAggregate";
    return kind(step.is_table) + "Aggregate";
  }
  std::string operator()(const StreamTableJoinStep&) const { return "StreamTableJoin"; }
  std::string operator()(const StreamStreamJoinStep&) const { return "StreamStreamJoin"; }
  std::string operator()(const TableTableJoinStep&) const { return "TableTableJoin"; }
  std::string operator()(const ForeignKeySubscribeStep&) const { return kForeignKeyJoin; }
  std::string operator()(const ForeignKeyJoinStep&) const { return kForeignKeyJoin; }
  std::string operator()(const ForeignKeyResolveStep&) const { return kForeignKeyJoin; }
  std::string operator()(const RecomputeStep&) const { return "MaterializedView"; }

 private:
  static constexpr const char* kForeignKeyJoin = "ForeignKeyTableTableJoin";
  static bool is_table(const InputStep& step) { return step.kind == SourceKind::Table; }
  static std::string kind(bool is_table) { return is_table ? "Table" : "Stream"; }
};

// Returns an error about columns that the state lacks.
Error lacks(const PlanNode& node, std::vector<std::string> columns) {
  return Error{
      ErrorCode::NotSupported,
      fmt::format("Query is not upgradeable. The state of {} does not hold {}", step_name(node),
                  fmt::join(columns, ", ")),
      "The stored rows of a query have the columns that its first definition used. Adding other "
      "columns in place is not supported yet.",
      "DROP the object that the query writes, and create it again."};
}

// Sets the property `name` of `next` to the value in `old`, or removes it if `old` does not have it.
void keep_property(const AggregateInstance& old, std::string_view name, AggregateInstance& next) {
  next.properties.erase(std::string(name));
  if (const auto kept = old.properties.find(std::string(name)); kept != old.properties.end())
    next.properties.insert(*kept);
}

// ---- One step

// Compares a step with the step that it replaces, member by member. In a copy of the new step, members that may
// differ are first set to the values of the old step.
class StepUpgrade {
 public:
  StepUpgrade(const StepPair& pair, bool is_result) : pair_(pair), is_result_(is_result) {}

  Status operator()(InputStep& next) const {
    const auto& old = std::get<InputStep>(pair_.old.step);
    const Places own = places_of(pair_.next.layout, pair_.old.layout);
    InputStep like = next;
    if (has_all(old.schema, next.schema)) like.schema = old.schema;
    like.used = old.used;
    like.decodes_all = old.decodes_all;  // the store has the same columns
    like.old_too = old.old_too;
    like.is_read_first = old.is_read_first;  // the reading order is not part of the state
    TRY(compare(old, like));
    if (old.store < 0) {
      if (feeds_join_of_streams()) keep_decoding(old.used, own, next.used);
      return {};
    }
    // The key and the time of a row are always available, even if the store does not keep them.
    std::vector<bool> is_free(pair_.next.layout.size(), false);
    for (size_t i = 0; i < next.schema.columns.size(); ++i)
      is_free[i] = next.schema.columns[i].role == ColumnRole::Key;
    for (size_t i = next.schema.columns.size(); i < is_free.size(); ++i)
      is_free[i] = next.exchange >= 0 || (pair_.next.layout[i].name != kRowPartition &&
                                          pair_.next.layout[i].name != kRowOffset);
    return keep_columns(old.used, pair_.next.layout, own, is_free, next.used);
  }

  Status operator()(const FilterStep&) const { return {}; }  // FilterUpgrade compares filters

  // Only the columns of the result may change. The key must stay the same, because rows are stored
  // under it.
  Status operator()(const ProjectStep& next) const {
    const auto& old = std::get<ProjectStep>(pair_.old.step);
    ProjectStep like = next;
    move(like.columns, pair_.places());
    std::vector<BoundExpression> before = old.columns;
    for (BoundExpression& each : before) each = still(std::move(each));
    if (is_result_) {
      keep_keys(like);
      std::vector<BoundExpression> keys;
      for (size_t i = 0; i < before.size(); ++i)
        if (old.is_key[i]) keys.push_back(std::move(before[i]));
      before = std::move(keys);
    }
    if (text_of(before) == text_of(like.columns)) return {};
    const bool is_regrouped = !is_result_;
    return differs(is_regrouped ? "StreamGroupBy" : "StreamSelectKey",
                   is_regrouped ? "groupByExpressions" : "keyExpressions",
                   shown_expressions(old.columns, pair_.old_input()),
                   shown_expressions(next.columns, pair_.next_input()));
  }

  Status operator()(const FlatMapStep& next) const {
    FlatMapStep old = std::get<FlatMapStep>(pair_.old.step), like = next;
    for (BoundExpression& each : old.functions) each = still(std::move(each));
    move(like.functions, pair_.places());
    if (text_of(old) == text_of(like)) return {};
    return differs(step_name(pair_.next), "tableFunctions",
                   shown_expressions(old.functions, pair_.old_input()),
                   shown_expressions(next.functions, pair_.next_input()));
  }

  Status operator()(const RegroupStep& next) const {
    return compare(std::get<RegroupStep>(pair_.old.step), next);
  }

  // Settings may have changed since the old plan was made. Limits are taken from the new plan, but sums continue with
  // the overflow behaviour of the old plan.
  Status operator()(AggregateStep& next) const {
    const auto& old = std::get<AggregateStep>(pair_.old.step);
    if (old.calls.size() == next.calls.size())
      for (size_t i = 0; i < next.calls.size(); ++i)
        keep_property(old.calls[i].instance, kSumOverflow, next.calls[i].instance);
    AggregateStep like = next;
    const Places places = pair_.places();
    for (size_t i = 0; i < like.calls.size(); ++i) {
      move(like.calls[i].arguments, places);
      if (i < old.calls.size())
        like.calls[i].instance.properties = old.calls[i].instance.properties;
    }
    like.old_too = old.old_too;
    like.loses_old_finals = old.loses_old_finals;
    if (text_of(old.calls) != text_of(like.calls))
      return differs(step_name(pair_.next), "aggregationFunctions", shown_calls(old.calls),
                     shown_calls(next.calls));
    if (text_of(old.window) != text_of(like.window))
      return differs(step_name(pair_.next), "windowExpression", shown_window(old.window),
                     shown_window(next.window));
    return compare(old, like);
  }

  // No statement replaces the SELECT of a materialized view, so the old and the new step must be equal.
  Status operator()(const RecomputeStep& next) const {
    return compare(std::get<RecomputeStep>(pair_.old.step), next);
  }

  Status operator()(const StreamTableJoinStep& next) const {
    StreamTableJoinStep like = next;
    move(like.stream_key, pair_.places());
    return compare(std::get<StreamTableJoinStep>(pair_.old.step), like);
  }

  Status operator()(StreamStreamJoinStep& next) const {
    const auto& old = std::get<StreamStreamJoinStep>(pair_.old.step);
    StreamStreamJoinStep like = next;
    move(like.left_key, pair_.places(0));
    move(like.right_key, pair_.places(1));
    like.left_used = old.left_used;
    like.right_used = old.right_used;
    TRY(compare(old, like));
    TRY(keep_columns(old.left_used, pair_.next_input(0), pair_.places(0), {}, next.left_used));
    return keep_columns(old.right_used, pair_.next_input(1), pair_.places(1), {}, next.right_used);
  }

  Status operator()(TableTableJoinStep& next) const {
    const auto& old = std::get<TableTableJoinStep>(pair_.old.step);
    TableTableJoinStep like = next;
    move(like.left_key, pair_.places(0));
    move(like.right_key, pair_.places(1));
    like.used = old.used;
    like.old_too = old.old_too;
    TRY(compare(old, like));
    return keep_columns(old.used, pair_.next.layout, places_of(pair_.next.layout, pair_.old.layout),
                        {}, next.used);
  }

  Status operator()(const ForeignKeySubscribeStep& next) const {
    ForeignKeySubscribeStep old = std::get<ForeignKeySubscribeStep>(pair_.old.step), like = next;
    const Places places = pair_.places();
    like.foreign_key = moved(std::move(like.foreign_key), places);
    move(like.columns, places);
    const BoundExpression key = old.foreign_key;
    old.foreign_key = still(std::move(old.foreign_key));
    if (text_of(old.foreign_key) != text_of(like.foreign_key))
      return differs(step_name(pair_.next), "leftJoinExpression", to_sql(key, pair_.old_input()),
                     to_sql(next.foreign_key, pair_.next_input()));
    TRY(check_sent(old.columns, like.columns, next.columns, pair_.next_input()));
    return compare(old, like);
  }

  Status operator()(const ForeignKeyJoinStep& next) const {
    const auto& old = std::get<ForeignKeyJoinStep>(pair_.old.step);
    ForeignKeyJoinStep like = next;
    move(like.right_columns, pair_.places(1));
    TRY(check_sent(old.right_columns, like.right_columns, next.right_columns, pair_.next_input(1)));
    TRY(compare(old, like));
    return compare_layouts();
  }

  Status operator()(const ForeignKeyResolveStep& next) const {
    const auto& old = std::get<ForeignKeyResolveStep>(pair_.old.step);
    ForeignKeyResolveStep like = next;
    like.old_too = old.old_too;
    TRY(compare(old, like));
    return compare_layouts();
  }

 private:
  template <HasJsonFields T>
  Status compare(const T& old, const T& next) const {
    Status same;
    const auto compare_one = [&](const auto& field) {
      const std::string before = text_of(old.*field.member), after = text_of(next.*field.member);
      if (same && before != after)
        same =
            differs(step_name(pair_.next), property_name(field.name), shown(before), shown(after));
    };
    std::apply([&](const auto&... fields) { (compare_one(fields), ...); }, JsonFields<T>::fields);
    return same;
  }

  bool feeds_join_of_streams() const {
    return std::ranges::any_of(pair_.next_stage.nodes, [](const PlanNode& node) {
      return std::holds_alternative<StreamStreamJoinStep>(node.step);
    });
  }
  // Sets `used` for each column that the old plan decoded, because the stores of the join keep these columns.
  static void keep_decoding(const std::vector<bool>& old_used, const Places& places,
                            std::vector<bool>& used) {
    for (size_t i = 0; i < used.size(); ++i)
      if (places[i] != kNew && old_used[static_cast<size_t>(places[i])]) used[i] = true;
  }

  // Compares the layouts for a step that stores its complete input, because columns of stored rows are identified by
  // position.
  Status compare_layouts() const {
    const Places places = places_of(pair_.next.layout, pair_.old.layout);
    std::vector<std::string> missing;
    for (size_t i = 0; i < places.size(); ++i)
      if (places[i] == kNew) missing.push_back(pair_.next.layout[i].name);
    if (!missing.empty()) return lacks(pair_.next, std::move(missing));
    const auto types = [](const Layout& layout) {
      std::vector<std::string> texts;
      for (const LayoutColumn& column : layout)
        texts.push_back(column.name + " " + column.type.to_string());
      return shown_list(texts);
    };
    if (types(pair_.old.layout) == types(pair_.next.layout)) return {};
    return differs(step_name(pair_.next), "schema", types(pair_.old.layout),
                   types(pair_.next.layout));
  }

  // Returns whether `next` has the same keys as `old` and all its other columns, in the same order.
  static bool has_all(const Schema& old, const Schema& next) {
    if (text_of(old.keys()) != text_of(next.keys())) return false;
    size_t found = 0;
    for (const ColumnDef& column : next.columns)
      if (found < old.columns.size() && column == old.columns[found]) ++found;
    return found == old.columns.size();
  }

  void keep_keys(ProjectStep& step) const {
    std::vector<BoundExpression> keys;
    for (size_t i = 0; i < step.columns.size(); ++i)
      if (step.is_key[i]) keys.push_back(std::move(step.columns[i]));
    step.columns = std::move(keys);
  }

  // Sets `used` to the columns that the state keeps. Fails if the new plan uses a column that the
  // state does not keep, unless `is_free` marks it as available anyway.
  Status keep_columns(const std::vector<bool>& old_used, const Layout& layout, const Places& places,
                      const std::vector<bool>& is_free, std::vector<bool>& used) const {
    std::vector<std::string> missing;
    int last = kNew;
    for (size_t i = 0; i < used.size(); ++i) {
      if (i < is_free.size() && is_free[i]) continue;
      const bool was_used = places[i] != kNew && old_used[static_cast<size_t>(places[i])];
      if (used[i] && !was_used) missing.push_back(layout[i].name);
      used[i] = was_used;
      if (!was_used) continue;
      if (places[i] < last) return compare_order(layout);
      last = places[i];
    }
    return missing.empty() ? Status{} : Status(lacks(pair_.next, std::move(missing)));
  }
  Status compare_order(const Layout& layout) const {
    std::vector<std::string> names;
    for (const LayoutColumn& column : layout) names.push_back(column.name);
    std::vector<std::string> old_names;
    for (const LayoutColumn& column : pair_.old.layout) old_names.push_back(column.name);
    return differs(step_name(pair_.next), "schema", shown_list(old_names), shown_list(names));
  }

  Status check_sent(const std::vector<int>& old, const std::vector<int>& moved_next,
                    const std::vector<int>& next, const Layout& layout) const {
    std::vector<std::string> missing;
    for (size_t i = 0; i < next.size(); ++i)
      if (std::ranges::find(old, moved_next[i]) == old.end() || moved_next[i] == kNew)
        missing.push_back(layout[static_cast<size_t>(next[i])].name);
    if (missing.empty()) return {};
    return lacks(pair_.next, std::move(missing));
  }

  static std::string shown_window(const std::optional<AggregateWindow>& window) {
    constexpr std::string_view kWords[] = {"TUMBLING", "HOPPING", "SESSION"};
    if (!window) return "none";
    return fmt::format("{} (SIZE {} MILLISECONDS, ADVANCE BY {}, RETENTION {}, GRACE PERIOD {})",
                       kWords[static_cast<size_t>(window->type)], window->size_ms,
                       window->advance_ms, window->retention_ms, window->grace_ms);
  }
  static std::string shown_calls(const std::vector<AggregateCall>& calls) {
    std::vector<std::string> names;
    for (const AggregateCall& call : calls) {
      std::vector<std::string> types;
      for (const SqlType& type : call.instance.argument_types) types.push_back(type.to_string());
      names.push_back(fmt::format("{}({})", call.instance.def->name, fmt::join(types, ", ")));
    }
    return shown_list(names);
  }

  const StepPair& pair_;
  const bool is_result_;
};

}  // namespace

Places places_of(const Layout& next, const Layout& old) {
  Places places(next.size(), kNew);
  std::vector<bool> is_taken(old.size(), false);
  for (size_t i = 0; i < next.size(); ++i)
    for (size_t j = 0; j < old.size() && places[i] == kNew; ++j) {
      if (is_taken[j] || next[i].name != old[j].name || next[i].source != old[j].source ||
          !(next[i].type == old[j].type))
        continue;
      places[i] = static_cast<int>(j);
      is_taken[j] = true;
    }
  return places;
}

BoundExpression moved(BoundExpression expression, const Places& places) {
  std::vector<uint32_t> indexes;
  for (const int place : places)
    indexes.push_back(place == kNew ? kNewColumn : static_cast<uint32_t>(place));
  remap_columns(expression, indexes);
  forget_positions(expression);
  return expression;
}
BoundExpression still(BoundExpression expression) {
  forget_positions(expression);
  return expression;
}

std::string shown_expressions(const std::vector<BoundExpression>& expressions,
                              const Layout& layout) {
  std::vector<std::string> texts;
  for (const BoundExpression& each : expressions) texts.push_back(to_sql(each, layout));
  return shown_list(texts);
}

std::string step_name(const PlanNode& node) { return std::visit(StepName(), node.step); }

Error refusal(std::string_view what) {
  return Error{ErrorCode::InvalidStatement, fmt::format("Query is not upgradeable. {}", what)};
}

Error differs(std::string_view step, std::string_view property, std::string_view old,
              std::string_view next) {
  return refusal(fmt::format("Plan step of type {} must have matching {}. Values differ: {} vs. {}",
                             step, property, old, next));
}

Status upgrade_step(const StepPair& pair, bool is_result) {
  return std::visit(StepUpgrade(pair, is_result), pair.next.step);
}

}  // namespace engine
