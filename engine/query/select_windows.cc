#include "engine/query/select_windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/expr/written_text.h"
#include "engine/query/select_aggregates.h"
#include "engine/types/ascii.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

struct FunctionRow {
  std::string_view name;
  WindowFunction function;
  size_t least, most;  // number of arguments
  TypeKind type;       // Null: the type of the first argument
};
constexpr FunctionRow kFunctions[] = {
    {"ROW_NUMBER", WindowFunction::RowNumber, 0, 0, TypeKind::Bigint},
    {"RANK", WindowFunction::Rank, 0, 0, TypeKind::Bigint},
    {"DENSE_RANK", WindowFunction::DenseRank, 0, 0, TypeKind::Bigint},
    {"PERCENT_RANK", WindowFunction::PercentRank, 0, 0, TypeKind::Double},
    {"CUME_DIST", WindowFunction::CumeDist, 0, 0, TypeKind::Double},
    {"NTILE", WindowFunction::Ntile, 1, 1, TypeKind::Integer},
    {"LAG", WindowFunction::Lag, 1, 3, TypeKind::Null},
    {"LEAD", WindowFunction::Lead, 1, 3, TypeKind::Null},
    {"FIRST_VALUE", WindowFunction::FirstValue, 1, 1, TypeKind::Null},
    {"LAST_VALUE", WindowFunction::LastValue, 1, 1, TypeKind::Null},
    {"NTH_VALUE", WindowFunction::NthValue, 2, 2, TypeKind::Null},
};

bool same_items(const std::vector<OrderItem>& a, const std::vector<OrderItem>& b) {
  return std::ranges::equal(a, b, [](const OrderItem& left, const OrderItem& right) {
    return left.descending == right.descending && left.nulls == right.nulls &&
           equals(*left.expression, *right.expression);
  });
}

bool same_rows(const OverWindow& a, const OverWindow& b) {
  return std::ranges::equal(a.partition_by, b.partition_by,
                            [](const ExpressionPtr& left, const ExpressionPtr& right) {
                              return equals(*left, *right);
                            }) &&
         same_items(a.order_by, b.order_by);
}

class WindowBinder {
 public:
  WindowBinder(const SelectNames& names, RowsPlanning& planning, Appended& beside)
      : planning_(planning), beside_(beside), scope_(names.scope(beside.layout, "OVER")) {
    scope_.substitutes = beside.substitutes;
  }

  // Binds calls that have the same partitions and order.
  Result<WindowRows> bind(const std::vector<const Expression*>& calls) {
    const OverWindow& over = *calls.front()->as<FunctionCall>()->over;
    WindowRows step;
    for (const ExpressionPtr& each : over.partition_by) {
      step.partition.push_back(TRY(bind_value(*each, scope_)));
      if (const SqlType& type = step.partition.back().type;
          type.is_nested() && type.kind() != TypeKind::Array)
        return Error{ErrorCode::TypeMismatch, fmt::format("{} has no order", type.to_string())}.at(
            each->position);
    }
    step.order = TRY(bind_order(over.order_by, scope_));
    for (const Expression* each : calls)
      TRY(unify_offsets(*each->as<FunctionCall>()->over, step.order));
    for (const Expression* each : calls)
      step.calls.push_back(TRY(bind_call(*each->as<FunctionCall>(), *each, step.order)));
    for (size_t i = 0; i < calls.size(); ++i) names_.push_back({calls[i], step.calls[i].type});
    return step;
  }
  // Adds the results as columns. Call it after all calls are bound: until then an expression cannot
  // refer to these columns, and calls must not refer to each other.
  void put_beside() {
    for (const auto& [call, type] : names_) {
      beside_.substitutes.push_back({call, static_cast<uint32_t>(beside_.layout.size())});
      beside_.layout.push_back({"", to_sql(*call), type});
    }
  }

 private:
  Result<WindowCall> bind_call(const FunctionCall& call, const Expression& whole,
                               const std::vector<RowsOrder>& order) {
    const TextPosition at = whole.position;
    if (call.distinct)
      return Error{ErrorCode::NotSupported, "DISTINCT is not supported for window functions"}.at(
          at);
    if (!call.order_by.empty())
      return Error{ErrorCode::NotSupported,
                   "aggregate ORDER BY is not supported for window functions"}
          .at(at);
    WindowCall bound{};
    bound.text = to_sql(whole);
    const auto row = std::ranges::find(kFunctions, call.name, &FunctionRow::name);
    if (row != std::end(kFunctions)) {
      bound.function = row->function;
      TRY(bind_arguments(call, *row, at, bound));
    } else {
      TRY(bind_aggregate_call(call, at, bound));
    }
    bound.frame = TRY(bind_frame(*call.over, order, at));
    return bound;
  }

