// Binds operators: comparisons, logic, lists and patterns. Arithmetic is in binding/arithmetic.cc.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/expr/binder.h"
#include "engine/expr/cast_kernels.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/registered_objects.h"
#include "engine/expr/typed_texts.h"
#include "engine/expr/zones.h"
#include "engine/formats/text_value.h"
#include "engine/types/ascii.h"
#include "engine/types/catalog_labels.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

std::string_view ksql_name(ComparisonOp op) {
  switch (op) {
    case ComparisonOp::Equal:
      return "EQUAL";
    case ComparisonOp::NotEqual:
      return "NOT_EQUAL";
    case ComparisonOp::Less:
      return "LESS_THAN";
    case ComparisonOp::LessOrEqual:
      return "LESS_THAN_OR_EQUAL";
    case ComparisonOp::Greater:
      return "GREATER_THAN";
    case ComparisonOp::GreaterOrEqual:
      return "GREATER_THAN_OR_EQUAL";
    case ComparisonOp::IsDistinctFrom:
      return "IS_DISTINCT_FROM";
    case ComparisonOp::IsNotDistinctFrom:
      return "IS_NOT_DISTINCT_FROM";
  }
  return "?";
}

bool is_distinct(ComparisonOp op) {
  return op == ComparisonOp::IsDistinctFrom || op == ComparisonOp::IsNotDistinctFrom;
}
bool is_equality(ComparisonOp op) {
  return op == ComparisonOp::Equal || op == ComparisonOp::NotEqual || is_distinct(op);
}

// The types to which the left and the right side of a comparison are converted. They may be
// DECIMALs with different scales.
struct ComparedTypes {
  SqlType left, right;
};
// `reads_texts` is whether a text next to a time is read as a time.
std::optional<ComparedTypes> compared_types(ComparisonOp op, const SqlType& left,
                                            const SqlType& right, bool as_postgres,
                                            bool reads_texts) {
  const auto both = [](const SqlType& type) { return ComparedTypes{type, type}; };
  if (left.is_numeric() && right.is_numeric()) {
    if (left.kind() != TypeKind::Decimal && right.kind() != TypeKind::Decimal)
      return both(std::max(left.kind(), right.kind()));
    if (left.kind() == TypeKind::Double || right.kind() == TypeKind::Double)
      return both(TypeKind::Double);
    return ComparedTypes{as_decimal_type(left), as_decimal_type(right)};
  }
  if (left.is_time_like() && right.kind() == TypeKind::String)
    return reads_texts ? std::optional(both(left)) : std::nullopt;
  if (left.kind() == TypeKind::String && right.is_time_like())
    return reads_texts ? std::optional(both(right)) : std::nullopt;
  const auto is_day = [](const SqlType& type) {
    return type.kind() == TypeKind::Date || type.kind() == TypeKind::Timestamp;
  };
  if (is_day(left) && is_day(right) && left != right) return both(TypeKind::Timestamp);
  if (left.kind() != right.kind()) return std::nullopt;
  const bool has_order = as_postgres ? left.kind() != TypeKind::Map
                                     : !left.is_nested() && left.kind() != TypeKind::Boolean;
  if (!has_order && !is_equality(op)) return std::nullopt;
  if (const auto shared = common_type(left, right)) return both(*shared);
  return std::nullopt;
}

bool is_time_column(const BoundItem& item) {
  const auto* column = item.source->as<ColumnRef>();
  return column != nullptr && item.bound.type.kind() == TypeKind::Bigint &&
         (column->name == "ROWTIME" || column->name == "WINDOWSTART" ||
          column->name == "WINDOWEND");
}

// Returns whether a date begins with its day or month: 01.05.2024. DateStyle decides their order, and the text is
// compared with a number, so a wrong guess would be a wrong result without an error.
bool begins_with_day_or_month(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return digits > 0 && digits <= 2 && digits < text.size() &&
         std::string_view("./-").find(text[digits]) != std::string_view::npos;
}

