#include "engine/expr/bound_json.h"

#include <fmt/format.h>

#include <span>

#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/named_kernels.h"
#include "engine/expr/operator_lists.h"
#include "engine/expr/zones.h"
#include "engine/functions/registry.h"

namespace engine {

template <>
struct JsonNames<BoundKind> {
  static constexpr std::pair<BoundKind, std::string_view> names[] = {
      {BoundKind::Literal, "literal"},
      {BoundKind::Column, "column"},
      {BoundKind::Parameter, "parameter"},
      {BoundKind::LambdaParameter, "lambda_parameter"},
      {BoundKind::Lambda, "lambda"},
      {BoundKind::Field, "field"},
      {BoundKind::Call, "call"},
      {BoundKind::And, "and"},
      {BoundKind::Or, "or"},
      {BoundKind::Case, "case"},
      {BoundKind::Array, "array"},
      {BoundKind::Map, "map"},
      {BoundKind::Struct, "struct"}};
};
template <>
struct JsonFields<TextPosition> {
  static constexpr auto fields = std::tuple(json_field("line", &TextPosition::line),
                                            json_field("column", &TextPosition::column),
                                            json_field("offset", &TextPosition::offset));
};
// Lists the members for JSON. The members `kernel` and `function` are pointers, so their names are
// written instead.
template <>
struct JsonFields<BoundExpression> {
  static constexpr size_t elsewhere = 2;
  static constexpr auto fields = std::tuple(
      json_field("kind", &BoundExpression::kind), json_field("type", &BoundExpression::type),
      json_field("literal", &BoundExpression::literal),
      json_field("index", &BoundExpression::index),
      json_field("refuses_null", &BoundExpression::refuses_null),
      json_field("is_deterministic", &BoundExpression::is_deterministic),
      json_field("knows_unknown", &BoundExpression::knows_unknown),
      json_field("checks_range", &BoundExpression::checks_range),
      json_field("can_fail", &BoundExpression::can_fail),
      json_field("absorbs_errors", &BoundExpression::absorbs_errors),
      json_field("lambda_parameters", &BoundExpression::lambda_parameters),
      json_field("children", &BoundExpression::children),
      json_field("position", &BoundExpression::position));
};

namespace {

// Kernels that serve all types.
constexpr NamedKernel kKernels[] = {{"CAST", cast_kernel, 1},
                                    {"NOT", not_kernel, 1},
                                    {"IS NULL", is_null_kernel, 1},
                                    {"IS NOT NULL", is_not_null_kernel, 1},
                                    {"LIKE", like_kernel, 2},
                                    {"ELEMENT", array_element_kernel, 2},
                                    {"MAP VALUE", map_value_kernel, 2},
                                    {"COMPARABLE", comparable_kernel, 1},
                                    {"READ", text_to_nested_kernel, 1},
                                    {"WRITE", array_to_text_kernel, 1},
                                    {"CUT", cut_kernel, 1},
                                    {"FIT", fit_kernel, 1},
                                    {"CLOCK", clock_kernel, 1},
                                    {"INSTANT", instant_kernel, 1},
                                    {"TEXT", output_text_kernel, 1},
                                    {"NUMERIC", numeric_of_double_kernel, 1}};
constexpr std::string_view kNegation = "NEGATE", kIn = "IN";

// Returns the type kind of the operands. An operator has one kernel for each kind of operand. The
// kind follows from the types of the children or of the result, so the stored plan has only the
// sign of the operator.
TypeKind operand_kind(const BoundExpression& call) {
  return call.children.empty() ? TypeKind::Null : call.children.front().type.kind();
}

std::string_view operator_name(const BoundExpression& call) {
  for (const auto& kernels :
       {std::span<const NamedKernel>(kKernels), time_kernels(), postgres_kernels()})
    for (const NamedKernel& named : kernels)
      if (named.kernel == call.kernel) return named.name;
  if (negation_kernel(call.type.kind()) == call.kernel && call.children.size() == 1)
    return kNegation;
  for (const ComparisonOp op : kComparisons)
    if (comparison_kernel(op, operand_kind(call)) == call.kernel) return to_string(op);
  if (in_kernel(operand_kind(call)) == call.kernel) return kIn;
  for (const ArithmeticOp op : kArithmetic)
    if (arithmetic_kernel(op, call.type.kind()) == call.kernel) return to_string(op);
  return {};
}

// Returns nullptr if no kernel exists for these operands.
Kernel operator_kernel(std::string_view name, const BoundExpression& call) {
  const size_t count = call.children.size();
  for (const auto& kernels :
       {std::span<const NamedKernel>(kKernels), time_kernels(), postgres_kernels()})
    for (const NamedKernel& named : kernels)
      if (named.name == name) return count >= named.least_children ? named.kernel : nullptr;
  if (name == kNegation) return count == 1 ? negation_kernel(call.type.kind()) : nullptr;
  if (name == kIn) return count >= 1 ? in_kernel(operand_kind(call)) : nullptr;
  if (count != 2) return nullptr;
  for (const ComparisonOp op : kComparisons)
    if (to_string(op) == name) return comparison_kernel(op, operand_kind(call));
  for (const ArithmeticOp op : kArithmetic)
    if (to_string(op) == name) return arithmetic_kernel(op, call.type.kind());
  return nullptr;
}

bool read_function(const JsonValue& json, const std::string& name, BoundExpression& call) {
  std::string parameters;
  if (!read_member(json, "parameters", parameters)) return false;
  for (const Overload& overload : Registry::instance().find(name)) {
    if (!overload.function || parameter_types(overload) != parameters) continue;
    call.function = &overload;
    call.kernel = overload.function->kernel;
    return true;
  }
  return json.fail(fmt::format("there is no function {}({})", name, parameters));
}

bool read_kernel(const JsonValue& json, BoundExpression& call) {
  std::string name;
  if (json.find("function"))
    return read_member(json, "function", name) && read_function(json, name, call);
  if (!read_member(json, "operator", name)) return false;
  call.kernel = operator_kernel(name, call);
  return call.kernel || json.fail(fmt::format("there is no operator {} for these operands", name));
}

// Returns whether the expression has as many children as the compiler expects for its kind.
bool has_children(const BoundExpression& expression) {
  const size_t count = expression.children.size();
  switch (expression.kind) {
    case BoundKind::Literal:
    case BoundKind::Column:
    case BoundKind::Parameter:
    case BoundKind::LambdaParameter:
      return count == 0;
    case BoundKind::Lambda:
      return count == 1;
    case BoundKind::Field:
      return count == 1 && expression.children.front().type.kind() == TypeKind::Struct &&
             expression.index < expression.children.front().type.fields().size();
    case BoundKind::And:
    case BoundKind::Or:
      return count >= 2;
    case BoundKind::Case:
      return count >= 3 && count % 2 == 1;
    case BoundKind::Map:
      return count % 2 == 0;
    case BoundKind::Struct:
      return expression.type.kind() == TypeKind::Struct && count == expression.type.fields().size();
    case BoundKind::Call:
    case BoundKind::Array:
      return true;
  }
  return false;
}

}  // namespace

std::string parameter_types(const Overload& overload) {
  std::string text;
  for (const SignatureParameter& parameter : overload.signature.parameters) {
    if (!text.empty()) text += ", ";
    text += parameter.pattern.to_string();
    if (parameter.is_variadic) text += "...";
  }
  return text;
}

void JsonCodec<BoundExpression>::write(JsonWriter& out, const BoundExpression& expression) {
  out.begin_object();
  if (expression.kind == BoundKind::Call && expression.function) {
    out.key("function");
    out.text(expression.function->name());
    out.key("parameters");
    out.text(parameter_types(*expression.function));
  } else if (expression.kind == BoundKind::Call) {
    out.key("operator");
    out.text(operator_name(expression));
  }
  write_fields(out, expression);
  out.end_object();
}

bool JsonCodec<BoundExpression>::read(const JsonValue& json, BoundExpression& expression) {
  if (!read_fields(json, expression)) return false;
  if (expression.kind == BoundKind::Call && !read_kernel(json, expression)) return false;
  return has_children(expression) || json.fail("an expression has the wrong number of parts");
}

}  // namespace engine
