#include "engine/expr/print_bound.h"

#include <algorithm>
#include <optional>

#include "engine/expr/kernels.h"
#include "engine/expr/operator_lists.h"
#include "engine/functions/registry.h"

namespace engine {
namespace {

class Printer {
 public:
  explicit Printer(const Layout& layout) : layout_(layout) {}

  std::string print(const BoundExpression& expression) const {
    switch (expression.kind) {
      case BoundKind::Literal:
        return to_sql(expression.type, expression.literal);
      case BoundKind::Column:
        return column(expression.index);
      case BoundKind::Parameter:
        return "$" + std::to_string(expression.index + 1);
      case BoundKind::LambdaParameter:
        return lambda_parameter(expression.index);
      case BoundKind::Lambda:
        return lambda(expression);
      case BoundKind::Field:
        return child(expression, 0) + "->" +
               expression.children[0].type.fields()[expression.index].name;
      case BoundKind::Call:
        return call(expression);
      case BoundKind::And:
        return "(" + join(expression, " AND ") + ")";
      case BoundKind::Or:
        return "(" + join(expression, " OR ") + ")";
      case BoundKind::Case:
        return case_of(expression);
      case BoundKind::Array:
        return "ARRAY[" + join(expression, ", ") + "]";
      case BoundKind::Map:
        return "MAP(" + pairs(expression) + ")";
      case BoundKind::Struct:
        return structure(expression);
    }
    return {};
  }

 private:
  std::string child(const BoundExpression& expression, size_t index) const {
    return print(expression.children[index]);
  }

  std::string column(uint32_t index) const {
    if (index >= layout_.size()) return "column " + std::to_string(index);
    const LayoutColumn& named = layout_[index];
    const std::string name = quote_if_needed(named.name);
    return named.source.empty() ? name : quote_if_needed(named.source) + "." + name;
  }

  static std::string lambda_parameter(uint32_t number) { return "X" + std::to_string(number); }

  std::string lambda(const BoundExpression& expression) const {
    std::string parameters;
    for (const uint32_t number : expression.lambda_parameters)
      parameters += (parameters.empty() ? "" : ", ") + lambda_parameter(number);
    return "(" + parameters + ") => " + child(expression, 0);
  }

  std::string join(const BoundExpression& expression, std::string_view separator) const {
    std::string text;
    for (const BoundExpression& part : expression.children) {
      if (!text.empty()) text += separator;
      text += print(part);
    }
    return text;
  }

  std::string pairs(const BoundExpression& expression) const {
    std::string text;
    for (size_t i = 0; i + 1 < expression.children.size(); i += 2) {
      if (!text.empty()) text += ", ";
      text += child(expression, i) + " := " + child(expression, i + 1);
    }
    return text;
  }

  std::string structure(const BoundExpression& expression) const {
    std::string text;
    for (size_t i = 0; i < expression.children.size(); ++i) {
      if (!text.empty()) text += ", ";
      text += quote_if_needed(expression.type.fields()[i].name) + " := " + child(expression, i);
    }
    return "STRUCT(" + text + ")";
  }

  std::string case_of(const BoundExpression& expression) const {
    std::string text = "CASE";
    const size_t branches = expression.children.size() / 2;
    for (size_t i = 0; i < branches; ++i)
      text += " WHEN " + child(expression, 2 * i) + " THEN " + child(expression, 2 * i + 1);
    if (expression.children.size() % 2 == 1)
      text += " ELSE " + child(expression, expression.children.size() - 1);
    return text + " END";
  }

  std::string call(const BoundExpression& expression) const {
    if (expression.function)
      return std::string(expression.function->name()) + "(" + join(expression, ", ") + ")";
    if (expression.kernel == cast_kernel)
      return "CAST(" + child(expression, 0) + " AS " + expression.type.to_string() + ")";
    if (expression.kernel == not_kernel) return "(NOT " + child(expression, 0) + ")";
    if (expression.kernel == is_null_kernel) return "(" + child(expression, 0) + " IS NULL)";
    if (expression.kernel == is_not_null_kernel)
      return "(" + child(expression, 0) + " IS NOT NULL)";
    if (expression.kernel == array_element_kernel || expression.kernel == map_value_kernel)
      return child(expression, 0) + "[" + child(expression, 1) + "]";
    if (expression.kernel == like_kernel) return like(expression);
    return operation(expression);
  }

  std::string like(const BoundExpression& expression) const {
    std::string text = child(expression, 0) + " LIKE " + child(expression, 1);
    if (expression.children.size() > 2) text += " ESCAPE " + child(expression, 2);
    return "(" + text + ")";
  }

  // Prints an operator. A bound operator has no name. It is recognized by its kernel, because each operator has its
  // own kernel for each kind of operand.
  std::string operation(const BoundExpression& expression) const {
    if (expression.children.size() == 1) return "(- " + child(expression, 0) + ")";
    if (expression.children.size() == 2) {
      const std::optional<std::string> sign = sign_of(expression);
      if (sign) return "(" + child(expression, 0) + " " + *sign + " " + child(expression, 1) + ")";
    }
    std::string list;
    const auto add = [&](const std::string& item) { list += (list.empty() ? "" : ", ") + item; };
    const BoundExpression& first = expression.children[1];
    const bool is_sorted = first.kind == BoundKind::Literal && first.type.kind() == TypeKind::Array;
    if (is_sorted)
      for (const Value& item : first.literal.as_list()) add(to_sql(first.type.element(), item));
    for (size_t i = 1; !is_sorted && i < expression.children.size(); ++i) add(child(expression, i));
    return "(" + child(expression, 0) + " IN (" + list + "))";
  }

  static std::optional<std::string> sign_of(const BoundExpression& expression) {
    const TypeKind operand = expression.children[0].type.kind();
    for (const ComparisonOp op : kComparisons)
      if (comparison_kernel(op, operand) == expression.kernel) return std::string(to_string(op));
    for (const ArithmeticOp op : kArithmetic)
      if (arithmetic_kernel(op, expression.type.kind()) == expression.kernel)
        return std::string(to_string(op));
    return std::nullopt;
  }

  const Layout& layout_;
};

}  // namespace

std::string to_sql(const BoundExpression& expression, const Layout& layout) {
  return Printer(layout).print(expression);
}

std::string to_sql(const SqlType& type, const Value& value) {
  if (value.is_null()) return "NULL";
  Column column(type);
  column.append_value(value);
  std::string text;
  append_text(text, column, 0);
  if (type.kind() == TypeKind::String || type.is_time_like()) {
    std::string quoted = "'";
    for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
    return quoted + "'";
  }
  return text;
}

}  // namespace engine