// Converts the text of ROWTIME > '2024-01-01' to a point in time when the query is planned.
Status convert_magic_timestamp(const Scope& scope, const BoundItem& column, BoundItem& other) {
  const auto* text = other.source->as<StringLiteral>();
  if (text == nullptr || !is_time_column(column)) return {};
  std::optional<Value> ms;
  if (const auto parsed = parse_timestamp(text->value))
    ms = Value::bigint(*parsed);
  else if (scope.has_checks() && !begins_with_day_or_month(text->value))
    ms = written_time(scope.forms.date_order, nullptr, text->value, TypeKind::Timestamp);
  if (!ms)
    return with_ksqldb(ErrorCode::InvalidDatetime, "'" + text->value + "' is not a point in time",
                       "Failed to parse timestamp '" + text->value + "'")
        .with_hint(std::string(time_forms(TypeKind::Timestamp)))
        .at(other.source->position);
  other.bound = literal_expression(TypeKind::Bigint, *std::move(ms));
  return {};
}

}  // namespace

std::string Binder::text_of(const Expression& expression) const {
  const bool is_join = std::ranges::any_of(scope_.layout, [&](const LayoutColumn& column) {
    return !column.source.empty() && column.source != scope_.layout.front().source;
  });
  const auto* column = expression.as<ColumnRef>();
  if (is_join && column != nullptr && column->source)
    return column->source->text + "_" + column->name.text;
  return to_sql(expression);
}

std::string Binder::type_error_detail(std::string_view text) const {
  return "Error in " + std::string(scope_.clause) + " expression: " + std::string(text);
}

std::string Binder::invalid_detail(std::string_view text) const {
  if (scope_.clause == "SELECT") return "Invalid Select: " + std::string(text);
  if (scope_.clause == "WHERE" || scope_.clause == "HAVING")
    return "Invalid Predicate: " + std::string(text);
  return std::string(text);
}

Result<BoundExpression> Binder::bind_comparison(const Comparison& node, TextPosition position) {
  const bool keeps = keeps_times_exact_;
  BoundItem left{node.left.get(), TRY(keeps ? bind_exact(*node.left) : bind_open(*node.left))};
  BoundItem right{node.right.get(), TRY(keeps ? bind_exact(*node.right) : bind_open(*node.right))};
  if (keeps) TRY(match_times(left, right));
  return compare(node.op, std::move(left), std::move(right), position);
}

namespace {

// Reads an array in PostgreSQL's notation, {1,"a b"}. Returns nothing if the text is not an array.
std::optional<BoundExpression> array_literal(const std::string& text, const SqlType& type,
                                             const TextForms& forms) {
  auto value = parse_text_value(type, text, "the array", forms);
  if (!value) return std::nullopt;
  return literal_expression(type, *std::move(value));
}

// Returns the double for nan, inf and infinity in any letter case; nothing for other texts. Next to a number, such a
// text is read as a number.
std::optional<double> double_of_word(std::string_view text) {
  std::string word = lower_case(text);
  const bool is_negative = word.starts_with('-');
  if (is_negative || word.starts_with('+')) word.erase(0, 1);
  if (word == "nan") return std::nan("");
  if (word != "inf" && word != "infinity") return std::nullopt;
  return is_negative ? -HUGE_VAL : HUGE_VAL;
}

}  // namespace