  Status bind_arguments(const FunctionCall& call, const FunctionRow& row, TextPosition at,
                        WindowCall& bound) {
    const size_t count = call.arguments.size();
    if (call.star || count < row.least || count > row.most)
      return Error{
          ErrorCode::UndefinedFunction,
          fmt::format("function {} does not accept {} arguments", lower_case(call.name), count)}
          .at(at);
    if (call.filter)
      return Error{ErrorCode::NotSupported,
                   "FILTER is not implemented for non-aggregate window functions"}
          .at(at);
    for (const ExpressionPtr& each : call.arguments)
      bound.arguments.push_back(TRY(bind_value(*each, scope_)));
    const auto coerce_to = [&](size_t i, const SqlType& type) -> Status {
      auto coerced = coerce(std::move(bound.arguments[i]), type);
      if (!coerced) return std::move(coerced).error().at(call.arguments[i]->position);
      bound.arguments[i] = *std::move(coerced);
      return {};
    };
    bound.type = row.type;
    if (row.function == WindowFunction::Ntile) return coerce_to(0, TypeKind::Bigint);
    if (row.type != TypeKind::Null) return {};
    if (count == 3) {  // the third argument is the value for rows that do not exist
      const SqlType& first = bound.arguments[0].type;
      if (const auto* written = call.arguments[2]->as<StringLiteral>();
          written && !first.is_null() && first != SqlType(TypeKind::String))
        bound.arguments[2] = TRY(bind_written_text(*written, first, scope_));
      const auto type = common_type(bound.arguments[0].type, bound.arguments[2].type);
      if (!type)
        return Error{
            ErrorCode::TypeMismatch,
            fmt::format("{} of {} cannot give {}", lower_case(call.name),
                        bound.arguments[0].type.to_string(), bound.arguments[2].type.to_string())}
            .at(at);
      TRY(coerce_to(0, *type));
      TRY(coerce_to(2, *type));
    }
    if (count > 1) TRY(coerce_to(1, TypeKind::Bigint));
    bound.type = bound.arguments[0].type;
    return {};
  }

  Status bind_aggregate_call(const FunctionCall& call, TextPosition at, WindowCall& bound) {
    if (call.within_group)
      return Error{
          ErrorCode::NotSupported,
          fmt::format("OVER is not supported for ordered-set aggregate {}", lower_case(call.name))}
          .at(at);
    if (!Registry::instance().is_aggregate(call.name)) {
      if (Registry::instance().find(call.name).empty()) return unknown_function(call.name).at(at);
      return Error{ErrorCode::WrongObjectType,
                   fmt::format("OVER specified, but {} is not a window function nor an aggregate "
                               "function",
                               lower_case(call.name))}
          .at(at);
    }
    GroupedCall grouped =
        TRY(bind_grouped_call(FunctionCall{call.name, clone(call.arguments), call.star}, at, scope_,
                              planning_.context(), planning_.eval()));
    planning_.note_aggregate(call, grouped.call);
    if (call.filter) bound.filter = TRY(bind_predicate(*call.filter, scope_));
    bound.function = WindowFunction::Aggregate;
    bound.arguments = std::move(grouped.call.arguments);
    bound.instance = std::move(grouped.call.instance);
    bound.type = bound.instance.result_type;
    return {};
  }

  // ---- frames

  static bool has_offsets_by_value(const OverWindow& over) {
    return over.frame.unit == FrameUnit::Range &&
           (over.frame.start.offset || over.frame.end.offset);
  }

  // Gives the offset of RANGE and the ordered value a common type.
  Status unify_offsets(const OverWindow& over, std::vector<RowsOrder>& order) {
    if (!has_offsets_by_value(over)) return {};
    if (order.size() != 1)
      return Error{ErrorCode::InvalidStatement,
                   "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column"}
          .at(position_of_offset(over));
    for (const FrameBound* bound : {&over.frame.start, &over.frame.end}) {
      if (!bound->offset) continue;
      const SqlType& type = order.front().value.type;
      const BoundExpression offset = TRY(bind_offset(*bound->offset, type));
      if (type.is_time_like() && offset.type.label() == label::kInterval) continue;
      const auto common = common_type(type, offset.type);
      if (!type.is_numeric() || !common)
        return Error{ErrorCode::NotSupported,
                     fmt::format("RANGE with offset PRECEDING/FOLLOWING is not supported for "
                                 "column type {} and offset type {}",
                                 type.to_string(), offset.type.to_string())}
            .at(bound->offset->position);
      order.front().value = TRY(coerce(std::move(order.front().value), *common));
    }
    return {};
  }
  static TextPosition position_of_offset(const OverWindow& over) {
    const FrameBound& start = over.frame.start;
    return (start.offset ? start.offset : over.frame.end.offset)->position;
  }

  static SqlType interval_type() { return SqlType(TypeKind::String).labelled(label::kInterval); }

