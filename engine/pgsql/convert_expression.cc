#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "engine/pgsql/convert.h"
#include "engine/pgsql/interval_units.h"
#include "engine/pgsql/nesting.h"
#include "engine/sql/default_value.h"
#include "engine/sql/postgres_operators.h"
#include "engine/sql/rewrite.h"
#include "engine/sql/row_match.h"
#include "engine/types/ascii.h"
#include "engine/types/text_number.h"

namespace engine::pgsql {

namespace {

ExpressionPtr negated_if(bool negated, ExpressionPtr expression) {
  if (!negated) return expression;
  const TextPosition at = expression->position;
  return make_expression(Not{std::move(expression)}, at);
}

ExpressionPtr call_of_two(std::string name, ExpressionPtr first, ExpressionPtr second,
                          TextPosition at) {
  FunctionCall call{std::move(name), {}};
  call.arguments.push_back(std::move(first));
  call.arguments.push_back(std::move(second));
  return make_expression(std::move(call), at);
}

template <class Op>
struct OperatorRow {
  std::string_view text;
  Op op;
};
constexpr OperatorRow<ComparisonOp> kComparisons[] = {
    {"=", ComparisonOp::Equal},   {"<>", ComparisonOp::NotEqual},
    {"<", ComparisonOp::Less},    {"<=", ComparisonOp::LessOrEqual},
    {">", ComparisonOp::Greater}, {">=", ComparisonOp::GreaterOrEqual},
};
constexpr OperatorRow<ArithmeticOp> kArithmetics[] = {
    {"+", ArithmeticOp::Add},    {"-", ArithmeticOp::Subtract}, {"*", ArithmeticOp::Multiply},
    {"/", ArithmeticOp::Divide}, {"%", ArithmeticOp::Modulo},   {"||", ArithmeticOp::Concatenate},
};
template <class Op, size_t N>
std::optional<Op> find_op(const OperatorRow<Op> (&rows)[N], std::string_view text) {
  const auto row = std::ranges::find(rows, text, &OperatorRow<Op>::text);
  return row == std::end(rows) ? std::nullopt : std::optional(row->op);
}

ComparisonOp opposite(ComparisonOp op) {
  switch (op) {
    case ComparisonOp::Equal:
      return ComparisonOp::NotEqual;
    case ComparisonOp::NotEqual:
      return ComparisonOp::Equal;
    case ComparisonOp::Less:
      return ComparisonOp::GreaterOrEqual;
    case ComparisonOp::LessOrEqual:
      return ComparisonOp::Greater;
    case ComparisonOp::Greater:
      return ComparisonOp::LessOrEqual;
    default:
      return ComparisonOp::Less;
  }
}

// The parts of the operators ~, !~, ~* and !~*.
struct Match {
  bool negated, any_case;
};
std::optional<Match> match_of(std::string_view op) {
  if (op == "~") return Match{false, false};
  if (op == "!~") return Match{true, false};
  if (op == "~*") return Match{false, true};
  if (op == "!~*") return Match{true, true};
  return std::nullopt;
}

std::string operator_of(const Fields& fields) {
  const std::vector<std::string> names = strings(fields, "name");
  return names.empty() ? std::string() : names.back();
}

// Returns the engine's spelling of PostgreSQL's words for NaN and infinities, which may be in any letter case.
std::string number_word(const std::string& text) {
  const std::string upper = upper_case(text);
  if (upper == "NAN") return "NaN";
  if (upper == "INF" || upper == "INFINITY" || upper == "+INFINITY") return "Infinity";
  return upper == "-INF" || upper == "-INFINITY" ? "-Infinity" : text;
}

ExpressionPtr flag(bool value, TextPosition at) {
  return make_expression(BooleanLiteral{value}, at);
}

// Joins a long list of conditions by splitting it into halves recursively. The tree must not be
// deep, because trees are processed by recursion.
ExpressionPtr in_halves(LogicalOp op, std::span<ExpressionPtr> conditions, TextPosition at) {
  if (conditions.size() == 1) return std::move(conditions.front());
  const size_t half = conditions.size() / 2;
  ExpressionPtr first = in_halves(op, conditions.first(half), at);
  return make_expression(Logical{op, std::move(first), in_halves(op, conditions.subspan(half), at)},
                         at);
}

ExpressionPtr one_of(std::span<ExpressionPtr> conditions, TextPosition at) {
  return in_halves(LogicalOp::Or, conditions, at);
}

// Makes the expression for LIKE or ILIKE. ILIKE becomes LIKE with both sides in lower case.
ExpressionPtr in_case(Like like, bool any_case, TextPosition at) {
  if (any_case)
    for (ExpressionPtr* side : {&like.value, &like.pattern}) {
      FunctionCall lower{"LOWER", {}};
      lower.arguments.push_back(std::move(*side));
      *side = make_expression(std::move(lower), at);
    }
  return make_expression(std::move(like), at);
}

// Returns a comparison of two values, including LIKE; null if the operator is not a comparison.
ExpressionPtr one_comparison(std::string_view op, const Expression& left, const Expression& right,
                             TextPosition at) {
  if (const auto comparison = find_op(kComparisons, op))
    return make_expression(Comparison{*comparison, clone(left), clone(right)}, at);
  constexpr OperatorRow<bool> kLikes[] = {
      {"~~", false}, {"!~~", false}, {"~~*", true}, {"!~~*", true}};
  const auto any_case = find_op(kLikes, op);
  if (!any_case) return nullptr;
  return in_case(Like{clone(left), clone(right), std::nullopt, op.starts_with('!')}, *any_case, at);
}

}  // namespace

Result<ExpressionPtr> Converter::child_of(const Fields& fields, std::string_view name) const {
  const auto node = child(fields, name);
  if (!node) return Error{ErrorCode::SyntaxError, fmt::format("{} is missing", name)};
  return expression(*node);
}

Result<ExpressionPtr> Converter::expression(const Node& node) const {
  const Fields& fields = node.fields;
  const TextPosition at = position(fields.number("location"));
  if (node.kind == "A_Const") return constant(fields);
  if (node.kind == "ColumnRef") return column(fields);
  if (node.kind == "A_Expr") return operation(fields);
  if (node.kind == "BoolExpr") return logical(fields);
  if (node.kind == "FuncCall") return call(fields);
  if (node.kind == "TypeCast") return type_cast(fields);
  if (node.kind == "SubLink") return subquery(fields);
  if (node.kind == "CaseExpr") return choice(fields);
  if (node.kind == "BooleanTest") return truth(fields);
  if (node.kind == "SQLValueFunction") return value_function(fields);
  if (node.kind == "A_Indirection") return indirection(fields);
  // the collation is ignored, because all texts have the same order
  if (node.kind == "CollateClause") return child_of(fields, "arg");
  if (node.kind == "ParamRef")
    return make_expression(Parameter{static_cast<int>(fields.number("number"))}, at);
  if (node.kind == "NullTest")
    return make_expression(
        IsNull{TRY(child_of(fields, "arg")), fields.text("nulltesttype") == "IS_NOT_NULL"}, at);
  if (node.kind == "CoalesceExpr")
    return make_expression(FunctionCall{"COALESCE", TRY(expressions(fields, "args"))}, at);
  if (node.kind == "MinMaxExpr")
    return make_expression(FunctionCall{fields.text("op") == "IS_LEAST" ? "LEAST" : "GREATEST",
                                        TRY(expressions(fields, "args"))},
                           at);
  if (node.kind == "GroupingFunc")
    return make_expression(FunctionCall{"GROUPING", TRY(expressions(fields, "args"))}, at);
  if (node.kind == "RowExpr") return row(fields, at);
  // name => value is a lambda in the dialect's syntax. The binder recognises the functions that take named arguments.
  if (node.kind == "NamedArgExpr")
    return make_expression(Lambda{{upper_case(fields.text("name"))}, TRY(child_of(fields, "arg"))},
                           at);
  if (node.kind == "A_ArrayExpr")
    return make_expression(ArrayConstructor{TRY(expressions(fields, "elements"))}, at);
  if (node.kind == "XmlExpr" || node.kind == "XmlSerialize")
    return Error{ErrorCode::NotSupported,
                 "XML is not supported",
                 {},
                 "Keep documents as JSONB, or as VARCHAR."}
        .at(at);
  return not_supported(fmt::format("this expression ({}) is", node.kind), at);
}

Result<ExpressionPtr> Converter::row(const Fields& fields, TextPosition at) const {
  const std::vector<Node> arguments = pgsql::children(fields, "args");
  FunctionCall made{"ROW", {}};
  for (const Node& each : arguments) {
    ExpressionPtr value = TRY(expression(each));
    const std::vector<Node> parts = pgsql::children(each.fields, "fields");
    if (each.kind == "ColumnRef" && !parts.empty() && parts.back().kind == "A_Star") {
      if (arguments.size() == 1) return value;  // ROW(t.*) means the row t itself
      FunctionCall columns{std::string(kColumnsCall), {}};
      columns.arguments.push_back(std::move(value));
      value = make_expression(std::move(columns), at);
    }
    made.arguments.push_back(std::move(value));
  }
  return make_expression(std::move(made), at);
}

// Returns the negative number at this place of the text, if there is one. libpg_query omits the
// number from its tree if it is zero or negative, and only the text shows which it is.
std::optional<int32_t> Converter::negative_number(int64_t location) const {
  const size_t sign = static_cast<size_t>(std::max<int64_t>(location, 0));
  if (sign >= text_.size() || text_[sign] != '-') return std::nullopt;
  const size_t begin = text_.find_first_not_of(" \t\r\n", sign + 1);
  if (begin == std::string::npos) return std::nullopt;
  int64_t number = 0;
  const char* const end = text_.data() + text_.size();
  if (std::from_chars(text_.data() + begin, end, number).ec != std::errc()) return std::nullopt;
  return static_cast<int32_t>(-number);
}

Result<ExpressionPtr> Converter::constant(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  if (fields.flag("isnull")) return make_expression(NullLiteral{}, at);
  if (const auto text = fields.part("sval"))
    return make_expression(StringLiteral{std::string(text->text("sval"))}, at);
  if (const auto truth = fields.part("boolval")) return flag(truth->flag("boolval"), at);
  if (fields.has("ival") && !fields.part("ival")->has("ival"))
    return make_expression(IntegerLiteral{negative_number(fields.number("location")).value_or(0)},
                           at);
  if (const auto number = fields.part("ival"))
    return make_expression(IntegerLiteral{static_cast<int32_t>(number->number("ival"))}, at);
  if (const auto number = fields.part("fval")) {
    const std::string text(number->text("fval"));
    int64_t whole = 0;
    const char* const end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, whole);
        read.ptr == end && read.ec == std::errc()) {
      if (std::in_range<int32_t>(whole))  // the negated number is an INTEGER, as in -2147483648
        return make_expression(IntegerLiteral{static_cast<int32_t>(whole)}, at);
      return make_expression(BigintLiteral{whole}, at);
    }
    if (text.find_first_of("eE") == std::string::npos)
      return make_expression(DecimalLiteral{text}, at);
    if (const auto value = parse_double(text)) {
      if (std::isinf(*value))
        return Error{ErrorCode::SyntaxError, "Number overflows DOUBLE: " + text}.at(at);
      return make_expression(DoubleLiteral{*value, text}, at);
    }
  }
  return not_supported("this literal is", at);
}

