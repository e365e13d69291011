// Binds arithmetic and signs: the types of results, and the operators of texts, times and jsonb.
#include <algorithm>

#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

// Returns a DECIMAL of at most 38 digits. ksqlDB's results may have more digits. If 38 digits are
// not enough, digits after the point are dropped first, down to six, as in SQL Server and Spark.
SqlType clamped_decimal(int precision, int scale) {
  if (precision > kMaxDecimalPrecision) {
    const int whole = precision - scale;
    scale = std::max(kMaxDecimalPrecision - whole, std::min(scale, 6));
    precision = kMaxDecimalPrecision;
  }
  return SqlType::decimal(precision, scale);
}

SqlType decimal_result(ArithmeticOp op, const SqlType& left, const SqlType& right) {
  const int p1 = left.precision(), s1 = left.scale(), p2 = right.precision(), s2 = right.scale();
  const int greater_scale = std::max(s1, s2);
  switch (op) {
    case ArithmeticOp::Add:
    case ArithmeticOp::Subtract:
      return clamped_decimal(greater_scale + std::max(p1 - s1, p2 - s2) + 1, greater_scale);
    case ArithmeticOp::Multiply:
      return clamped_decimal(p1 + p2 + 1, s1 + s2);
    case ArithmeticOp::Divide: {
      const int scale = std::max(6, s1 + p2 + 1);
      return clamped_decimal(p1 - s1 + s2 + scale, scale);
    }
    default:
      return clamped_decimal(std::min(p1 - s1, p2 - s2) + greater_scale, greater_scale);
  }
}

// Returns the type of a result under PostgreSQL's rules, with at most 38 digits. Sums, differences, remainders and
// products are exact, and a quotient has at least kScaleOfQuotient digits after the point. An exception are products
// and quotients with many digits: beyond kMostScale and the scales of the operands, they keep only as many digits after
// the point as 38 digits allow. A row whose result does not fit the type is an error.
SqlType decimal_of_postgres(ArithmeticOp op, const SqlType& left, const SqlType& right) {
  constexpr int kScaleOfQuotient = 16, kMostScale = 18;
  const int s1 = left.scale(), s2 = right.scale(), greater_scale = std::max(s1, s2);
  if (op != ArithmeticOp::Multiply && op != ArithmeticOp::Divide) {
    const SqlType usual = decimal_result(op, left, right);
    return usual.scale() == greater_scale ? usual
                                          : SqlType::decimal(kMaxDecimalPrecision, greater_scale);
  }
  const bool divides = op == ArithmeticOp::Divide;
  const int wanted = divides ? std::max(greater_scale, kScaleOfQuotient) : s1 + s2;
  const int whole =
      divides ? left.precision() - s1 + s2 : left.precision() - s1 + right.precision() - s2 + 1;
  const int scale =
      std::min(wanted, std::max({kMostScale, greater_scale, kMaxDecimalPrecision - whole}));
  return SqlType::decimal(std::min(whole + scale, kMaxDecimalPrecision), scale);
}

// Returns the function for || or - if a side is jsonb; empty if the operator is not one of jsonb.
std::string_view function_of_jsonb(const Arithmetic& node, const SqlType& left,
                                   const SqlType& right) {
  const auto is_jsonb = [](const SqlType& type) { return type.label() == label::kJsonb; };
  const auto is_or_reads_as_jsonb = [&](const SqlType& type, const ExpressionPtr& written) {
    return is_jsonb(type) || type.is_null() || written->is<StringLiteral>() ||
           written->is<Parameter>();
  };
  if (node.op == ArithmeticOp::Concatenate && (is_jsonb(left) || is_jsonb(right)) &&
      is_or_reads_as_jsonb(left, node.left) && is_or_reads_as_jsonb(right, node.right))
    return "PG_CATALOG.JSON_CONCAT";
  const bool is_key = right.kind() == TypeKind::Integer || right.kind() == TypeKind::Array ||
                      node.right->is<Parameter>() ||
                      (right.kind() == TypeKind::String && !is_normalized(right));
  return node.op == ArithmeticOp::Subtract && is_jsonb(left) && is_key ? "PG_CATALOG.JSON_DELETE"
                                                                       : std::string_view();
}

