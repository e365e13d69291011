#include <typeindex>
#include <unordered_map>

#include "engine/sql/build.h"
#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

using BuiltExpression = Result<ExpressionPtr>;

BuiltExpression build_dereference(P::DereferenceContext& context) {
  if (context.star)
    return syntax_error_at(*context.star, "-> * is allowed only as a whole item of SELECT.");
  ExpressionPtr base = TRY(build_value(*context.value()));
  return make_expression(Dereference{std::move(base), build_name(*context.identifier())},
                         position_of(*context.ARROW()->getSymbol()));
}

BuiltExpression build_subscript(P::SubscriptContext& context) {
  ExpressionPtr base = TRY(build_value(*context.value()));
  ExpressionPtr index = TRY(build_expression(*context.expression()));
  return make_expression(Subscript{std::move(base), std::move(index)},
                         position_of(*context.LBRACKET()->getSymbol()));
}

BuiltExpression build_typecast(P::TypecastContext& context) {
  ExpressionPtr operand = TRY(build_value(*context.value()));
  // DECIMAL without a precision is PostgreSQL's NUMERIC, which has the largest precision.
  const std::string word = upper_case(context.type()->getText());
  TypeName type{.position = position_of(*context.type())};
  type.custom_name = "NUMERIC";
  if (word != "DECIMAL" && word != "DEC") type = TRY(build_type(*context.type()));
  // x::type is PostgreSQL's notation, so `type` is PostgreSQL's: its timestamp has no zone, and its VARCHAR is not
  // text. CAST is the dialect's notation.
  const std::string_view name = std::string_view(word).substr(0, word.find_first_of("(["));
  if (name == "TIMESTAMP" || name == "VARCHAR") {
    TypeName* element = &type;  // for timestamp[]
    while (element->kind == TypeKind::Array) element = &element->parts.front();
    element->kind = TypeKind::Null;
    element->custom_name = name;
  }
  return make_expression(Cast{std::move(operand), std::move(type)},
                         position_of(*context.TYPECAST()->getSymbol()));
}

BuiltExpression build_at_time_zone(P::AtTimeZoneContext& context) {
  ExpressionPtr value = TRY(build_value(*context.value(0)));
  ExpressionPtr zone = TRY(build_value(*context.zone));
  return make_expression(AtTimeZone{std::move(value), std::move(zone)},
                         position_of(*context.AT()->getSymbol()));
}

BuiltExpression build_signed(P::SignedContext& context) {
  // A sign directly before a number belongs to the literal: -2147483648 is an INTEGER.
  if (auto* number = dynamic_cast<P::NumberLiteralContext*>(context.value()))
    return build_number(*number->start, context.sign->getText(), position_of(context));
  ExpressionPtr operand = TRY(build_value(*context.value()));
  const SignOp op = is(context.sign, P::MINUS) ? SignOp::Minus : SignOp::Plus;
  return make_expression(Signed{op, std::move(operand)}, position_of(context));
}

ArithmeticOp arithmetic_op(const antlr4::Token& token) {
  switch (token.getType()) {
    case P::PLUS:
      return ArithmeticOp::Add;
    case P::MINUS:
      return ArithmeticOp::Subtract;
    case P::ASTERISK:
      return ArithmeticOp::Multiply;
    case P::SLASH:
      return ArithmeticOp::Divide;
    case P::PERCENT:
      return ArithmeticOp::Modulo;
    default:
      return ArithmeticOp::Concatenate;
  }
}

BuiltExpression build_arithmetic(P::ArithmeticContext& context) {
  ExpressionPtr left = TRY(build_value(*context.left));
  ExpressionPtr right = TRY(build_value(*context.right));
  return make_expression(Arithmetic{arithmetic_op(*context.op), std::move(left), std::move(right)},
                         position_of(*context.op));
}

BuiltExpression build_null(P::NullLiteralContext& context) {
  return make_expression(NullLiteral{}, position_of(context));
}

BuiltExpression build_boolean(P::BooleanLiteralContext& context) {
  return make_expression(BooleanLiteral{context.TRUE_() != nullptr}, position_of(context));
}

BuiltExpression build_number_literal(P::NumberLiteralContext& context) {
  return build_number(*context.start, "", position_of(context));
}

