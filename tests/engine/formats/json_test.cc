#include <cmath>
#include <random>

#include "tests/engine/formats/format_test_tools.h"

namespace engine {
namespace {

const FormatSpec kJson{.name = "JSON"};

std::vector<ColumnDef> one(SqlType type) { return {{"V", std::move(type)}}; }

// Reads {"V": json} with a column V of the type. Returns the value, or a text "error: ...".
Value read_one(const SqlType& type, std::string_view json) {
  const std::string payload = "{\"V\":" + std::string(json) + "}";
  const ReadRows got = read_rows(kJson, one(type), {payload});
  if (got.status.states[0] == RowState::Error)
    return Value::text("error: " + got.status.problems.at(0).message);
  return got.at(0, 0);
}
bool is_refused(const SqlType& type, std::string_view json) {
  const Value value = read_one(type, json);
  return value.payload().index() == Value::text("").payload().index() &&
         value.as_string().starts_with("error: ");
}
Value text(const char* s) { return Value::text(s); }

TEST(JsonReader, whole_numbers_come_from_numbers_and_numeric_strings) {
  EXPECT_EQ(read_one(TypeKind::Integer, "-7"), Value::integer(-7));
  EXPECT_EQ(read_one(TypeKind::Integer, "\"42\""), Value::integer(42));
  EXPECT_EQ(read_one(TypeKind::Integer, "3.99"), Value::integer(3));
  EXPECT_EQ(read_one(TypeKind::Integer, "-3.99e1"), Value::integer(-39));
  EXPECT_EQ(read_one(TypeKind::Bigint, "9223372036854775807"), Value::bigint(INT64_MAX));
  EXPECT_EQ(read_one(TypeKind::Bigint, "-9223372036854775808"), Value::bigint(INT64_MIN));
  EXPECT_EQ(read_one(TypeKind::Integer, "null"), Value());
  for (const char* wrong : {"\"4.2\"", "\"x\"", "\"\"", "true", "{}", "[1]", "2147483648", "1e300"})
    EXPECT_TRUE(is_refused(TypeKind::Integer, wrong)) << wrong;
  EXPECT_TRUE(is_refused(TypeKind::Bigint, "9223372036854775808"));
}

// In a topic with many invalid records, only the first few and the last one get an explanation; the last one is shown
// as the last error.
TEST(JsonReader, in_a_flood_the_last_record_still_has_its_reason) {
  std::vector<std::string> payloads(1'000, R"({"V":"many"})");
  payloads.push_back(R"({"V":"few"})");
  const ReadRows got = read_rows(kJson, one(TypeKind::Integer), {payloads.begin(), payloads.end()});
  EXPECT_EQ(got.status.errors, 1'001u);
  EXPECT_EQ(got.status.problems.size(), RowStatus::kMaxProblems);
  EXPECT_EQ(got.status.problems.back().row, 1'000u);
  EXPECT_NE(got.status.problems.back().message.find("few"), std::string::npos);
}

TEST(JsonReader, doubles_come_from_numbers_and_numeric_strings) {
  EXPECT_EQ(read_one(TypeKind::Double, "1"), Value::number(1));
  EXPECT_EQ(read_one(TypeKind::Double, "-0.5e-3"), Value::number(-0.0005));
  EXPECT_EQ(read_one(TypeKind::Double, "\"1.5\""), Value::number(1.5));
  EXPECT_EQ(read_one(TypeKind::Double, "\"NaN\""), Value::number(std::nan("")));
  EXPECT_EQ(read_one(TypeKind::Double, "\"-Infinity\""), Value::number(-HUGE_VAL));
  for (const char* wrong : {"NaN", "01", "1.", ".5", "+1", "\"x\"", "false", "1e", "0x10", "--1"})
    EXPECT_TRUE(is_refused(TypeKind::Double, wrong)) << wrong;
}

TEST(JsonReader, decimals_must_fit_exactly) {
  const SqlType type = SqlType::decimal(4, 2);
  EXPECT_EQ(read_one(type, "1.5"), Value::decimal(150, 2));
  EXPECT_EQ(read_one(type, "\"99.99\""), Value::decimal(9999, 2));
  EXPECT_EQ(read_one(type, "1.5e1"), Value::decimal(1500, 2));
  for (const char* wrong : {"1.005", "100", "\"x\"", "true", "[]"})
    EXPECT_TRUE(is_refused(type, wrong)) << wrong;
}

TEST(JsonReader, strings_take_the_text_of_anything) {
  EXPECT_EQ(read_one(TypeKind::String, R"("a b")"), text("a b"));
  EXPECT_EQ(read_one(TypeKind::String, R"("a\n\"\u00e4\ud83d\ude00\/")"), text("a\n\"ä😀/"));
  EXPECT_EQ(read_one(TypeKind::String, R"("\ud83d x")"), text("\xef\xbf\xbd x"));
  EXPECT_EQ(read_one(TypeKind::String, "1.50"), text("1.50"));
  EXPECT_EQ(read_one(TypeKind::String, "true"), text("true"));
  EXPECT_EQ(read_one(TypeKind::String, R"({ "a" : [1, "x\u0041"], "b":null })"),
            text(R"({"a":[1,"xA"],"b":null})"));
  EXPECT_EQ(read_one(TypeKind::String, R"([1, "x", null, [true], {"a" : 1}])"),
            text(R"([1, x, null, [true], {"a":1}])"));
  EXPECT_EQ(read_one(TypeKind::String, "null"), Value());
  for (const char* wrong : {R"("\x")", R"("\u12")", "\"\x01\"", "\"\xff\"", "tru", "nul"})
    EXPECT_TRUE(is_refused(TypeKind::String, wrong)) << wrong;
}

TEST(JsonReader, booleans_bytes_and_times) {
  EXPECT_EQ(read_one(TypeKind::Boolean, "true"), Value::boolean(true));
  EXPECT_TRUE(is_refused(TypeKind::Boolean, "\"true\""));
  EXPECT_TRUE(is_refused(TypeKind::Boolean, "1"));
  EXPECT_TRUE(is_refused(TypeKind::Boolean, "\"yes\""));
  EXPECT_EQ(read_one(TypeKind::Bytes, "\"YWI=\""), text("ab"));
  EXPECT_TRUE(is_refused(TypeKind::Bytes, "\"YWI\""));
  EXPECT_EQ(read_one(TypeKind::Date, "19000"), Value::integer(19000));
  EXPECT_EQ(read_one(TypeKind::Time, "86399999"), Value::integer(86399999));
  EXPECT_TRUE(is_refused(TypeKind::Time, "86400000"));
  EXPECT_EQ(read_one(TypeKind::Timestamp, "1700000000000"), Value::bigint(1700000000000));
  // In a string of digits, some producers mean seconds and others milliseconds, so such a text is refused.
  for (const TypeKind type : {TypeKind::Date, TypeKind::Time, TypeKind::Timestamp})
    for (const char* wrong : {"\"17\"", "\"1600000000\"", "\"2024-01-01\"", "\"\""})
      EXPECT_TRUE(is_refused(type, wrong)) << wrong;
}

TEST(JsonReader, a_member_of_a_union_is_in_the_first_field_that_can_hold_it) {
  const SqlType type =
      SqlType::structure({{"CONNECT_UNION_FIELD_0", TypeKind::String},
                          {"CONNECT_UNION_FIELD_1", TypeKind::Bigint},
                          {"CONNECT_UNION_FIELD_2", TypeKind::Double},
                          {"CONNECT_UNION_FIELD_3", SqlType::array(TypeKind::Bigint)}});
  const auto member = [](size_t at, Value value) {
    std::vector<Value> fields(4);
    fields[at] = std::move(value);
    return Value::list(std::move(fields));
  };
  EXPECT_EQ(read_one(type, "\"x\""), member(0, text("x")));
  EXPECT_EQ(read_one(type, "5"), member(1, Value::bigint(5)));
  EXPECT_EQ(read_one(type, "5.5"), member(2, Value::number(5.5)));
  EXPECT_EQ(read_one(type, "[7]"), member(3, Value::list({Value::bigint(7)})));
  EXPECT_EQ(read_one(type, R"({"CONNECT_UNION_FIELD_1":6})"), member(1, Value::bigint(6)));
  EXPECT_EQ(read_one(type, "{}"), Value::list({Value(), Value(), Value(), Value()}));
  EXPECT_EQ(read_one(type, "null"), Value());
  for (const char* wrong : {"true", R"({"a":1})", "[\"x\"]", "99999999999999999999"})
    EXPECT_TRUE(is_refused(type, wrong)) << wrong;
}

TEST(JsonReader, nested_values_of_any_depth) {
  const SqlType type = SqlType::structure(
      {{"IDS", SqlType::array(TypeKind::Integer)},
       {"TAGS", SqlType::map(TypeKind::String, SqlType::array(TypeKind::String))},
       {"IN", SqlType::structure({{"A", TypeKind::Double}})}});
  EXPECT_EQ(
      read_one(type, R"({"ids":[1,null,"3"],"Tags":{"x\n":["y"],"z":null},"in":{"a":1}})"),
      Value::list({Value::list({Value::integer(1), Value(), Value::integer(3)}),
                   Value::map({{text("x\n"), Value::list({text("y")})}, {text("z"), Value()}}),
                   Value::list({Value::number(1)})}));
  EXPECT_EQ(read_one(type, "{}"), Value::list({Value(), Value(), Value()}));
  EXPECT_EQ(read_one(SqlType::array(TypeKind::Integer), "[]"), Value::list({}));
  for (const char* wrong :
       {"[]", "1", R"({"ids":{}})", R"({"ids":[1,"x"]})", R"({"tags":[]})", R"({"ids":[1,)"})
    EXPECT_TRUE(is_refused(type, wrong)) << wrong;
}

TEST(JsonReader, the_exact_name_wins_over_the_upper_cased_one_in_any_order) {
  const std::vector<ColumnDef> columns = {{"FOO", TypeKind::Integer}, {"bar", TypeKind::Integer}};
  const ReadRows got =
      read_rows(kJson, columns,
                {R"({"foo":1,"bar":5})", R"({"foo":1,"FOO":2,"BAR":5})", R"({"FOO":2,"foo":1})",
                 R"({"FOO":null,"foo":1})", R"({"Foo":3,"foo":1})"});
  EXPECT_EQ(got.at(0, 0), Value::integer(1));
  EXPECT_EQ(got.at(0, 1), Value::integer(5));
  EXPECT_EQ(got.at(1, 0), Value::integer(2));
  EXPECT_EQ(got.at(1, 1), Value());  // because BAR is not the name of `bar`
  EXPECT_EQ(got.at(2, 0), Value::integer(2));
  EXPECT_EQ(got.at(3, 0), Value());
  EXPECT_EQ(got.at(4, 0), Value::integer(1));
}

TEST(JsonReader, the_last_of_duplicate_keys_counts) {
  const std::vector<ColumnDef> columns = {
      {"A", TypeKind::Integer},
      {"L", SqlType::array(TypeKind::Integer)},
      {"M", SqlType::map(TypeKind::String, TypeKind::Integer)},
      {"S", SqlType::structure({{"X", SqlType::array(TypeKind::Integer)}})}};
  const ReadRows got = read_rows(
      kJson, columns,
      {R"({"A":1,"A":2,"L":[1,2],"L":[3],"M":{"k":1,"j":2,"k":3},"S":{"X":[1],"X":[2,3]}})",
       R"({"A":1,"A":null,"L":[1,2],"L":null,"S":{"X":[1]},"S":{}})"});
  EXPECT_EQ(got.at(0, 0), Value::integer(2));
  EXPECT_EQ(got.at(0, 1), Value::list({Value::integer(3)}));
  EXPECT_EQ(got.at(0, 2),
            Value::map({{text("k"), Value::integer(3)}, {text("j"), Value::integer(2)}}));
  EXPECT_EQ(got.at(0, 3), Value::list({Value::list({Value::integer(2), Value::integer(3)})}));
  EXPECT_EQ(got.at(1, 0), Value());
  EXPECT_EQ(got.at(1, 1), Value());
  EXPECT_EQ(got.at(1, 3), Value::list({Value()}));
}

TEST(JsonReader, keys_with_escapes_and_new_orders_are_found) {
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Integer}, {"B", TypeKind::Integer}};
  const ReadRows got = read_rows(kJson, columns,
                                 {R"({"A":1,"B":2})", R"({"B":3,"A":4})", R"({"B":5})",
                                  R"({"\u0041":6,"x":0,"b":7})", R"({"\u0041":8,"x":0,"b":9})"});
  const int expected[][2] = {{1, 2}, {4, 3}, {-1, 5}, {6, 7}, {8, 9}};
  for (size_t row = 0; row < 5; ++row)
    for (size_t column = 0; column < 2; ++column)
      EXPECT_EQ(got.at(row, column),
                expected[row][column] < 0 ? Value() : Value::integer(expected[row][column]));
}

TEST(JsonReader, a_row_is_a_value_null_or_an_error) {
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Integer},
                                          {"L", SqlType::array(TypeKind::String)}};
  const ReadRows got = read_rows(
      kJson, columns,
      {R"({"A":1,"L":["x"]})", std::nullopt, " null ", "", "  ", "[]", "12",
       R"({"A":2,"L":["x", 1)", R"({"A":"x","L":["y"]})", R"({"L":["y",{"z":1}],"A":"x"})",
       R"({"A":3} x)", R"({"A":3}{})", R"({"A":3,})", R"({"A" 3})", R"({"A":4,"L":["z"]})"});
  const auto& states = got.status.states;
  EXPECT_EQ(states[0], RowState::Value);
  EXPECT_EQ(states[1], RowState::Null);
  EXPECT_EQ(states[2], RowState::Null);
  for (size_t row = 3; row < 14; ++row) {
    EXPECT_EQ(states[row], RowState::Error) << row;
    EXPECT_EQ(got.at(row, 0), Value()) << row;
    EXPECT_EQ(got.at(row, 1), Value()) << row;
  }
  EXPECT_EQ(states[14], RowState::Value);
  EXPECT_EQ(got.at(14, 1), Value::list({text("z")}));
  EXPECT_EQ(got.status.errors, 11u);
  EXPECT_EQ(got.status.problems[5].message, "column A: expected INTEGER, got x");
}