  // Binds an offset of a frame. `type` is the type of the order. Literal texts and numerics without precision take this
  // type; for dates and times a text is an interval.
  Result<BoundExpression> bind_offset(const Expression& offset, const SqlType& type) {
    BoundExpression bound = TRY(bind_value(offset, scope_));
    if (type.is_time_like() && offset.is<StringLiteral>()) {
      auto interval = cast(std::move(bound), interval_type());
      if (!interval) return std::move(interval).error().at(offset.position);
      bound = *std::move(interval);
    }
    if (type.is_numeric() && bound.type.kind() == TypeKind::String &&
        (offset.is<StringLiteral>() || bound.type.label() == label::kNumeric)) {
      auto number = cast(std::move(bound), type);
      if (!number) return std::move(number).error().at(offset.position);
      bound = *std::move(number);
      bound.knows_unknown = true;  // so that 'inf' is read as a number
    }
    if (!referenced_columns({&bound, 1}).empty())
      return Error{ErrorCode::InvalidStatement,
                   "argument of a frame's bound must not contain variables"}
          .at(offset.position);
    return bound;
  }

  Result<BoundFrame> bind_frame(const OverWindow& over, const std::vector<RowsOrder>& order,
                                TextPosition at) {
    const WindowFrame& frame = over.frame;
    if (frame.unit == FrameUnit::Groups && order.empty())
      return Error{ErrorCode::InvalidStatement, "GROUPS mode requires an ORDER BY clause"}.at(at);
    BoundFrame bound{frame.unit, frame.start.edge, frame.end.edge, {}, {}, frame.exclusion};
    const SqlType type = has_offsets_by_value(over) ? order.front().value.type : TypeKind::Bigint;
    const SqlType of_offset = type.is_time_like() ? interval_type() : type;
    const auto take = [&](const FrameBound& from, std::optional<BoundExpression>& to) -> Status {
      if (!from.offset) return {};
      auto coerced = coerce(TRY(bind_offset(*from.offset, type)), of_offset);
      if (!coerced) return std::move(coerced).error().at(from.offset->position);
      to = *std::move(coerced);
      return {};
    };
    TRY(take(frame.start, bound.start_offset));
    TRY(take(frame.end, bound.end_offset));
    return bound;
  }

  RowsPlanning& planning_;
  Appended& beside_;
  Scope scope_;
  std::vector<std::pair<const Expression*, SqlType>> names_;
};

}  // namespace

bool has_window_call(const Expression& expression) {
  const auto* call = expression.as<FunctionCall>();
  if (call && call->over) return true;
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return has_window_call(*child); });
}

Status list_window_calls(const Expression& expression, std::vector<const Expression*>& found) {
  const auto* call = expression.as<FunctionCall>();
  if (!call || !call->over) {
    for (const Expression* child : children(expression)) TRY(list_window_calls(*child, found));
    return {};
  }
  for (const Expression* child : children(expression))
    if (has_window_call(*child))
      return Error{ErrorCode::GroupingError, "window function calls cannot be nested"}.at(
          child->position);
  if (std::ranges::none_of(found,
                           [&](const Expression* known) { return equals(*known, expression); }))
    found.push_back(&expression);
  return {};
}

bool has_windows(const Query& query) {
  std::vector<const Expression*> calls;
  return std::ranges::any_of(query.items, [&](const SelectItem& item) {
    return item.expression && (!list_window_calls(*item.expression, calls) || !calls.empty());
  });
}

Result<std::vector<WindowRows>> bind_windows(const std::vector<const Expression*>& calls,
                                             const SelectNames& names, RowsPlanning& planning,
                                             Appended& beside) {
  std::vector<std::vector<const Expression*>> alike;
  const auto over_of = [](const Expression* call) -> const OverWindow& {
    return *call->as<FunctionCall>()->over;
  };
  for (const Expression* call : calls) {
    const auto known = std::ranges::find_if(
        alike, [&](const auto& list) { return same_rows(over_of(list.front()), over_of(call)); });
    if (known != alike.end())
      known->push_back(call);
    else
      alike.push_back({call});
  }
  // The steps with the fewest keys are last, because PostgreSQL returns rows in the order of the
  // window with the fewest keys.
  const auto keys_of = [&](const std::vector<const Expression*>& list) {
    return over_of(list.front()).partition_by.size() + over_of(list.front()).order_by.size();
  };
  std::ranges::stable_sort(alike, std::greater<>(), keys_of);
  WindowBinder binder(names, planning, beside);
  std::vector<WindowRows> steps;
  for (const auto& list : alike) steps.push_back(TRY(binder.bind(list)));
  binder.put_beside();
  return steps;
}

RowsNodePtr append(RowsNodePtr node, std::vector<WindowRows> windows) {
  for (WindowRows& step : windows) {
    Layout layout = node->layout;
    for (const WindowCall& call : step.calls) layout.push_back({"", call.text, call.type});
    step.input = std::move(node);
    node = make_node(std::move(step), std::move(layout));
  }
  return node;
}

}  // namespace engine