Result<ExpressionPtr> Converter::column(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  const std::vector<Node> parts = pgsql::children(fields, "fields");
  if (parts.size() > 1 && parts.back().kind == "A_Star")  // t.* as a value means the row t
    return make_expression(
        ColumnRef{std::nullopt, name_of(parts[parts.size() - 2].fields.text("sval"))}, at);
  if (parts.empty() || parts.back().kind != "String") return not_supported("* here is", at);
  ColumnRef column{std::nullopt, name_of(parts.back().fields.text("sval"))};
  if (parts.size() > 1) column.source = name_of(parts[parts.size() - 2].fields.text("sval"));
  return make_expression(std::move(column), at);
}

// ---- operators

Result<ExpressionPtr> Converter::operation(const Fields& fields) const {
  const std::string_view kind = fields.text("kind");
  const std::string op = operator_of(fields);
  if (kind == "AEXPR_OP") return named_operator(op, fields);
  if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL")
    return equal_to_one(fields, op, kind == "AEXPR_OP_ANY");
  if (kind == "AEXPR_IN") return in(fields, op == "<>");
  if (kind == "AEXPR_LIKE") return like(fields, op == "!~~", false);
  if (kind == "AEXPR_ILIKE") return like(fields, op == "!~~*", true);
  if (kind == "AEXPR_SIMILAR") return similar(fields, op == "!~");
  if (kind == "AEXPR_BETWEEN") return between(fields, false);
  if (kind == "AEXPR_NOT_BETWEEN") return between(fields, true);
  if (kind == "AEXPR_BETWEEN_SYM") return between(fields, false, true);
  if (kind == "AEXPR_NOT_BETWEEN_SYM") return between(fields, true, true);
  const TextPosition at = position(fields.number("location"));
  ExpressionPtr left = TRY(child_of(fields, "lexpr")), right = TRY(child_of(fields, "rexpr"));
  if (kind == "AEXPR_NULLIF") return call_of_two("NULLIF", std::move(left), std::move(right), at);
  if (kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT")
    return make_expression(Comparison{kind == "AEXPR_DISTINCT" ? ComparisonOp::IsDistinctFrom
                                                               : ComparisonOp::IsNotDistinctFrom,
                                      std::move(left), std::move(right)},
                           at);
  return not_supported(fmt::format("the operator {} here is", op), at);
}

// Limits the size of a row whose expressions are written more than once.
Status Converter::check_repeated(const Fields& row, TextPosition at) const {
  size_t parts = 0;
  for (const ExpressionPtr& each : TRY(expressions(row, "args"))) parts += parts_of(*each);
  if (parts <= kMostRepeatedParts) return {};
  return not_supported("a comparison of rows of such long expressions is", at);
}

// Converts a comparison of rows: (a, b) < (c, d) becomes a < c OR (a = c AND b < d).
Result<ExpressionPtr> Converter::compared_rows(ComparisonOp op, const Fields& left,
                                               const Fields& right, TextPosition at) const {
  // With an order operator, each expression except the last occurs twice.
  if (op != ComparisonOp::Equal && op != ComparisonOp::NotEqual) {
    TRY(check_repeated(left, at));
    TRY(check_repeated(right, at));
  }
  return compared_lists(op, TRY(expressions(left, "args")), TRY(expressions(right, "args")), at);
}

Result<ExpressionPtr> Converter::compared_lists(ComparisonOp op, const ExpressionList& lefts,
                                                const ExpressionList& rights, TextPosition at) {
  if (lefts.size() != rights.size() || lefts.empty())
    return Error{ErrorCode::SyntaxError, "unequal number of entries in row expressions"}.at(at);
  const auto compare = [&](size_t i, ComparisonOp with) {
    return make_expression(Comparison{with, clone(*lefts[i]), clone(*rights[i])}, at);
  };
  const auto both = [&](LogicalOp how, ExpressionPtr a, ExpressionPtr b) {
    return make_expression(Logical{how, std::move(a), std::move(b)}, at);
  };
  const bool is_equality = op == ComparisonOp::Equal || op == ComparisonOp::NotEqual;
  const bool is_less = op == ComparisonOp::Less || op == ComparisonOp::LessOrEqual;
  const ComparisonOp strict = is_less ? ComparisonOp::Less : ComparisonOp::Greater;
  ExpressionPtr all = compare(lefts.size() - 1, op);
  for (size_t i = lefts.size() - 1; i-- > 0;) {
    if (is_equality) {
      all = both(op == ComparisonOp::Equal ? LogicalOp::And : LogicalOp::Or, compare(i, op),
                 std::move(all));
      continue;
    }
    all = both(LogicalOp::Or, compare(i, strict),
               both(LogicalOp::And, compare(i, ComparisonOp::Equal), std::move(all)));
  }
  return all;
}

namespace {

// Returns whether the node is a column, a call, or an expression of these, and not a literal.
bool is_computed(const Node& node) {
  return node.kind != "TypeCast" && node.kind != "ParamRef" && node.kind != "A_Const";
}

// Returns whether the interval has a unit after its text: INTERVAL '5' MINUTE.
bool has_unit(const Node& interval) {
  const auto type = interval.fields.part("typeName");
  return type && !pgsql::children(*type, "typmods").empty();
}

}  // namespace

Result<ExpressionPtr> Converter::named_operator(std::string_view op, const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  if (const auto first = child(fields, "lexpr"), second = child(fields, "rexpr");
      first && second && first->kind == "RowExpr") {
    const auto comparison = find_op(kComparisons, op);
    if (second->kind == "SubLink" && second->fields.text("subLinkType") == "EXPR_SUBLINK" &&
        comparison)
      return row_of_query(*comparison, first->fields, second->fields, at);
    if (second->kind == "RowExpr" && comparison)
      return compared_rows(*comparison, first->fields, second->fields, at);
  }
  if (op == "+" || op == "-") {
    const auto first = child(fields, "lexpr"), second = child(fields, "rexpr");
    if (first && second && is_interval(*second) && (is_computed(*first) || has_unit(*second))) {
      auto moved = moved_by_interval(TRY(expression(*first)), second->fields, op == "+", at);
      if (moved || moved.error().code != ErrorCode::NotSupported) return moved;
    }
    if (first && second && op == "+" && is_interval(*first) &&
        (is_computed(*second) || has_unit(*first))) {
      auto moved = moved_by_interval(TRY(expression(*second)), first->fields, true, at);
      if (moved || moved.error().code != ErrorCode::NotSupported) return moved;
    }
  }
  ExpressionPtr right = TRY(child_of(fields, "rexpr"));
  if (!fields.has("lexpr")) {
    if (op == "-" || op == "+")
      return make_expression(Signed{op == "-" ? SignOp::Minus : SignOp::Plus, std::move(right)},
                             at);
    if (const auto row = std::ranges::find(kOperatorsOfOne, op, &PostgresOperator::text);
        row != std::end(kOperatorsOfOne)) {
      FunctionCall call{std::string(row->function), {}};
      call.is_operator = true;
      call.arguments.push_back(std::move(right));
      return make_expression(std::move(call), at);
    }
    return not_supported(fmt::format("the operator {} is", op), at);
  }
  ExpressionPtr left = TRY(child_of(fields, "lexpr"));
  if (const auto row = std::ranges::find(kOperatorsOfTwo, op, &PostgresOperator::text);
      row != std::end(kOperatorsOfTwo)) {
    FunctionCall call{std::string(row->function), {}};
    call.is_operator = true;
    if (row->takes_right_first) std::swap(left, right);
    call.arguments.push_back(std::move(left));
    call.arguments.push_back(std::move(right));
    return make_expression(std::move(call), at);
  }
  if (const auto comparison = find_op(kComparisons, op))
    return make_expression(Comparison{*comparison, std::move(left), std::move(right)}, at);
  if (const auto arithmetic = find_op(kArithmetics, op))
    return make_expression(Arithmetic{*arithmetic, std::move(left), std::move(right)}, at);
  if (const auto match = match_of(op)) {
    FunctionCall call{"REGEXP_LIKE", {}};
    call.is_operator = true;
    call.arguments.push_back(std::move(left));
    call.arguments.push_back(std::move(right));
    if (match->any_case) call.arguments.push_back(make_expression(StringLiteral{"i"}, at));
    return negated_if(match->negated, make_expression(std::move(call), at));
  }
  Error unknown = not_supported(fmt::format("the operator {} is", op), at);
  return op == "==" ? std::move(unknown).with_hint("Did you mean =?") : std::move(unknown);
}

Result<ExpressionPtr> Converter::equal_to_one(const Fields& fields, std::string_view op,
                                              bool is_any) const {
  const TextPosition at = position(fields.number("location"));
  ExpressionPtr left = TRY(child_of(fields, "lexpr")), right = TRY(child_of(fields, "rexpr"));
  if (op != (is_any ? "=" : "<>"))
    return compared_with_each(op, is_any, left, std::move(right), at);
  return negated_if(!is_any, equal_to_any(std::move(left), std::move(right), at));
}

// Converts x < ANY(array), or ALL. The comparison is written once, in a lambda: the array may be
// very long, and each written comparison would contain x.
Result<ExpressionPtr> Converter::compared_with_each(std::string_view op, bool is_any,
                                                    const ExpressionPtr& left, ExpressionPtr array,
                                                    TextPosition at) {
  // a unique name for each call, because calls can be nested
  const std::string element = fmt::format("MR_EACH{}", at.offset);
  ExpressionPtr one =
      one_comparison(op, *left, *make_expression(ColumnRef{{}, Name{element}}, at), at);
  if (!one) return not_supported(fmt::format("{} {} is", op, is_any ? "ANY" : "ALL"), at);
  // A parameter or a text has no element type, so it becomes an array of texts, because patterns are texts.
  if ((array->is<Parameter>() || array->is<StringLiteral>()) &&
      op.find('~') != std::string_view::npos) {
    TypeName texts;
    texts.kind = TypeKind::Array;
    texts.parts.emplace_back().kind = TypeKind::String;
    array = make_expression(Cast{std::move(array), std::move(texts)}, at);
  }
  ExpressionPtr truths = call_of_two("TRANSFORM", std::move(array),
                                     make_expression(Lambda{{element}, std::move(one)}, at), at);
  FunctionCall truth{is_any ? "PG_CATALOG.ANY_TRUE" : "PG_CATALOG.ALL_TRUE", {}};
  truth.is_operator = true;
  truth.arguments.push_back(std::move(truths));
  return make_expression(std::move(truth), at);
}

// Converts SIMILAR TO, which libpg_query parses as a call of similar_to_escape() that converts the pattern to a regular
// expression.
Result<ExpressionPtr> Converter::similar(const Fields& fields, bool negated) const {
  const TextPosition at = position(fields.number("location"));
  ExpressionPtr value = TRY(child_of(fields, "lexpr")), pattern = TRY(child_of(fields, "rexpr"));
  ExpressionPtr like = call_of_two("REGEXP_LIKE", std::move(value), std::move(pattern), at);
  std::get<FunctionCall>(like->node).is_operator = true;
  return negated_if(negated, std::move(like));
}

Result<ExpressionPtr> Converter::in(const Fields& fields, bool negated) const {
  const auto list = child(fields, "rexpr");
  const TextPosition at = position(fields.number("location"));
  if (!list || list->kind != "List") return not_supported("this IN is", at);
  if (const auto row = child(fields, "lexpr"); row && row->kind == "RowExpr") {
    TRY(check_repeated(row->fields, at));
    ExpressionList same;
    for (const Node& each : pgsql::children(list->fields, "items")) {
      if (each.kind != "RowExpr") return not_supported("this IN is", at);
      same.push_back(TRY(compared_rows(ComparisonOp::Equal, row->fields, each.fields, at)));
    }
    return negated_if(negated, one_of(same, at));
  }
  ExpressionPtr value = TRY(child_of(fields, "lexpr"));
  auto items = TRY(expressions(list->fields, "items"));
  return make_expression(In{std::move(value), std::move(items), negated}, at);
}

Result<ExpressionPtr> Converter::like(const Fields& fields, bool negated, bool any_case) const {
  const TextPosition at = position(fields.number("location"));
  Like made{TRY(child_of(fields, "lexpr")), nullptr, std::nullopt, negated};
  auto pattern = child(fields, "rexpr");
  if (pattern && pattern->kind == "FuncCall") {  // LIKE ... ESCAPE is a call of like_escape
    const std::vector<std::string> names = strings(pattern->fields, "funcname");
    const std::vector<Node> arguments = pgsql::children(pattern->fields, "args");
    if (!names.empty() && names.back() == "like_escape" && arguments.size() == 2) {
      const auto escape = arguments[1].fields.part("sval");
      if (!escape) return not_supported("this ESCAPE is", at);
      made.escape = escape->text("sval");
      pattern = arguments[0];
    }
  }
  if (!pattern) return Error{ErrorCode::SyntaxError, "LIKE has no pattern"}.at(at);
  made.pattern = TRY(expression(*pattern));
  return in_case(std::move(made), any_case, at);
}

// Converts BETWEEN. With SYMMETRIC the bounds may be in either order.
Result<ExpressionPtr> Converter::between(const Fields& fields, bool negated,
                                         bool is_symmetric) const {
  const TextPosition at = position(fields.number("location"));
  const auto list = child(fields, "rexpr");
  const std::vector<Node> bounds =
      list ? pgsql::children(list->fields, "items") : std::vector<Node>();
  if (bounds.size() != 2) return not_supported("this BETWEEN is", at);
  if (const auto row = child(fields, "lexpr"); row && row->kind == "RowExpr")
    return not_supported("BETWEEN with rows is", at)
        .with_hint("Write two comparisons: ROW(a, b) >= ROW(1, 2) AND ROW(a, b) <= ROW(3, 4).");
  ExpressionPtr value = TRY(child_of(fields, "lexpr"));
  ExpressionPtr low = TRY(expression(bounds[0]));
  ExpressionPtr high = TRY(expression(bounds[1]));
  if (is_symmetric) {
    // The size is limited, because each operand occurs twice in the result, and more often when such expressions are
    // nested.
    if (parts_of(*value) + parts_of(*low) + parts_of(*high) > kMostRepeatedParts)
      return not_supported("BETWEEN SYMMETRIC of such long expressions is", at);
    Between either{clone(*value), clone(*high), clone(*low), false};
    Between one{std::move(value), std::move(low), std::move(high), false};
    return negated_if(negated,
                      make_expression(Logical{LogicalOp::Or, make_expression(std::move(one), at),
                                              make_expression(std::move(either), at)},
                                      at));
  }
  return make_expression(Between{std::move(value), std::move(low), std::move(high), negated}, at);
}

namespace {

// Returns whether the node is (a, b) IN (SELECT ...).
bool is_row_among(const Fields& subquery) {
  if (subquery.text("subLinkType") != "ANY_SUBLINK") return false;
  const auto row = child(subquery, "testexpr"), body = child(subquery, "subselect");
  const std::vector<std::string> op = strings(subquery, "operName");
  return row && row->kind == "RowExpr" && body && body->kind == "SelectStmt" &&
         (op.empty() || op.back() == "=");
}
bool is_row_among(const Node& node) { return node.kind == "SubLink" && is_row_among(node.fields); }

// Joins conditions. Short lists are combined from the left, as they are read; long ones in halves.
ExpressionPtr in_one(LogicalOp op, ExpressionList parts, TextPosition at) {
  constexpr size_t kShort = 32;
  if (parts.size() > kShort) return in_halves(op, parts, at);
  ExpressionPtr all = std::move(parts.front());
  for (size_t i = 1; i < parts.size(); ++i)
    all = make_expression(Logical{op, std::move(all), std::move(parts[i])}, at);
  return all;
}

}  // namespace

Result<ExpressionPtr> Converter::logical(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  const std::string_view op = fields.text("boolop");
  for (const Node& each : pgsql::children(fields, "args"))
    if (op == "NOT_EXPR" && is_row_among(each)) return row_among(each.fields, true, at);
  ExpressionList parts = TRY(expressions(fields, "args"));
  if (parts.empty()) return Error{ErrorCode::SyntaxError, "AND, OR or NOT of nothing"}.at(at);
  if (op == "NOT_EXPR") return negated_if(true, std::move(parts.front()));
  return in_one(op == "AND_EXPR" ? LogicalOp::And : LogicalOp::Or, std::move(parts), at);
}

// Converts IS [NOT] TRUE, FALSE and UNKNOWN.
Result<ExpressionPtr> Converter::truth(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  const std::string_view test = fields.text("booltesttype");
  ExpressionPtr value = TRY(child_of(fields, "arg"));
  const bool negated = test.starts_with("IS_NOT_");
  if (test.ends_with("UNKNOWN")) return make_expression(IsNull{std::move(value), negated}, at);
  return make_expression(
      Comparison{negated ? ComparisonOp::IsDistinctFrom : ComparisonOp::IsNotDistinctFrom,
                 std::move(value), flag(test.ends_with("TRUE"), at)},
      at);
}

Result<ExpressionPtr> Converter::choice(const Fields& fields) const {
  Case made;
  if (fields.has("arg")) made.operand = TRY(child_of(fields, "arg"));
  for (const Node& each : pgsql::children(fields, "args")) {
    ExpressionPtr when = TRY(child_of(each.fields, "expr"));
    ExpressionPtr then = TRY(child_of(each.fields, "result"));
    made.branches.push_back({std::move(when), std::move(then)});
  }
  if (fields.has("defresult")) made.otherwise = TRY(child_of(fields, "defresult"));
  return make_expression(std::move(made), position(fields.number("location")));
}

// ---- calls

Result<ExpressionPtr> Converter::call(const Fields& fields) const {
  const std::vector<std::string> names = strings(fields, "funcname");
  const TextPosition at = position(fields.number("location"));
  if (names.empty()) return not_supported("a function without a name is", at);
  std::string name = upper_case(names.back());
  // Translates the names of the functions with which libpg_query represents SQL's own syntax, such as EXTRACT(HOUR FROM
  // t) and POSITION('b' IN t).
  if (fields.text("funcformat") == "COERCE_SQL_SYNTAX") {
    if (name == "EXTRACT") name = "DATE_PART";
    if (name == "POSITION") name = "STRPOS";
  }
  const bool is_known_schema =
      names.size() == 1 || names.front() == "pg_catalog" || names.front() == "information_schema";
  if (!is_known_schema) name = upper_case(names.front()) + "." + name;
  return call_of(std::move(name), fields);
}

Result<ExpressionPtr> Converter::call_of(std::string name, const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  auto arguments = TRY(expressions(fields, "args"));
  FunctionCall made{std::move(name), std::move(arguments)};
  made.star = fields.flag("agg_star");
  made.distinct = fields.flag("agg_distinct");
  TRY(add_call_clauses(fields, made));
  return make_expression(std::move(made), at);
}

// Converts CURRENT_USER and similar keywords to calls, which the front end recognises by name.
Result<ExpressionPtr> Converter::value_function(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  std::string_view op = fields.text("op");
  if (op.starts_with("SVFOP_")) op.remove_prefix(6);
  if (op == "CURRENT_TIMESTAMP" || op == "LOCALTIMESTAMP")
    return make_expression(FunctionCall{"NOW", {}}, at);
  return make_expression(ColumnRef{std::nullopt, Name{std::string(op)}}, at);
}

Result<ExpressionPtr> Converter::subquery(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  const auto body = child(fields, "subselect");
  if (!body || body->kind != "SelectStmt") return not_supported("this sub-query is", at);
  const std::string_view kind = fields.text("subLinkType");
  if (kind == "ARRAY_SUBLINK") return array_of(body->fields, at);
  if (is_row_among(fields)) return row_among(fields, false, at);
  auto query = std::make_shared<const Query>(TRY(this->query(body->fields)));
  if (kind == "EXISTS_SUBLINK")
    return make_expression(Subquery{SubqueryKind::Exists, nullptr, std::move(query)}, at);
  if (kind == "EXPR_SUBLINK")
    return make_expression(Subquery{SubqueryKind::Scalar, nullptr, std::move(query)}, at);
  const std::vector<std::string> name = strings(fields, "operName");
  const auto op = find_op(kComparisons, name.empty() ? "=" : std::string_view(name.back()));
  if ((kind != "ANY_SUBLINK" && kind != "ALL_SUBLINK") || !op)
    return not_supported("ANY or ALL of a sub-query with this operator is", at);
  const bool is_all = kind == "ALL_SUBLINK";
  if (const auto row = child(fields, "testexpr"); row && row->kind == "RowExpr") {
    if (is_all && *op == ComparisonOp::NotEqual) return row_among(fields, true, at);
    return not_supported("ANY or ALL of several values and a sub-query is", at)
        .with_hint("(a, b) IN, NOT IN, = ANY and <> ALL (SELECT x, y ...) are supported.");
  }
  ExpressionPtr value = TRY(child_of(fields, "testexpr"));
  // x < ALL (...) becomes NOT x >= ANY (...).
  const ComparisonOp asked = is_all ? opposite(*op) : *op;
  Subquery made{SubqueryKind::In, std::move(value), std::move(query), false, asked};
  if (asked != ComparisonOp::Equal) return negated_if(is_all, make_expression(std::move(made), at));
  made.negated = is_all;
  return make_expression(std::move(made), at);
}

namespace {

// Fails if the sub-query has another number of columns than the row that is compared with it. The columns of `*` are not
// known yet.
Status check_width(const Query& query, size_t width, TextPosition at) {
  const auto is_one = [](const SelectItem& item) {
    return item.kind == SelectItemKind::Expression;
  };
  if (query.combined || !query.values.empty() || !std::ranges::all_of(query.items, is_one) ||
      query.items.size() == width)
    return {};
  return Error{ErrorCode::SyntaxError, fmt::format("subquery has too {} columns",
                                                   query.items.size() < width ? "few" : "many")}
      .at(at);
}

}  // namespace

// Converts (a, b) op (SELECT x, y ...) to (SELECT (a, b) op (x, y) FROM (SELECT x, y ...)), a sub-query of one value:
// without a row the value is null, and several rows are an error, as in PostgreSQL.
Result<ExpressionPtr> Converter::row_of_query(ComparisonOp op, const Fields& row,
                                              const Fields& subquery, TextPosition at) const {
  const auto body = child(subquery, "subselect");
  if (!body || body->kind != "SelectStmt") return not_supported("this sub-query is", at);
  const ExpressionList values = TRY(expressions(row, "args"));
  if (op != ComparisonOp::Equal && op != ComparisonOp::NotEqual) TRY(check_repeated(row, at));
  const Name alias{std::string(kRowMatch)};
  Query around;
  around.position = at;
  around.from.emplace();
  around.from->alias = around.from->name = alias;
  around.from->query = std::make_shared<const Query>(TRY(query(body->fields)));
  TRY(check_width(*around.from->query, values.size(), at));
  around.from->position = at;
  ExpressionList columns;
  for (size_t i = 0; i < values.size(); ++i) {
    const Name column{fmt::format("{}{}", kRowMatch, i)};
    around.from->columns.push_back(column);
    columns.push_back(make_expression(ColumnRef{alias, column}, at));
  }
  around.items.push_back({SelectItemKind::Expression, TRY(compared_lists(op, values, columns, at)),
                          std::nullopt, std::nullopt, at});
  return make_expression(
      Subquery{SubqueryKind::Scalar, nullptr, std::make_shared<const Query>(std::move(around))},
      at);
}

// Converts (a, b) [NOT] IN (SELECT ...) as a value. If no row is equal to (a, b), the result is
// unknown if a row would be equal with other values in place of the nulls; otherwise it is false.
Result<ExpressionPtr> Converter::row_among(const Fields& subquery, bool negated,
                                           TextPosition at) const {
  const Fields row = child(subquery, "testexpr")->fields;
  TRY(check_repeated(row, at));
  const auto query =
      std::make_shared<const Query>(TRY(this->query(child(subquery, "subselect")->fields)));
  Case choice;
  choice.branches.push_back(
      {TRY(row_in(row, query, at)), make_expression(BooleanLiteral{!negated}, at)});
  choice.branches.push_back(
      {TRY(row_in(row, query, at, RowMatch::Unknown)),
       make_expression(
           Cast{make_expression(NullLiteral{}, at), TypeName{.kind = TypeKind::Boolean}}, at)});
  choice.otherwise = make_expression(BooleanLiteral{negated}, at);
  return make_expression(std::move(choice), at);
}

Result<ExpressionPtr> Converter::condition_of(const Fields& fields, std::string_view name) const {
  const auto node = child(fields, name);
  return node ? condition(*node) : child_of(fields, name);
}

Result<ExpressionPtr> Converter::condition(const Node& node) const {
  const TextPosition at = position(node.fields.number("location"));
  if (is_row_among(node)) {
    const auto body = child(node.fields, "subselect");
    return row_in(child(node.fields, "testexpr")->fields,
                  std::make_shared<const Query>(TRY(query(body->fields))), at);
  }
  if (node.kind != "BoolExpr" || node.fields.text("boolop") != "AND_EXPR") return expression(node);
  ExpressionList parts;
  for (const Node& each : pgsql::children(node.fields, "args"))
    parts.push_back(TRY(condition(each)));
  return in_one(LogicalOp::And, std::move(parts), at);
}

// Converts (a, b) IN (SELECT ...) to EXISTS, for a condition, in which null counts as false.
Result<ExpressionPtr> Converter::row_in(const Fields& row, std::shared_ptr<const Query> query,
                                        TextPosition at, RowMatch match) const {
  const Name alias{std::string(kRowMatch)};
  ExpressionList values = TRY(expressions(row, "args"));
  TRY(check_width(*query, values.size(), at));
  Query around;
  around.position = at;
  around.from.emplace();
  around.from->alias = around.from->name = alias;
  around.from->query = std::move(query);
  around.from->position = at;
  around.items.push_back({SelectItemKind::Expression, make_expression(IntegerLiteral{1}, at),
                          std::nullopt, std::nullopt, at});
  for (ExpressionPtr& value : values) {
    const Name column{fmt::format("{}{}", kRowMatch, around.from->columns.size())};
    around.from->columns.push_back(column);
    ExpressionPtr same =
        make_expression(Comparison{ComparisonOp::Equal,
                                   make_expression(ColumnRef{alias, column}, at), std::move(value)},
                        at);
    around.where =
        around.where
            ? make_expression(Logical{LogicalOp::And, std::move(around.where), std::move(same)}, at)
            : std::move(same);
  }
  if (match == RowMatch::Unknown)
    around.where = make_expression(IsNull{std::move(around.where)}, at);
  return make_expression(
      Subquery{SubqueryKind::Exists, nullptr, std::make_shared<const Query>(std::move(around))},
      at);
}

namespace {

// Returns whether the expression returns rows. Functions of the catalog still have their own names at this point.
bool gives_rows(const Expression& expression) {
  constexpr std::string_view kRows[] = {"UNNEST",
                                        "GENERATE_SERIES",
                                        "GENERATE_SUBSCRIPTS",
                                        "REGEXP_MATCHES",
                                        "REGEXP_SPLIT_TO_TABLE",
                                        "STRING_TO_TABLE",
                                        "JSON_ARRAY_ELEMENTS",
                                        "JSON_ARRAY_ELEMENTS_TEXT",
                                        "JSON_OBJECT_KEYS",
                                        "JSONB_ARRAY_ELEMENTS",
                                        "JSONB_ARRAY_ELEMENTS_TEXT",
                                        "JSONB_OBJECT_KEYS"};
  const auto* call = expression.as<FunctionCall>();
  if (call && std::ranges::find(kRows, call->name) != std::end(kRows)) return true;
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return gives_rows(*child); });
}

}  // namespace

