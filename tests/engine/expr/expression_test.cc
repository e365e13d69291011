// Tests the values of expressions, each over a row of values and over a row of nulls.
#include "tests/engine/expr/expression_tools.h"

using namespace expression_tools;

TEST(Expression, literals_have_the_types_of_their_spelling) {
  check({{"1", "1 INTEGER; 1"},
         {"3000000000", "3000000000 BIGINT; 3000000000"},
         {"1.50", "1.50 DECIMAL(3, 2); 1.50"},
         {".05", "0.05 DECIMAL(3, 2); 0.05"},
         {"1E2", "100.0 DOUBLE; 100.0"},
         {"'it''s'", "it's STRING; it's"},
         {"TRUE", "true BOOLEAN; true"}});
}

TEST(Expression, columns_pass_through) {
  check({{"I", "7 INTEGER; null"},
         {"T.S", "hello STRING; null"},
         {"ST", "Struct{X=5,Y=yes} STRUCT<`X` INTEGER, `Y` STRING>; null"}});
}

TEST(Expression, arithmetic_widens_and_wraps) {
  check({{"I + 1", "8 INTEGER; null"},
         {"I - L", "-2999999993 BIGINT; null"},
         {"I * D", "10.5 DOUBLE; null"},
         {"2147483647 + I", "-2147483642 INTEGER; null"},
         {"-I / 2", "-3 INTEGER; null"},
         {"-I % 3", "-1 INTEGER; null"},
         {"D / 0", "Infinity DOUBLE; null"},
         {"D % 1", "0.5 DOUBLE; null"},
         {"S || '!'", "hello! STRING; null"},
         {"S + S", "hellohello STRING; null"},
         {"DE + D", "11.6 DOUBLE; null"}});
}

TEST(Expression, division_by_zero_is_an_error_of_the_row) {
  check({{"I / J", "!division by zero INTEGER; null"},
         {"L % J", "!division by zero BIGINT; null"},
         {"DE / (DE - DE)", "!division by zero DECIMAL(12, 8); null"},
         {"1 / 0", "!division by zero INTEGER; !division by zero"}});
}

TEST(Expression, decimals_get_ksqldbs_precision_and_scale) {
  check({{"DE + DE", "20.20 DECIMAL(5, 2); null"},
         {"DE - 1", "9.10 DECIMAL(13, 2); null"},
         {"DE * DE", "102.0100 DECIMAL(9, 4); null"},
         {"DE / CAST(2 AS DECIMAL(4, 2))", "5.0500000 DECIMAL(11, 7); null"},
         {"DE % CAST(2 AS DECIMAL(4, 2))", "0.10 DECIMAL(4, 2); null"},
         {"-DE", "-10.10 DECIMAL(4, 2); null"},
         {"1.0 / 3.0", "0.333333 DECIMAL(8, 6); 0.333333"}});
}

TEST(Expression, results_of_more_than_38_digits_are_clamped) {
  check({{"CAST(2 AS DECIMAL(30, 10)) * CAST(1.5 AS DECIMAL(30, 10))",
          "3.000000 DECIMAL(38, 6); 3.000000"},
         {"CAST(1 AS DECIMAL(38, 6)) / CAST(3 AS DECIMAL(38, 6))",
          "0.333333 DECIMAL(38, 6); 0.333333"},
         {"CAST(-12345678901.5 AS DECIMAL(38, 10)) * CAST(12345678901.5 AS DECIMAL(38, 10))",
          "-152415787538942246702.250000 DECIMAL(38, 6); -152415787538942246702.250000"},
         {"CAST(0.3 AS DECIMAL(38, 37)) * CAST(0.5 AS DECIMAL(38, 37))",
          "0.15000000000000000000000000000000000 DECIMAL(38, 35); "
          "0.15000000000000000000000000000000000"},
         {"CAST(99999999999999999999.0 AS DECIMAL(38, 0)) * CAST(99999999999999999999.0 AS "
          "DECIMAL(38, "
          "0))",
          "!Numeric field overflow: the result has too many digits DECIMAL(38, 0); !Numeric field "
          "overflow: the result has too many digits"}});
}

TEST(Expression, comparisons_with_null_are_false) {
  check({{"I = 7", "true BOOLEAN; false"},
         {"I <> 8", "true BOOLEAN; false"},
         {"NOT (I = 7)", "false BOOLEAN; true"},
         {"I < 7.5", "true BOOLEAN; false"},
         {"L >= D", "true BOOLEAN; false"},
         {"DE = 10.1", "true BOOLEAN; false"},
         {"DE > I", "true BOOLEAN; false"},
         {"S < 'world'", "true BOOLEAN; false"},
         {"B = TRUE", "true BOOLEAN; false"},
         {"A = ARRAY[1, NULL, 3]", "true BOOLEAN; false"},
         {"ST = STRUCT(X := 5, Y := 'yes')", "true BOOLEAN; false"},
         {"M <> MAP('a' := 1)", "true BOOLEAN; false"},
         {"BN = BN", "true BOOLEAN; false"}});
}

