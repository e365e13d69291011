// Prints a query's plan for people. A stage has a line for the target of its rows; below it, the
// steps are indented, from the last step to the input.
#include <fmt/format.h>

#include <array>

#include "engine/expr/print_bound.h"
#include "engine/ivm/incremental_plan.h"
#include "engine/plan/create_source.h"
#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

constexpr std::array<std::string_view, 3> kWindowWords = {"TUMBLING", "HOPPING", "SESSION"};

std::string formats(const FormatSpec& key, const FormatSpec& value) {
  return fmt::format("key {}, value {}", shown_format(key), shown_format(value));
}

std::string first_columns(const Layout& layout, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count && i < layout.size(); ++i) names.push_back(layout[i].name);
  return join_list(names);
}

// Prints one step of a stage as one line.
class StepLine {
 public:
  StepLine(const QueryPlan& plan, const StagePlan& stage, const PlanNode& node)
      : plan_(plan), stage_(stage), node_(node) {}

  std::string operator()(const InputStep& step) const {
    if (step.generator) return generator_line(step);
    if (step.exchange >= 0) return fmt::format("Read exchange {}", step.exchange + 1);
    std::string line =
        fmt::format("Read {} {} from topic {} ({})", kind_word(step.kind), step.source_name,
                    step.topic, formats(step.key_format, step.value_format));
    std::vector<std::string> used;
    for (size_t i = 0; i < step.used.size() && i < node_.layout.size(); ++i)
      if (step.used[i]) used.push_back(node_.layout[i].name);
    if (!used.empty()) line += fmt::format(", columns {}", join_list(used));
    if (step.decodes_all) line += ", all columns decoded";
    if (step.timestamp) line += fmt::format(", event time from {}", step.timestamp->column);
    if (step.is_read_first) line += ", before all else";
    if (step.store >= 0) line += ", kept in " + store_name(step.store);
    return line;
  }
  std::string operator()(const FilterStep& step) const {
    return "Filter " + to_sql(step.predicate, input_layout());
  }
  std::string operator()(const ProjectStep& step) const {
    std::vector<std::string> columns;
    for (size_t i = 0; i < step.columns.size(); ++i) {
      const std::string text = to_sql(step.columns[i], input_layout());
      const std::string name = i < node_.layout.size() ? node_.layout[i].name : "";
      columns.push_back(name.empty() || name == text ? text : text + " AS " + name);
    }
    return "Project " + join_list(columns);
  }
  std::string operator()(const FlatMapStep& step) const {
    std::vector<std::string> calls;
    for (const BoundExpression& function : step.functions)
      calls.push_back(to_sql(function, input_layout()));
    return "One row for each element of " + join_list(calls);
  }
  std::string operator()(const RegroupStep& step) const {
    return "Key by " + first_columns(node_.layout, step.key_count);
  }
  std::string operator()(const AggregateStep& step) const {
    std::vector<std::string> calls;
    for (const AggregateCall& call : step.calls) calls.push_back(aggregate(call));
    std::string line = fmt::format("Aggregate {} by {}", join_list(calls),
                                   first_columns(input_layout(), step.key_count));
    if (step.window) line += ", " + window(*step.window);
    if (step.final_only) line += ", when the window closes";
    if (step.store >= 0) line += ", kept in " + store_name(step.store);
    return line;
  }
  std::string operator()(const StreamTableJoinStep& step) const {
    const std::string_view kind = step.type == JoinType::Inner ? "Join" : "Left join";
    const LayoutColumn& key = input_layout()[static_cast<size_t>(step.stream_key)];
    const std::string name = key.source.empty() ? key.name : key.source + "." + key.name;
    return fmt::format("{} each row with that of {} under the key {}", kind,
                       input_layout(1).front().source, name);
  }
  std::string operator()(const TableTableJoinStep& step) const {
    return fmt::format("{} rows with {} = {}, kept in {}", join_word(step.type),
                       qualified(0, step.left_key), qualified(1, step.right_key),
                       store_name(step.store));
  }
  std::string operator()(const ForeignKeySubscribeStep& step) const {
    return "Send each change to where the row of the foreign key " +
           to_sql(step.foreign_key, input_layout()) + " is";
  }
  std::string operator()(const ForeignKeyJoinStep& step) const {
    const Layout& right = input_layout(1);
    return fmt::format("{} rows by their foreign key with those of {}, kept in {}",
                       join_word(step.type), right.empty() ? "?" : right.front().source,
                       store_name(step.store));
  }
  std::string operator()(const ForeignKeyResolveStep& step) const {
    return fmt::format("Discard out-of-date rows, by {}, kept in {}",
                       first_columns(node_.layout, step.key_count), store_name(step.store));
  }
  std::string operator()(const RecomputeStep& step) const {
    const ViewMode mode = mode_of(plan_);
    if (mode.plan)
      return "Change the view by the changes of its input (mode: incremental), kept in " +
             store_name(step.store);
    return fmt::format(
        "Compute the view again when its inputs have changed (mode: recompute, because of {}), "
        "kept in {}",
        mode.reason, store_name(step.store));
  }
  std::string operator()(const StreamStreamJoinStep& step) const {
    std::string line =
        fmt::format("{} records with {} = {}, from {} before to {} after", join_word(step.type),
                    qualified(0, step.left_key.front()), qualified(1, step.right_key.front()),
                    shown_duration(step.before_ms), shown_duration(step.after_ms));
    line += ", grace " + shown_duration(step.grace_ms);
    if (step.type != JoinType::Inner)
      line += step.is_eager ? ", nulls at once" : ", nulls when no match can follow";
    return fmt::format("{}, kept in {} and {}", line, store_name(step.left_store),
                       store_name(step.right_store));
  }

