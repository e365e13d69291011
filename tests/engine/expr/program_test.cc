// Tests programs: shared subexpressions, and the rows for which each step is computed.
#include <chrono>
#include <ctime>
#include <random>

#include "tests/engine/expr/expression_tools.h"
#include "tests/patience.h"

using namespace expression_tools;

namespace {

std::vector<BoundExpression> bound_all(std::initializer_list<std::string_view> texts) {
  std::vector<BoundExpression> expressions;
  for (const std::string_view text : texts) {
    auto expression = bound(text);
    EXPECT_TRUE(expression) << text;
    if (expression) expressions.push_back(*std::move(expression));
  }
  return expressions;
}

// Returns many rows of random values, which include nulls and zeros.
std::vector<ColumnPtr> random_columns(size_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto pick = [&](int limit) { return static_cast<int32_t>(random() % limit); };
  const std::vector<ColumnPtr> sample = sample_columns();
  std::vector<ColumnPtr> columns;
  for (const LayoutColumn& layout : sample_layout()) {
    auto column = std::make_shared<Column>(layout.type);
    for (size_t row = 0; row < rows; ++row) {
      if (pick(5) == 0) {
        column->append_null();
        continue;
      }
      switch (layout.type.kind()) {
        case TypeKind::Integer:
        case TypeKind::Date:
        case TypeKind::Time:
          column->append_value(Value::integer(pick(4)));
          break;
        case TypeKind::Bigint:
        case TypeKind::Timestamp:
          column->append_value(Value::bigint(pick(4)));
          break;
        case TypeKind::Double:
          column->append_value(Value::number(pick(8) * 0.5));
          break;
        case TypeKind::Decimal:
          column->append_value(Value::decimal(pick(500), 2));
          break;
        case TypeKind::Boolean:
          column->append_value(Value::boolean(pick(2) == 1));
          break;
        case TypeKind::String:
          column->append_value(Value::text(std::string(static_cast<size_t>(pick(4)), 'x')));
          break;
        default:
          column->append_from(*sample[columns.size()], 0);
      }
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

std::vector<ColumnPtr> picked(const std::vector<ColumnPtr>& columns,
                              const std::vector<uint32_t>& rows) {
  std::vector<ColumnPtr> result;
  for (const ColumnPtr& column : columns)
    result.push_back(std::make_shared<Column>(column->gather(rows)));
  return result;
}

// A list of more than a few items is looked up in a set. The result must be that of OR over
// comparisons with the items.
TEST(Program, a_long_list_gives_the_same_as_its_comparisons) {
  const std::string_view lists[][2] = {
      {"I", "1, 3, 30"},        {"L", "0, 2, 30"},    {"D", "0.5, 1.0, 30.5"}, {"S", "'x', 'xx'"},
      {"TM", "'00:00:00.001'"}, {"DE", "1.00, 2.50"}, {"B", "TRUE"},           {"I", "J, 3, NULL"},
  };
  World world;
  const std::vector<ColumnPtr> columns = random_columns(300, 11);
  for (const auto& [column, items] : lists) {
    const std::string few = std::string(column) + " IN (" + std::string(items) + ")";
    std::string many = std::string(column) + " IN (" + std::string(items);
    const std::string last(items.substr(items.find_last_of(' ') + 1));
    for (int i = 0; i < 30; ++i) many += ", " + (last == "NULL" ? "3" : last);
    many += ")";
    const auto expressions = bound_all({few, many});
    ASSERT_EQ(expressions.size(), 2u);
    const auto results = Program(expressions).run(columns, 300, world.context);
    for (size_t row = 0; row < 300; ++row)
      EXPECT_EQ(shown_row(results[0], row), shown_row(results[1], row)) << few << " row " << row;
  }
}

// A quadratic algorithm would take minutes.
TEST(Program, twenty_thousand_items_are_looked_up_in_no_time) {
  std::string list = "0";
  for (int i = 1; i < 20'000; ++i) list += ", " + std::to_string(i);
  World world;
  const auto in_list = bound("I IN (" + list + ")");
  ASSERT_TRUE(in_list) << in_list.error().message;
  const auto began = std::chrono::steady_clock::now();
  const auto results = Program(*in_list).run(random_columns(500, 3), 500, world.context);
  EXPECT_EQ(results.front().column->size(), 500u);
  EXPECT_FASTER(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

}  // namespace

TEST(Program, columns_are_shared_and_not_copied) {
  World world;
  const auto columns = sample_columns();
  const auto results = Program(bound_all({"S", "ST->Y"})).run(columns, 2, world.context);
  EXPECT_EQ(results[0].column, columns[5]);
  EXPECT_EQ(results[1].column.get(), &columns[13]->child(1));
}

TEST(Program, a_repeated_subexpression_is_computed_once) {
  EXPECT_EQ(Program(bound_all({"I * 2 + 1", "I * 2 + 1", "I * 2"})).instruction_count(), 2u);
  EXPECT_EQ(Program(bound_all({"RANDOM()", "RANDOM()"})).instruction_count(), 2u);
}

TEST(Program, the_operand_of_a_case_is_computed_once_though_it_changes) {
  World world;
  const auto columns = random_columns(2'000, 5);
  const auto expressions = bound_all(
      {"CASE CAST(RANDOM() * 3 AS INT) WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 2 THEN 'c' WHEN 3 THEN "
       "'d' ELSE 'none of them' END",
       "      CASE CAST(RANDOM() * 3 AS INT) WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE "
       "'d' END"});
  const auto results = Program(expressions).run(columns, 2'000, world.context);
  size_t different = 0;
  for (size_t row = 0; row < 2'000; ++row) {
    EXPECT_NE(shown_row(results[0], row), "none of them");
    different += shown_row(results[0], row) != shown_row(results[1], row) ? 1 : 0;
  }
  EXPECT_GT(different, 500u) << "two CASEs have an operand each";
}

TEST(Program, a_lambda_may_return_its_argument) {
  check({
      {"REDUCE(ARRAY[1, 2, 3], 7, (q, x) => q)", "7 INTEGER; 7"},
      {"REDUCE(ARRAY[1, 2, 3], 7, (q, x) => x)", "3 INTEGER; 3"},
      {"LEN(REDUCE(ARRAY['a', RPAD('', 100, 'x')], RPAD('', 90, 's'), (q, x) => x))",
       "100 INTEGER; 100"},
      {"LEN(REDUCE(ARRAY['a', 'b'], RPAD('', 90, 's'), (q, x) => q))", "90 INTEGER; 90"},
      {"REDUCE(MAP('a' := 5, 'b' := 5), 1, (q, k, v) => v)", "5 INTEGER; 5"},
      {"TRANSFORM(A, x => x)", "[1, null, 3] ARRAY<INTEGER>; null"},
  });
}

// The cost of a step must not depend on the number of elements. CPU time is measured, since other tests run at the same
// time. When each step copied the elements, the test took minutes.
TEST(Program, a_million_elements_are_reduced_in_no_time) {
  const std::clock_t begin = std::clock();
  check({{"REDUCE(GENERATE_SERIES(1, 1000000), CAST(0 AS BIGINT), (q, x) => q + x)",
          "500000500000 BIGINT; 500000500000"}});
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 40);
}

TEST(Program, a_reduction_ends_with_its_time) {
  World world;
  const SystemClock clock;
  EvalBudget budget(clock);
  const EvalContext context{clock, world.random, nullptr, &budget};
  const auto reduction = bound("REDUCE(GENERATE_SERIES(1, 1000000), 7, (q, x) => q)");
  ASSERT_TRUE(reduction);
  budget.begin({.deadline_us = clock.monotonic_us() + 100'000});
  const Evaluated result = std::move(Program(*reduction).run(sample_columns(), 2, context).front());
  EXPECT_EQ(shown_row(result, 0), "!the expressions took too long");
  EXPECT_EQ(budget.spent(), EvalBudget::Spent::Time);
}

// A value that is computed once and copied into elements or rows must count towards the memory limit with each copy.
TEST(Program, copies_of_constants_are_counted) {
  const std::string_view expressions[] = {
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => LPAD('a', 60000, 'a'))",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => ARRAY[LPAD('a', 60000, 'a')])",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => GENERATE_SERIES(1, 60000))",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => STRUCT(Z := LPAD('a', 60000, CAST(x AS STRING))))",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => GENERATE_SERIES(1, 10000 + I)[x])",
      "TRANSFORM(MAP('a' := 1, 'b' := 2), (k, v) => k, (k, v) => LPAD('a', 8000000, 'a'))",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => COALESCE(NULLIF(A, A), GENERATE_SERIES(1, "
      "60000)))",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => CASE WHEN x > I THEN GENERATE_SERIES(1, 60000) "
      "ELSE A END)",
      "FILTER(TRANSFORM(GENERATE_SERIES(1, 1000), x => LPAD('a', 60000, 'a')), x => LEN(x) > 1)",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => SLICE(GENERATE_SERIES(1, 60000), 1, 60000 + x - "
      "x))",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => ARRAY_REMOVE(GENERATE_SERIES(1, 60000), x))",
      "TRANSFORM(GENERATE_SERIES(1, 1000), x => REDUCE(ARRAY[1, 2], LPAD('a', 60000, 'a'), "
      "(q, y) => LPAD('b', 90000, 'b')))",
      "ARRAY[LPAD('a', 8000000, 'a'), LPAD('a', 8000000, 'a'), LPAD('a', 8000000, 'a')]",
      "MAP('a' := LPAD('a', 8000000, 'a'), 'b' := LPAD('a', 8000000, 'a'), "
      "'c' := LPAD('a', 8000000, 'a'))",
      "STRUCT(P := LPAD('a', 8000000, 'a'), Q := LPAD('a', 8000000, 'a'), "
      "R := LPAD('a', 8000000, 'a'))",
  };
  World world;
  const SystemClock clock;
  EvalBudget budget(clock);
  const EvalContext context{clock, world.random, nullptr, &budget};
  for (const std::string_view text : expressions) {
    const auto expression = bound(text);
    ASSERT_TRUE(expression) << text << error_text(expression.error());
    budget.begin({.max_bytes = 20'000'000});
    const Evaluated result =
        std::move(Program(*expression).run(sample_columns(), 2, context).front());
    EXPECT_EQ(budget.spent(), EvalBudget::Spent::Bytes) << text;
    EXPECT_EQ(shown_row(result, 0), "!the results of the expressions have more than 20000000 bytes")
        << text;
  }
}

TEST(Program, a_constant_array_is_counted_for_each_row) {
  World world;
  const SystemClock clock;
  EvalBudget budget(clock);
  const EvalContext context{clock, world.random, nullptr, &budget};
  const auto expression = bound("GENERATE_SERIES(1, 100000)");
  ASSERT_TRUE(expression);
  const Program program(*expression);
  budget.begin({.max_bytes = 20'000'000});
  EXPECT_EQ(program.run({}, 10, context).front().errors.count(), 0u);
  budget.begin({.max_bytes = 20'000'000});
  EXPECT_EQ(program.run({}, 1000, context).front().errors.count(), 1000u);
  EXPECT_EQ(budget.spent(), EvalBudget::Spent::Bytes);
}

// Intermediate values that a step of REDUCE has freed do not count towards the memory limit.
TEST(Program, working_memory_is_counted_while_it_exists) {
  World world;
  const SystemClock clock;
  EvalBudget budget(clock);
  const EvalContext context{clock, world.random, nullptr, &budget};
  const auto expression =
      bound("REDUCE(GENERATE_SERIES(1, 20000 + I), I, (q, x) => q + x * 0 + 1)");
  ASSERT_TRUE(expression);
  budget.begin({.max_bytes = 4'000'000});
  const Evaluated result =
      std::move(Program(*expression).run(sample_columns(), 2, context).front());
  EXPECT_EQ(shown_row(result, 0), "20014");
}

TEST(Program, no_rows_give_no_rows) {
  World world;
  for (const std::string_view text : {"I + 1", "1 + 1", "CASE WHEN I / J = 1 THEN A END", "A"}) {
    const auto expression = bound(text);
    ASSERT_TRUE(expression);
    const auto results = Program(*expression).run(random_columns(0, 1), 0, world.context);
    EXPECT_EQ(results[0].column->size(), 0u) << text;
  }
}

TEST(Program, select_gives_the_rows_that_are_true) {
  World world;
  const auto columns = random_columns(200, 3);
  const auto expression = bound("I / J = 1 OR B");
  ASSERT_TRUE(expression);
  const Program program(*expression);
  RowErrors errors(200);
  const auto rows = program.select(columns, 200, world.context, errors);
  const auto results = program.run(columns, 200, world.context);
  std::vector<uint32_t> expected;
  for (uint32_t row = 0; row < 200; ++row)
    if (shown_row(results[0], row) == "true") expected.push_back(row);
  EXPECT_EQ(rows, expected);
  EXPECT_TRUE(errors.any());
  EXPECT_EQ(errors.count(), results[0].errors.count());
  EXPECT_EQ(errors.messages().size(), RowErrors::kMaxMessages);
}

TEST(Program, row_by_row_equals_all_at_once) {
  World world;
  const auto expressions = bound_all({
      "I / J + L",
      "CASE WHEN I = 1 THEN S WHEN J / I > 1 THEN S || '?' ELSE 'none' END",
      "I = 1 AND L / J = 1 OR NOT B",
      "ARRAY[I, J / I, CASE WHEN B THEN 5 END]",
      "CASE WHEN S LIKE 'x%' THEN STRUCT(P := I, Q := S) END",
      "DE * DE / CAST(2 AS DECIMAL(4, 2))",
      "S IN ('x', 'xx', S || 'x') AND D IN (I, 1.5, '2')",
      "A[I] + M['a']",
      "ST->X IS DISTINCT FROM I",
      "CAST(I AS STRING) || CAST(D AS STRING)",
      "GREATEST(I, J, 2)",
      "ROUND(D * 1.3)",
  });
  constexpr size_t kRows = 150;
  const auto columns = random_columns(kRows, 11);
  const Program program(expressions);
  const auto whole = program.run(columns, kRows, world.context);
  // Evaluated alone, each expression must give the same result as together with the others. This compares only the
  // first character of each result ('!' for a failed row), because a row may fail with another message.
  for (size_t i = 0; i < expressions.size(); ++i) {
    const auto alone = Program(expressions[i]).run(columns, kRows, world.context);
    for (size_t row = 0; row < kRows; ++row)
      EXPECT_EQ(shown_row(whole[i], row).substr(0, 1), shown_row(alone[0], row).substr(0, 1))
          << row;
  }
  std::mt19937_64 random(5);
  for (const size_t size : {1, 2, 63, 64, 65}) {
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < kRows; ++row)
      if (rows.size() < size && random() % 2 == 0) rows.push_back(row);
    const auto part = program.run(picked(columns, rows), rows.size(), world.context);
    for (size_t i = 0; i < expressions.size(); ++i) {
      for (size_t at = 0; at < rows.size(); ++at) {
        EXPECT_EQ(part[i].errors.has(at), whole[i].errors.has(rows[at])) << i << " " << rows[at];
        EXPECT_TRUE(part[i].column->same(at, *whole[i].column, rows[at])) << i << " " << rows[at];
      }
    }
  }
}