// Converts ARRAY(SELECT x FROM ...), the array of all values of x in the query's order; empty if
// there are no rows.
Result<ExpressionPtr> Converter::array_of(const Fields& subquery, TextPosition at) const {
  Query query = TRY(this->query(subquery));
  const bool has_item =
      query.items.size() == 1 && query.items.front().kind == SelectItemKind::Expression;
  const bool has_rows = query.combined || !query.values.empty();
  if (!has_item && !has_rows) return not_supported("ARRAY of such a sub-query is", at);
  const bool is_plain = has_item && !has_rows && query.group_by.empty() && !query.having &&
                        !query.distinct && query.distinct_on.empty() && !query.limit &&
                        !query.offset && query.order_by.empty() &&
                        !gives_rows(*query.items.front().expression);
  if (!is_plain) {
    // The inner query returns the rows; an outer query collects them.
    if (has_item) query.items.front().alias = Name{"VALUE"};
    Query around;
    around.from.emplace();
    around.from->alias = around.from->name = Name{"COLLECTED"};
    if (has_rows) around.from->columns = {Name{"VALUE"}};
    around.from->query = std::make_shared<const Query>(std::move(query));
    around.items.push_back({SelectItemKind::Expression,
                            make_expression(ColumnRef{std::nullopt, Name{"VALUE"}}, at),
                            std::nullopt, std::nullopt, at});
    query = std::move(around);
  }
  FunctionCall collect{"COLLECT_LIST", {}};
  collect.arguments.push_back(std::move(query.items.front().expression));
  query.items.front().expression = make_expression(std::move(collect), at);
  return make_expression(
      Subquery{SubqueryKind::Scalar, nullptr, std::make_shared<const Query>(std::move(query))}, at);
}

