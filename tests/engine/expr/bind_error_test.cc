// Tests the messages for invalid expressions; ksqlDB's wording is in the detail.
#include <ctime>

#include "tests/engine/expr/expression_tools.h"

using namespace expression_tools;

namespace {

Error error_of(std::string_view text, std::string_view clause = "SELECT") {
  Scope scope(sample_layout(), clause);
  scope.source = "stream T";
  const auto expression = parse_expression(text);
  EXPECT_TRUE(expression) << text;
  const auto result =
      clause == "WHERE" ? bind_predicate(**expression, scope) : bind(**expression, scope);
  EXPECT_FALSE(result) << text;
  return result ? Error{ErrorCode::Internal, "no error"} : result.error();
}

struct ErrorCase {
  std::string_view clause, expression, message, detail;
};
void check_errors(std::initializer_list<ErrorCase> cases) {
  for (const ErrorCase& one : cases) {
    const Error error = error_of(one.expression, one.clause);
    EXPECT_EQ(error.message, one.message) << one.expression;
    EXPECT_EQ(error.ksqldb, one.detail) << one.expression;
    EXPECT_TRUE(error.position) << one.expression;
  }
}

}  // namespace

TEST(BindError, errors_about_unknown_columns_suggest_a_name) {
  const Error error = error_of("stt->x");
  EXPECT_EQ(error.code, ErrorCode::UndefinedColumn);
  EXPECT_EQ(error.message, "column \"stt\" does not exist in stream T");
  EXPECT_EQ(error.ksqldb, "Line: 1, Col: 1: SELECT column 'STT' cannot be resolved.");
  EXPECT_EQ(error.hint,
            "Did you mean ST? Columns: I, J, L, D, DE, S, B, BN, DT, TM, TS, A, M, ST.");
  check_errors({{"WHERE", "T.BOB = 1", "column \"bob\" does not exist in stream T",
                 "Line: 1, Col: 1: WHERE column 'T.BOB' cannot be resolved."},
                {"SELECT", "UNKNOWN.I", "there is no source \"unknown\" here",
                 "'UNKNOWN' is not a valid stream/table name or alias."},
                {"SELECT", "ST->nope", "Could not find field 'NOPE' in 'ST'.", ""}});
}

TEST(BindError, ambiguous_columns) {
  const Layout layout = {{"I1", "F0", TypeKind::Integer}, {"I2", "F0", TypeKind::Integer}};
  const auto result = bound("f0", Scope(layout));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::AmbiguousColumn);
  EXPECT_EQ(result.error().ksqldb,
            "Line: 1, Col: 1: Column 'F0' is ambiguous. Could be I1.F0 or I2.F0.");
}

TEST(BindError, operators_of_the_wrong_types) {
  check_errors(
      {{"WHERE", "I >= 'not an int'", "operator >= does not accept INTEGER and VARCHAR",
        "Error in WHERE expression: Cannot compare I (INTEGER) to 'not an int' (STRING) with "
        "GREATER_THAN_OR_EQUAL.\nStatement: (I >= 'not an int')"},
       {"SELECT", "A < A", "operator < does not accept ARRAY<INTEGER> and ARRAY<INTEGER>",
        "Error in SELECT expression: Cannot compare A (ARRAY<INTEGER>) to A (ARRAY<INTEGER>) with "
        "LESS_THAN.\nStatement: (A < A)"},
       {"WHERE", "TRUE + 1.5", "operator + does not accept BOOLEAN and DECIMAL(2, 1)",
        "Error in WHERE expression: Error processing expression: (true + 1.5). Unsupported "
        "arithmetic types. BOOLEAN DECIMAL"},
       {"SELECT", "NULL + 1", "operator + does not accept NULL and INTEGER",
        "Error in SELECT expression: Error processing expression: (null + 1). Arithmetic on types "
        "null and INTEGER are not supported."},
       {"SELECT", "I = NULL", "a comparison with NULL is never true",
        "Error in SELECT expression: Comparison with NULL not supported: INTEGER = NULL\nUse 'IS "
        "NULL' or 'IS NOT NULL' instead.\nStatement: (I = null)"},
       {"WHERE", "'not a boolean'", "the condition of WHERE must be a BOOLEAN, not VARCHAR",
        "Type error in WHERE expression: Should evaluate to boolean but is 'not a boolean' "
        "(STRING) instead."}});
  EXPECT_EQ(error_of("DE + S").hint,
            "CAST one side, for example CAST(S AS DECIMAL(4, 2)). To join texts, use ||: CAST(DE AS "
            "VARCHAR) || S.");
}