BuiltExpression build_string_literal(P::StringLiteralContext& context) {
  std::string value = TRY(build_string(*context.string()));
  return make_expression(StringLiteral{std::move(value)}, position_of(context));
}

BuiltExpression build_parameter(P::ParameterContext& context) {
  constexpr int64_t kMaxParameters = 65'535;  // the wire protocol counts them in 16 bits
  const std::string digits = context.start->getText().substr(1);
  const int64_t index = digits.size() > 5 ? kMaxParameters + 1 : std::stoll(digits);
  if (index == 0 || index > kMaxParameters)
    return Error{ErrorCode::UndefinedObject, "there is no parameter $" + digits}.at(
        position_of(context));
  return make_expression(Parameter{static_cast<int>(index)}, position_of(context));
}

BuiltExpression build_parenthesized(P::ParenthesizedContext& context) {
  if (!context.COMMA().empty())
    return syntax_error_at(*context.COMMA(0)->getSymbol(), "Expected \")\".", "missing ')' at ','");
  return build_expression(*context.expression(0));
}

BuiltExpression build_subquery(SubqueryKind kind, ExpressionPtr value, P::QueryContext& query,
                               bool negated, TextPosition position) {
  return make_expression(Subquery{kind, std::move(value),
                                  std::make_shared<const Query>(TRY(build_query(query))), negated},
                         position);
}

BuiltExpression build_scalar_subquery(P::ScalarSubqueryContext& context) {
  return build_subquery(SubqueryKind::Scalar, nullptr, *context.query(), false,
                        position_of(context));
}

BuiltExpression build_exists(P::ExistsContext& context) {
  return build_subquery(SubqueryKind::Exists, nullptr, *context.query(), false,
                        position_of(context));
}

BuiltExpression build_case(P::CaseContext& context) {
  Case result;
  if (context.operand) result.operand = TRY(build_expression(*context.operand));
  for (P::CaseBranchContext* branch : context.caseBranch()) {
    ExpressionPtr when = TRY(build_expression(*branch->when));
    ExpressionPtr then = TRY(build_expression(*branch->then));
    result.branches.push_back({std::move(when), std::move(then)});
  }
  if (context.otherwise) result.otherwise = TRY(build_expression(*context.otherwise));
  return make_expression(std::move(result), position_of(context));
}

BuiltExpression build_cast(P::CastContext& context) {
  ExpressionPtr operand = TRY(build_expression(*context.expression()));
  TypeName type = TRY(build_type(*context.type()));
  return make_expression(Cast{std::move(operand), std::move(type)}, position_of(context));
}

BuiltExpression build_array(P::ArrayConstructorContext& context) {
  ExpressionList elements = TRY(build_expressions(context.expression()));
  return make_expression(ArrayConstructor{std::move(elements)}, position_of(context));
}

BuiltExpression build_map(P::MapConstructorContext& context) {
  MapConstructor map;
  for (P::MapEntryContext* entry : context.mapEntry()) {
    ExpressionPtr key = TRY(build_expression(*entry->key));
    ExpressionPtr value = TRY(build_expression(*entry->entry));
    map.entries.push_back({std::move(key), std::move(value)});
  }
  return make_expression(std::move(map), position_of(context));
}

BuiltExpression build_struct(P::StructConstructorContext& context) {
  StructConstructor structure;
  for (P::StructFieldContext* field : context.structField()) {
    ExpressionPtr value = TRY(build_expression(*field->expression()));
    structure.fields.push_back({build_name(*field->name), std::move(value)});
  }
  return make_expression(std::move(structure), position_of(context));
}

BuiltExpression build_lambda(P::LambdaContext& context) {
  Lambda lambda;
  if (context.identifier()) lambda.parameters.push_back(build_name(*context.identifier()).text);
  for (const Name& name : build_names(context.names())) lambda.parameters.push_back(name.text);
  lambda.body = TRY(build_expression(*context.expression()));
  return make_expression(std::move(lambda), position_of(context));
}

}  // namespace

BuiltExpression build_argument(P::ArgumentContext& context) {
  if (context.lambda()) return build_lambda(*context.lambda());
  if (P::TimeUnitContext* unit = context.timeUnit())
    return make_expression(IntervalUnit{build_time_unit(*unit), to_upper(text_of(*unit))},
                           position_of(context));
  return build_expression(*context.expression());
}

