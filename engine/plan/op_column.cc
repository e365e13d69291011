#include "engine/plan/op_column.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace engine {

namespace {

// First character of a marked name; the name of the result column follows it. No name in a
// statement begins with this character.
constexpr char kMark = '\x06';

bool is_named(const Name& name, std::string_view upper, std::string_view lower) {
  return name.quoting == Quoting::Double ? name.text == lower : name.text == upper;
}

bool has_op_of_its_own(const Query& query, const PlanContext& context) {
  const auto has_it = [&](const AliasedSource& named) {
    const DataSource* source = named.query ? nullptr : find_source(named.name, context);
    return source && std::ranges::any_of(source->schema.columns, [](const ColumnDef& column) {
             return column.name == "OP" || column.name == "op";
           });
  };
  return (query.from && has_it(*query.from)) ||
         std::ranges::any_of(query.joins, has_it, &Join::source);
}

}  // namespace

std::optional<Query> with_marked_ops(const Query& query, const PlanContext& context) {
  if (query.emit == Emit::None || context.settings.ksqldb_compat) return std::nullopt;
  const bool is_op_taken = has_op_of_its_own(query, context);
  const auto is_op = [&](const SelectItem& item) {
    const auto* column = item.expression ? item.expression->as<ColumnRef>() : nullptr;
    return column && !column->source &&
           (is_named(column->name, "__OP", "__op") ||
            (!is_op_taken && is_named(column->name, "OP", "op")));
  };
  if (std::ranges::none_of(query.items, is_op)) return std::nullopt;
  Query marked = clone(query);
  for (SelectItem& item : marked.items) {
    if (!is_op(item)) continue;
    const Name& named = item.alias ? *item.alias : item.expression->as<ColumnRef>()->name;
    item.alias = Name{kMark + named.text, Quoting::Back};
    item.expression = make_expression(StringLiteral{"upsert"}, item.position);
  }
  return marked;
}

void add_op_columns(PlannedQuery& planned) {
  for (size_t i = 0; i < planned.result.columns.size(); ++i) {
    std::string& name = planned.result.columns[i].name;
    if (!name.starts_with(kMark)) continue;
    name.erase(0, 1);
    planned.op_columns.push_back(i);
  }
  StagePlan& stage = planned.plan.stages.front();
  if (!stage.output.is_table) return;
  for (PlanNode& node : stage.nodes)
    std::visit(
        [](auto& step) {
          if constexpr (requires { step.is_joined; })
            step.old_too = step.store >= 0 && !step.is_joined;
          else if constexpr (requires { step.old_too; })
            step.old_too = true;
        },
        node.step);
}

ColumnPtr op_column(const Batch& batch, bool is_table) {
  Column ops(TypeKind::String);
  const bool knows_old = batch.old_present.size() == batch.rows;
  for (size_t row = 0; row < batch.rows; ++row) {
    const std::string_view op = !is_table                     ? "insert"
                                : !batch.present.test(row)    ? "delete"
                                : !knows_old                  ? "upsert"
                                : batch.old_present.test(row) ? "update"
                                                              : "insert";
    ops.append(op);  // valid, because the literal lives as long as the program
  }
  return std::make_shared<const Column>(std::move(ops));
}

}  // namespace engine
