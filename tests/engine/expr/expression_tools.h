// Evaluates expressions over a small table, for the tests of this folder.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/expr/kernels.h"
#include "engine/expr/program.h"
#include "engine/sql/parse.h"
#include "engine/types/text_number.h"

namespace expression_tools {

using namespace engine;

inline const Layout& sample_layout() {
  static const Layout layout = {
      {"T", "I", TypeKind::Integer},
      {"T", "J", TypeKind::Integer},
      {"T", "L", TypeKind::Bigint},
      {"T", "D", TypeKind::Double},
      {"T", "DE", SqlType::decimal(4, 2)},
      {"T", "S", TypeKind::String},
      {"T", "B", TypeKind::Boolean},
      {"T", "BN", TypeKind::Bytes},
      {"T", "DT", TypeKind::Date},
      {"T", "TM", TypeKind::Time},
      {"T", "TS", TypeKind::Timestamp},
      {"T", "A", SqlType::array(TypeKind::Integer)},
      {"T", "M", SqlType::map(TypeKind::String, TypeKind::Integer)},
      {"T", "ST", SqlType::structure({{"X", TypeKind::Integer}, {"Y", TypeKind::String}})},
      {"T", "ROWTIME", TypeKind::Bigint},
  };
  return layout;
}

// Returns columns with two rows. In the second row, everything except ROWTIME is null.
inline std::vector<ColumnPtr> sample_columns() {
  const std::vector<Value> first = {
      Value::integer(7),
      Value::integer(0),
      Value::bigint(3'000'000'000),
      Value::number(1.5),
      Value::decimal(1010, 2),
      Value::text("hello"),
      Value::boolean(true),
      Value::text(std::string("\x00\x01", 2)),
      Value::integer(10),
      Value::integer(36'000'000),
      Value::bigint(864'000'005),
      Value::list({Value::integer(1), Value(), Value::integer(3)}),
      Value::map({{Value::text("a"), Value::integer(1)}, {Value::text("b"), Value()}}),
      Value::list({Value::integer(5), Value::text("yes")}),
      Value::bigint(1'514'764'800'001),
  };
  std::vector<ColumnPtr> columns;
  for (size_t i = 0; i < first.size(); ++i) {
    auto column = std::make_shared<Column>(sample_layout()[i].type);
    column->append_value(first[i]);
    column->append_value(sample_layout()[i].name == "ROWTIME" ? Value::bigint(5) : Value());
    columns.push_back(std::move(column));
  }
  return columns;
}

struct World {
  SimulatedClock clock{1'700'000'000'000};
  Random random{7};
  EvalContext context{clock, random};
};

// Returns the error in the form "CODE: message | detail".
inline std::string error_text(const Error& error) {
  std::string text = std::string(name(error.code)) + ": " + error.message;
  if (!error.detail.empty()) text += " | " + error.detail;
  return text;
}

inline Result<BoundExpression> bound(std::string_view text, const Scope& scope) {
  const ExpressionPtr expression = TRY(parse_expression(text));
  return bind(*expression, scope);
}
inline Result<BoundExpression> bound(std::string_view text) {
  return bound(text, Scope(sample_layout()));
}

// Returns the value as CAST AS STRING writes it, "null", or "!" followed by the error.
inline std::string shown_row(const Evaluated& result, size_t row) {
  if (result.errors.has(row)) {
    EXPECT_TRUE(result.column->is_null(row));
    for (const RowErrors::Message& message : result.errors.messages())
      if (message.row == row) return "!" + message.text;
    return "!";
  }
  std::string text;
  append_text(text, *result.column, row);
  return text;
}

// Returns a text such as "7 INTEGER; null": the value in the first row, its type, and the value in
// the second row.
inline std::string evaluated(std::string_view text) {
  World world;
  const auto expression = bound(text);
  if (!expression) return error_text(expression.error());
  const Evaluated result =
      std::move(Program(*expression).run(sample_columns(), 2, world.context).front());
  EXPECT_EQ(result.column->size(), 2u);
  return shown_row(result, 0) + " " + expression->type.to_string() + "; " + shown_row(result, 1);
}

struct Case {
  std::string_view expression, expected;
};

inline void check(std::initializer_list<Case> cases) {
  for (const Case& one : cases)
    EXPECT_EQ(evaluated(one.expression), one.expected) << one.expression;
}

}  // namespace expression_tools