TEST(JsonReader, each_error_belongs_to_its_own_row) {
  const ReadRows got =
      read_rows(kJson, one(TypeKind::Integer), {R"({"V":"x"})", R"({"V":tru})", R"({"V":1)"});
  ASSERT_EQ(got.status.problems.size(), 3u);
  EXPECT_EQ(got.status.problems[0].message, "column V: expected INTEGER, got x");
  EXPECT_EQ(got.status.problems[1].message, "not valid JSON: a value was expected at byte 8");
  EXPECT_EQ(got.status.problems[2].message, "not valid JSON: expected '}' at byte 6");
}

TEST(JsonReader, unneeded_values_are_skipped_but_must_be_well_formed) {
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Integer}, {"B", TypeKind::Integer}};
  const ReadRows got =
      read_rows(kJson, columns,
                {R"({"A":1,"B":"not a number","C":[{"x":[]}]})", R"({"A":1,"B":tru})",
                 R"({"A":1,"B":[1 2]})", R"({"A":1,"B":"\x"})"},
                Side::Value, {true, false});
  EXPECT_EQ(got.at(0, 0), Value::integer(1));
  EXPECT_EQ(got.status.errors, 3u);
}

TEST(JsonReader, bare_values) {
  const FormatSpec bare{.name = "JSON", .wrap_single = false};
  const ReadRows got =
      read_rows(bare, one(TypeKind::Integer), {"10", "null", "\"11\"", "{}", "1 2"});
  EXPECT_EQ(got.at(0, 0), Value::integer(10));
  EXPECT_EQ(got.status.states[1], RowState::Null);
  EXPECT_EQ(got.at(2, 0), Value::integer(11));
  EXPECT_EQ(got.status.errors, 2u);
  const ReadRows list = read_rows(bare, one(SqlType::array(TypeKind::String)), {"[1,\"a\"]"});
  EXPECT_EQ(list.at(0, 0), Value::list({text("1"), text("a")}));
}