TEST(Expression, distinct_from_knows_null) {
  check({{"I IS DISTINCT FROM 7", "false BOOLEAN; true"},
         {"I IS NOT DISTINCT FROM J", "false BOOLEAN; true"},
         {"S IS DISTINCT FROM NULL", "true BOOLEAN; false"},
         {"A IS NOT DISTINCT FROM A", "true BOOLEAN; true"}});
}

TEST(Expression, text_is_ordered_by_utf16_units) {
  // U+1F600 is written with surrogates, which sort before U+FFFD.
  check({{"'\xF0\x9F\x98\x80' < '\xEF\xBF\xBD'", "true BOOLEAN; true"},
         {"'a' < 'ab'", "true BOOLEAN; true"},
         {"'b' > 'ab'", "true BOOLEAN; true"}});
}

TEST(Expression, times_compare_with_each_other_and_with_text) {
  check({{"DT = '1970-01-11'", "true BOOLEAN; false"},
         {"DT < TS", "true BOOLEAN; false"},
         {"TM = '10:00'", "true BOOLEAN; false"},
         {"'1970-01-11T00:00:00.005' = TS", "true BOOLEAN; false"},
         {"TS BETWEEN '1970-01-11' AND '1970-01-12'", "true BOOLEAN; false"}});
}

TEST(Expression, rowtime_compares_with_text_as_epoch_milliseconds) {
  check({{"ROWTIME > '2018-01-01T00:00:00.001'", "false BOOLEAN; false"},
         {"'2018' <= ROWTIME", "true BOOLEAN; false"},
         {"ROWTIME BETWEEN '2018-01-01T00:00:00.001' AND '2018-01-01T00:00:01'",
          "true BOOLEAN; false"},
         {"ROWTIME = '2018-01-01T02:00:00.001+0200'", "true BOOLEAN; false"}});
}

TEST(Expression, between_and_in_are_two_valued) {
  check({{"I BETWEEN 7 AND 8", "true BOOLEAN; false"},
         {"I NOT BETWEEN 8 AND 9", "true BOOLEAN; true"},
         {"I IN (1, 7)", "true BOOLEAN; false"},
         {"I NOT IN (1, 2)", "true BOOLEAN; true"},
         {"I IN (1, NULL, J + 7)", "true BOOLEAN; false"},
         {"I IN (1, '7')", "true BOOLEAN; false"},
         {"I IN (1, '2147483648')", "false BOOLEAN; false"},
         {"S IN (TRUE, 10, 'hello')", "true BOOLEAN; false"},
         {"'10.30' IN (S, 10.30)", "true BOOLEAN; true"},
         {"B IN (FALSE, 'Y')", "true BOOLEAN; false"},
         {"A IN (ARRAY[1], ARRAY['1', NULL, 3])", "true BOOLEAN; false"},
         {"ST IN (STRUCT(Y := 'yes', X := '5'))", "true BOOLEAN; false"},
         {"ST IN (STRUCT(Y := 'yes', X := 5, Z := 1))", "false BOOLEAN; false"}});
}

