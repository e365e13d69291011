#include "engine/connect/postgres/pg_types.h"

#include <gtest/gtest.h>

#include "engine/connect/postgres/pg_times.h"

namespace engine {
namespace {

PgType type_of(std::string name, int32_t modifier = -1) {
  const auto type = pg_type_of({.name = std::move(name), .modifier = modifier});
  EXPECT_TRUE(type.has_value());
  return type.value_or(PgType());
}

std::string json_of(const PgType& type, std::string_view text, const PgValueModes& modes = {}) {
  const auto json = pg_value_json(type, modes, text);
  return json ? *json : json.error().message;
}

TEST(PgTypes, ADecimalIsItsUnscaledNumberInFewestBytes) {
  const PgType price = type_of("numeric", (6 << 16 | 2) + 4);
  EXPECT_EQ(json_of(price, "0.00"), "\"AA==\"");
  EXPECT_EQ(json_of(price, "1.27"), "\"fw==\"");   // 127 = 7f
  EXPECT_EQ(json_of(price, "1.28"), "\"AIA=\"");   // 128 = 0080
  EXPECT_EQ(json_of(price, "-1.28"), "\"gA==\"");  // -128 = 80
  EXPECT_EQ(json_of(price, "-1.29"), "\"/38=\"");  // -129 = ff7f
  EXPECT_EQ(json_of(price, "5"), "\"AfQ=\"");      // 500 = 01f4
  EXPECT_EQ(json_of(price, "1.50", {.decimals = DecimalMode::String}), "\"1.50\"");
  EXPECT_EQ(json_of(price, "1.50", {.decimals = DecimalMode::Double}), "1.50");
  EXPECT_EQ(pg_value_json(price, {}, "NaN").error().code, ErrorCode::OutOfRange);
  // 2^64, which no integer of C++ has
  EXPECT_EQ(json_of(type_of("numeric"), "18446744073709551616"),
            R"({"scale":0,"value":"AQAAAAAAAAAA"})");
}

TEST(PgTypes, TimesHaveTheUnitOfTheirDigits) {
  EXPECT_EQ(json_of(type_of("timestamp", 3), "1970-01-01 00:00:01.5"), "1500");
  EXPECT_EQ(json_of(type_of("timestamp"), "1970-01-01 00:00:01.5"), "1500000");
  EXPECT_EQ(json_of(type_of("timestamp", 3), "1969-12-31 23:59:59.9"), "-100");
  EXPECT_EQ(json_of(type_of("time", 0), "00:00:01"), "1000");
  EXPECT_EQ(json_of(type_of("time"), "24:00:00"), "86400000000");
  EXPECT_EQ(json_of(type_of("timestamp"), "1970-01-01 00:00:01", {.times = TimeMode::Connect}),
            "1000");
  EXPECT_EQ(json_of(type_of("date"), "0001-12-31 BC"), "-719163");
  EXPECT_EQ(json_of(type_of("date"), "294276-01-01"), "106762574");
  EXPECT_EQ(json_of(type_of("timestamptz"), "2024-05-06 12:00:00.25+00"),
            "\"2024-05-06T12:00:00.250Z\"");
  EXPECT_EQ(json_of(type_of("timetz"), "00:30:00-01:30"), "\"02:00:00Z\"");
}

TEST(PgTypes, AnIntervalIsMicrosecondsOrText) {
  EXPECT_EQ(json_of(type_of("interval"), "P1DT1S"), "86401000000");
  EXPECT_EQ(json_of(type_of("interval"), "PT-0.5S"), "-500000");
  EXPECT_EQ(json_of(type_of("interval"), "P1Y2M3DT4H5M6.7S", {.intervals = IntervalMode::String}),
            "\"P1Y2M3DT4H5M6.7S\"");
}

TEST(PgTypes, BytesAndBits) {
  EXPECT_EQ(json_of(type_of("bytea"), "\\xfbff"), "\"+/8=\"");
  EXPECT_EQ(json_of(type_of("bytea"), "\\xfbff", {.binary = BinaryMode::Base64UrlSafe}),
            "\"-_8=\"");
  EXPECT_EQ(json_of(type_of("bytea"), "\\xfbff", {.binary = BinaryMode::Hex}), "\"fbff\"");
  EXPECT_EQ(json_of(type_of("bit", 1), "1"), "true");
  EXPECT_EQ(json_of(type_of("bit", 10), "1000000001"), "\"AQI=\"");
}

TEST(PgTypes, AnArrayHasValuesOfItsElement) {
  const PgType numbers = *pg_type_of({.name = "int4", .is_array = true});
  EXPECT_EQ(json_of(numbers, "{1,NULL,-3}"), "[1,null,-3]");
  EXPECT_EQ(json_of(numbers, "{}"), "[]");
  EXPECT_EQ(json_of(numbers, "[0:1]={1,2}"), "[1,2]");
  EXPECT_EQ(pg_value_json(numbers, {}, "{{1},{2}}").error().code, ErrorCode::OutOfRange);
  const PgType texts = *pg_type_of({.name = "text", .is_array = true});
  EXPECT_EQ(json_of(texts, R"({"a,b","c\"d\\e","NULL",NULL,f})"),
            R"(["a,b","c\"d\\e","NULL",null,"f"])");
}

TEST(PgTypes, ATypeWithoutAFormIsLeftOut) {
  EXPECT_FALSE(pg_type_of({.name = "point"}));
  EXPECT_FALSE(pg_type_of({.name = "point", .is_array = true}));
  EXPECT_EQ(pg_type_of({.name = "mood", .is_enum = true, .labels = "sad,ok"})->labels, "sad,ok");
}

TEST(PgTypes, SchemasHaveTheNamesOfKafkaConnect) {
  EXPECT_EQ(pg_schema_json(type_of("int4"), {}, false, "id"),
            R"({"type":"int32","optional":false,"field":"id"})");
  EXPECT_EQ(
      pg_schema_json(type_of("numeric", (6 << 16 | 2) + 4), {}, true, "n"),
      R"({"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal",)"
      R"("version":1,"parameters":{"scale":"2","connect.decimal.precision":"6"},"field":"n"})");
  EXPECT_EQ(pg_schema_json(type_of("timestamptz"), {}, true, "t"),
            R"({"type":"string","optional":true,"name":"io.debezium.time.ZonedTimestamp",)"
            R"("version":1,"field":"t"})");
}

TEST(PgTypes, AValueThatIsNotOfItsTypeIsAnError) {
  EXPECT_FALSE(pg_value_json(type_of("date"), {}, "2024-13-01"));
  EXPECT_FALSE(pg_value_json(type_of("time"), {}, "noon"));
  EXPECT_FALSE(pg_value_json(type_of("bytea"), {}, "\\x0"));
  EXPECT_FALSE(pg_value_json(type_of("interval"), {}, "1 day"));
}

}  // namespace
}  // namespace engine