Status Binder::read_text_as(BoundItem& item, const SqlType& type) const {
  const auto* text = item.source->as<StringLiteral>();
  if (!text || type.is_null() || (type.kind() == TypeKind::String && !is_normalized(type)))
    return {};
  // an earlier step has already read the text as an exact time
  if (item.bound.kind != BoundKind::Literal) return {};
  if (type.is_nested() && type.kind() != TypeKind::Array) return {};
  // Keeps all digits, as if the number were written without quotes.
  if (type.kind() == TypeKind::Decimal && type.label() == label::kNone)
    if (const auto number = parse_decimal(text->value); number && number->scale > type.scale()) {
      item.bound = TRY(bind_decimal(DecimalLiteral{text->value}, item.source->position));
      return {};
    }
  std::optional<BoundExpression> read;
  if (type.kind() == TypeKind::Array)
    read = array_literal(text->value, type, scope_.forms);
  else if (type.kind() == TypeKind::Bytes && scope_.texts_take_types)
    read = literal_expression(type, Value::text(TRY(text_bytes_of_postgres(text->value))));
  else if (const auto number = double_of_word(text->value); number && type == TypeKind::Double)
    read = literal_expression(type, Value::number(*number));
  else if (auto value = literal_in(scope_, item.bound, type))
    read = literal_expression(type, *std::move(value));
  else if (type.kind() != TypeKind::Boolean || !scope_.texts_take_types)
    read = cast_or_fold(std::move(item.bound), type);
  if ((!read || read->kind != BoundKind::Literal) && is_normalized(type))
    if (const auto normal = normalized_text_in(scope_.forms, type, text->value); !normal)
      return Error(normal.error()).at(item.source->position);
  std::string buffer;
  const bool is_bad = !read || read->kind != BoundKind::Literal;
  if (is_bad && type.is_time_like())
    if (const auto iso = iso_text(text->value, scope_.forms.date_order, buffer); !iso)
      return Error(iso.error()).at(item.source->position);
  if (is_bad && type.is_time_like()) return bad_time(text->value, type).at(item.source->position);
  if (is_bad)
    return Error{ErrorCode::InvalidText,
                 "invalid input syntax for type " + shown(type) + ": \"" + text->value + "\""}
        .at(item.source->position);
  item.bound = *std::move(read);
  return {};
}

namespace {

// Removes trailing blanks from a text next to a char(n), because columns of char(n) are stored without these
// blanks, and comparisons ignore them.
void drop_blanks_beside(BoundItem& item, const SqlType& type) {
  const auto* text = item.source->as<StringLiteral>();
  if (!text || type.label() != label::kBpchar || item.bound.kind != BoundKind::Literal) return;
  const size_t end = text->value.find_last_not_of(' ') + 1;
  item.bound = literal_expression(item.bound.type, Value::text(text->value.substr(0, end)));
}

BoundExpression in_comparable_form(BoundExpression value) {
  BoundExpression form = call_expression(comparable_kernel, value.type, {}, value.position);
  form.can_fail = false;
  form.children.push_back(std::move(value));
  return form;
}

}  // namespace

Status Binder::match_labels(ComparisonOp op, BoundItem& left, BoundItem& right,
                            TextPosition position) {
  for (auto [side, other] : {std::pair(&left, &right), std::pair(&right, &left)})
    if (is_normalized(other->bound.type) && side->bound.kind == BoundKind::Literal &&
        side->bound.type.kind() == TypeKind::String && !is_normalized(side->bound.type))
      side->bound = TRY(coerce_in_zone(std::move(side->bound), other->bound.type));
  const SqlType &l = left.bound.type, &r = right.bound.type;
  if (l.is_null() || r.is_null() || (!is_normalized(l) && !is_normalized(r))) return {};
  const LabelOrder order = std::min(order_of(l), order_of(r));
  const bool is_comparable =
      order == LabelOrder::Total || (order == LabelOrder::Equality && is_equality(op));
  if (!l.with_modifier(-1).is_identical(r.with_modifier(-1)) || !is_comparable)
    return Error{ErrorCode::UndefinedFunction, "operator does not exist: " + postgres_type_name(l) +
                                                   " " + std::string(to_string(op)) + " " +
                                                   postgres_type_name(r)}
        .with_hint("CAST one side, or both, to a type that has this operator.")
        .at(position);
  if (!has_comparable_form(l)) return {};
  for (BoundItem* item : {&left, &right}) item->bound = in_comparable_form(std::move(item->bound));
  return {};
}