namespace {

// Returns whether the call is ANY, or SOME, PostgreSQL's synonym for ANY.
bool is_any(const FunctionCall& call) {
  return (call.name == "ANY" || call.name == "SOME") && !call.star && !call.distinct;
}

BuiltExpression build_function_call(P::FunctionCallContext& context) {
  FunctionCall call;
  call.name = to_upper(text_of(*context.name));
  // x IN (VALUES (1), (2)) contains rows, which only PostgreSQL's parser supports.
  if (call.name == "VALUES" && !context.schema)
    return syntax_error_at(*context.getStart(), "VALUES is not a function.");
  if (call.name.front() == '"' || call.name.front() == '`')
    call.name = call.name.substr(1, call.name.size() - 2);
  // PostgreSQL clients qualify PostgreSQL's functions; the dialect's own have no schema.
  if (context.schema && build_name(*context.schema) != "PG_CATALOG" &&
      build_name(*context.schema) != "pg_catalog")
    call.name = build_name(*context.schema).text + "." + call.name;
  call.star = context.ASTERISK() != nullptr;
  call.distinct = context.DISTINCT() != nullptr;
  for (P::ArgumentContext* argument : context.argument())
    call.arguments.push_back(TRY(build_argument(*argument)));
  if (context.query()) {
    if (!is_any(call))
      return syntax_error_at(*context.query()->start, "A SELECT as an argument needs parentheses.");
    call.arguments.push_back(TRY(build_subquery(SubqueryKind::Scalar, nullptr, *context.query(),
                                                false, position_of(*context.query()))));
  }
  // POSITION(a IN (b)) is SQL's syntax, which only PostgreSQL's parser supports. Here `a IN (b)` would be a condition.
  if (call.name == "POSITION" && call.arguments.size() == 1 &&
      (call.arguments.front()->is<In>() || call.arguments.front()->is<Subquery>()))
    return syntax_error_at(*context.getStart(), "STRPOS(text, part) finds a part of a text.");
  return make_expression(std::move(call), position_of(context));
}

BuiltExpression build_column(P::ColumnReferenceContext& context) {
  ColumnRef column{std::nullopt, build_name(*context.name)};
  if (context.source) column.source = build_name(*context.source);
  return make_expression(std::move(column), position_of(context));
}

ComparisonOp comparison_op(const antlr4::Token& token) {
  switch (token.getType()) {
    case P::EQ:
      return ComparisonOp::Equal;
    case P::NEQ:
      return ComparisonOp::NotEqual;
    case P::LT:
      return ComparisonOp::Less;
    case P::LTE:
      return ComparisonOp::LessOrEqual;
    case P::GT:
      return ComparisonOp::Greater;
    default:
      return ComparisonOp::GreaterOrEqual;
  }
}

// --- Predicates. Each function gets the left operand, which is already built.

// Takes the array, or the query, out of ANY(...).
ExpressionPtr take_any(Expression& expression) {
  auto* call = std::get_if<FunctionCall>(&expression.node);
  return call && is_any(*call) && call->arguments.size() == 1 ? std::move(call->arguments.front())
                                                              : nullptr;
}

// Fails for a comparison with ROW(a, b), so that PostgreSQL's parser handles the statement.
// PostgreSQL compares such rows value by value, and a null among the values makes the result
// unknown. The dialect would compare two structs, in which null equals null.
Status check_no_row(const Expression& value) {
  const auto* call = value.as<FunctionCall>();
  if (!call || call->name != "ROW") return {};
  return Error{ErrorCode::SyntaxError,
               "a comparison of ROW(...) is not supported in this statement",
               {},
               "Compare the values one by one."}
      .at(value.position);
}

BuiltExpression build_comparison(P::ComparisonContext& context, ExpressionPtr left) {
  ExpressionPtr right = TRY(build_value(*context.right));
  TRY(check_no_row(*left));
  const TextPosition right_position = right->position;
  if (ExpressionPtr array = take_any(*right)) {
    auto* subquery = std::get_if<Subquery>(&array->node);
    if (subquery)
      return make_expression(Subquery{SubqueryKind::In, std::move(left), subquery->query, false,
                                      comparison_op(*context.op)},
                             position_of(context));
    if (is(context.op, P::EQ))
      return equal_to_any(std::move(left), std::move(array), position_of(context));
    return Error{.code = ErrorCode::NotSupported,
                 .message = "ANY(...) is only supported after =",
                 .hint = "Use NOT x = ANY(array) to test that the array does not contain x."}
        .at(right_position);
  }
  return make_expression(Comparison{comparison_op(*context.op), std::move(left), std::move(right)},
                         position_of(context));
}

BuiltExpression build_distinct_from(P::DistinctFromContext& context, ExpressionPtr left) {
  ExpressionPtr right = TRY(build_value(*context.right));
  const auto op = context.NOT() ? ComparisonOp::IsNotDistinctFrom : ComparisonOp::IsDistinctFrom;
  return make_expression(Comparison{op, std::move(left), std::move(right)}, position_of(context));
}

BuiltExpression build_is_null(P::IsNullContext& context, ExpressionPtr operand) {
  return make_expression(IsNull{std::move(operand), context.NOT() != nullptr},
                         position_of(context));
}

BuiltExpression build_between(P::BetweenContext& context, ExpressionPtr value) {
  TRY(check_no_row(*value));
  ExpressionPtr lower = TRY(build_value(*context.lower));
  // BETWEEN SYMMETRIC exists only in PostgreSQL's grammar. The dialect's grammar would read SYMMETRIC as the name
  // of a function (before a parenthesis) or of a column (before a sign). Only a column alone may have this name.
  const auto& lower_begin = *context.lower->start;
  if (const std::string word = upper_case(lower_begin.getText());
      (word == "SYMMETRIC" || word == "ASYMMETRIC") && context.lower->stop != context.lower->start)
    return syntax_error_at(lower_begin);
  ExpressionPtr upper = TRY(build_value(*context.upper));
  return make_expression(
      Between{std::move(value), std::move(lower), std::move(upper), context.NOT() != nullptr},
      position_of(context));
}

BuiltExpression build_in(P::InContext& context, ExpressionPtr value) {
  TRY(check_no_row(*value));
  if (context.query())
    return build_subquery(SubqueryKind::In, std::move(value), *context.query(),
                          context.NOT() != nullptr, position_of(context));
  ExpressionList list = TRY(build_expressions(context.expression()));
  return make_expression(In{std::move(value), std::move(list), context.NOT() != nullptr},
                         position_of(context));
}

BuiltExpression build_like(P::LikeContext& context, ExpressionPtr value) {
  ExpressionPtr pattern = TRY(build_value(*context.pattern));
  // LIKE ANY (...) and LIKE ALL (...) exist only in PostgreSQL's grammar. The grammar of the
  // dialect reads them as calls of functions.
  if (const auto* call = pattern->as<FunctionCall>();
      call && (is_any(*call) || call->name == "ALL"))
    return syntax_error_at(*context.pattern->start);
  Like like{std::move(value), std::move(pattern), std::nullopt, context.NOT() != nullptr};
  if (context.string()) like.escape = TRY(build_string(*context.string()));
  return make_expression(std::move(like), position_of(context));
}

BuiltExpression build_predicated(P::PredicatedContext& context) {
  ExpressionPtr value = TRY(build_value(*context.value()));
  P::PredicateContext* predicate = context.predicate();
  if (!predicate) return value;
  if (auto* comparison = dynamic_cast<P::ComparisonContext*>(predicate))
    return build_comparison(*comparison, std::move(value));
  if (auto* distinct = dynamic_cast<P::DistinctFromContext*>(predicate))
    return build_distinct_from(*distinct, std::move(value));
  if (auto* is_null = dynamic_cast<P::IsNullContext*>(predicate))
    return build_is_null(*is_null, std::move(value));
  if (auto* between = dynamic_cast<P::BetweenContext*>(predicate))
    return build_between(*between, std::move(value));
  if (auto* in = dynamic_cast<P::InContext*>(predicate)) return build_in(*in, std::move(value));
  return build_like(dynamic_cast<P::LikeContext&>(*predicate), std::move(value));
}

BuiltExpression build_not(P::NotExpressionContext& context) {
  ExpressionPtr operand = TRY(build_expression(*context.expression()));
  return make_expression(Not{std::move(operand)}, position_of(context));
}

BuiltExpression build_logical(LogicalOp op, P::ExpressionContext& left, P::ExpressionContext& right,
                              const antlr4::Token& word) {
  ExpressionPtr left_operand = TRY(build_expression(left));
  ExpressionPtr right_operand = TRY(build_expression(right));
  return make_expression(Logical{op, std::move(left_operand), std::move(right_operand)},
                         position_of(word));
}

BuiltExpression build_and(P::AndExpressionContext& context) {
  return build_logical(LogicalOp::And, *context.left, *context.right, *context.AND()->getSymbol());
}
BuiltExpression build_or(P::OrExpressionContext& context) {
  return build_logical(LogicalOp::Or, *context.left, *context.right, *context.OR()->getSymbol());
}

// Builds an expression. kBuilders has a row for each labelled alternative of the rules `expression` and `value`.
using Builder = BuiltExpression (*)(antlr4::ParserRuleContext&);
template <class Context, BuiltExpression (*build)(Context&)>
BuiltExpression call(antlr4::ParserRuleContext& context) {
  return build(static_cast<Context&>(context));
}
template <class Context, BuiltExpression (*build)(Context&)>
std::pair<const std::type_index, Builder> row() {
  return {typeid(Context), call<Context, build>};
}
const std::unordered_map<std::type_index, Builder> kBuilders = {
    row<P::PredicatedContext, build_predicated>(),
    row<P::NotExpressionContext, build_not>(),
    row<P::AndExpressionContext, build_and>(),
    row<P::OrExpressionContext, build_or>(),
    row<P::DereferenceContext, build_dereference>(),
    row<P::SubscriptContext, build_subscript>(),
    row<P::TypecastContext, build_typecast>(),
    row<P::AtTimeZoneContext, build_at_time_zone>(),
    row<P::SignedContext, build_signed>(),
    row<P::ArithmeticContext, build_arithmetic>(),
    row<P::NullLiteralContext, build_null>(),
    row<P::BooleanLiteralContext, build_boolean>(),
    row<P::NumberLiteralContext, build_number_literal>(),
    row<P::StringLiteralContext, build_string_literal>(),
    row<P::ParameterContext, build_parameter>(),
    row<P::ParenthesizedContext, build_parenthesized>(),
    row<P::ScalarSubqueryContext, build_scalar_subquery>(),
    row<P::ExistsContext, build_exists>(),
    row<P::CaseContext, build_case>(),
    row<P::CastContext, build_cast>(),
    row<P::ArrayConstructorContext, build_array>(),
    row<P::MapConstructorContext, build_map>(),
    row<P::StructConstructorContext, build_struct>(),
    row<P::FunctionCallContext, build_function_call>(),
    row<P::ColumnReferenceContext, build_column>(),
};

}  // namespace

