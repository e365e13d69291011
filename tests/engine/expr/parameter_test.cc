// Tests parameters such as $1, constants, and expressions that an earlier step has computed.
#include "tests/engine/expr/expression_tools.h"

using namespace expression_tools;

namespace {

// Returns the types that binding infers for the parameters.
std::string inferred(std::string_view text, std::vector<ParameterSlot> declared = {}) {
  Scope scope(sample_layout(), "WHERE");
  scope.parameters = &declared;
  const auto result = bound(text, scope);
  if (!result) return error_text(result.error());
  std::string types;
  for (const ParameterSlot& slot : declared)
    types += (types.empty() ? "" : ", ") + slot.type.to_string();
  return types;
}

Result<Value> constant(std::string_view text, const SqlType& type) {
  World world;
  const ExpressionPtr expression = TRY(parse_expression(text));
  const Layout none;
  return evaluate_constant(*expression, type, Scope(none), world.context);
}
std::string constant_text(std::string_view text, const SqlType& type) {
  const auto value = constant(text, type);
  if (!value) return error_text(value.error());
  std::string shown;
  append_text(shown, *constant_column(type, *value, 1), 0);
  return shown;
}

}  // namespace

TEST(Parameter, takes_the_type_of_the_other_operand) {
  EXPECT_EQ(inferred("I = $1"), "INTEGER");
  EXPECT_EQ(inferred("$2 < L AND S = $1"), "STRING, BIGINT");
  EXPECT_EQ(inferred("DT BETWEEN $1 AND $2"), "DATE, DATE");
  EXPECT_EQ(inferred("I IN ($1, $2)"), "INTEGER, INTEGER");
  EXPECT_EQ(inferred("D + $1 > 1"), "DOUBLE");
  EXPECT_EQ(inferred("CASE WHEN B THEN $1 ELSE L END = 1"), "BIGINT");
  EXPECT_EQ(inferred("A[$1] = 1"), "INTEGER");
  EXPECT_EQ(inferred("ST->Y LIKE $1"), "STRING");
}

TEST(Parameter, takes_the_type_of_a_cast_and_of_a_functions_argument) {
  EXPECT_EQ(inferred("CAST($1 AS BIGINT) = 1"), "BIGINT");
  EXPECT_EQ(inferred("$1::DATE IS NULL"), "DATE");
  EXPECT_EQ(inferred("SQRT($1) = D"), "DOUBLE");
}

TEST(Parameter, is_text_without_a_context) {
  EXPECT_EQ(inferred("$1"), "STRING");
  EXPECT_EQ(inferred("$1 = $2"), "STRING, STRING");
}

TEST(Parameter, keeps_its_declared_type) {
  EXPECT_EQ(inferred("L = $1", {{TypeKind::Integer, {}}}), "INTEGER");
}

TEST(Parameter, becomes_a_literal_when_its_value_is_known) {
  World world;
  std::vector<ParameterSlot> slots = {{TypeKind::Integer, Value::integer(7)}};
  Scope scope(sample_layout());
  scope.parameters = &slots;
  const auto expression = bound("I + $1", scope);
  ASSERT_TRUE(expression);
  const auto results = Program(*expression).run(sample_columns(), 2, world.context);
  EXPECT_EQ(shown_row(results[0], 0), "14");
}

TEST(Parameter, is_refused_where_there_are_none) {
  EXPECT_EQ(evaluated("$1 + 1"), "InvalidParameter: there is no parameter $1");
}

TEST(Constant, text_gets_the_type_of_the_column) {
  EXPECT_EQ(constant_text("'12'", TypeKind::Integer), "12");
  EXPECT_EQ(constant_text("'true'", TypeKind::Boolean), "true");
  EXPECT_EQ(constant_text("'2024-02-03'", TypeKind::Date), "2024-02-03");
  EXPECT_EQ(constant_text("1 + 2", TypeKind::Bigint), "3");
  EXPECT_EQ(constant_text("12", SqlType::decimal(4, 2)), "12.00");
  EXPECT_EQ(constant_text("12.5", TypeKind::Double), "12.5");
  EXPECT_EQ(constant_text("NULL", TypeKind::Integer), "null");
  EXPECT_EQ(constant_text("ARRAY[1, 2]", SqlType::array(TypeKind::Bigint)), "[1, 2]");
  EXPECT_EQ(constant_text("STRUCT(B := 1)",
                          SqlType::structure({{"A", TypeKind::Integer}, {"B", TypeKind::Bigint}})),
            "Struct{B=1}");
}

TEST(Constant, an_unfitting_value_is_an_error) {
  EXPECT_EQ(constant_text("1.5", TypeKind::Integer),
            "TypeMismatch: expected INTEGER but got DECIMAL(2, 1)");
  EXPECT_EQ(constant_text("TRUE", TypeKind::String),
            "TypeMismatch: expected VARCHAR but got BOOLEAN");
  EXPECT_FALSE(constant("123.45", SqlType::decimal(4, 2)));
  EXPECT_FALSE(constant("1.234", SqlType::decimal(4, 2)));
  EXPECT_FALSE(constant("'x'", TypeKind::Integer));
  EXPECT_FALSE(constant("1 / 0", TypeKind::Integer));
  EXPECT_FALSE(constant("I", TypeKind::Integer));
}

TEST(Substitute, an_expression_computed_before_is_a_column) {
  const auto sum = parse_expression("SUM(X)");
  ASSERT_TRUE(sum);
  const Layout layout = {{"", "GROUP", TypeKind::String}, {"", "SUM", TypeKind::Bigint}};
  Scope scope(layout, "HAVING");
  scope.substitutes = {{sum->get(), 1}};
  const auto expression = bound("sum(x) + 1", scope);
  ASSERT_TRUE(expression) << error_text(expression.error());
  EXPECT_EQ(referenced_columns(std::span(&*expression, 1)), std::vector<uint32_t>{1});
  EXPECT_EQ(expression->type.to_string(), "BIGINT");
}

TEST(Substitute, quoted_lower_case_names_fold_for_postgresql) {
  Scope scope(sample_layout());
  EXPECT_FALSE(bound("\"i\"", scope));
  scope.fold_quoted_names = true;
  EXPECT_TRUE(bound("\"i\"", scope));
  EXPECT_TRUE(bound("\"t\".\"i\"", scope));
  EXPECT_FALSE(bound("`i`", scope));
}

TEST(Aggregate, arguments_are_bound_and_literals_kept_apart) {
  const auto parsed = parse_expression("EARLIEST_BY_OFFSET(I, 2, TRUE)");
  ASSERT_TRUE(parsed);
  const Scope scope(sample_layout());
  const auto aggregate = bind_aggregate(*(*parsed)->as<FunctionCall>(), {}, scope);
  ASSERT_TRUE(aggregate) << error_text(aggregate.error());
  EXPECT_EQ(aggregate->arguments.size(), 1u);
  EXPECT_EQ(aggregate->instance.initial_arguments.size(), 2u);
  EXPECT_EQ(aggregate->instance.result_type.to_string(), "ARRAY<INTEGER>");

  const auto wrong = parse_expression("EARLIEST_BY_OFFSET(I, J)");
  const auto refused = bind_aggregate(*(*wrong)->as<FunctionCall>(), {}, scope);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "Parameter 2 passed to function EARLIEST_BY_OFFSET must be a literal constant, but was "
            "expression: 'J'");
}