TEST(BindError, lists_of_different_types) {
  check_errors(
      {{"WHERE", "B IN (TRUE, S)",
        "the values of a list must have one type, not BOOLEAN and VARCHAR",
        "Invalid Predicate: operator does not exist: BOOLEAN = STRING (S)\nHint: You might need to "
        "add explicit type casts."},
       {"WHERE", "I IN (10, '10 - not a number')",
        "invalid input syntax for type INTEGER: \"10 - not a number\"",
        "Invalid Predicate: invalid input syntax for type INTEGER: \"10 - not a number\"."},
       {"WHERE", "DE IN (10.0, 'x')", "invalid input syntax for type DECIMAL: \"x\"",
        "Invalid Predicate: invalid input syntax for type DECIMAL: \"x\"."},
       {"WHERE", "A IN (A, ARRAY['10', 'not 10'])",
        "invalid input syntax for type INTEGER: \"not 10\"",
        "Invalid Predicate: invalid input syntax for type INTEGER: \"not 10\"."},
       {"WHERE", "ST IN (ST, STRUCT(X := B))",
        "the values of a list must have one type, not STRUCT<`X` INTEGER, `Y` STRING> and "
        "STRUCT<`X` BOOLEAN>",
        "Invalid Predicate: operator does not exist: STRUCT<`X` INTEGER, `Y` STRING> = STRUCT<`X` "
        "BOOLEAN> (STRUCT(X:=B))\nHint: You might need to add explicit type casts."},
       {"SELECT", "ARRAY[1, 'not a number']",
        "invalid input syntax for type INTEGER: \"not a number\"",
        "Invalid Select: invalid input syntax for type INTEGER: \"not a number\"."}});
}

TEST(BindError, casts_and_constructors) {
  check_errors(
      {{"SELECT", "CAST(S AS ARRAY<INTEGER>)", "Cast of STRING to ARRAY<INTEGER> is not supported",
        "Invalid Select: Cast of STRING to ARRAY<INTEGER> is not supported"},
       {"SELECT", "CASE WHEN B THEN 1 WHEN NOT B THEN 'x' END",
        "the branches of a CASE must have one type, not INTEGER and VARCHAR",
        "Invalid Select: Invalid Case expression. Type for all 'THEN' clauses should be the same."},
       {"SELECT", "CASE WHEN B THEN 1 ELSE 'x' END",
        "the branches of a CASE must have one type, not INTEGER and VARCHAR",
        "Invalid Select: Invalid Case expression. Type for the default clause should be the same "
        "as "
        "for 'THEN' clauses.\nTHEN type: INTEGER.\nDEFAULT type: STRING."},
       {"SELECT", "CASE WHEN B THEN NULL END", "all branches of the CASE are NULL",
        "Invalid Select: Invalid Case expression. All case branches have NULL type"},
       {"SELECT", "STRUCT(F := 1, F := 2)", "Duplicate field names found in STRUCT: 'F'", ""},
       {"SELECT", "S LIKE 'x' ESCAPE 'ab'", "Expected single character escape but got: ab", ""}});
  EXPECT_TRUE(
      error_of("MAP(NULL := 1)").message.starts_with("Cannot construct a map with all NULL keys"));
  EXPECT_TRUE(error_of("ARRAY[NULL]")
                  .message.starts_with("Cannot construct an array with all NULL elements"));
}

TEST(BindError, functions) {
  check_errors(
      {{"SELECT", "WONT_FIND_ME(1)", "Can't find any functions with the name 'WONT_FIND_ME'", ""},
       {"SELECT", "GREATEST(I, L)",
        "Function 'greatest' cannot be resolved due to ambiguous method parameters "
        "(INTEGER, BIGINT).",
        ""},
       {"WHERE", "SUM(I) > 1", "aggregate function SUM is not allowed in WHERE", ""}});
  EXPECT_TRUE(error_of("geo_distance(D, D, 'foo', 0)")
                  .message.starts_with("Function 'geo_distance' does not accept parameters "
                                       "(DOUBLE, DOUBLE, STRING, INTEGER)."));
  EXPECT_EQ(error_of("ABBS(1)").hint, "Did you mean ABS?");
}

TEST(BindError, columns_of_a_join_are_shown_as_ksqldb_names_them) {
  const Layout layout = {{"I1", "BAR", TypeKind::Integer}, {"I2", "BAR", TypeKind::String}};
  const auto result = bound("I1.BAR > I2.BAR", Scope(layout, "WHERE"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().ksqldb,
            "Error in WHERE expression: Cannot compare I1_BAR (INTEGER) to I2_BAR (STRING) with "
            "GREATER_THAN.\nStatement: (I1_BAR > I2_BAR)");
}

// Binding looks up each name once, so rows with thousands of columns bind quickly. With a quadratic binder 32 times the
// columns would take a thousand times as long. CPU time is measured, so that a busy machine does not matter.
TEST(WideScope, binding_every_column_is_linear_in_their_number) {
  const auto seconds_for = [](size_t columns) {
    Layout layout;
    for (size_t i = 0; i < columns; ++i)
      layout.push_back({"T", "COLUMN_" + std::to_string(i), TypeKind::Integer});
    const std::clock_t begun = std::clock();
    const Scope scope(layout);
    for (size_t i = 0; i < columns; ++i) {
      const ColumnRef column{std::nullopt, Name{layout[i].name}};
      EXPECT_EQ(resolve_column(column, {}, scope).value(), i);
    }
    return static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  };
  double small = 1e9, large = 1e9;
  for (int i = 0; i < 3; ++i) {
    small = std::min(small, seconds_for(1'000));
    large = std::min(large, seconds_for(32'000));
  }
  EXPECT_LT(large, small * 256);
}
