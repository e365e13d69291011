#include <gtest/gtest.h>

#include <functional>

#include "engine/functions/registry.h"

using namespace engine;

namespace {

const SqlType kInt(TypeKind::Integer), kString(TypeKind::String), kBoolean(TypeKind::Boolean);
const SqlType kInts = SqlType::array(kInt), kMap = SqlType::map(kString, kInt);

Value i(int32_t value) { return Value::integer(value); }
Value s(std::string text) { return Value::text(std::move(text)); }

// A lambda that the test defines as a function of values. An Error becomes the error of the row.
class Body final : public LambdaBody {
 public:
  using Function = std::function<Result<Value>(std::span<const Value>)>;
  Body(SqlType type, Function function) : type_(std::move(type)), function_(std::move(function)) {}

  ColumnPtr run(std::span<const Argument> parameters, std::span<const uint32_t> rows,
                RowErrors& errors) const override {
    auto out = std::make_shared<Column>(type_);
    for (size_t at = 0; at < rows.size(); ++at) {
      std::vector<Value> values;
      for (const Argument& parameter : parameters) values.push_back(parameter.value(at));
      const Result<Value> value = function_(values);
      if (!value) errors.add(rows[at], value.error().message);
      out->append_value(value ? *value : Value());
    }
    return out;
  }

 private:
  SqlType type_;
  Function function_;
};

ColumnPtr column(const SqlType& type, const ValueList& values) {
  auto made = std::make_shared<Column>(type);
  for (const Value& value : values) made->append_value(value);
  return made;
}

// Calls the overload that takes this many lambdas and a collection of this kind. Returns the
// results of all rows.
ValueList run(std::string_view name, TypeKind collection, const std::vector<ColumnPtr>& columns,
              const SqlType& result, std::vector<const LambdaBody*> lambdas) {
  const FunctionDef* function = nullptr;
  for (const Overload& overload : Registry::instance().find(name)) {
    const PatternKind kind = overload.signature.parameters[0].pattern.kind;
    if ((kind == PatternKind::Map) == (collection == TypeKind::Map)) function = overload.function;
  }
  std::vector<Argument> args;
  for (const ColumnPtr& one : columns) args.push_back({one.get()});
  const SimulatedClock clock;
  Random random(1);
  const EvalContext context{clock, random};
  const size_t rows = columns[0]->size();
  RowErrors errors(rows);
  Column out(result);
  KernelCall call{args, rows, out, errors, context, lambdas};
  function->kernel(call);
  EXPECT_EQ(out.size(), rows);
  ValueList values;
  for (size_t row = 0; row < rows; ++row)
    values.push_back(errors.has(row) ? s("error") : out.value_at(row));
  return values;
}

Result<Value> strict_plus(std::span<const Value> args) {
  int32_t sum = 0;
  for (const Value& arg : args) {
    if (arg.is_null()) return Error{ErrorCode::NullValue, "null operand"};
    sum += arg.as_int32();
  }
  return i(sum);
}

}  // namespace

TEST(Lambdas, transform_maps_each_element_and_fails_by_row) {
  const Body plus_one(kInt, [](std::span<const Value> args) -> Result<Value> {
    const Value both[] = {args[0], i(1)};
    return strict_plus(both);
  });
  const auto rows = run(
      "TRANSFORM", TypeKind::Array,
      {column(kInts, {Value::list({i(1), i(2)}), Value::list({i(1), {}}), {}, Value::list({})})},
      kInts, {&plus_one});
  EXPECT_EQ(rows, (ValueList{Value::list({i(2), i(3)}), s("error"), {}, Value::list({})}));
}

TEST(Lambdas, filter_keeps_elements_that_are_true) {
  const Body large(kBoolean, [](std::span<const Value> args) -> Result<Value> {
    const Value& last = args.back();
    return last.is_null() ? Value() : Value::boolean(last.as_int32() > 5);
  });
  EXPECT_EQ(run("FILTER", TypeKind::Array,
                {column(kInts, {Value::list({i(9), i(1), i(7)}), {}, Value::list({i(9), {}})})},
                kInts, {&large}),
            (ValueList{Value::list({i(9), i(7)}), {}, s("error")}));
  EXPECT_EQ(run("FILTER", TypeKind::Map,
                {column(kMap, {Value::map({{s("a"), i(9)}, {s("b"), i(1)}})})}, kMap, {&large}),
            (ValueList{Value::map({{s("a"), i(9)}})}));
}

TEST(Lambdas, transformed_maps_must_have_distinct_keys_and_values) {
  const Body key_of_value(kString, [](std::span<const Value> args) -> Result<Value> {
    return s(args[1].is_null() ? "none" : "k" + std::to_string(args[1].as_int32()));
  });
  const Body same_value(kInt, [](std::span<const Value> args) -> Result<Value> { return args[1]; });
  EXPECT_EQ(
      run("TRANSFORM", TypeKind::Map,
          {column(kMap, {Value::map({{s("a"), i(1)}, {s("b"), i(2)}}),
                         Value::map({{s("a"), i(1)}, {s("b"), i(1)}}),
                         Value::map({{s("a"), {}}}),
                         {}})},
          kMap, {&key_of_value, &same_value}),
      (ValueList{Value::map({{s("k1"), i(1)}, {s("k2"), i(2)}}), s("error"), s("error"), {}}));
}

TEST(Lambdas, reduce_walks_rows_of_different_lengths) {
  const Body plus(kInt, strict_plus);
  EXPECT_EQ(run("REDUCE", TypeKind::Array,
                {column(kInts, {Value::list({i(1), i(2), i(3)}),
                                Value::list({}),
                                {},
                                Value::list({i(5)}),
                                Value::list({i(5), {}, i(6)})}),
                 column(kInt, {i(10), i(20), i(30), {}, i(1)})},
                kInt, {&plus}),
            (ValueList{i(16), i(20), i(30), {}, s("error")}));
}

TEST(Lambdas, reduce_of_a_map_walks_in_hash_order) {
  const Body joined(kString, [](std::span<const Value> args) -> Result<Value> {
    return s(args[0].as_string() + args[1].as_string() + " ");
  });
  EXPECT_EQ(run("REDUCE", TypeKind::Map,
                {column(kMap, {Value::map({{s("foo"), i(1)}, {s("bar"), i(2)}, {s("baz"), i(3)}})}),
                 column(kString, {s("")})},
                kString, {&joined}),
            (ValueList{s("bar baz foo ")}));
}
