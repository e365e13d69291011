#include "client/record_printer.h"

#include <gtest/gtest.h>

namespace client {
namespace {

std::string print(const Properties& properties, const ReceivedRecord& record) {
  const Result<RecordFormat> format = RecordFormat::from(properties);
  EXPECT_TRUE(format);
  std::string text;
  const Status printed = print_record(*format, record, text);
  return printed ? text : "error: " + printed.error().message;
}

ReceivedRecord sample() {
  ReceivedRecord record;
  record.topic = "test";
  record.partition = PartitionId{2};
  record.offset = Offset{7};
  record.timestamp_kind = ReceivedRecord::TimestampKind::CreateTime;
  record.timestamp_ms = 1718000000000;
  record.key = "k1";
  record.value = "v1";
  return record;
}

TEST(RecordPrinter, a_line_is_the_value) {
  EXPECT_EQ(print({}, sample()), "v1\n");
  ReceivedRecord deleted = sample();
  deleted.value = std::nullopt;
  EXPECT_EQ(print({}, deleted), "null\n");
  EXPECT_EQ(print({{"null.literal", "-"}}, deleted), "-\n");
}

TEST(RecordPrinter, all_parts_come_in_kafkas_order) {
  ReceivedRecord record = sample();
  const Properties everything{{"print.headers", "true"},   {"print.key", "true"},
                              {"print.offset", "true"},    {"print.partition", "true"},
                              {"print.timestamp", "true"}, {"print.value", "true"}};
  EXPECT_EQ(print(everything, record),
            "CreateTime:1718000000000\tPartition:2\tOffset:7\tNO_HEADERS\tk1\tv1\n");
  record.headers = {{"h1", "x"}, {"h2", std::nullopt}, {"h3", ""}};
  record.timestamp_kind = ReceivedRecord::TimestampKind::LogAppendTime;
  record.key = std::nullopt;
  EXPECT_EQ(print(everything, record),
            "LogAppendTime:1718000000000\tPartition:2\tOffset:7\th1:x,h2:null,h3:\tnull\tv1\n");
  record.timestamp_kind = ReceivedRecord::TimestampKind::None;
  EXPECT_EQ(print({{"print.timestamp", "true"}, {"print.value", "false"}}, record),
            "NO_TIMESTAMP\n");
}

TEST(RecordPrinter, separators_are_the_users) {
  EXPECT_EQ(
      print({{"print.key", "true"}, {"key.separator", " = "}, {"line.separator", ";"}}, sample()),
      "k1 = v1;");
}

TEST(RecordPrinter, numbers_of_javas_serializers_are_printed_as_java_does) {
  ReceivedRecord record = sample();
  const std::string package = "org.apache.kafka.common.serialization.";
  record.value = std::string_view("\0\0\0\0\0\0\1\2", 8);
  EXPECT_EQ(print({{"value.deserializer", package + "LongDeserializer"}}, record), "258\n");
  record.value = std::string_view("\xff\xff\xff\xfe", 4);
  EXPECT_EQ(print({{"value.deserializer", package + "IntegerDeserializer"}}, record), "-2\n");
  record.value = std::string_view("\x3f\xf0\0\0\0\0\0\0", 8);
  EXPECT_EQ(print({{"value.deserializer", "DoubleDeserializer"}}, record), "1.0\n");
  record.value = std::string_view("\x3f\x8c\xcc\xcd", 4);
  EXPECT_EQ(print({{"value.deserializer", "FloatDeserializer"}}, record), "1.1\n");
  EXPECT_EQ(print({{"value.deserializer", package + "LongDeserializer"}}, record),
            "error: a value has 4 bytes, but the deserializer requires 8");
}

TEST(RecordPrinter, unknown_properties_and_classes_are_refused) {
  EXPECT_EQ(RecordFormat::from({{"print.keys", "true"}}).error().message,
            "unrecognized property print.keys");
  EXPECT_EQ(RecordFormat::from({{"key.deserializer", "com.example.Avro"}}).error().code,
            ErrorCode::NotSupported);
}

}  // namespace
}  // namespace client
