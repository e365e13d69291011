#include <cmath>

#include "tests/engine/formats/format_test_tools.h"

namespace engine {
namespace {

const FormatSpec kDelimited{.name = "DELIMITED"};
const FormatSpec kKafka{.name = "KAFKA"};
const std::vector<ColumnDef> kColumns = {
    {"S", TypeKind::String}, {"I", TypeKind::Integer}, {"D", TypeKind::Double}};

Value text(const char* s) { return Value::text(s); }

TEST(Delimited, a_line_is_split_with_and_without_quotes) {
  const ReadRows got = read_rows(kDelimited, kColumns,
                                 {"a,1,2.5", "\"a,\"\"b\"\"\nc\" ,\"1\",", "\n\nx,,", ",,1E3\r\n"});
  ASSERT_EQ(got.status.errors, 0u) << got.status.problems[0].message;
  EXPECT_EQ(got.at(0, 0), text("a"));
  EXPECT_EQ(got.at(0, 2), Value::number(2.5));
  EXPECT_EQ(got.at(1, 0), text("a,\"b\"\nc"));
  EXPECT_EQ(got.at(1, 1), Value::integer(1));
  EXPECT_EQ(got.at(1, 2), Value());
  EXPECT_EQ(got.at(2, 0), text("x"));
  EXPECT_EQ(got.at(3, 0), Value());
  EXPECT_EQ(got.at(3, 2), Value::number(1000));
}

TEST(Delimited, a_malformed_line_is_an_error_and_its_row_is_null) {
  const ReadRows got = read_rows(kDelimited, kColumns,
                                 {"", "a,1", "a,1,2,3", "a,x,1", "a,1,x", "\"a,1,2", "\"a\"x,1,2",
                                  "a,1.0,2", std::nullopt, "b,2,3"});
  EXPECT_EQ(got.status.errors, 8u);
  for (size_t row = 0; row < 9; ++row)
    for (size_t column = 0; column < 3; ++column) EXPECT_EQ(got.at(row, column), Value()) << row;
  EXPECT_EQ(got.status.states[8], RowState::Null);
  EXPECT_EQ(got.at(9, 0), text("b"));
  EXPECT_EQ(got.status.problems[1].message, "the line has 2 fields, expected 3");
  EXPECT_EQ(got.status.problems[3].message, "column I: expected INTEGER, got x");
}

TEST(Delimited, only_special_characters_cause_quotes) {
  std::vector<std::unique_ptr<Column>> data;
  for (const ColumnDef& column : kColumns) data.push_back(std::make_unique<Column>(column.type));
  for (const char* s : {"plain", "a,b", "say \"x\"", "", " x", "x ", "a\nb", "#1", "-1"}) {
    data[0]->append_copy(s);
    data[1]->append(int32_t{-1});
    data[2]->append(1e7);
  }
  data[0]->append_null();
  data[1]->append_null();
  data[2]->append(std::nan(""));
  const EncodedRows written = write_rows(kDelimited, kColumns, data);
  const char* expected[] = {"plain,-1,1.0E7",
                            "\"a,b\",-1,1.0E7",
                            "\"say \"\"x\"\"\",-1,1.0E7",
                            "\"\",-1,1.0E7",
                            "\" x\",-1,1.0E7",
                            "\"x \",-1,1.0E7",
                            "\"a\nb\",-1,1.0E7",
                            "\"#1\",-1,1.0E7",
                            "\"-1\",-1,1.0E7",
                            ",,NaN"};
  std::vector<Payload> payloads;
  for (size_t row = 0; row < 10; ++row) {
    EXPECT_EQ(written[row], expected[row]);
    payloads.push_back(written[row]);
  }
  const ReadRows back = read_rows(kDelimited, kColumns, payloads);
  for (size_t row = 0; row < 9; ++row)
    for (size_t column = 0; column < 3; ++column) {
      const bool is_empty_string = row == 3 && column == 0;  // an empty string is read back as null
      EXPECT_EQ(back.at(row, column), is_empty_string ? Value() : data[column]->value_at(row))
          << row;
    }
}

TEST(Delimited, other_delimiters_and_all_scalar_types) {
  const std::vector<ColumnDef> columns = {{"B", TypeKind::Boolean},        {"L", TypeKind::Bigint},
                                          {"DEC", SqlType::decimal(5, 2)}, {"BY", TypeKind::Bytes},
                                          {"DT", TypeKind::Date},          {"T", TypeKind::Time},
                                          {"TS", TypeKind::Timestamp}};
  const FormatSpec tabs{.name = "DELIMITED", .delimiter = '\t'};
  const std::string_view line = "true\t5000000000\t-1.50\tAP8=\t7\t8\t-9";
  const ReadRows got = read_rows(tabs, columns, {line});
  ASSERT_EQ(got.status.errors, 0u) << got.status.problems[0].message;
  EXPECT_EQ(write_rows(tabs, columns, got.columns)[0], line);
}

TEST(Kafka, numbers_are_big_endian_and_have_their_size) {
  const std::vector<ColumnDef> column = {{"V", TypeKind::Integer}};
  using namespace std::string_view_literals;
  const ReadRows got =
      read_rows(kKafka, column, {"\0\0\1\2"sv, "\0\0\1"sv, std::nullopt, "\xff\xff\xff\xff"sv});
  EXPECT_EQ(got.at(0, 0), Value::integer(258));
  EXPECT_EQ(got.status.states[1], RowState::Error);
  EXPECT_EQ(got.status.states[2], RowState::Null);
  EXPECT_EQ(got.at(3, 0), Value::integer(-1));
  const EncodedRows written = write_rows(kKafka, column, got.columns);
  EXPECT_EQ(written[0], "\0\0\1\2"sv);
  EXPECT_EQ(written[1], std::nullopt);
}

TEST(Kafka, text_that_is_not_utf8_is_repaired_and_bytes_are_not) {
  const ReadRows text_rows = read_rows(kKafka, {{"V", TypeKind::String}}, {"a\xff", "ä", ""});
  EXPECT_EQ(text_rows.at(0, 0), text("a\xef\xbf\xbd"));
  EXPECT_EQ(text_rows.at(1, 0), text("ä"));
  EXPECT_EQ(text_rows.at(2, 0), text(""));
  const ReadRows bytes = read_rows(kKafka, {{"V", TypeKind::Bytes}}, {"a\xff"});
  EXPECT_EQ(bytes.at(0, 0), text("a\xff"));
}

TEST(None, everything_is_null) {
  const ReadRows got = read_rows({.name = "NONE"}, {}, {"ignored", std::nullopt}, Side::Key);
  EXPECT_EQ(got.status.states, (std::vector{RowState::Null, RowState::Null}));
}

}  // namespace
}  // namespace engine