TEST(Expression, like_matches_runs_and_single_characters) {
  check({{"'barfoobaz' LIKE '%foo%'", "true BOOLEAN; true"},
         {"'foo' LIKE 'f_o'", "true BOOLEAN; true"},
         {"'foo' LIKE 'F%'", "false BOOLEAN; false"},
         {"'aXbXc' LIKE '%X%c'", "true BOOLEAN; true"},
         {"'aab' LIKE '%ab'", "true BOOLEAN; true"},
         {"'' LIKE '%'", "true BOOLEAN; true"},
         {"'' LIKE '_'", "false BOOLEAN; false"},
         {"'\xC3\xA9' LIKE '_'", "true BOOLEAN; true"},
         {"'50%' LIKE '50!%' ESCAPE '!'", "true BOOLEAN; true"},
         {"'50x' LIKE '50!%' ESCAPE '!'", "false BOOLEAN; false"},
         {"'a\nb' LIKE 'a%b'", "true BOOLEAN; true"},
         {"'a\nb' LIKE '%\n%'", "true BOOLEAN; true"},
         {"'foo' NOT LIKE 'b%'", "true BOOLEAN; true"},
         {"'aa' LIKE 'aa%a'", "false BOOLEAN; false"},
         {"'ab' LIKE '%_b%'", "true BOOLEAN; true"},
         {"'b' LIKE '%_b%'", "false BOOLEAN; false"},
         {"'abcabd' LIKE '%a_d'", "true BOOLEAN; true"},
         {"'a\xC3\xA9' LIKE '%__'", "true BOOLEAN; true"},
         {"'\xC3\xA9' LIKE '%__'", "false BOOLEAN; false"},
         {"'a\nbb' LIKE 'a%b'", "true BOOLEAN; true"},
         {"'ab\nb' LIKE 'a%b%'", "true BOOLEAN; true"},
         {"'xaxbx' LIKE '%a%b%'", "true BOOLEAN; true"},
         {"'xbxax' LIKE '%a%b%'", "false BOOLEAN; false"},
         {"S LIKE 'he%'", "true BOOLEAN; !LIKE with a null"},
         {"'a' LIKE 'a!' ESCAPE '!'",
          "!LIKE pattern must not end with escape character BOOLEAN; !LIKE pattern must not end "
          "with escape character"}});
}

// The part between two wildcards is found in time linear in the text; if it contains `_`, the
// search ends with an error.
TEST(Expression, like_does_not_take_for_ever) {
  check({{"LPAD('b', 1000000, 'a') LIKE CONCAT('%', LPAD('c', 500000, 'a'), '%')",
          "false BOOLEAN; false"},
         {"LPAD('b', 1000000, 'a') LIKE CONCAT('%', LPAD('b', 500000, 'a'), '%')",
          "true BOOLEAN; true"},
         {"LPAD('b', 100000, 'a') LIKE CONCAT('%_', LPAD('c', 50000, 'a'), '%')",
          "!LIKE takes too many steps on this text BOOLEAN; !LIKE takes too many steps on this "
          "text"}});
}

TEST(Expression, logic_is_lazy_and_refuses_null) {
  check({{"I = 7 AND J = 0", "true BOOLEAN; false"},
         {"I = 8 AND 1 / J = 1", "false BOOLEAN; false"},
         {"I = 7 OR 1 / J = 1", "true BOOLEAN; false"},
         {"I = 7 AND 1 / J = 1", "!division by zero BOOLEAN; false"},
         {"B AND TRUE", "true BOOLEAN; !a condition is null"},
         {"FALSE AND B", "false BOOLEAN; false"},
         {"TRUE OR B", "true BOOLEAN; true"},
         {"NOT B", "false BOOLEAN; !NOT of a null"}});
}

TEST(Expression, null_tests) {
  check({{"I IS NULL", "false BOOLEAN; true"},
         {"I IS NOT NULL", "true BOOLEAN; false"},
         {"NULL IS NULL", "true BOOLEAN; true"},
         {"(I / J) IS NULL", "!division by zero BOOLEAN; true"}});
}

TEST(Expression, case_takes_the_first_branch_that_holds) {
  check({{"CASE WHEN I = 7 THEN 'seven' ELSE 'other' END", "seven STRING; other"},
         {"CASE I WHEN 1 THEN 'one' WHEN 7 THEN 'seven' END", "seven STRING; null"},
         {"CASE WHEN I < 7 THEN NULL WHEN I >= 7 THEN 1 END", "1 INTEGER; null"},
         {"CASE WHEN J = 0 THEN 100 ELSE I / J END", "100 INTEGER; null"},
         {"CASE WHEN J = 1 THEN 100 ELSE I / J END", "!division by zero INTEGER; null"},
         {"CASE WHEN I = 7 THEN A ELSE ARRAY[9] END", "[1, null, 3] ARRAY<INTEGER>; [9]"},
         {"CASE WHEN B THEN 1 ELSE 2 END", "1 INTEGER; !a condition is null"}});
}

TEST(Expression, subscripts_count_from_one_and_from_the_end) {
  check({{"A[1]", "1 INTEGER; null"},
         {"A[-1]", "3 INTEGER; null"},
         {"A[2]", "null INTEGER; null"},
         {"A[0]", "null INTEGER; null"},
         {"A[4]", "null INTEGER; null"},
         {"A[-4]", "null INTEGER; null"},
         {"M['a']", "1 INTEGER; null"},
         {"M['x']", "null INTEGER; null"},
         {"ARRAY[A, A][2][3]", "3 INTEGER; null"},
         {"ST->X", "5 INTEGER; null"},
         {"ST->Y || '!'", "yes! STRING; null"}});
}

