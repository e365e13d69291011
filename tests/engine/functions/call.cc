#include "tests/engine/functions/call.h"

#include <gtest/gtest.h>

#include "engine/functions/registry.h"
#include "engine/types/text_json.h"

namespace functions_test {

using namespace engine;

Typed::Typed(const char* text) : type(TypeKind::String), value(Value::text(text)) {}
Typed::Typed(int32_t number) : type(TypeKind::Integer), value(Value::integer(number)) {}
Typed::Typed(int64_t number) : type(TypeKind::Bigint), value(Value::bigint(number)) {}
Typed::Typed(double number) : type(TypeKind::Double), value(Value::number(number)) {}
Typed::Typed(bool flag) : type(TypeKind::Boolean), value(Value::boolean(flag)) {}
Typed::Typed(std::nullptr_t) {}
Typed::Typed(std::vector<Typed> of) {
  SqlType element;
  ValueList items;
  for (Typed& item : of) {
    if (!item.type.is_null()) element = item.type;
    items.push_back(std::move(item.value));
  }
  type = SqlType::array(element);
  value = Value::list(std::move(items));
}
Typed bytes(std::string content) { return {TypeKind::Bytes, Value::text(std::move(content))}; }
Typed map(std::vector<std::pair<Typed, Typed>> entries) {
  SqlType key, item;
  ValueMap made;
  for (auto& [k, v] : entries) {
    if (!k.type.is_null()) key = k.type;
    if (!v.type.is_null()) item = v.type;
    made.emplace_back(std::move(k.value), std::move(v.value));
  }
  return {SqlType::map(key, item), Value::map(std::move(made))};
}

namespace {

Result<Column> run(const Resolution& resolution, const SqlType& type, std::vector<Typed>& args,
                   bool as_constants) {
  constexpr size_t kRows = 2;
  std::vector<Column> columns;
  for (size_t i = 0; i < args.size(); ++i) {
    const SqlType& to = resolution.argument_types[i];
    columns.emplace_back(to.is_null() ? args[i].type : to);
    for (size_t row = 0; row < (as_constants ? 1 : kRows); ++row)
      columns.back().append_value(args[i].value);
  }
  std::vector<Argument> arguments;
  for (const Column& column : columns) arguments.push_back({&column, as_constants});
  const SimulatedClock clock(1'577'836'800'000);
  Random random(7);
  const EvalContext context{clock, random};
  RowErrors errors(kRows);
  Column out(type);
  KernelCall call{arguments, kRows, out, errors, context};
  resolution.overload->function->kernel(call);
  EXPECT_EQ(out.size(), kRows);
  if (errors.any()) {
    EXPECT_TRUE(out.is_null(0));
    return Error{ErrorCode::InvalidParameter, errors.messages().at(0).text};
  }
  EXPECT_EQ(out.value_at(0), out.value_at(1));
  return out;
}

Result<Column> call_column(std::string_view name, std::vector<Typed> args) {
  std::vector<ArgumentType> types;
  for (const Typed& arg : args) types.push_back({.type = arg.type});
  const auto resolution = Registry::instance().resolve(name, types);
  if (!resolution) return resolution.error();
  for (size_t i = 0; i < args.size(); ++i)
    EXPECT_TRUE(args[i].type.is_null() || resolution->argument_types[i].is_null() ||
                args[i].type.kind() == resolution->argument_types[i].kind())
        << "the test would need a coercion";
  const SqlType result = TRY(return_type(*resolution));
  const bool is_table = resolution->overload->function->kind == FunctionKind::Table;
  const SqlType type = is_table ? SqlType::array(result) : result;
  auto constant = run(*resolution, type, args, true);
  auto column = run(*resolution, type, args, false);
  EXPECT_EQ(constant.has_value(), column.has_value());
  if (constant && column) {
    EXPECT_EQ(constant->value_at(0), column->value_at(0));
  }
  return column;
}

}  // namespace

Result<Value> call(std::string_view name, std::vector<Typed> args) {
  return TRY(call_column(name, std::move(args))).value_at(0);
}

std::string shown(std::string_view name, std::vector<Typed> args) {
  const auto column = call_column(name, std::move(args));
  if (!column) return "error: " + column.error().message;
  std::string text;
  append_json_value(text, *column, 0, JsonTimes::Iso);
  return text;
}

}  // namespace functions_test
