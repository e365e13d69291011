// Prints expressions as ksqlDB does in its messages. The output parses to the same tree, unless it
// has a sub-query.
#include <utility>

#include "engine/sql/ast_expression.h"
#include "engine/sql/rewrite.h"

namespace engine {
namespace {

std::string in_quotes(std::string_view value) {
  std::string text = "'";
  for (const char c : value) text.append(c == '\'' ? 2 : 1, c);
  return text + "'";
}

std::string join(const ExpressionList& list) {
  std::string text;
  for (const ExpressionPtr& expression : list) {
    if (!text.empty()) text += ", ";
    text += to_sql(*expression);
  }
  return text;
}

// Prints the base of `->`, `[ ]` or AT TIME ZONE, which bind more tightly than a sign.
std::string primary(const Expression& expression) {
  const std::string text = to_sql(expression);
  const bool binds_less =
      text.starts_with('-') || text.starts_with('+') || expression.is<AtTimeZone>();
  return binds_less ? "(" + text + ")" : text;
}

std::string binary(const Expression& left, std::string_view op, const Expression& right) {
  return "(" + to_sql(left) + " " + std::string(op) + " " + to_sql(right) + ")";
}

std::string negated_if(bool negated, std::string text) {
  return negated ? "(NOT " + text + ")" : text;
}

std::string order(const std::vector<OrderItem>& items) {
  std::string text;
  for (const OrderItem& each : items) {
    if (!text.empty()) text += ", ";
    text += to_sql(*each.expression);
    if (each.descending) text += " DESC";
    if (each.nulls != NullsOrder::Default)
      text += each.nulls == NullsOrder::First ? " NULLS FIRST" : " NULLS LAST";
  }
  return text;
}

std::string frame_bound(const FrameBound& bound) {
  const std::string offset = bound.offset ? to_sql(*bound.offset) : "";
  switch (bound.edge) {
    case FrameEdge::UnboundedPreceding:
      return "UNBOUNDED PRECEDING";
    case FrameEdge::Preceding:
      return offset + " PRECEDING";
    case FrameEdge::CurrentRow:
      return "CURRENT ROW";
    case FrameEdge::Following:
      return offset + " FOLLOWING";
    case FrameEdge::UnboundedFollowing:
      return "UNBOUNDED FOLLOWING";
  }
  return "";
}

std::string window(const OverWindow& over) {
  std::string text;
  const auto add = [&](const std::string& clause) {
    if (!text.empty()) text += " ";
    text += clause;
  };
  if (!over.partition_by.empty()) add("PARTITION BY " + join(over.partition_by));
  if (!over.order_by.empty()) add("ORDER BY " + order(over.order_by));
  if (!over.has_frame) return text;
  const WindowFrame& frame = over.frame;
  add(frame.unit == FrameUnit::Rows     ? "ROWS"
      : frame.unit == FrameUnit::Groups ? "GROUPS"
                                        : "RANGE");
  add("BETWEEN " + frame_bound(frame.start) + " AND " + frame_bound(frame.end));
  if (frame.exclusion == FrameExclusion::CurrentRow) add("EXCLUDE CURRENT ROW");
  if (frame.exclusion == FrameExclusion::Group) add("EXCLUDE GROUP");
  if (frame.exclusion == FrameExclusion::Ties) add("EXCLUDE TIES");
  return text;
}

struct Printer {
  std::string operator()(const NullLiteral&) const { return "null"; }
  std::string operator()(const BooleanLiteral& n) const { return n.value ? "true" : "false"; }
  std::string operator()(const IntegerLiteral& n) const { return std::to_string(n.value); }
  std::string operator()(const BigintLiteral& n) const { return std::to_string(n.value); }
  std::string operator()(const DoubleLiteral& n) const { return n.text; }
  std::string operator()(const DecimalLiteral& n) const { return n.text; }
  std::string operator()(const StringLiteral& n) const { return in_quotes(n.value); }
  std::string operator()(const ColumnRef& n) const {
    const std::string name = quote_if_needed(n.name.text);
    return n.source ? quote_if_needed(n.source->text) + "." + name : name;
  }
  std::string operator()(const Parameter& n) const { return "$" + std::to_string(n.index); }
  std::string operator()(const IntervalUnit& n) const { return n.word; }
  std::string operator()(const Dereference& n) const {
    return primary(*n.base) + "->" + quote_if_needed(n.field.text);
  }
  std::string operator()(const Subscript& n) const {
    return primary(*n.base) + "[" + to_sql(*n.index) + "]";
  }
  std::string operator()(const FunctionCall& n) const {
    if (n.name == kEqualAny && n.arguments.size() == 2)
      return "(" + to_sql(*n.arguments[1]) + " = ANY(" + to_sql(*n.arguments[0]) + "))";
    std::string text = n.name + "(" + (n.distinct ? "DISTINCT " : "");
    text += n.star ? "*" : join(n.arguments);
    if (!n.order_by.empty())
      text += (n.within_group ? ") WITHIN GROUP (ORDER BY " : " ORDER BY ") + order(n.order_by);
    text += ")";
    if (n.filter) text += " FILTER (WHERE " + to_sql(*n.filter) + ")";
    return n.over ? text + " OVER (" + window(*n.over) + ")" : text;
  }
  std::string operator()(const Lambda& n) const {
    std::string text = "(";
    for (const std::string& parameter : n.parameters) {
      if (text.size() > 1) text += ", ";
      text += quote_if_needed(parameter);
    }
    return text + ") => " + to_sql(*n.body);
  }
  std::string operator()(const Arithmetic& n) const {
    return binary(*n.left, to_string(n.op), *n.right);
  }
  std::string operator()(const Signed& n) const {
    const std::string operand = to_sql(*n.operand);
    const std::string sign = n.op == SignOp::Minus ? "-" : "+";
    // Two signs in a row would begin a comment, and a sign before a number would become part of it.
    if (operand.starts_with('-') || operand.starts_with('+')) return sign + " " + operand;
    const bool is_number = operand.find_first_of("0123456789.") == 0;
    return is_number ? sign + "(" + operand + ")" : sign + operand;
  }
  std::string operator()(const Comparison& n) const {
    return binary(*n.left, to_string(n.op), *n.right);
  }
  std::string operator()(const Logical& n) const {
    return binary(*n.left, to_string(n.op), *n.right);
  }
  std::string operator()(const Not& n) const { return "(NOT " + to_sql(*n.operand) + ")"; }
  std::string operator()(const Between& n) const {
    return negated_if(n.negated, "(" + to_sql(*n.value) + " BETWEEN " + to_sql(*n.lower) + " AND " +
                                     to_sql(*n.upper) + ")");
  }
  std::string operator()(const In& n) const {
    return negated_if(n.negated, "(" + to_sql(*n.value) + " IN (" + join(n.list) + "))");
  }
  std::string operator()(const Like& n) const {
    const std::string escape = n.escape ? " ESCAPE " + in_quotes(*n.escape) : "";
    return negated_if(n.negated,
                      "(" + to_sql(*n.value) + " LIKE " + to_sql(*n.pattern) + escape + ")");
  }
  std::string operator()(const IsNull& n) const {
    return "(" + to_sql(*n.operand) + (n.negated ? " IS NOT NULL)" : " IS NULL)");
  }
  std::string operator()(const Case& n) const {
    std::string text = "(CASE";
    if (n.operand) text += " " + to_sql(*n.operand);
    for (const CaseBranch& branch : n.branches)
      text += " WHEN " + to_sql(*branch.when) + " THEN " + to_sql(*branch.then);
    if (n.otherwise) text += " ELSE " + to_sql(*n.otherwise);
    return text + " END)";
  }
  std::string operator()(const Cast& n) const {
    return "CAST(" + to_sql(*n.operand) + " AS " + n.type.to_string() + ")";
  }
  std::string operator()(const AtTimeZone& n) const {
    return primary(*n.value) + " AT TIME ZONE " + primary(*n.zone);
  }
  std::string operator()(const ArrayConstructor& n) const {
    return "ARRAY[" + join(n.elements) + "]";
  }
  std::string operator()(const MapConstructor& n) const {
    std::string text;
    for (const MapEntry& entry : n.entries) {
      if (!text.empty()) text += ", ";
      text += to_sql(*entry.key) + ":=" + to_sql(*entry.value);
    }
    return "MAP(" + text + ")";
  }
  // Prints a sub-query without its SELECT, because the text is only used in messages.
  std::string operator()(const Subquery& n) const {
    if (n.kind == SubqueryKind::Exists) return "EXISTS (SELECT ...)";
    if (n.kind == SubqueryKind::Scalar) return "(SELECT ...)";
    if (n.op != ComparisonOp::Equal)
      return "(" + to_sql(*n.value) + " " + std::string(to_string(n.op)) + " ANY (SELECT ...))";
    return "(" + to_sql(*n.value) + (n.negated ? " NOT IN" : " IN") + " (SELECT ...))";
  }
  std::string operator()(const StructConstructor& n) const {
    std::string text;
    for (const StructField& field : n.fields) {
      if (!text.empty()) text += ", ";
      text += quote_if_needed(field.name.text) + ":=" + to_sql(*field.value);
    }
    return "STRUCT(" + text + ")";
  }
};

}  // namespace

std::string to_sql(const Expression& expression) { return std::visit(Printer{}, expression.node); }

std::string_view to_string(ArithmeticOp op) {
  switch (op) {
    case ArithmeticOp::Add:
      return "+";
    case ArithmeticOp::Subtract:
      return "-";
    case ArithmeticOp::Multiply:
      return "*";
    case ArithmeticOp::Divide:
      return "/";
    case ArithmeticOp::Modulo:
      return "%";
    case ArithmeticOp::Concatenate:
      return "||";
  }
  return "?";
}

std::string_view to_string(ComparisonOp op) {
  switch (op) {
    case ComparisonOp::Equal:
      return "=";
    case ComparisonOp::NotEqual:
      return "<>";
    case ComparisonOp::Less:
      return "<";
    case ComparisonOp::LessOrEqual:
      return "<=";
    case ComparisonOp::Greater:
      return ">";
    case ComparisonOp::GreaterOrEqual:
      return ">=";
    case ComparisonOp::IsDistinctFrom:
      return "IS DISTINCT FROM";
    case ComparisonOp::IsNotDistinctFrom:
      return "IS NOT DISTINCT FROM";
  }
  return "?";
}

std::string_view to_string(LogicalOp op) { return op == LogicalOp::And ? "AND" : "OR"; }

std::string_view to_string(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::Milliseconds:
      return "MILLISECONDS";
    case TimeUnit::Seconds:
      return "SECONDS";
    case TimeUnit::Minutes:
      return "MINUTES";
    case TimeUnit::Hours:
      return "HOURS";
    case TimeUnit::Days:
      return "DAYS";
    case TimeUnit::Weeks:
      return "WEEKS";
    case TimeUnit::Months:
      return "MONTHS";
    case TimeUnit::Years:
      return "YEARS";
  }
  return "?";
}

}  // namespace engine