Result<ExpressionPtr> Converter::indirection(const Fields& fields) const {
  ExpressionPtr value = TRY(child_of(fields, "arg"));
  for (const Node& each : pgsql::children(fields, "indirection")) {
    const TextPosition at = value->position;
    if (each.kind == "A_Indices" && !each.fields.flag("is_slice")) {
      ExpressionPtr index = TRY(child_of(each.fields, "uidx"));
      value = make_expression(Subscript{std::move(value), std::move(index)}, at);
    } else if (each.kind == "String") {
      value = make_expression(Dereference{std::move(value), name_of(each.fields.text("sval"))}, at);
    } else if (each.kind == "A_Indices") {
      // If the slice omits a bound, the bound of the array is used.
      constexpr int32_t kLast = INT32_MAX;
      FunctionCall slice{"PG_CATALOG.ARRAY_SLICE", {}};
      slice.arguments.push_back(std::move(value));
      for (const auto& [bound, otherwise] : {std::pair("lidx", 1), std::pair("uidx", kLast)})
        slice.arguments.push_back(each.fields.has(bound)
                                      ? TRY(child_of(each.fields, bound))
                                      : make_expression(IntegerLiteral{otherwise}, at));
      value = make_expression(std::move(slice), at);
    } else {
      return not_supported(each.kind == "A_Star" ? "(value).* is" : "this part of a value is", at);
    }
  }
  return value;
}

Result<ExpressionPtr> Converter::type_cast(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  const auto type = fields.part("typeName");
  if (!type) return Error{ErrorCode::SyntaxError, "a cast has no type"}.at(at);
  ExpressionPtr operand = TRY(child_of(fields, "arg"));
  if (auto* text = std::get_if<StringLiteral>(&operand->node);
      text && type_name(*type) == "interval")
    if (auto of_units = TRY(interval_of_units(text->value, *type, at))) {
      text->value = *std::move(of_units);
      TypeName interval;
      interval.position = position(type->number("location"));
      interval.custom_name = in_schema({"interval"}).text;
      return make_expression(Cast{std::move(operand), std::move(interval)}, at);
    }
  auto target = TRY(this->type(*type));
  if (auto* text = std::get_if<StringLiteral>(&operand->node);
      text && target.kind == TypeKind::Double)
    text->value = number_word(text->value);
  return make_expression(Cast{std::move(operand), std::move(target)}, at);
}

}  // namespace engine::pgsql