namespace {

bool looks_like_number(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos &&
         text.find_first_not_of("0123456789+-.eE ") == std::string_view::npos;
}

// Returns an example that can replace a comparison of these types.
std::string hint_for_comparison(ComparisonOp op, const BoundItem& left, const BoundItem& right) {
  for (const auto& [mine, other] : {std::pair(&left, &right), std::pair(&right, &left)}) {
    const SqlType &type = mine->bound.type, &others = other->bound.type;
    if (type.is_time_like() && others.kind() == TypeKind::String)
      return hint_for_text_as(type, *other->source);
    if (type.kind() == TypeKind::Timestamp && others.is_numeric())
      return "A time is compared with a text such as '2024-01-31T12:00:00', or with "
             "FROM_UNIXTIME(milliseconds).";
    if (type.kind() == TypeKind::Date && others.is_numeric())
      return "A date is compared with a text such as '2024-01-31'.";
    if (type.kind() == TypeKind::Boolean &&
        (others.is_numeric() || others.kind() == TypeKind::String))
      return "A BOOLEAN is compared with TRUE or FALSE, without quotes.";
    const auto* text = other->source->as<StringLiteral>();
    if (type.is_numeric() && text && !looks_like_number(text->value))
      return "Compare with a number, or compare texts: CAST(" + to_sql(*mine->source) +
             " AS VARCHAR) " + std::string(to_string(op)) + " " + to_sql(*other->source) + ".";
  }
  const SqlType &l = left.bound.type, &r = right.bound.type;
  if (l.kind() == r.kind() || !is_castable(r, l)) return "";
  return "CAST one side, for example CAST(" + to_sql(*right.source) + " AS " + shown(l) + ").";
}

}  // namespace

