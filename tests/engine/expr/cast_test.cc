// Tests CAST for each pair of types.
#include "tests/engine/expr/expression_tools.h"

using namespace expression_tools;

TEST(Cast, numbers_wrap_truncate_saturate_and_round) {
  check({{"CAST(I AS BIGINT)", "7 BIGINT; null"},
         {"CAST(L AS INT)", "-1294967296 INTEGER; null"},
         {"CAST(1.99 AS INT)", "1 INTEGER; 1"},
         {"CAST(-1.99E0 AS INT)", "-1 INTEGER; -1"},
         {"CAST(1E30 AS BIGINT)", "9223372036854775807 BIGINT; 9223372036854775807"},
         {"CAST(-1E30 AS INT)", "-2147483648 INTEGER; -2147483648"},
         {"CAST(1.005 AS DECIMAL(4, 2))", "1.01 DECIMAL(4, 2); 1.01"},
         {"CAST(2.5E0 AS DECIMAL(4, 0))", "3 DECIMAL(4, 0); 3"},
         {"CAST(DE AS DOUBLE)", "10.1 DOUBLE; null"}});
}

TEST(Cast, a_decimal_that_does_not_fit_is_an_error_of_the_row) {
  const std::string text = evaluated("CAST(I + 3 AS DECIMAL(2, 1))");
  EXPECT_EQ(text.substr(0, text.find(':')), "!Numeric field overflow");
  check({{"CAST(I AS DECIMAL(2, 1))", "7.0 DECIMAL(2, 1); null"}});
}

TEST(Cast, to_text) {
  check({{"CAST(B AS STRING)", "true STRING; null"},
         {"CAST(D AS STRING)", "1.5 STRING; null"},
         {"CAST(1E7 AS STRING)", "1.0E7 STRING; 1.0E7"},
         {"CAST(DE AS STRING)", "10.10 STRING; null"},
         {"CAST(DT AS STRING)", "1970-01-11 STRING; null"},
         {"CAST(TM AS STRING)", "10:00 STRING; null"},
         {"CAST(TS AS STRING)", "1970-01-11T00:00:00.005 STRING; null"},
         {"CAST(A AS STRING)", "[1, null, 3] STRING; null"},
         {"CAST(M AS STRING)", "{a=1, b=null} STRING; null"},
         {"CAST(ST AS STRING)", "Struct{X=5,Y=yes} STRING; null"}});
}

TEST(Cast, from_text) {
  check(
      {{"CAST(' 12 ' AS INT)", "12 INTEGER; 12"},
       {"CAST('Tru' AS BOOLEAN)", "true BOOLEAN; true"},
       {"CAST('nonsense' AS BOOLEAN)", "false BOOLEAN; false"},
       {"CAST('1.25' AS DECIMAL(3, 1))", "1.3 DECIMAL(3, 1); 1.3"},
       {"CAST('-1.5e3' AS DOUBLE)", "-1500.0 DOUBLE; -1500.0"},
       {"CAST('1970-01' AS DATE)", "1970-01-01 DATE; 1970-01-01"},
       {"CAST('10:20:30.5' AS TIME)", "10:20:30 TIME; 10:20:30"},
       {"CAST('1970-01-01T00:00:01' AS TIMESTAMP)",
        "1970-01-01T00:00:01.000 TIMESTAMP; 1970-01-01T00:00:01.000"},
       {"CAST('x' AS INT)", "!Cannot cast \"x\" to INTEGER INTEGER; !Cannot cast \"x\" to INTEGER"},
       {"CAST('foo' AS DATE)", "!Failed to parse date 'foo' DATE; !Failed to parse date 'foo'"}});
}

TEST(Cast, between_points_in_time) {
  check({{"CAST(TS AS DATE)", "1970-01-11 DATE; null"},
         {"CAST(TS AS TIME)", "00:00 TIME; null"},
         {"CAST(DT AS TIMESTAMP)", "1970-01-11T00:00:00.000 TIMESTAMP; null"}});
}

TEST(Cast, nested_types_part_by_part) {
  check(
      {{"CAST(A AS ARRAY<STRING>)", "[1, null, 3] ARRAY<STRING>; null"},
       {"CAST(M AS MAP<STRING, BIGINT>)", "{a=1, b=null} MAP<STRING, BIGINT>; null"},
       {"CAST(ST AS STRUCT<X STRING, Z INT>)", "Struct{X=5} STRUCT<`X` STRING, `Z` INTEGER>; null"},
       {"CAST(ARRAY['1', 'x'] AS ARRAY<INT>)",
        "!Cannot cast \"x\" to INTEGER ARRAY<INTEGER>; !Cannot cast \"x\" to INTEGER"}});
}

TEST(Cast, nulls_become_text_if_the_property_is_set) {
  World world;
  const std::map<std::string, std::string> properties = {
      {"ksql.cast.strings.preserve.nulls", "false"}};
  const EvalContext context{world.clock, world.random, &properties};
  const auto expression = bound("CAST(I AS STRING)");
  ASSERT_TRUE(expression);
  const auto results = Program(*expression).run(sample_columns(), 2, context);
  EXPECT_EQ(shown_row(results[0], 1), "null");
  EXPECT_FALSE(results[0].column->is_null(1));
}