TEST(JsonReader, nesting_is_bounded) {
  const std::string deep(100'000, '[');
  EXPECT_TRUE(is_refused(TypeKind::String, deep + std::string(100'000, ']')));
  EXPECT_TRUE(is_refused(TypeKind::Integer, deep));
  const std::string payload = R"({"X":)" + deep + std::string(100'000, ']') + "}";
  EXPECT_EQ(read_rows(kJson, one(TypeKind::Integer), {payload}).status.errors, 1u);
}

const std::vector<ColumnDef> kAllTypes = {
    {"B", TypeKind::Boolean},
    {"I", TypeKind::Integer},
    {"L", TypeKind::Bigint},
    {"D", TypeKind::Double},
    {"DEC", SqlType::decimal(10, 3)},
    {"S", TypeKind::String},
    {"BY", TypeKind::Bytes},
    {"DT", TypeKind::Date},
    {"T", TypeKind::Time},
    {"TS", TypeKind::Timestamp},
    {"A", SqlType::array(SqlType::map(TypeKind::String, TypeKind::Bigint))},
    {"ST", SqlType::structure({{"X", TypeKind::String}, {"Y", SqlType::array(TypeKind::Double)}})}};
constexpr std::string_view kFullRecord =
    R"({"B":true,"I":-1,"L":5000000000,"D":0.001,"DEC":12.500,"S":"a\"\u0001\\\n\u001Fä","BY":"AP8=",)"
    R"("DT":1,"T":2,"TS":-3,"A":[{"k":1,"":null},null,{}],"ST":{"X":null,"Y":[1.0,"NaN"]}})";
constexpr std::string_view kNullRecord =
    R"({"B":null,"I":null,"L":null,"D":null,"DEC":null,"S":null,"BY":null,"DT":null,"T":null,"TS":null,"A":null,"ST":null})";

TEST(JsonWriter, a_record_of_every_type_comes_back_byte_for_byte) {
  const ReadRows got = read_rows(kJson, kAllTypes, {kFullRecord, kNullRecord, "{}"});
  ASSERT_EQ(got.status.errors, 0u) << got.status.problems[0].message;
  const EncodedRows written = write_rows(kJson, kAllTypes, got.columns);
  EXPECT_EQ(written[0], kFullRecord);
  EXPECT_EQ(written[1], kNullRecord);
  EXPECT_EQ(written[2], kNullRecord);
}

TEST(JsonReader, a_text_cut_anywhere_is_an_error_and_never_more) {
  for (size_t size = 0; size < kFullRecord.size(); ++size) {
    // a separate buffer, so that AddressSanitizer finds reads beyond its end
    const std::string cut(kFullRecord.substr(0, size));
    const ReadRows got = read_rows(kJson, kAllTypes, {cut, kFullRecord});
    EXPECT_EQ(got.status.states[0], RowState::Error) << size;
    EXPECT_EQ(got.status.states[1], RowState::Value) << size;
    EXPECT_EQ(write_rows(kJson, kAllTypes, got.columns)[1], kFullRecord) << size;
  }
}

TEST(JsonReader, row_at_a_time_equals_all_at_once_also_for_damaged_records) {
  std::mt19937 random(4711);
  std::vector<std::string> records;
  for (int i = 0; i < 500; ++i) {
    std::string record(kFullRecord);
    for (int damage = static_cast<int>(random() % 3); damage > 0; --damage)
      record[random() % record.size()] = "{}[]:,\"\\ 01x\xff\0"[random() % 14];
    records.push_back(std::move(record));
  }
  std::vector<Payload> payloads(records.begin(), records.end());
  const ReadRows all = read_rows(kJson, kAllTypes, payloads);
  for (size_t row = 0; row < records.size(); ++row) {
    const ReadRows single = read_rows(kJson, kAllTypes, {records[row]});
    ASSERT_EQ(single.status.states[0], all.status.states[row]) << records[row];
    for (size_t column = 0; column < kAllTypes.size(); ++column)
      ASSERT_EQ(single.at(0, column), all.at(row, column)) << records[row];
  }
}

TEST(JsonWriter, absent_rows_bare_nulls_and_null_keys_are_null_records) {
  const ReadRows got = read_rows(kJson, one(TypeKind::Integer), {R"({"V":1})", "{}", R"({"V":3})"});
  Bitmap present(3, true);
  present.clear(2);
  const EncodedRows wrapped =
      write_rows(kJson, one(TypeKind::Integer), got.columns, Side::Value, &present);
  EXPECT_EQ(wrapped[0], R"({"V":1})");
  EXPECT_EQ(wrapped[1], R"({"V":null})");
  EXPECT_EQ(wrapped[2], std::nullopt);
  const EncodedRows key = write_rows(kJson, one(TypeKind::Integer), got.columns, Side::Key);
  EXPECT_EQ(key[0], "1");
  EXPECT_EQ(key[1], std::nullopt);
  const std::vector<ColumnDef> two = {{"A", TypeKind::Integer}, {"B", TypeKind::Integer}};
  const ReadRows keys = read_rows(kJson, two, {R"({"A":1})", std::nullopt}, Side::Key);
  const EncodedRows pairs = write_rows(kJson, two, keys.columns, Side::Key);
  EXPECT_EQ(pairs[0], R"({"A":1,"B":null})");
  EXPECT_EQ(pairs[1], std::nullopt);
  const Bitmap both(2, true);
  EXPECT_EQ(write_rows(kJson, two, keys.columns, Side::Key, &both)[1], R"({"A":null,"B":null})");
}

TEST(JsonWriter, a_null_map_key_is_the_word_null) {
  const auto columns = one(SqlType::map(TypeKind::String, TypeKind::Integer));
  std::vector<std::unique_ptr<Column>> data;
  data.push_back(std::make_unique<Column>(columns[0].type));
  data[0]->append_value(Value::map({{text("a"), Value::integer(1)}, {Value(), Value::integer(2)}}));
  data[0]->append_value(Value::map({}));
  const EncodedRows written = write_rows(kJson, columns, data);
  EXPECT_EQ(written[0], R"({"V":{"a":1,"null":2}})");
  EXPECT_EQ(written[1], R"({"V":{}})");
}

TEST(JsonWriter, a_decimal_that_does_not_fit_its_type_fails_its_row_alone) {
  for (const char* format : {"JSON", "DELIMITED"}) {
    const auto columns = one(SqlType::decimal(4, 2));
    std::vector<std::unique_ptr<Column>> data;
    data.push_back(std::make_unique<Column>(columns[0].type));
    for (const int unscaled : {9999, 10000, -1}) data[0]->append(Int128{unscaled});
    const EncodedRows written = write_rows({.name = format}, columns, data);
    EXPECT_TRUE(written[0] && written[2]);
    EXPECT_EQ(written[1], std::nullopt);
    ASSERT_EQ(written.problems.size(), 1u);
    EXPECT_EQ(written.problems[0].row, 1u);
    EXPECT_EQ(written.problems[0].message, "column V: DECIMAL(4, 2) cannot hold the value");
  }
}

}  // namespace
}  // namespace engine
