#include "engine/functions/registry.h"

#include <gtest/gtest.h>

#include "engine/functions/adapters.h"

using namespace engine;

namespace {

std::optional<int32_t> twice(int32_t a) { return a * 2; }
std::string_view joined(StringHeap& heap, std::string_view a, Variadic<std::string_view> more) {
  std::string text(a);
  for (size_t i = 0; i < more.size(); ++i) text += more[i].value_or("-");
  return heap.add(text);
}
Result<int64_t> positive(int64_t a) {
  if (a < 0) return Error{ErrorCode::OutOfRange, "negative"};
  return a;
}
Value length(std::span<const Value> args) {
  return Value::integer(static_cast<int32_t>(args[0].as_list().size()));
}

FunctionDef overload(std::string_view name, std::string_view signature) {
  return {.name = name, .signature = signature, .doc = "", .example = "", .kernel = nullptr};
}

std::string resolved(const Registry& registry, std::string_view name,
                     std::vector<ArgumentType> arguments) {
  const auto found = registry.resolve(name, arguments);
  return found ? found->overload->signature.parameters_to_string() : found.error().message;
}

const ArgumentType kInt{TypeKind::Integer}, kBigint{TypeKind::Bigint}, kString{TypeKind::String},
    kDouble{TypeKind::Double}, kNull{};

const FunctionDef kFunctions[] = {
    overload("greatest", "(INT val, INT... vals) -> INT"),
    overload("greatest", "(BIGINT val, BIGINT... vals) -> BIGINT"),
    overload("greatest", "(DECIMAL val, DECIMAL... vals) -> DECIMAL"),
    overload("greatest", "(DOUBLE val, DOUBLE... vals) -> DOUBLE"),
    overload("greatest", "(STRING val, STRING... vals) -> STRING"),
    overload("geo", "(DOUBLE, DOUBLE) -> DOUBLE"),
    overload("explode", "(ARRAY<DECIMAL> input) -> DECIMAL"),
    overload("explode", "(ARRAY<T> list) -> T"),
    overload("MID", "(BIGINT, INT, STRING..., INT) -> BIGINT"),
    overload("pick", "(T, T) -> T"),
    overload("pick", "(STRING, T...) -> T"),
};
const FunctionFamily kFamily{"TEST", kFunctions};

Registry test_registry() {
  const FunctionFamily* families[] = {&kFamily};
  return Registry(families);
}

Column integers(std::vector<std::optional<int32_t>> values) {
  Column column(TypeKind::Integer);
  for (const auto& value : values) value ? column.append(*value) : column.append_null();
  return column;
}

}  // namespace

TEST(Registry, exact_types_win_and_nulls_match_anything) {
  EXPECT_EQ(resolved(test_registry(), "GREATEST", {kInt, kInt, kNull}), "INT val, INT... vals");
  EXPECT_EQ(resolved(test_registry(), "Greatest", {kBigint, kNull}), "BIGINT val, BIGINT... vals");
}

TEST(Registry, arguments_widen_when_no_overload_takes_them_exactly) {
  EXPECT_EQ(resolved(test_registry(), "geo", {kDouble, kInt}), "DOUBLE, DOUBLE");
  EXPECT_EQ(resolved(test_registry(), "greatest", {kInt, kBigint, kDouble}),
            "DOUBLE val, DOUBLE... vals");
}

TEST(Registry, a_tie_is_an_error) {
  EXPECT_EQ(resolved(test_registry(), "greatest", {kInt, kBigint}),
            "Function 'greatest' cannot be resolved due to ambiguous method parameters (INTEGER, "
            "BIGINT).");
  EXPECT_EQ(resolved(test_registry(), "greatest", {kNull, kNull}),
            "Function 'greatest' cannot be resolved due to ambiguous method parameters (null, "
            "null).");
}