TEST(Expression, constructors_bring_their_parts_to_one_type) {
  check({{"ARRAY[I, L]", "[7, 3000000000] ARRAY<BIGINT>; [null, null]"},
         {"ARRAY[NULL, 10, '2e1', I, L]",
          "[null, 10, 20, 7, 3000000000] ARRAY<DECIMAL(19, 0)>; [null, 10, 20, null, null]"},
         {"MAP(S := B, 'k' := 'true', 10 := 'no')",
          "{hello=true, k=true, 10=false} MAP<STRING, BOOLEAN>; {null=null, k=true, 10=false}"},
         {"MAP('a' := 1, 'a' := 2)", "{a=2} MAP<STRING, INTEGER>; {a=2}"},
         {"STRUCT(P := I, Q := A)",
          "Struct{P=7,Q=[1, null, 3]} STRUCT<`P` INTEGER, `Q` ARRAY<INTEGER>>; Struct{}"},
         {"ARRAY[STRUCT(X := I), STRUCT(Y := L)]",
          "[Struct{X=7}, Struct{Y=3000000000}] ARRAY<STRUCT<`X` INTEGER, `Y` BIGINT>>; [Struct{}, "
          "Struct{}]"}});
}

TEST(Expression, an_error_inside_a_constructor_or_cast_is_a_null_there) {
  check({{"ARRAY[44, I / J]", "[44, null] ARRAY<INTEGER>; [44, null]"},
         {"CAST(I / J AS STRING)", "null STRING; null"},
         {"MAP('boo' := I / J, 'shoe' := 3)",
          "{boo=null, shoe=3} MAP<STRING, INTEGER>; {boo=null, shoe=3}"}});
}

TEST(Expression, functions_take_widened_arguments) {
  check({{"ABS(-I)", "7 INTEGER; null"},
         {"SQRT(16)", "4.0 DOUBLE; 4.0"},
         {"GREATEST(I, J, NULL, 5)", "7 INTEGER; 5"},
         {"GREATEST(DE, 1.234)", "10.100 DECIMAL(5, 3); 1.234"},
         {"GREATEST(DT, NULL, '1970-01-12')", "1970-01-12 DATE; 1970-01-12"},
         {"ROUND(DE)", "10 DECIMAL(2, 0); null"},
         {"ROUND(I)", "7 BIGINT; !argument 1 of ROUND is null"},
         {"GENERATE_SERIES(J, I, 3)",
          "[0, 3, 6] ARRAY<INTEGER>; !argument 1 of GENERATE_SERIES is null"}});
}

TEST(Expression, lambdas_see_their_parameters_and_the_row_around_them) {
  check({{"TRANSFORM(A, x => x * I)", "!arithmetic with a null in a lambda ARRAY<INTEGER>; null"},
         {"TRANSFORM(A, x => IFNULL(x, 0) * I)", "[7, 0, 21] ARRAY<INTEGER>; null"},
         {"TRANSFORM(ARRAY[1, 2], x => x + I + J)",
          "[8, 9] ARRAY<INTEGER>; !arithmetic with a null in a lambda"},
         {"TRANSFORM(A, x => CASE WHEN x IS NULL THEN S ELSE 'n' END)",
          "[n, hello, n] ARRAY<STRING>; null"},
         {"FILTER(A, x => x > 1)", "[3] ARRAY<INTEGER>; null"},
         {"FILTER(M, (k, v) => k = 'a' AND v = 1)", "{a=1} MAP<STRING, INTEGER>; null"},
         {"REDUCE(ARRAY[1, 2, 3], 10, (acc, x) => acc + x * I)",
          "52 INTEGER; !arithmetic with a null in a lambda"},
         {"REDUCE(ARRAY[1, 3000000000], 0, (acc, x) => acc + x)", "3000000001 BIGINT; 3000000001"},
         {"TRANSFORM(ARRAY[ARRAY[1, 2], ARRAY[3]], y => REDUCE(y, I, (acc, x) => acc + x))",
          "[10, 10] ARRAY<INTEGER>; [null, null]"},
         {"TRANSFORM(ARRAY[5], x => 1)", "[1] ARRAY<INTEGER>; [1]"}});
}

TEST(Expression, an_error_in_a_lambda_is_an_error_of_the_row) {
  check({{"TRANSFORM(ARRAY[1, 2], x => x / J)",
          "!division by zero ARRAY<INTEGER>; !arithmetic with a null in a lambda"}});
}

TEST(Expression, functions_take_failed_arguments_as_nulls) {
  check({{"COALESCE(I / J, 5)", "5 INTEGER; 5"}, {"IFNULL(CAST('x' AS INT), 3)", "3 INTEGER; 3"}});
}
