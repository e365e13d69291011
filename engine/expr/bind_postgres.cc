// What only PostgreSQL has: rows as values, constructors of ranges, days added to a date.
#include <fmt/format.h>

#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

std::string quoted(std::string_view bound) {
  std::string text = "\"";
  for (const char c : bound) text.append(c == '"' || c == '\\' ? 2 : 1, c);
  return text + "\"";
}

// Lower, upper, and which of them belong to it, as texts; a null bound is none.
void range_kernel(KernelCall& call) {
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
    const auto normal = normalized_text(call.out.type(), text);
    if (!normal) {
      call.errors.add(row, normal.error().message, normal.error().code);
    } else if (call.context.take_bytes(normal->size(), row, call.errors)) {
      call.out.data<std::string_view>()[row] = call.out.heap().add(*normal);
      call.out.validity().set(row);
    }
  }
}

// Ranges, as texts; a null makes all of it null.
void multirange_kernel(KernelCall& call) {
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
    const auto normal = normalized_text(call.out.type(), text + "}");
    if (!normal) {
      call.errors.add(row, normal.error().message, normal.error().code);
    } else if (call.context.take_bytes(normal->size(), row, call.errors)) {
      call.out.data<std::string_view>()[row] = call.out.heap().add(*normal);
      call.out.validity().set(row);
    }
  }
}

}  // namespace

Result<std::optional<BoundExpression>> Binder::bind_postgres_call(const FunctionCall& call,
                                                                  TextPosition position) {
  if (!scope_.texts_take_types) return std::optional<BoundExpression>();
  if (call.name == "ROW") return std::optional(TRY(bind_row(call)));
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
    // Written texts and open parameters are read as the range reads them: with all their digits.
    const bool is_text = item.bound.type.is_null() || item.bound.type.kind() == TypeKind::String;
    if (is_bound && !is_text && !element.is_null() && item.bound.type.kind() != element.kind() &&
        !(item.bound.type.is_numeric() &&
          (element.is_numeric() || element.label() == label::kNumeric)))
      return Error{ErrorCode::TypeMismatch,
                   fmt::format("{} takes {}, not {}", lower_case(call.name),
                               postgres_type_name(element), postgres_type_name(item.bound.type))}
          .at(item.source->position);
    if (item.bound.type.is_null())
      made.children.push_back(TRY(coerce_to(std::move(item.bound), TypeKind::String)));
    else
      made.children.push_back(TRY(cast(std::move(item.bound), TypeKind::String)));
  }
  return std::optional(std::move(made));
}

Result<BoundExpression> Binder::bind_row(const FunctionCall& call) {
  std::vector<Field> fields;
  BoundExpression row;
  row.kind = BoundKind::Struct;
  row.absorbs_errors = true;
  for (const ExpressionPtr& argument : call.arguments) {
    BoundExpression open = TRY(bind_open(*argument));
    BoundExpression value = TRY(close(std::move(open)));
    if (value.type.is_null()) value = TRY(coerce(std::move(value), TypeKind::String));
    fields.push_back({fmt::format("f{}", fields.size() + 1), value.type});
    row.children.push_back(std::move(value));
  }
  row.type = SqlType::structure(std::move(fields)).labelled(label::kRecord);
  return row;
}

// A row takes the type's names: its fields are meant by their places.
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

// The call that DATE + 1 and DATE - 1 stand for; nothing for other operands.
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
