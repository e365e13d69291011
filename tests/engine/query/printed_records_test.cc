#include "engine/query/printed_records.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {
namespace {

using Lines = std::vector<std::string>;

// The registry with the schemas 7, 8 and 9.
struct Schemas final : SchemaLookup {
  SchemaTextPtr find_schema(int32_t id) const override {
    switch (id) {
      case 7:
        return std::make_shared<const SchemaText>(SchemaText{
            SchemaKind::Avro, R"({"type":"record","name":"r","fields":[{"name":"id","type":"int"},)"
                              R"({"name":"who","type":["null","string"]}]})"});
      case 8:
        return std::make_shared<const SchemaText>(SchemaText{SchemaKind::Avro, R"("string")"});
      case 9:
        return std::make_shared<const SchemaText>(
            SchemaText{SchemaKind::Protobuf, "syntax = \"proto3\"; message m { int32 id = 1; }"});
      default:
        return nullptr;
    }
  }
};
struct NoSchemas final : SchemaLookup {
  SchemaTextPtr find_schema(int32_t) const override { return nullptr; }
} const kNoSchemas;

std::string number(int64_t value) {
  std::string bytes;
  append_be<int64_t>(bytes, value);
  return bytes;
}

TEST(PrintedRecords, formats_are_printed_before_the_first_record_and_at_changes) {
  RecordPrinter printer(kNoSchemas);
  EXPECT_EQ(printer.print({"Lahore", R"({"N": 12})", 1'588'635'501'000, 0}),
            (Lines{"Key format: KAFKA_STRING", "Value format: JSON or KAFKA_STRING",
                   "rowtime: 2020/05/04 23:38:21.000 Z, key: Lahore, value: {\"N\": 12}, "
                   "partition: 0"}));
  EXPECT_EQ(printer.print({"Rome", "[1]", 0, 3}),
            (Lines{"rowtime: 1970/01/01 00:00:00.000 Z, key: Rome, value: [1], partition: 3"}));
  EXPECT_EQ(printer.print({std::nullopt, "text", -1, 0}),
            (Lines{"Value format: KAFKA_STRING",
                   "rowtime: N/A, key: <null>, value: text, partition: 0"}));
}

TEST(PrintedRecords, an_unseen_side_has_no_format) {
  RecordPrinter printer(kNoSchemas);
  const Lines lines = printer.print({std::nullopt, std::nullopt, 0, 0});
  EXPECT_EQ(lines[0], "Key format: \u00af\\_(\u30c4)_/\u00af - no data processed");
  EXPECT_EQ(lines[2],
            "rowtime: 1970/01/01 00:00:00.000 Z, key: <null>, value: <null>, partition: 0");
}

TEST(PrintedRecords, numbers_are_recognized_by_their_size) {
  RecordPrinter printer(kNoSchemas);
  EXPECT_EQ(printer.print({std::string_view("\0\0\0\7", 4), number(5), 0, 0}),
            (Lines{"Key format: KAFKA_INT", "Value format: KAFKA_BIGINT or KAFKA_DOUBLE",
                   "rowtime: 1970/01/01 00:00:00.000 Z, key: 7, value: 5, partition: 0"}));
}

TEST(PrintedRecords, records_that_name_their_schema_are_read_by_it) {
  const Schemas schemas;
  RecordPrinter printer(schemas);
  const auto with_id = [](int32_t id, std::string_view bytes) {
    std::string record;
    append_schema_header(record, id);
    return record + std::string(bytes);
  };
  const std::string key = with_id(8, "\x04hi"), avro = with_id(7, "\x0a\x02\x02x"),
                    protobuf = with_id(9, std::string_view("\0\x08\x05", 3));
  EXPECT_EQ(printer.print({key, avro, 0, 0}),
            (Lines{"Key format: AVRO", "Value format: AVRO",
                   "rowtime: 1970/01/01 00:00:00.000 Z, key: \"hi\", value: {\"id\":5,"
                   "\"who\":\"x\"}, partition: 0"}));
  EXPECT_EQ(printer.print({key, protobuf, 0, 0}),
            (Lines{"Value format: PROTOBUF",
                   "rowtime: 1970/01/01 00:00:00.000 Z, key: \"hi\", value: {\"id\":5}, "
                   "partition: 0"}));
  // Prints a truncated record, and a record with an unknown schema.
  EXPECT_EQ(printer.print({key, with_id(7, "\x0a"), 0, 0})[0], "Value format: UNRECOGNIZED_BYTES");
  EXPECT_EQ(printer.print({key, with_id(6, "\x0a\x02\x02x"), 0, 0}).size(), 1u);
}

TEST(PrintedRecords, windowed_keys_are_recognized_by_their_times) {
  RecordPrinter hopping(kNoSchemas);
  const std::string start = number(1'588'481'323'000), end = number(1'588'481'333'000);
  EXPECT_EQ(hopping.print({"alice" + start, "1", 0, 0})[0],
            "Key format: HOPPING(KAFKA_STRING) or TUMBLING(KAFKA_STRING)");
  EXPECT_EQ(hopping.print({"alice" + start, "1", 0, 0})[0],
            "rowtime: 1970/01/01 00:00:00.000 Z, key: [alice@1588481323000/-], value: 1, "
            "partition: 0");
  RecordPrinter session(kNoSchemas);
  const Lines lines = session.print({"alice" + start + end, "1", 0, 0});
  EXPECT_EQ(lines[0], "Key format: SESSION(KAFKA_STRING)");
  EXPECT_EQ(lines[2],
            "rowtime: 1970/01/01 00:00:00.000 Z, key: [alice@1588481323000/1588481333000], "
            "value: 1, partition: 0");
}

TEST(PrintedRecords, other_bytes_are_shown_by_their_numbers) {
  RecordPrinter printer(kNoSchemas);
  EXPECT_EQ(printer.print({std::nullopt, std::string_view("\0ab\xff\\", 5), 0, 0}),
            (Lines{"Key format: \u00af\\_(\u30c4)_/\u00af - no data processed",
                   "Value format: UNRECOGNIZED_BYTES",
                   "rowtime: 1970/01/01 00:00:00.000 Z, key: <null>, value: \\x00ab\\xFF\\x5C, "
                   "partition: 0"}));
}

}  // namespace
}  // namespace engine