Result<ExpressionPtr> build_expression(P::ExpressionContext& context) {
  return kBuilders.at(typeid(context))(context);
}
Result<ExpressionPtr> build_value(P::ValueContext& context) {
  return kBuilders.at(typeid(context))(context);
}

Result<ExpressionList> build_expressions(const std::vector<P::ExpressionContext*>& contexts) {
  ExpressionList list;
  list.reserve(contexts.size());
  for (P::ExpressionContext* context : contexts) list.push_back(TRY(build_expression(*context)));
  return list;
}

Result<ExpressionPtr> build_literal(P::LiteralContext& context) {
  const TextPosition position = position_of(context);
  if (context.NULL_()) return make_expression(NullLiteral{}, position);
  if (context.string())
    return make_expression(StringLiteral{TRY(build_string(*context.string()))}, position);
  if (P::NumberContext* number = context.number())
    return build_number(*number->stop, number->MINUS() ? "-" : "", position);
  return make_expression(BooleanLiteral{context.TRUE_() != nullptr}, position);
}

P::DereferenceContext* as_all_fields(P::ExpressionContext& context) {
  auto* predicated = dynamic_cast<P::PredicatedContext*>(&context);
  if (!predicated || predicated->predicate()) return nullptr;
  auto* dereference = dynamic_cast<P::DereferenceContext*>(predicated->value());
  return dereference && dereference->star ? dereference : nullptr;
}

}  // namespace engine