Result<BoundExpression> Binder::compare(ComparisonOp op, BoundItem left, BoundItem right,
                                        TextPosition position) {
  TRY(convert_magic_timestamp(scope_, left, right));
  TRY(convert_magic_timestamp(scope_, right, left));
  const auto take_type_of = [&](BoundItem& item, const BoundItem& other) -> Status {
    const bool is_open =
        item.bound.type.is_null() && (item.bound.kind == BoundKind::Parameter || is_distinct(op));
    if (is_open && !other.bound.type.is_null())
      item.bound = TRY(take_type_beside(std::move(item.bound), other.bound.type));
    return {};
  };
  TRY(take_type_of(left, right));
  TRY(take_type_of(right, left));
  if (scope_.texts_take_types) {
    TRY(read_text_as(left, right.bound.type));
    TRY(read_text_as(right, left.bound.type));
    drop_blanks_beside(left, right.bound.type);
    drop_blanks_beside(right, left.bound.type);
  } else {
    TRY(read_time_as(left, right.bound.type));
    TRY(read_time_as(right, left.bound.type));
  }
  for (BoundItem* item : {&left, &right}) item->bound = TRY(close(std::move(item->bound)));
  // Next to a regproc, the number 0 means that no function exists. The name of this regproc is "-".
  for (auto [side, other] : {std::pair(&left, &right), std::pair(&right, &left)})
    if (const auto* number = other->source->as<IntegerLiteral>();
        number && number->value == 0 && side->bound.type.label() == label::kRegproc)
      other->bound = literal_expression(side->bound.type, Value::text("-"));
  if (scope_.texts_take_types &&
      (is_registered_object(left.bound.type) || is_registered_object(right.bound.type))) {
    std::array<BoundItem, 2> operands = {std::move(left), std::move(right)};
    compare_registered(operands);
    left = std::move(operands[0]);
    right = std::move(operands[1]);
  }
  TRY(match_labels(op, left, right, position));
  if (scope_.forms.zone)
    for (auto [side, other] : {std::pair(&left, &right), std::pair(&right, &left)})
      if (is_instant(other->bound.type) && is_clock(side->bound.type))
        side->bound = as_instant(std::move(side->bound));

  const SqlType &l = left.bound.type, &r = right.bound.type;
  const auto written = [&] {
    return "\nStatement: (" + text_of(*left.source) + " " + std::string(to_string(op)) + " " +
           text_of(*right.source) + ")";
  };
  // A comparison with a NULL literal is unknown. For IS [NOT] DISTINCT FROM, two nulls are equal.
  if ((l.is_null() || r.is_null()) && scope_.texts_take_types) {
    const Value answer =
        is_distinct(op) ? Value::boolean(op == ComparisonOp::IsNotDistinctFrom) : Value();
    return literal_expression(TypeKind::Boolean, answer);
  }
  if (l.is_null() || r.is_null()) {
    return with_ksqldb(ErrorCode::TypeMismatch, "a comparison with NULL is never true",
                       type_error_detail("Comparison with NULL not supported: " + l.to_string() +
                                         " " + std::string(to_string(op)) + " " + r.to_string() +
                                         "\nUse 'IS NULL' or 'IS NOT NULL' instead." + written()))
        .with_hint("Use IS NULL or IS NOT NULL.")
        .at(position);
  }
  const bool reads_texts =
      !scope_.texts_take_types || (!is_typed_text(left) && !is_typed_text(right));
  auto types = compared_types(op, l, r, scope_.texts_take_types, reads_texts);
  // A date next to a timestamp without a time zone becomes such a timestamp; otherwise it becomes a point in time.
  if (scope_.forms.zone && types && (is_clock(l) || is_clock(r)) && is_instant(types->left))
    types->left = types->right = types->left.labelled(label::kTimestamp);
  if (!types) {
    Error error = with_ksqldb(
        no_operator(),
        "operator " + std::string(to_string(op)) + " does not accept " + shown(l) + " and " +
            shown(r),
        type_error_detail("Cannot compare " + text_of(*left.source) + " (" + l.to_string() +
                          ") to " + text_of(*right.source) + " (" + r.to_string() + ") with " +
                          std::string(ksql_name(op)) + "." + written()));
    error.hint = hint_for_comparison(op, left, right);
    return std::move(error).at(position);
  }
  BoundExpression bound =
      call_expression(comparison_kernel(op, types->left.kind()), TypeKind::Boolean, {}, position);
  bound.can_fail = false;
  for (auto [side, type] : {std::pair(&left, &types->left), std::pair(&right, &types->right)}) {
    auto value = literal_in(scope_, side->bound, *type);
    bound.children.push_back(value ? literal_expression(*type, *std::move(value))
                                   : cast_or_fold(std::move(side->bound), *type));
  }
  return bound;
}

// Binds an operand of AND, OR, NOT or WHEN.
Result<BoundExpression> Binder::bind_condition(const Expression& expression,
                                               std::string_view what) {
  BoundExpression bound = TRY(bind_open(expression));
  if (bound.kind == BoundKind::Parameter && bound.type.is_null())
    return coerce_to(std::move(bound), TypeKind::Boolean);
  if (bound.type.kind() == TypeKind::Boolean) return bound;
  if (scope_.texts_take_types && bound.type.is_null())
    return literal_expression(TypeKind::Boolean, {});
  return with_ksqldb(
             ErrorCode::TypeMismatch,
             "the operand of " + std::string(what) + " must be a BOOLEAN, not " + shown(bound.type),
             type_error_detail("Error processing expression: " + to_sql(expression) + ". " +
                               "Should evaluate to boolean but is of type " +
                               bound.type.to_string()))
      .at(expression.position);
}

Result<BoundExpression> Binder::bind_logical(const Logical& node, TextPosition position) {
  BoundExpression bound;
  bound.kind = node.op == LogicalOp::And ? BoundKind::And : BoundKind::Or;
  bound.type = TypeKind::Boolean;
  bound.position = position;
  bound.children.push_back(TRY(bind_condition(*node.left, to_string(node.op))));
  bound.children.push_back(TRY(bind_condition(*node.right, to_string(node.op))));
  return bound;
}

