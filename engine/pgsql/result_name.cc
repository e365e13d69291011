#include "engine/pgsql/result_name.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

// A name that was found for an expression. A weak name (the type of a cast, or "case") gives way to a strong name of
// the operand of the cast, or of the ELSE of the CASE.
struct Found {
  std::string name;
  bool is_strong = false;
};

Found figure(const Node& node);

Found strong(std::string_view name) { return {std::string(name), true}; }

Found figure_child(const Fields& fields, std::string_view name) {
  const auto found = child(fields, name);
  return found ? figure(*found) : Found();
}

// Returns the last element of the list that is a name: b for a[1].b.
Found last_name(const Fields& fields, std::string_view list) {
  const std::vector<Node> parts = children(fields, list);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    if (part->kind == "String") return strong(part->fields.text("sval"));
  return {};
}

Found or_else(Found found, std::string weak) {
  return found.is_strong ? found : Found{std::move(weak), false};
}

Found figure_subquery(const Fields& fields) {
  const std::string_view kind = fields.text("subLinkType");
  if (kind == "EXISTS_SUBLINK") return strong("exists");
  if (kind == "ARRAY_SUBLINK") return strong("array");
  const auto query = child(fields, "subselect");
  if (kind != "EXPR_SUBLINK" || !query) return {};
  const std::vector<Node> targets = children(query->fields, "targetList");
  if (targets.empty()) return {};
  const std::string_view alias = targets.front().fields.text("name");
  return alias.empty() ? figure_child(targets.front().fields, "val") : strong(alias);
}

// Returns the name of a keyword: current_time for SVFOP_CURRENT_TIME_N.
Found figure_value_function(std::string_view op) {
  constexpr std::string_view kPrefix = "SVFOP_", kWithPrecision = "_N";
  if (op.starts_with(kPrefix)) op.remove_prefix(kPrefix.size());
  if (op.ends_with(kWithPrecision)) op.remove_suffix(kWithPrecision.size());
  std::string name(op);
  std::ranges::transform(name, name.begin(), [](char letter) { return ascii_lower(letter); });
  return strong(name);
}

Found figure(const Node& node) {
  const std::string_view kind = node.kind;
  const Fields& fields = node.fields;
  if (kind == "ColumnRef") return last_name(fields, "fields");
  if (kind == "A_Indirection") {
    Found part = last_name(fields, "indirection");
    return part.is_strong ? part : figure_child(fields, "arg");
  }
  if (kind == "FuncCall") return last_name(fields, "funcname");
  if (kind == "A_Expr") return fields.text("kind") == "AEXPR_NULLIF" ? strong("nullif") : Found();
  if (kind == "TypeCast") {
    const auto type = fields.part("typeName");
    return or_else(figure_child(fields, "arg"), type ? last_name(*type, "names").name : "");
  }
  if (kind == "CollateClause") return figure_child(fields, "arg");
  if (kind == "CaseExpr") return or_else(figure_child(fields, "defresult"), "case");
  if (kind == "SubLink") return figure_subquery(fields);
  if (kind == "GroupingFunc") return strong("grouping");
  if (kind == "A_ArrayExpr") return strong("array");
  if (kind == "RowExpr") return strong("row");
  if (kind == "CoalesceExpr") return strong("coalesce");
  if (kind == "MinMaxExpr") return strong(fields.text("op") == "IS_LEAST" ? "least" : "greatest");
  if (kind == "SQLValueFunction") return figure_value_function(fields.text("op"));
  return {};
}

}  // namespace

std::string result_name_of(const Node& node) { return figure(node).name; }

}  // namespace engine::pgsql