 private:
  static std::string generator_line(const InputStep& step) {
    std::vector<std::string> columns;
    for (size_t i = 0; i < step.generator->rules.size(); ++i)
      columns.push_back(
          fmt::format("{} {}", step.schema.columns[i].name, to_text(step.generator->rules[i])));
    return fmt::format("Generate {} {}, {}: {}", kind_word(step.kind), step.source_name,
                       to_text(*step.generator), fmt::join(columns, "; "));
  }
  static std::string_view join_word(JoinType type) {
    constexpr std::array<std::string_view, 4> kWords = {"Join", "Left join", "Right join",
                                                        "Full join"};
    return kWords[static_cast<size_t>(type)];
  }
  std::string qualified(size_t port, int column) const {
    const LayoutColumn& its = input_layout(port)[static_cast<size_t>(column)];
    return its.source.empty() ? its.name : its.source + "." + its.name;
  }
  const Layout& input_layout(size_t port = 0) const {
    static const Layout kNone;
    return port < node_.from.size() ? stage_.nodes[static_cast<size_t>(node_.from[port])].layout
                                    : kNone;
  }

  std::string store_name(int store) const {
    const auto index = static_cast<size_t>(store);
    return index < stage_.stores.size() ? "store " + stage_.stores[index].name : "a store";
  }

  std::string aggregate(const AggregateCall& call) const {
    std::vector<std::string> arguments;
    for (const int column : call.arguments) {
      const auto index = static_cast<size_t>(column);
      arguments.push_back(index < input_layout().size() ? input_layout()[index].name : "?");
    }
    for (const Value& literal : call.instance.initial_arguments)
      arguments.push_back(to_sql(type_of(literal), literal));
    return fmt::format("{}({})", call.instance.def->name,
                       arguments.empty() ? "*" : join_list(arguments));
  }

  static SqlType type_of(const Value& literal) {
    if (std::holds_alternative<int32_t>(literal.payload())) return TypeKind::Integer;
    if (std::holds_alternative<int64_t>(literal.payload())) return TypeKind::Bigint;
    if (std::holds_alternative<double>(literal.payload())) return TypeKind::Double;
    if (std::holds_alternative<bool>(literal.payload())) return TypeKind::Boolean;
    return TypeKind::String;
  }

  static std::string window(const AggregateWindow& window) {
    std::string text = fmt::format("window {} {}", kWindowWords[static_cast<size_t>(window.type)],
                                   shown_duration(window.size_ms));
    if (window.type == WindowType::Hopping) text += " advance " + shown_duration(window.advance_ms);
    return fmt::format("{} grace {}", text, shown_duration(window.grace_ms));
  }

  const QueryPlan& plan_;
  const StagePlan& stage_;
  const PlanNode& node_;
};

class PlanPrinter {
 public:
  explicit PlanPrinter(const QueryPlan& plan) : plan_(plan) {}

  std::vector<std::string> print() && {
    // The order is from the result to the sources, as in PostgreSQL's plans.
    for (size_t i = plan_.stages.size(); i-- > 0;) {
      const StagePlan& stage = plan_.stages[i];
      lines_.push_back(fmt::format("Stage {}{}: {}", i + 1,
                                   stage.merges_partitions ? ", one task for all partitions" : "",
                                   output(stage.output)));
      if (!stage.nodes.empty()) print_node(stage, stage.nodes.size() - 1, 1);
    }
    if (plan_.materialization) lines_.push_back(materialization(*plan_.materialization));
    return std::move(lines_);
  }

 private:
  std::string output(const OutputPlan& output) const {
    if (output.exchange >= 0) {
      const auto index = static_cast<size_t>(output.exchange);
      if (index >= plan_.exchanges.size())
        return fmt::format("to exchange {}", output.exchange + 1);
      const ExchangePlan& exchange = plan_.exchanges[index];
      return fmt::format("to exchange {} ({} partitions{})", output.exchange + 1,
                         exchange.partitions,
                         exchange.is_time_ordered ? ", read in the order of event time" : "");
    }
    if (!output.topic.empty())
      return fmt::format("to topic {} ({})", output.topic,
                         formats(output.key_format, output.value_format));
    if (plan_.kind == QueryKind::SourceTable) return "keeps the table's rows";
    return "to the client";
  }

  void print_node(const StagePlan& stage, size_t index, size_t depth) {
    const PlanNode& node = stage.nodes[index];
    lines_.push_back(std::string(2 * depth, ' ') + "-> " + step_line(plan_, stage, node));
    for (const int from : node.from) print_node(stage, static_cast<size_t>(from), depth + 1);
  }

  std::string materialization(const MaterializationPlan& plan) const {
    const auto stage = static_cast<size_t>(plan.stage), store = static_cast<size_t>(plan.store);
    const bool is_known = stage < plan_.stages.size() && store < plan_.stages[stage].stores.size();
    std::vector<std::string> keys;
    for (const ColumnDef& column : plan.key_schema.columns) keys.push_back(column.name);
    return fmt::format("Look-ups by {}{} are answered from stage {}{}", join_list(keys),
                       plan.is_windowed ? " and window" : "", stage + 1,
                       is_known ? ", store " + plan_.stages[stage].stores[store].name : "");
  }

  const QueryPlan& plan_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string step_line(const QueryPlan& plan, const StagePlan& stage, const PlanNode& node) {
  return std::visit(StepLine(plan, stage, node), node.step);
}

std::vector<std::string> plan_lines(const QueryPlan& plan) { return PlanPrinter(plan).print(); }

}  // namespace engine