Result<BoundExpression> Binder::bind_not(const Not& node, TextPosition position) {
  BoundExpression bound = call_expression(not_kernel, TypeKind::Boolean, {}, position);
  bound.children.push_back(TRY(bind_condition(*node.operand, "NOT")));
  return bound;
}

Result<BoundExpression> Binder::bind_between(const Between& node, TextPosition position) {
  const auto bind_side = [&](ComparisonOp op, const Expression& bound) -> Result<BoundExpression> {
    BoundItem value{node.value.get(), TRY(bind_open(*node.value))};
    BoundItem limit{&bound, TRY(bind_open(bound))};
    return compare(op, std::move(value), std::move(limit), position);
  };
  BoundExpression between;
  between.kind = BoundKind::And;
  between.type = TypeKind::Boolean;
  between.position = position;
  between.children.push_back(TRY(bind_side(ComparisonOp::GreaterOrEqual, *node.lower)));
  between.children.push_back(TRY(bind_side(ComparisonOp::LessOrEqual, *node.upper)));
  if (!node.negated) return between;
  return call_expression(not_kernel, TypeKind::Boolean, {std::move(between)}, position);
}

namespace {

// Lists up to this size are compared item by item.
constexpr size_t kFewItems = 16;

bool comes_before(const Value& a, const Value& b) {
  return std::visit(
      [&]<class T>(const T& payload) {
        if constexpr (std::is_same_v<T, Decimal>)
          return payload.unscaled < b.as_decimal().unscaled;
        else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
          return payload < std::get<T>(b.payload());
        else
          return false;
      },
      a.payload());
}

// Converts a long list of constants to one sorted constant; returns nothing if that is not possible. The look-up of
// a value then takes a few steps, and no work for each item is needed at the start of a batch.
std::optional<BoundExpression> sorted_list(std::span<const BoundItem> items, const SqlType& type) {
  if (items.size() <= kFewItems || type.is_nested()) return std::nullopt;
  ValueList values;
  for (const BoundItem& item : items) {
    if (item.bound.kind != BoundKind::Literal) return std::nullopt;
    const Value& value = item.bound.literal;
    if (value.is_null()) continue;  // null equals nothing
    // NaN cannot be sorted.
    if (type.kind() == TypeKind::Double && std::isnan(value.as_double())) return std::nullopt;
    values.push_back(value);
  }
  std::ranges::sort(values, comes_before);
  return literal_expression(SqlType::array(type), Value::list(std::move(values)));
}

}  // namespace

Result<BoundExpression> Binder::bind_in(const In& node, TextPosition position) {
  std::vector<BoundItem> items;
  items.push_back({node.value.get(), TRY(bind_open(*node.value))});
  for (const ExpressionPtr& item : node.list) items.push_back({item.get(), TRY(bind_open(*item))});
  for (size_t i = 1; i < items.size(); ++i) {
    const SqlType& type = items.front().bound.type;
    if (scope_.has_checks()) TRY(check_beside_text(items[i], type));
    if (!scope_.texts_take_types) {
      TRY(read_time_as(items[i], type));
      continue;
    }
    TRY(keep_digits_beside(items[i], type));
    TRY(read_text_as(items[i], type));
    drop_blanks_beside(items[i], items.front().bound.type);
  }
  if (scope_.texts_take_types) {
    for (size_t i = 1; i < items.size(); ++i)
      if (is_registered_object(items.front().bound.type) && items[i].bound.type.is_null())
        items[i].bound = TRY(coerce_to(std::move(items[i].bound), items.front().bound.type));
    compare_registered(items);
  }
  for (size_t i = 1; i < items.size() && is_declared_number(items.front().bound); ++i)
    TRY(keep_digits_beside(items.front(), items[i].bound.type));
  SqlType type = TRY(unify(items));
  if (type.is_null()) {
    // The list has only NULLs and parameters, which become texts.
    type = TypeKind::String;
    for (BoundItem& item : items) item.bound = TRY(coerce_to(std::move(item.bound), type));
  }
  if (is_normalized(type) && order_of(type) == LabelOrder::None)
    return Error{ErrorCode::NotSupported,
                 "IN with values of type " + postgres_type_name(type) + " is not supported yet"}
        .at(position);
  // The texts of an enumeration are equal exactly if its values are, so they are compared without a conversion.
  if (is_normalized(type) && type.label() != label::kEnum && has_comparable_form(type))
    for (BoundItem& item : items) item.bound = in_comparable_form(std::move(item.bound));
  BoundExpression bound = call_expression(in_kernel(type.kind()), TypeKind::Boolean, {}, position);
  bound.can_fail = false;
  if (auto list = sorted_list(std::span(items).subspan(1), type)) {
    bound.kernel = in_sorted_kernel(type.kind());
    const bool has_null =
        std::ranges::any_of(std::span(items).subspan(1),
                            [](const BoundItem& item) { return item.bound.literal.is_null(); });
    bound.children.push_back(std::move(items.front().bound));
    bound.children.push_back(std::move(*list));
    if (has_null && scope_.texts_take_types) bound.children.push_back(literal_expression(type, {}));
  } else {
    for (BoundItem& item : items) bound.children.push_back(std::move(item.bound));
  }
  if (!node.negated) return bound;
  return call_expression(not_kernel, TypeKind::Boolean, {std::move(bound)}, position);
}

