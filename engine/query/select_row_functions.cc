#include "engine/query/select_row_functions.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/query/select_outer_rows.h"
#include "engine/sql/result_name.h"
#include "engine/sql/rewrite.h"

namespace engine {

namespace {

// SELECT ..., UNNEST(array) FROM ...: the function becomes a source behind the others.
class RowFunctionsOfItems {
 public:
  static bool is_there(const Query& query) {
    return std::ranges::any_of(query.items, [](const SelectItem& item) {
      return item.expression && calls_it(*item.expression);
    });
  }
  // Null where the items have none.
  static Result<std::optional<Query>> take_out(const Query& query) {
    RowFunctionsOfItems found;
    if (!is_there(query)) return std::optional<Query>();
    if (!query.group_by.empty() || query.having || has_aggregate(query))
      return Error{ErrorCode::NotSupported,
                   "UNNEST beside GROUP BY or aggregate functions is not supported yet"}
          .at(query.position);
    Query made = clone(query);
    const auto visit = [&](ExpressionPtr& each) -> Status {
      const auto* call = each->as<FunctionCall>();
      if (call && call->name == "UNNEST") found.replace(each);
      return {};
    };
    for (SelectItem& item : made.items) {
      if (!item.expression) continue;
      if (!item.alias && calls_it(*item.expression))
        item.alias = Name{result_name(*item.expression)};
      TRY(rewrite_expression(item.expression, visit, RewriteOrder::ParentsFirst));
    }
    AliasedSource source;
    source.name = Name{std::string(kAlias)};
    source.position = query.position;
    source.query = std::make_shared<const Query>(std::move(found.functions_));
    if (made.from)
      made.joins.push_back(
          {JoinType::Inner, std::move(source), std::nullopt, nullptr, query.position});
    else
      made.from = std::move(source);
    return std::optional(std::move(made));
  }

 private:
  static constexpr std::string_view kAlias = "\x02";  // no name of a statement

  static bool calls_it(const Expression& expression) {
    const auto* call = expression.as<FunctionCall>();
    if (call && call->name == "UNNEST") return true;
    return std::ranges::any_of(children(expression),
                               [](const Expression* child) { return calls_it(*child); });
  }
  void replace(ExpressionPtr& call) {
    size_t at = 0;
    while (at < functions_.items.size() && !equals(*functions_.items[at].expression, *call)) ++at;
    const Name column{fmt::format("C{}", at)};
    const TextPosition position = call->position;
    if (at == functions_.items.size())
      functions_.items.push_back(
          {SelectItemKind::Expression, std::move(call), column, std::nullopt, position});
    call = make_expression(ColumnRef{Name{std::string(kAlias)}, column}, position);
  }

  Query functions_;
};

}  // namespace

bool is_row_function(const AliasedSource& named) {
  if (!named.query || named.query->from || named.query->items.empty()) return false;
  return std::ranges::all_of(named.query->items, [](const SelectItem& item) {
    const auto* call = item.expression ? item.expression->as<FunctionCall>() : nullptr;
    return call && call->name == "UNNEST";
  });
}

// The only column of a function is named as the source is.
Result<SelectSource> row_function_names(const AliasedSource& named) {
  Schema columns;
  for (const SelectItem& item : named.query->items)
    columns.columns.push_back(
        {item.alias ? item.alias->text : named.visible_name().text, TypeKind::String});
  return query_source(named, named.visible_name().text, named.columns, columns);
}

Result<std::vector<BoundExpression>> bind_row_function(const AliasedSource& named,
                                                       const std::vector<SelectSource>& before,
                                                       SelectSource& source,
                                                       const PlanContext& context) {
  const SelectNames names = TRY(SelectNames::of(Query(), before, context));
  const Scope scope = names.scope(names.layout(), "FROM");
  std::vector<BoundExpression> arrays;
  for (size_t i = 0; i < named.query->items.size(); ++i) {
    const Expression& item = *named.query->items[i].expression;
    const ExpressionList& arguments = item.as<FunctionCall>()->arguments;
    if (arguments.size() != 1)
      return Error{ErrorCode::UndefinedFunction, "UNNEST takes one array"}.at(item.position);
    const ExpressionPtr canonical = TRY(names.canonical(*arguments.front(), "FROM"));
    BoundExpression array = TRY(bind(*canonical, scope));
    if (array.type.kind() != TypeKind::Array)
      return Error{ErrorCode::TypeMismatch, "UNNEST takes an ARRAY, not " + array.type.to_string()}
          .at(item.position);
    source.columns[i].type = array.type.element();
    arrays.push_back(std::move(array));
  }
  return arrays;
}

bool has_row_functions(const Query& query) { return RowFunctionsOfItems::is_there(query); }

Result<std::optional<Query>> take_row_functions_out(const Query& query) {
  return RowFunctionsOfItems::take_out(query);
}

}  // namespace engine