// Returns a hint for a + between a text and a number, as SQL Server and Java join texts.
std::string joined_texts(const Arithmetic& node, bool left_is_number) {
  const auto written = [](const Expression& side, bool is_number) {
    return is_number ? "CAST(" + to_sql(side) + " AS VARCHAR)" : to_sql(side);
  };
  return "To join texts, use ||: " + written(*node.left, left_is_number) + " || " +
         written(*node.right, !left_is_number) + ".";
}

}  // namespace

Result<BoundExpression> Binder::bind_arithmetic(const Arithmetic& node,
                                                const Expression& expression) {
  const TextPosition position = expression.position;
  const bool takes_times = scope_.texts_take_types;
  BoundExpression left = TRY(takes_times ? bind_exact(*node.left) : bind_open(*node.left));
  BoundExpression right = TRY(takes_times ? bind_exact(*node.right) : bind_open(*node.right));
  if (takes_times) {
    if (auto moved = TRY(bind_time_arithmetic(node.op, left, right, position)))
      return *std::move(moved);
    left = TRY(computed(std::move(left)));
    right = TRY(computed(std::move(right)));
    if (node.op != ArithmeticOp::Concatenate) {
      TRY(read_number_as(*node.left, left, right.type));
      TRY(read_number_as(*node.right, right, left.type));
    }
  }
  // If an operand is jsonb, the right operand of `-` is a key, and the right operand of `||` is jsonb.
  if (const std::string_view function = function_of_jsonb(node, left.type, right.type);
      !function.empty()) {
    // A parameter becomes jsonb, even if its type is only known from the client.
    const SqlType jsonb = type_of(*find_label(label::kJsonb));
    if (left.kind == BoundKind::Parameter) TRY(take_type_beside(left, jsonb));
    if (node.op == ArithmeticOp::Concatenate && right.kind == BoundKind::Parameter)
      TRY(take_type_beside(right, jsonb));
    FunctionCall call{std::string(function), {}};
    call.arguments.push_back(clone(*node.left));
    call.arguments.push_back(clone(*node.right));
    return bind_call(call, position, CallKind::Scalar);
  }
  // If the types of both operands are unknown, || concatenates them as texts. With other operators,
  // a parameter that the client declares as NUMERIC is a number.
  const auto is_open = [](const BoundExpression& side) {
    return side.kind == BoundKind::Parameter && side.type.is_null();
  };
  const bool is_number = left.type.label() == label::kNumeric;
  if (takes_times && is_open(left) && is_open(right) &&
      (is_number || node.op == ArithmeticOp::Concatenate)) {
    left = TRY(coerce_to(std::move(left), open_type(left.type)));
    if (node.op != ArithmeticOp::Concatenate) left = TRY(computed(std::move(left)));
  }
  if (left.type.is_null() && left.kind == BoundKind::Parameter)
    left = TRY(take_type_beside(std::move(left), right.type));
  if (right.type.is_null() && right.kind == BoundKind::Parameter)
    right = TRY(take_type_beside(std::move(right), left.type));

  const auto refuse = [&](const std::string& ksql_text) -> Error {
    Error error = with_ksqldb(
        no_operator(),
        "operator " + std::string(to_string(node.op)) + " does not accept " + shown(left.type) +
            " and " + shown(right.type),
        type_error_detail("Error processing expression: " + to_sql(expression) + ". " + ksql_text));
    if (left.type.is_time_like() && right.type.is_numeric()) {
      error.hint = "Use an interval for a duration, for example INTERVAL '5 minutes'.";
    } else if (node.op == ArithmeticOp::Concatenate) {
      const bool left_is_text = left.type.kind() == TypeKind::String;
      const bool cast_both = !left_is_text && right.type.kind() != TypeKind::String;
      error.hint = "|| joins texts: CAST(" + to_sql(left_is_text ? *node.right : *node.left) +
                   " AS VARCHAR)" +
                   (cast_both ? " || CAST(" + to_sql(*node.right) + " AS VARCHAR)." : ".");
    } else if (left.type.is_numeric() != right.type.is_numeric() && !left.type.is_null() &&
               !right.type.is_null()) {
      const bool cast_right = left.type.is_numeric();
      const Expression& other = cast_right ? *node.right : *node.left;
      const bool has_text = (cast_right ? right : left).type.kind() == TypeKind::String;
      const bool joins_texts = node.op == ArithmeticOp::Add && has_text;
      // A constant text, or the text of other operators, is rarely meant as a number.
      const bool may_be_number = !joins_texts || other.is<ColumnRef>();
      if (may_be_number)
        error.hint = "CAST one side, for example CAST(" + to_sql(other) + " AS " +
                     shown(cast_right ? left.type : right.type) + ").";
      if (joins_texts) error.hint += (may_be_number ? " " : "") + joined_texts(node, cast_right);
    }
    return std::move(error).at(position);
  };

  if (const ExpressionPtr moved = moved_date(node, left.type, right.type, position))
    return bind_kept(*moved);
  // Values that are kept as texts in a normal form do not count as texts for + and ||.
  const auto is_joined = [](const SqlType& mine, const SqlType& others) {
    return is_normalized(mine) && (is_normalized(others) || mine.label() == label::kJsonb);
  };
  const bool adds = node.op != ArithmeticOp::Concatenate &&
                    (is_normalized(left.type) || is_normalized(right.type));
  if (adds || is_joined(left.type, right.type) || is_joined(right.type, left.type))
    return Error{ErrorCode::UndefinedFunction,
                 "operator does not exist: " + postgres_type_name(left.type) + " " +
                     std::string(to_string(node.op)) + " " + postgres_type_name(right.type)}
        .at(position);

  // PostgreSQL's || accepts arrays, and any type if the other side is a text.
  if (scope_.texts_take_types && node.op == ArithmeticOp::Concatenate) {
    if (left.type.kind() == TypeKind::Array && right.type.kind() == TypeKind::Array) {
      FunctionCall concat{"ARRAY_CONCAT", {}};
      concat.arguments.push_back(clone(*node.left));
      concat.arguments.push_back(clone(*node.right));
      return bind_call(concat, position, CallKind::Scalar);
    }
    // A text literal next to an array is read as an array, and not as an element.
    const auto is_element = [](const SqlType& type, const ExpressionPtr& written) {
      return !type.is_null() && !type.is_nested() && !written->is<StringLiteral>();
    };
    const bool appends = left.type.kind() == TypeKind::Array && is_element(right.type, node.right);
    if (appends || (right.type.kind() == TypeKind::Array && is_element(left.type, node.left))) {
      FunctionCall joined{appends ? "ARRAY_APPEND" : "ARRAY_PREPEND", {}};
      joined.arguments.push_back(clone(*node.left));
      joined.arguments.push_back(clone(*node.right));
      return bind_call(joined, position, CallKind::Scalar);
    }
    const bool has_text =
        left.type.kind() == TypeKind::String || right.type.kind() == TypeKind::String;
    const auto is_text = [](const SqlType& type) {
      return type.kind() == TypeKind::String && !has_forms(type);
    };
    for (BoundExpression* side : {&left, &right})
      if (has_text && !is_text(side->type) && !side->type.is_nested())
        *side = TRY(cast(std::move(*side), TypeKind::String));
  }
  if (left.type.is_null() || right.type.is_null())
    return refuse("Arithmetic on types " + in_ksqldb(left.type) + " and " + in_ksqldb(right.type) +
                  " are not supported.");
  const bool may_concatenate = node.op == ArithmeticOp::Add || node.op == ArithmeticOp::Concatenate;
  if (may_concatenate && left.type == right.type &&
      (left.type.kind() == TypeKind::String ||
       (left.type.kind() == TypeKind::Bytes && node.op == ArithmeticOp::Concatenate))) {
    SqlType type = left.type.kind();
    const Kernel kernel = arithmetic_kernel(node.op, type.kind());
    BoundExpression bound = call_expression(kernel, std::move(type), {}, position);
    bound.can_fail = false;
    bound.children = {std::move(left), std::move(right)};
    return bound;
  }
  if (!left.type.is_numeric() || !right.type.is_numeric() || node.op == ArithmeticOp::Concatenate)
    return refuse("Unsupported arithmetic types. " + std::string(kind_name(left.type.kind())) +
                  " " + std::string(kind_name(right.type.kind())));

  SqlType left_type = std::max(left.type.kind(), right.type.kind()), right_type = left_type;
  SqlType result = left_type;
  const bool has_double =
      left.type.kind() == TypeKind::Double || right.type.kind() == TypeKind::Double;
  if (has_double) {
    left_type = right_type = result = TypeKind::Double;
  } else if (result.kind() == TypeKind::Decimal) {
    left_type = as_decimal_type(left.type);
    right_type = as_decimal_type(right.type);
    result = scope_.texts_take_types ? decimal_of_postgres(node.op, left_type, right_type)
                                     : decimal_result(node.op, left_type, right_type);
  }
  const bool is_narrow = scope_.texts_take_types && is_narrow_number(left.type) &&
                         left.type.label() == right.type.label();
  const SqlType narrow = left.type;
  BoundExpression bound =
      call_expression(arithmetic_kernel(node.op, result.kind()), result, {}, position);
  const bool divides = node.op == ArithmeticOp::Divide || node.op == ArithmeticOp::Modulo;
  bound.can_fail =
      result.kind() == TypeKind::Decimal || (divides && !has_double) || scope_.has_checks();
  bound.children.push_back(cast_or_fold(std::move(left), left_type));
  bound.children.push_back(cast_or_fold(std::move(right), right_type));
  // As in ksqlDB, a null operand in a lambda fails the call that has the lambda, and the whole
  // result of the call is null for the row.
  constexpr uint64_t kBothSides = 0b11;
  // This only applies in the dialect. PostgreSQL's x < ALL (array), which a lambda computes, is unknown with a null.
  if (!lambda_names_.empty() && !scope_.texts_take_types) bound.refuses_null = kBothSides;
  if (is_narrow) return cast_or_fold(std::move(bound), narrow);
  return bound;
}