Result<BoundExpression> Binder::bind_like(const Like& node, TextPosition position) {
  BoundExpression bound = call_expression(like_kernel, TypeKind::Boolean, {}, position);
  for (const ExpressionPtr& side : {std::cref(node.value), std::cref(node.pattern)}) {
    BoundExpression text = TRY(bind_open(*side));
    if (!text.type.is_null() && text.type.kind() != TypeKind::String)
      return with_ksqldb(ErrorCode::TypeMismatch, "LIKE requires VARCHAR, not " + shown(text.type),
                         type_error_detail("Like condition must be between strings: " +
                                           to_sql(*node.value) + " LIKE " + to_sql(*node.pattern)))
          .at(position);
    bound.children.push_back(TRY(coerce_to(std::move(text), TypeKind::String)));
  }
  const bool escapes_nothing = node.escape && node.escape->empty() && scope_.texts_take_types;
  if (node.escape && !escapes_nothing) {
    const auto characters = std::ranges::count_if(
        *node.escape, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    if (characters != 1)
      return Error{ErrorCode::InvalidParameter,
                   "Expected single character escape but got: " + *node.escape}
          .at(position);
    bound.children.push_back(literal_expression(TypeKind::String, Value::text(*node.escape)));
  } else if (scope_.texts_take_types && !escapes_nothing) {  // only PostgreSQL has a default
    bound.children.push_back(literal_expression(TypeKind::String, Value::text("\\")));
  }
  if (!node.negated) return bound;
  return call_expression(not_kernel, TypeKind::Boolean, {std::move(bound)}, position);
}

Result<BoundExpression> Binder::bind_is_null(const IsNull& node, TextPosition position) {
  // ROW(a, b) IS NULL is true if all fields are null, and IS NOT NULL if no field is null.
  const auto* row = node.operand->as<FunctionCall>();
  if (row != nullptr && row->name == "ROW" && !row->arguments.empty() && scope_.texts_take_types) {
    ExpressionPtr all;
    for (const ExpressionPtr& each : row->arguments) {
      ExpressionPtr one = make_expression(IsNull{clone(*each), node.negated}, position);
      all = all ? make_expression(Logical{LogicalOp::And, std::move(all), std::move(one)}, position)
                : std::move(one);
    }
    return bind_open(*all);
  }
  BoundExpression bound = call_expression(node.negated ? is_not_null_kernel : is_null_kernel,
                                          TypeKind::Boolean, {}, position);
  bound.can_fail = false;
  bound.children.push_back(TRY(bind(*node.operand)));
  return bound;
}

}  // namespace engine
