#include "engine/types/postgres_types.h"

#include <gtest/gtest.h>

#include "engine/types/coercion.h"
#include "engine/types/column.h"
#include "engine/types/postgres_keywords.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_type.h"
#include "engine/types/text_postgres.h"

namespace engine {
namespace {

// Returns the normal form of a text, or the error.
std::string normal(std::string_view type, std::string_view text) {
  const auto form = normalized_text(type_of(*label_named(type)), text);
  return form ? *form : "! " + form.error().message;
}

TEST(PostgresTypes, rows_are_found_by_their_labels) {
  for (const PostgresLabelRow& row : postgres_labels()) {
    EXPECT_EQ(find_label(row.label), &row) << row.name;
    EXPECT_EQ(label_named(row.name), &row);
    EXPECT_EQ(postgres_type(type_of(row)).oid, row.oid);
    EXPECT_EQ(postgres_type(SqlType::array(type_of(row))).oid, row.array_oid);
    EXPECT_EQ(element_of_oid(row.array_oid), row.oid);
  }
  EXPECT_EQ(find_label(label::kNone), nullptr);
}

TEST(PostgresTypes, labels_do_not_distinguish_types) {
  const SqlType uuid = type_of(*label_named("uuid")), text = TypeKind::String;
  EXPECT_EQ(uuid, text);
  EXPECT_FALSE(uuid.is_identical(text));
  EXPECT_EQ(SqlType::array(uuid), SqlType::array(text));
  EXPECT_FALSE(SqlType::array(uuid).is_identical(SqlType::array(text)));
  EXPECT_TRUE(uuid.labelled(label::kNone).is_identical(text));
}

TEST(PostgresTypes, an_enumeration_takes_its_labels_in_their_order) {
  const SqlType mood = SqlType::named(TypeKind::String, label::kEnum, "MOOD",
                                      {{"sad", {}}, {"ok", {}}, {"happy", {}}});
  EXPECT_EQ(*normalized_text(mood, "ok"), "ok");
  EXPECT_EQ(normalized_text(mood, "OK").error().message,
            "invalid input value for enum MOOD: \"OK\"");
  EXPECT_LT(comparable_text(mood, "sad"), comparable_text(mood, "happy"));
  EXPECT_EQ(postgres_type(mood).oid, user_type_oid("MOOD"));
}

TEST(PostgresTypes, uuids) {
  EXPECT_EQ(normal("uuid", "{A0EEBC99-9C0B4EF8-bb6d6bb9-bd380a11}"),
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  for (const char* bad : {"", "a0ee", "a0eebc999c0b4ef8bb6d6bb9bd380a1g",
                          "-a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11-"})
    EXPECT_TRUE(normal("uuid", bad).starts_with("! invalid input syntax for type uuid")) << bad;
}

TEST(PostgresTypes, json_is_kept_and_jsonb_normal) {
  EXPECT_EQ(normal("json", " {\"b\" : 1} "), " {\"b\" : 1} ");
  EXPECT_EQ(normal("jsonb", R"( {"bb":1,"a":[1,2.50,1e2 ],"a":{"x":null},"c":"\u00e9\n\u0041"} )"),
            "{\"a\": {\"x\": null}, \"c\": \"\xc3\xa9\\nA\", \"bb\": 1}");
  EXPECT_EQ(normal("jsonb", "[1, 2.50, 1e2, -0, 1E-3]"), "[1, 2.50, 100, 0, 0.001]");
  EXPECT_EQ(normal("jsonb", R"("\ud83d\ude00")"), "\"\xf0\x9f\x98\x80\"");
  for (const char* bad : {"", "{", "[1,]", "{\"a\"}", "01", "1.", "tru", "\"\\u0000\"",
                          "\"\\ud83d\"", "[1] 2", "{a:1}", "nan"})
    EXPECT_TRUE(normal("jsonb", bad).starts_with("! invalid input syntax for type json")) << bad;
  EXPECT_TRUE(normal("json", std::string(100'000, '[')).starts_with("! "));
  EXPECT_EQ(comparable_jsonb("{\"a\": 1.50}"), comparable_jsonb("{\"a\": 1.5}"));
}

TEST(PostgresTypes, numerics_keep_their_digits) {
  EXPECT_EQ(normal("numeric", " 0012.50 "), "12.50");
  EXPECT_EQ(normal("numeric", "-1.5e3"), "-1500");
  EXPECT_EQ(normal("numeric", "15e-3"), "0.015");
  EXPECT_EQ(normal("numeric", "-0.00"), "0.00");
  EXPECT_EQ(normal("numeric", "nan"), "NaN");
  EXPECT_EQ(normal("numeric", "-inf"), "-Infinity");
  for (const char* bad : {"", ".", "-", "1e", "1.2.3", "0x1"})
    EXPECT_TRUE(normal("numeric", bad).starts_with("! invalid input")) << bad;
  EXPECT_TRUE(normal("numeric", "1e999999").starts_with("! value overflows"));
  EXPECT_LT(compare_numeric("-10", "-9.5"), 0);
  EXPECT_GT(compare_numeric("10", "9.5"), 0);
  EXPECT_EQ(compare_numeric("1.50", "1.5"), 0);
  EXPECT_GT(compare_numeric("NaN", "Infinity"), 0);
}

TEST(PostgresTypes, intervals) {
  EXPECT_EQ(normal("interval", "1 year 2 months 3 days 04:05:06.7"),
            "1 year 2 mons 3 days 04:05:06.7");
  EXPECT_EQ(normal("interval", "P1Y2M3DT4H5M6.7S"), "1 year 2 mons 3 days 04:05:06.7");
  EXPECT_EQ(normal("interval", "1.5 days"), "1 day 12:00:00");
  EXPECT_EQ(normal("interval", "0"), "00:00:00");
  EXPECT_EQ(normal("interval", "-1 day +02:03"), "-1 days +02:03:00");
  EXPECT_EQ(normal("interval", "1 day ago"), "-1 days");
  EXPECT_EQ(normal("interval", "1-2"), "1 year 2 mons");
  EXPECT_EQ(normal("interval", "1000000 us"), "00:00:01");
  EXPECT_EQ(normal("interval", "-0.000001 s"), "-00:00:00.000001");
  for (const char* bad : {"", "day", "1 fortnight", "P", "1:99"})
    EXPECT_TRUE(normal("interval", bad).starts_with("! invalid input")) << bad;
  EXPECT_TRUE(
      normal("interval", "9999999999 days").starts_with("! interval field value out of range"));
  EXPECT_EQ(comparable_interval("1 day"), comparable_interval("24:00:00"));
  EXPECT_LT(comparable_interval("-1 days"), comparable_interval("00:00:00"));
  EXPECT_LT(comparable_interval("29 days"), comparable_interval("1 mon"));
}

TEST(PostgresTypes, times_with_zones) {
  EXPECT_EQ(normal("timetz", "10:20:30.5+02"), "10:20:30.5+02");
  EXPECT_EQ(normal("timetz", "10:20-05:30"), "10:20:00-05:30");
  EXPECT_EQ(normal("timetz", "10:20"), "10:20:00+00");
  EXPECT_EQ(normal("timetz", "25:00"), "! date/time field value out of range: \"25:00\"");
  EXPECT_TRUE(normal("timetz", "ten").starts_with("! invalid input syntax for type time"));
}

TEST(PostgresTypes, exact_times_have_one_form_and_an_order) {
  EXPECT_EQ(*normal_timestamp("0258-1-8 1:12:32.358261"), "0258-01-08 01:12:32.358261");
  EXPECT_EQ(*normal_timestamp("2000-01-01 12:00+05"), "2000-01-01 12:00:00");
  EXPECT_EQ(*normal_timestamptz("2000-01-01 00:00+01:02:03"), "1999-12-31 22:57:57+00");
  EXPECT_EQ(*normal_timestamptz("1000-01-01 12:00+00 BC"), "1000-01-01 12:00:00+00 BC");
  EXPECT_EQ(*normal_timestamp("epoch"), "1970-01-01 00:00:00");
  EXPECT_EQ(*normal_date("2000-1-2 03:04:05.5+00"), "2000-01-02");
  EXPECT_EQ(*normal_date("0001-12-31 BC"), "0001-12-31 BC");
  EXPECT_EQ(*normal_time("2000-01-02 23:59:59.9999995"), "24:00:00");
  EXPECT_EQ(*normal_time("10:20:30.000040"), "10:20:30.00004");
  for (const char* bad : {"2000-02-30", "0000-01-01", "2000-01-01 25:00", "300000-01-01", "x"})
    EXPECT_FALSE(normal_timestamp(bad)) << bad;
  EXPECT_FALSE(normal_date("9999999-01-01"));
  const char* kAscending[] = {"-infinity",   "4000-01-01 BC",
                              "0001-01-01",  "9999-12-31 23:59:59.999999",
                              "10000-01-01", "infinity"};
  for (size_t i = 1; i < std::size(kAscending); ++i)
    EXPECT_LT(comparable_timestamp(kAscending[i - 1]), comparable_timestamp(kAscending[i]));
  EXPECT_LT(comparable_date("0044-03-15 BC"), comparable_date("0001-01-01"));
}

TEST(PostgresTypes, intervals_are_computed_with) {
  const auto moved = [](const char* instant, const char* interval) {
    const auto us = plus(*parse_instant_us(instant, Zones::Kept, ""), *parse_interval(interval));
    return us ? instant_text(*us, false) : "! " + us.error().message;
  };
  EXPECT_EQ(moved("2024-01-31", "1 month"), "2024-02-29 00:00:00");
  EXPECT_EQ(moved("2024-03-31 10:00", "-1 month 1 us"), "2024-02-29 10:00:00.000001");
  EXPECT_EQ(moved("0001-01-31", "-2 months"), "0001-11-30 00:00:00 BC");
  EXPECT_EQ(moved("infinity", "-1 year"), "infinity");
  EXPECT_EQ(moved("294000-01-01", "1000 years"), "! timestamp out of range");
  const auto scaled = [](const char* interval, double factor) {
    const auto product = times(*parse_interval(interval), factor);
    return product ? interval_text(*product) : "! " + product.error().message;
  };
  EXPECT_EQ(scaled("1 month", 0.1), "3 days");
  EXPECT_EQ(scaled("1 day", 0.5), "12:00:00");
  EXPECT_EQ(scaled("1 mon 1 day 1 sec", -1), "-1 mons -1 days -00:00:01");
  EXPECT_EQ(scaled("2000000000 days", 2), "! interval out of range");
  EXPECT_EQ(interval_text(opposite(Interval{INT64_MIN, 0, 0})), "2562047788:00:54.775807");
  EXPECT_EQ(interval_text(*instants_apart(90'000'000'000, 1)), "1 day 00:59:59.999999");
}

TEST(PostgresTypes, addresses) {
  EXPECT_EQ(normal("inet", "192.168.0.1/32"), "192.168.0.1");
  EXPECT_EQ(normal("inet", "192.168.0.1/24"), "192.168.0.1/24");
  EXPECT_EQ(normal("inet", "::FFFF:1.2.3.4"), "::ffff:1.2.3.4");
  EXPECT_EQ(normal("cidr", "10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(normal("cidr", "10.0.0.1/8"), "! invalid cidr value: \"10.0.0.1/8\"");
  EXPECT_EQ(normal("macaddr", "08002B-010203"), "08:00:2b:01:02:03");
  EXPECT_TRUE(normal("inet", "1.2.3.4/33").starts_with("! "));
}

TEST(PostgresTypes, ranges_of_whole_numbers_and_days_have_one_form) {
  EXPECT_EQ(normal("int4range", "(1,5]"), "[2,6)");
  EXPECT_EQ(normal("int4range", "[1,1)"), "empty");
  EXPECT_EQ(normal("int4range", "(1,2)"), "empty");
  EXPECT_EQ(normal("int4range", "[,]"), "(,)");
  EXPECT_EQ(normal("int8range", " [ 1 , 9223372036854775807 ) "), "[1,9223372036854775807)");
  EXPECT_EQ(normal("daterange", "[2024-02-28,2024-02-29]"), "[2024-02-28,2024-03-01)");
  EXPECT_EQ(normal("numrange", "(1.50,2]"), "(1.50,2]");
  EXPECT_EQ(normal("tsrange", "[2024-01-01,\"2024-01-02 03:04:05.000001\")"),
            "[\"2024-01-01 00:00:00\",\"2024-01-02 03:04:05.000001\")");
  EXPECT_EQ(normal("tstzrange", "[2024-01-01 02:00+02,infinity)"),
            "[\"2024-01-01 00:00:00+00\",infinity)");
  EXPECT_TRUE(normal("int4range", "[5,1]").starts_with("! range lower bound"));
  EXPECT_TRUE(normal("int4range", "[1,2147483647]").starts_with("! integer out of range"));
  EXPECT_TRUE(normal("int4range", "1,2").starts_with("! malformed range literal"));
  EXPECT_EQ(comparable_numrange("[1.50,2.0)"), "[1.5,2)");
}

TEST(PostgresTypes, multiranges_are_ordered_and_joined) {
  EXPECT_EQ(normal("int4multirange", "{[7,8], [1,3),[3,5), empty}"), "{[1,5),[7,9)}");
  EXPECT_EQ(normal("int4multirange", "{}"), "{}");
  EXPECT_EQ(normal("nummultirange", "{(3,4),[1,2),(2,3)}"), "{[1,2),(2,3),(3,4)}");
  EXPECT_TRUE(normal("int4multirange", "{[1,2),}").starts_with("! malformed multirange"));
  EXPECT_TRUE(normal("int4multirange", "[1,2)").starts_with("! malformed multirange"));
}

// The modifier in parentheses after a type's name changes only the description for clients.
TEST(PostgresTypes, modifiers_are_described_and_not_compared) {
  const SqlType varchar = type_of(*label_named("varchar"));
  const SqlType sized = varchar.with_modifier(24);
  EXPECT_EQ(sized, varchar);
  EXPECT_FALSE(sized.is_identical(varchar));
  EXPECT_EQ(postgres_type(sized).modifier, 24);
  EXPECT_EQ(postgres_type(SqlType::array(sized)).modifier, 24);
  EXPECT_EQ(sized.labelled(label::kNone).modifier(), -1);
  EXPECT_EQ(sized.with_modifier(-1).modifier(), -1);
  EXPECT_EQ(SqlType::decimal(6, 2).modifier(), (6 << 16) + 2 + 4);
  EXPECT_EQ(SqlType::decimal(6, 2).with_modifier(7).modifier(), (6 << 16) + 2 + 4);
  // Two types with different lengths have no common length.
  EXPECT_TRUE(common_type(sized, sized)->is_identical(sized));
  EXPECT_TRUE(common_type(sized, varchar.with_modifier(25))->is_identical(varchar));
}

TEST(PostgresTypes, vectors_are_arrays_that_are_shown_without_braces) {
  const SqlType type = type_of(*label_named("int2vector"));
  EXPECT_EQ(postgres_type(type).oid, 22u);
  EXPECT_EQ(type.element().label(), label::kInt2);
  Column column(type);
  column.append_value(Value::list({Value::integer(1), Value::integer(-2)}));
  column.append_value(Value::list({}));
  std::string text;
  append_postgres_text(text, column, 0);
  EXPECT_EQ(text, "1 -2");
  append_postgres_text(text, column, 1);
  EXPECT_EQ(text, "1 -2");
  EXPECT_EQ(postgres_type(type_of(*label_named("oidvector"))).oid, 30u);
}

TEST(PostgresTypes, names_are_quoted_where_postgresql_would_read_something_else) {
  EXPECT_EQ(quoted_postgres_name("city"), "city");
  EXPECT_EQ(quoted_postgres_name("order"), "\"order\"");
  EXPECT_EQ(quoted_postgres_name("int"), "\"int\"");
  EXPECT_EQ(quoted_postgres_name("name"), "name");
  EXPECT_EQ(quoted_postgres_name("Mixed"), "\"Mixed\"");
  EXPECT_EQ(quoted_postgres_name("1st"), "\"1st\"");
  EXPECT_EQ(quoted_postgres_name(""), "\"\"");
  EXPECT_EQ(quoted_postgres_name("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace engine