TEST(Registry, an_unmatched_call_gets_the_alternatives) {
  EXPECT_EQ(
      resolved(test_registry(), "EXPLODE", {{SqlType::map(TypeKind::String, TypeKind::Integer)}}),
      "Function 'explode' does not accept parameters (MAP<STRING, INTEGER>).\n"
      "Valid alternatives are:\nexplode(ARRAY<DECIMAL> input)\nexplode(ARRAY<T> list)");
  EXPECT_EQ(resolved(test_registry(), "nothing", {}),
            "Can't find any functions with the name 'nothing'");
  EXPECT_TRUE(resolved(test_registry(), "greatest", {})
                  .starts_with("Function 'greatest' does not accept parameters ()."));
}

TEST(Registry, a_variadic_parameter_may_be_in_the_middle_and_match_nothing) {
  const std::string parameters = "BIGINT, INT, VARCHAR..., INT";
  EXPECT_EQ(resolved(test_registry(), "mid", {kBigint, kInt, kInt}), parameters);
  EXPECT_EQ(resolved(test_registry(), "mid", {kBigint, kInt, kString, kString, kInt}), parameters);
  EXPECT_TRUE(resolved(test_registry(), "mid", {kBigint, kInt, kString, kString})
                  .starts_with("Function 'MID' does not accept parameters (BIGINT, INTEGER, "
                               "STRING, STRING)."));
}

TEST(Registry, a_fixed_count_of_parameters_goes_before_a_variadic_one) {
  EXPECT_EQ(resolved(test_registry(), "pick", {kString, kString}), "T, T");
}

TEST(Registry, generic_letters_determine_the_return_type) {
  const Registry registry = test_registry();
  const ArgumentType argument{SqlType::array(TypeKind::Date)};
  const auto found = registry.resolve("explode", std::span(&argument, 1));
  ASSERT_TRUE(found);
  EXPECT_EQ(return_type(*found)->to_string(), "DATE");
}

TEST(RowKernel, nulls_and_constants_and_errors_reach_the_right_rows) {
  const SimulatedClock clock;
  Random random(1);
  const EvalContext context{clock, random};
  const Column values = integers({1, std::nullopt, 3});
  RowErrors errors(3);
  Column doubled(TypeKind::Integer);
  const Argument one[] = {{&values}};
  KernelCall call{one, 3, doubled, errors, context};
  row_kernel<twice>(call);
  EXPECT_EQ(doubled.value_at(0), Value::integer(2));
  EXPECT_TRUE(doubled.is_null(1));
  EXPECT_EQ(doubled.value_at(2), Value::integer(6));

  Column words(TypeKind::String), dash(TypeKind::String), text(TypeKind::String);
  words.append_copy("a");
  words.append_copy("b");
  words.append_null();
  dash.append_copy("!");
  const Argument three[] = {{&words}, {&dash, true}, {&words}};
  KernelCall join{three, 3, text, errors, context};
  row_kernel<joined>(join);
  EXPECT_EQ(text.value_at(1), Value::text("b!b"));
  EXPECT_TRUE(text.is_null(2));

  Column numbers(TypeKind::Bigint), checked(TypeKind::Bigint);
  for (const int64_t number : {5, -1, 7}) numbers.append(number);
  const Argument number[] = {{&numbers}};
  KernelCall check{number, 3, checked, errors, context};
  row_kernel<positive>(check);
  EXPECT_TRUE(checked.is_null(1));
  EXPECT_EQ(checked.value_at(2), Value::bigint(7));
  ASSERT_EQ(errors.messages().size(), 1u);
  EXPECT_EQ(errors.messages()[0].row, 1u);
  EXPECT_EQ(errors.messages()[0].text, "negative");
}

TEST(ValueKernel, nested_values_are_read_whole) {
  const SimulatedClock clock;
  Random random(1);
  const EvalContext context{clock, random};
  Column lists(SqlType::array(TypeKind::Integer)), lengths(TypeKind::Integer);
  lists.append_value(Value::list({Value::integer(1), Value()}));
  lists.append_null();
  RowErrors errors(2);
  const Argument list[] = {{&lists}};
  KernelCall call{list, 2, lengths, errors, context};
  value_kernel<length>(call);
  EXPECT_EQ(lengths.value_at(0), Value::integer(2));
  EXPECT_TRUE(lengths.is_null(1));
}
