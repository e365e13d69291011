// Binds features that only PostgreSQL has: rows as values, constructors of ranges, days added to a date.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/expr/assigned.h"
#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/named_kernels.h"
#include "engine/expr/typed_texts.h"
#include "engine/expr/zones.h"
#include "engine/functions/adapters.h"
#include "engine/functions/session_zone.h"
#include "engine/types/ascii.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_time.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

std::string quoted(std::string_view bound) {
  std::string text = "\"";
  for (const char c : bound) text.append(c == '"' || c == '\\' ? 2 : 1, c);
  return text + "\"";
}

// ---- Casts between intervals and times of day. As in PostgreSQL, the days and months of an interval do not count.

Result<int64_t> us_of_day(std::string_view interval) {
  constexpr int64_t kDay = 86'400'000'000;
  const int64_t us = TRY(parse_interval(interval)).us % kDay;
  return us < 0 ? us + kDay : us;
}
Result<std::string> exact_time_of_interval(std::string_view interval) {
  return time_us_text(TRY(us_of_day(interval)));
}
Result<int32_t> time_of_interval(std::string_view interval) {
  return static_cast<int32_t>(TRY(us_of_day(interval)) / 1'000);
}
Result<std::string> interval_of_exact_time(std::string_view time) {
  return interval_text({TRY(parse_time_us(time)), 0, 0});
}
std::string interval_of_time(int32_t ms) { return interval_text({int64_t{ms} * 1'000, 0, 0}); }

// Makes ranges. Arguments: lower bound, upper bound, and which bounds are inclusive, as texts. A
// null bound means unbounded.
void range_kernel(KernelCall& call) {
  const TextForms forms = session_forms(call.context);
  call.out.resize(call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    const bool has_marks = call.args.size() > 2;
    if (has_marks && call.args[2].is_null(row)) {
      call.errors.add(row, "range constructor flags argument must not be null");
      continue;
    }
    const std::string_view marks = has_marks ? call.args[2].get<std::string_view>(row) : "[)";
    if (marks != "[)" && marks != "[]" && marks != "()" && marks != "(]") {
      call.errors.add(row, "invalid range bound flags", ErrorCode::SyntaxError);
      continue;
    }
    std::string text(marks.substr(0, 1));
    if (!call.args[0].is_null(row)) text += quoted(call.args[0].get<std::string_view>(row));
    text += ',';
    if (!call.args[1].is_null(row)) text += quoted(call.args[1].get<std::string_view>(row));
    text += marks.substr(1);
    const auto normal = normalized_text_in(forms, call.out.type(), text);
    if (!normal) {
      call.errors.add(row, normal.error().message, normal.error().code);
    } else if (call.context.take_bytes(normal->size(), row, call.errors)) {
      call.out.data<std::string_view>()[row] = call.out.heap().add(*normal);
      call.out.validity().set(row);
    }
  }
}

// Makes multiranges. Arguments: ranges, as texts. A null argument makes the result null.
void multirange_kernel(KernelCall& call) {
  const TextForms forms = session_forms(call.context);
  call.out.resize(call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    std::string text = "{";
    bool has_null = false;
    for (const Argument& argument : call.args) {
      has_null = has_null || argument.is_null(row);
      if (has_null) break;
      if (text.size() > 1) text += ',';
      text += argument.get<std::string_view>(row);
    }
    if (has_null) continue;
    const auto normal = normalized_text_in(forms, call.out.type(), text + "}");
    if (!normal) {
      call.errors.add(row, normal.error().message, normal.error().code);
    } else if (call.context.take_bytes(normal->size(), row, call.errors)) {
      call.out.data<std::string_view>()[row] = call.out.heap().add(*normal);
      call.out.validity().set(row);
    }
  }
}

}  // namespace

// The parser reads x + INTERVAL '1 day' as TIMESTAMPADD(DAYS, 1, x), which is fast for points in
// time. If x is an interval itself, converts the call back to a sum; otherwise returns null.
Result<ExpressionPtr> Binder::moved_interval(const FunctionCall& call, TextPosition position) {
  if (!scope_.texts_take_types || (call.name != "TIMESTAMPADD" && call.name != "TIMESTAMPSUB"))
    return ExpressionPtr();
  const auto* unit = call.arguments.size() == 3 ? call.arguments[0]->as<IntervalUnit>() : nullptr;
  const auto* count = unit != nullptr ? call.arguments[1]->as<IntegerLiteral>() : nullptr;
  if (count == nullptr) return ExpressionPtr();
  const BoundExpression moved = TRY(bind_open(*call.arguments[2]));
  if (call.is_operator && is_typed_text({call.arguments[2].get(), moved}) &&
      !is_normalized(moved.type))
    return Error{ErrorCode::UndefinedFunction,
                 fmt::format("operator {} does not accept {} and INTERVAL",
                             call.name == "TIMESTAMPADD" ? "+" : "-", shown(moved.type))}
        .with_hint(hint_for_text_as(TypeKind::Timestamp, *call.arguments[2]))
        .at(position);
  if (moved.type.label() != label::kInterval) return ExpressionPtr();
  TypeName interval;
  interval.custom_name = "INTERVAL";
  auto by = make_expression(
      Cast{
          make_expression(StringLiteral{std::to_string(count->value) + " " + unit->word}, position),
          std::move(interval)},
      position);
  const ArithmeticOp op = call.name == "TIMESTAMPADD" ? ArithmeticOp::Add : ArithmeticOp::Subtract;
  return make_expression(Arithmetic{op, clone(*call.arguments[2]), std::move(by)}, position);
}

Result<std::optional<BoundExpression>> Binder::bind_postgres_call(const FunctionCall& call,
                                                                  TextPosition position) {
  if (!scope_.texts_take_types) return std::optional<BoundExpression>();
  if (call.name == "ROW") return std::optional(TRY(bind_row(call)));
  if (const Cast* cast = marked_cast(call)) {
    mark_ = &call;
    return std::optional(TRY(bind_with_length(*cast, LengthRule::Write, position)));
  }
  const PostgresLabelRow* row = label_named(lower_case(call.name));
  if (row == nullptr) return std::optional<BoundExpression>();
  const size_t count = call.arguments.size();
  const bool makes_range = is_range(row->label) && (count == 2 || count == 3);
  if (!makes_range && !is_multirange(row->label)) return std::optional<BoundExpression>();
  BoundExpression made =
      call_expression(makes_range ? range_kernel : multirange_kernel, type_of(*row), {}, position);
  const SqlType element = SqlType(row->element_kind).labelled(row->element);
  for (size_t i = 0; i < count; ++i) {
    BoundItem item{call.arguments[i].get(), TRY(bind_kept(*call.arguments[i]))};
    const bool is_bound = !makes_range || i < 2;
    // The type of text literals and untyped parameters is not checked, because the range's kernel parses them, with all
    // their digits.
    const bool is_text = item.bound.type.is_null() || item.bound.type.kind() == TypeKind::String;
    if (is_bound && !is_text && !element.is_null() && item.bound.type.kind() != element.kind() &&
        !(item.bound.type.is_numeric() &&
          (element.is_numeric() || element.label() == label::kNumeric)))
      return Error{ErrorCode::TypeMismatch,
                   fmt::format("{} accepts {}, not {}", lower_case(call.name),
                               postgres_type_name(element), postgres_type_name(item.bound.type))}
          .at(item.source->position);
    if (item.bound.type.is_null())
      made.children.push_back(TRY(coerce_to(std::move(item.bound), TypeKind::String)));
    else
      made.children.push_back(TRY(cast(std::move(item.bound), TypeKind::String)));
  }
  return std::optional(std::move(made));
}

// Returns a call of make_interval() with all parts, in order. The dialect parses a named argument,
// make_interval(days => 10), as a lambda.
Result<FunctionCall> Binder::with_interval_parts(const FunctionCall& call, TextPosition position) {
  constexpr std::string_view kNames[] = {"YEARS", "MONTHS", "WEEKS", "DAYS",
                                         "HOURS", "MINS",   "SECS"};
  FunctionCall all{call.name, ExpressionList(std::size(kNames))};
  size_t next = 0;
  for (const ExpressionPtr& argument : call.arguments) {
    const auto* named = argument->as<Lambda>();
    if (named && named->parameters.size() == 1)
      next = static_cast<size_t>(
          std::ranges::find(kNames, std::string_view(named->parameters.front())) - kNames);
    if (next >= std::size(kNames))
      return Error{ErrorCode::UndefinedFunction, "make_interval has no such argument"}.at(position);
    all.arguments[next++] = clone(named ? *named->body : *argument);
  }
  for (ExpressionPtr& part : all.arguments)
    if (!part) part = make_expression(IntegerLiteral{0}, position);
  return all;
}

namespace {

// Limit on nested rows, because each level doubles the quotes in the text of the inner levels.
constexpr size_t kMostRowLevels = 16;
size_t row_levels(const SqlType& type) {
  if (type.kind() == TypeKind::Array) return row_levels(type.element());
  if (type.kind() != TypeKind::Struct) return 0;
  size_t most = 0;
  for (const Field& field : type.fields()) most = std::max(most, row_levels(field.type));
  return most + (type.label() == label::kNone ? 0 : 1);  // a STRUCT is shown as JSON
}

}  // namespace

Result<BoundExpression> Binder::bind_row(const FunctionCall& call) {
  std::vector<Field> fields;
  BoundExpression row;
  row.kind = BoundKind::Struct;
  row.absorbs_errors = true;
  for (const ExpressionPtr& argument : call.arguments) {
    BoundExpression open = TRY(bind_open(*argument));
    BoundExpression value = TRY(close(std::move(open)));
    if (value.type.is_null()) value = TRY(coerce(std::move(value), TypeKind::String));
    if (row_levels(value.type) >= kMostRowLevels)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("rows stand within rows on at most {} levels", kMostRowLevels)}
          .at(argument->position);
    fields.push_back({fmt::format("f{}", fields.size() + 1), value.type});
    row.children.push_back(std::move(value));
  }
  row.type = SqlType::structure(std::move(fields)).labelled(label::kRecord);
  return row;
}

// Converts a row to a composite type. The fields are matched by position and get the names of the type.
Result<BoundExpression> Binder::row_as(BoundExpression row, const SqlType& type,
                                       TextPosition position) {
  if (row.children.size() != type.fields().size())
    return Error{ErrorCode::InvalidCast,
                 fmt::format("cannot cast type record to {}", postgres_type_name(type))}
        .at(position);
  for (size_t i = 0; i < row.children.size(); ++i)
    row.children[i] = TRY(cast(std::move(row.children[i]), type.fields()[i].type));
  row.type = type;
  return row;
}

namespace {

std::string_view output_text(bool value) { return value ? "t" : "f"; }

int32_t truth_as_number(bool value) { return value ? 1 : 0; }
bool number_as_truth(int32_t value) { return value != 0; }

constexpr NamedKernel kPostgresKernels[] = {{"RANGE", range_kernel, 2},
                                            {"MULTIRANGE", multirange_kernel, 0},
                                            {"TRUTH TEXT", row_kernel<output_text>, 1},
                                            {"TRUTH NUMBER", row_kernel<truth_as_number>, 1},
                                            {"NUMBER TRUTH", row_kernel<number_as_truth>, 1}};

// Returns the expression converted to the text that the client would see; a boolean becomes one
// letter.
Result<BoundExpression> as_output_text(BoundExpression bound) {
  const bool is_truth = bound.type.kind() == TypeKind::Boolean;
  if (!is_truth && bound.type.kind() != TypeKind::Bytes)
    return cast(std::move(bound), TypeKind::String);
  const TextPosition position = bound.position;
  BoundExpression text = call_expression(is_truth ? row_kernel<output_text> : output_text_kernel,
                                         TypeKind::String, {}, position);
  text.children.push_back(std::move(bound));
  return text;
}

}  // namespace

std::span<const NamedKernel> postgres_kernels() { return kPostgresKernels; }

Status Binder::match_arguments(const FunctionCall& call, Arguments& arguments) const {
  const auto become = [&](size_t i, Result<BoundExpression> made) -> Status {
    if (!made) return std::move(made).error().at(arguments.items[i].source->position);
    arguments.items[i].bound = *std::move(made);
    arguments.types[i].type = arguments.items[i].bound.type;
    return {};
  };
  std::vector<BoundItem>& items = arguments.items;
  if (call.name == "CONCAT" || call.name == "CONCAT_WS" || call.name == "FORMAT") {
    const bool has_first = call.name != "CONCAT";
    for (size_t i = has_first ? 1 : 0; i < items.size(); ++i) {
      const SqlType& type = items[i].bound.type;
      if (type.is_null() || (type.kind() == TypeKind::String && !is_normalized(type))) continue;
      TRY(become(i, as_output_text(std::move(items[i].bound))));
    }
    return {};
  }
  if (call.name.starts_with("TIMESTAMP") && items.size() == 3 &&
      // the third argument is a date: TIMESTAMPADD and TIMESTAMPSUB
      items[2].bound.type.kind() == TypeKind::Date)
    return become(2, cast(std::move(items[2].bound),
                          SqlType(TypeKind::Timestamp).labelled(label::kTimestamp)));
  if (call.name == "TIMEZONE" && items.size() == 2 && items[1].bound.type.kind() == TypeKind::Date)
    return become(1, cast(std::move(items[1].bound), TypeKind::Timestamp));
  // AGE treats literals and dates as points in time, with the session's zone.
  const bool is_in_zone = scope_.forms.zone != nullptr;
  for (size_t i = 0; is_in_zone && call.name == "AGE" && i < items.size(); ++i) {
    const SqlType& type = items[i].bound.type;
    const bool is_text = items[i].bound.kind == BoundKind::Literal &&
                         type.kind() == TypeKind::String && !is_normalized(type);
    const bool is_day = type.kind() == TypeKind::Date && items.size() == 2;
    if (!type.is_null() && (is_text || is_day))
      TRY(become(i, is_text ? coerce_in_zone(std::move(items[i].bound), TypeKind::Timestamp)
                            : cast(std::move(items[i].bound), TypeKind::Timestamp)));
  }
  if (is_in_zone) take_clocks(call, arguments);
  if (call.name != "GREATEST" && call.name != "LEAST" && call.name != "COALESCE") return {};
  // Numbers of different types get the widest of these types.
  SqlType common;
  for (const BoundItem& item : items) {
    if (item.bound.type.is_null()) continue;
    const auto shared = common_type(common, item.bound.type);
    if (!shared || !item.bound.type.is_numeric()) return {};
    common = *shared;
  }
  for (size_t i = 0; i < items.size(); ++i)
    if (!items[i].bound.type.is_null() && items[i].bound.type != common)
      TRY(become(i, coerce(std::move(items[i].bound), common)));
  return {};
}

void Binder::take_clocks(const FunctionCall& call, Arguments& arguments) const {
  std::vector<BoundItem>& items = arguments.items;
  const auto become = [&](size_t i, BoundExpression made) {
    arguments.types[i].type = made.type;
    items[i].bound = std::move(made);
  };
  // If one of the timestamps has a time zone, their common type has one, too.
  if (keeps_values(call.name)) {
    const bool has_instant = std::ranges::any_of(
        items, [](const BoundItem& item) { return is_instant(item.bound.type); });
    for (size_t i = 0; has_instant && i < items.size(); ++i)
      if (is_clock(items[i].bound.type)) become(i, as_instant(std::move(items[i].bound)));
    return;
  }
  struct Row {
    std::string_view function;
    size_t argument;
    bool gives_clock;
  };
  constexpr Row kRows[] = {{"DATE_PART", 1, false},
                           {"AGE", 0, false},
                           {"AGE", 1, false},
                           {"TIMESTAMPADD", 2, true},
                           {"TIMESTAMPSUB", 2, true}};
  for (const Row& row : kRows) {
    if (row.function != call.name || row.argument >= items.size() ||
        !is_instant(items[row.argument].bound.type))
      continue;
    const BoundExpression& unit = items.front().bound;
    const bool is_known = unit.kind == BoundKind::Literal && !unit.literal.is_null();
    if (call.name == "DATE_PART" && is_known && unit.type.kind() == TypeKind::String &&
        lower_case(unit.literal.as_string()) == "epoch")
      continue;
    // Units up to hours have the same length in every zone, so the argument remains a point in time. A unit without a
    // fixed length, such as a month, is a negative number.
    const int64_t unit_ms = row.argument == 2 && is_known ? unit.literal.as_int64() : -1;
    if (unit_ms >= 0 && unit_ms < kMsPerDay) continue;
    become(row.argument, as_clock(std::move(items[row.argument].bound)));
    arguments.is_by_clocks = row.gives_clock;
  }
}

std::string Binder::by_types(std::string name, const Arguments& arguments) {
  if (name == "PG_CATALOG.SUM" && arguments.first.label() == label::kFloat4)
    return name + "_OF_REALS";
  if ((name == "PG_CATALOG.SUM" || name == "PG_CATALOG.AVG") &&
      arguments.first.label() == label::kInterval)
    return name + "_OF_INTERVALS";
  if (arguments.types.size() != 2) return name;
  const SqlType& second = arguments.types[1].type;
  if (name == "DATE_PART" && second.label() == label::kInterval) return "INTERVAL_PART";
  if (name == "DATE_TRUNC" && second.label() == label::kInterval) return "INTERVAL_TRUNC";
  if (name == "TO_CHAR" && arguments.first.label() == label::kInterval) return "INTERVAL_TO_CHAR";
  // AT TIME ZONE with a timestamp without a zone reads the timestamp as a local time of the given zone. This is a
  // function of its own.
  const bool is_clock = second.label() == label::kTimestamp;
  if (name == "TIMEZONE" && arguments.first.label() == label::kInterval)
    return is_clock ? "FROM_INTERVAL_TIMEZONE" : "INTERVAL_TIMEZONE";
  if (name == "TIMEZONE" && is_clock) return "FROM_TIMEZONE";
  return name;
}

std::optional<BoundExpression> Binder::postgres_cast(BoundExpression& operand, const SqlType& type,
                                                     TextPosition position) {
  struct PostgresCast {
    TypeKind from, to;
    Kernel kernel;
  };
  constexpr PostgresCast kCasts[] = {
      {TypeKind::Boolean, TypeKind::Integer, row_kernel<truth_as_number>},
      {TypeKind::Integer, TypeKind::Boolean, row_kernel<number_as_truth>},
      {TypeKind::Bytes, TypeKind::String, output_text_kernel},
  };
  const auto made_by = [&](Kernel kernel) {
    BoundExpression made = call_expression(kernel, type, {}, position);
    made.children.push_back(std::move(operand));
    return made;
  };
  if (operand.type.label() == label::kInterval && type.label() == label::kExactTime)
    return made_by(row_kernel<exact_time_of_interval>);
  if (operand.type.label() == label::kInterval && type.kind() == TypeKind::Time)
    return made_by(row_kernel<time_of_interval>);
  if (operand.type.label() == label::kExactTime && type.label() == label::kInterval)
    return made_by(row_kernel<interval_of_exact_time>);
  if (operand.type.kind() == TypeKind::Time && type.label() == label::kInterval)
    return made_by(row_kernel<interval_of_time>);
  for (const PostgresCast& row : kCasts)
    if (operand.type.kind() == row.from && type.kind() == row.to && !is_normalized(type))
      return made_by(row.kernel);
  return std::nullopt;
}

// Returns the call for DATE + 1 and DATE - 1; null for other operands.
ExpressionPtr Binder::moved_date(const Arithmetic& node, const SqlType& left, const SqlType& right,
                                 TextPosition position) const {
  if (!scope_.texts_take_types) return nullptr;
  const bool is_sum = node.op == ArithmeticOp::Add;
  if (!is_sum && node.op != ArithmeticOp::Subtract) return nullptr;
  const bool is_left = left.kind() == TypeKind::Date && right.kind() == TypeKind::Integer;
  const bool is_right =
      is_sum && right.kind() == TypeKind::Date && left.kind() == TypeKind::Integer;
  if (!is_left && !is_right) return nullptr;
  FunctionCall call{is_sum ? "DATEADD" : "DATESUB", {}};
  call.arguments.push_back(make_expression(IntervalUnit{TimeUnit::Days, "DAYS"}, position));
  call.arguments.push_back(clone(is_left ? *node.right : *node.left));
  call.arguments.push_back(clone(is_left ? *node.left : *node.right));
  return make_expression(std::move(call), position);
}

}  // namespace engine