// Reads a text literal next to a number as a number: '2' * n.
Status Binder::read_number_as(const Expression& source, BoundExpression& side,
                              const SqlType& type) const {
  if (!type.is_numeric() || !source.is<StringLiteral>()) return {};
  BoundItem item{&source, std::move(side)};
  TRY(read_text_as(item, type));
  side = std::move(item.bound);
  return {};
}

Result<BoundExpression> Binder::bind_sign(const Signed& node, TextPosition position) {
  BoundExpression operand = TRY(bind(*node.operand));
  if (operand.type.label() == label::kInterval && node.op == SignOp::Minus) {
    BoundExpression factor = literal_expression(TypeKind::Integer, Value::integer(-1));
    auto opposite = TRY(bind_time_arithmetic(ArithmeticOp::Multiply, operand, factor, position));
    if (opposite) return *std::move(opposite);
  }
  if (!operand.type.is_numeric())
    return with_ksqldb(ErrorCode::TypeMismatch, "a sign cannot stand before " + shown(operand.type),
                       type_error_detail("Negation on type " + operand.type.to_string() +
                                         " is not supported."))
        .at(position);
  if (node.op == SignOp::Plus) return operand;
  // The negation of the smallest INTEGER or BIGINT is a literal of the next wider type.
  if (scope_.texts_take_types && operand.kind == BoundKind::Literal && !operand.literal.is_null()) {
    if (operand.type.kind() == TypeKind::Integer && operand.literal.as_int32() == INT32_MIN)
      return literal_expression(TypeKind::Bigint, Value::bigint(-int64_t{INT32_MIN}));
    if (operand.type.kind() == TypeKind::Bigint && operand.literal.as_int64() == INT64_MIN)
      return bind_decimal(DecimalLiteral{"9223372036854775808"}, position);
  }
  // Negation is a subtraction from 0, which reports the overflow of the smallest number.
  const bool is_whole =
      operand.type.kind() == TypeKind::Integer || operand.type.kind() == TypeKind::Bigint;
  if (scope_.texts_take_types && is_whole && operand.kind != BoundKind::Literal) {
    Arithmetic from_zero{ArithmeticOp::Subtract, make_expression(IntegerLiteral{0}, position),
                         clone(*node.operand)};
    const SqlType type = operand.type;
    return cast_or_fold(TRY(bind(*make_expression(std::move(from_zero), position))), type);
  }
  // The negation of a real is a real.
  SqlType type = scope_.texts_take_types && operand.type.label() == label::kFloat4
                     ? operand.type
                     : without_narrow_label(operand.type);
  const Kernel kernel = negation_kernel(type.kind());
  BoundExpression bound = call_expression(kernel, std::move(type), {}, position);
  bound.can_fail = scope_.has_checks() && is_whole;
  bound.children.push_back(std::move(operand));
  return bound;
}

}  // namespace engine
