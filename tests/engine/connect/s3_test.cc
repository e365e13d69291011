#include <gtest/gtest.h>

#include "engine/connect/s3/s3_sink_properties.h"
#include "engine/connect/s3/time_path.h"

namespace engine {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kNewYearMs = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

std::string path_of(std::string_view format, std::string_view zone, int64_t duration_ms,
                    int64_t epoch_ms) {
  const auto path = TimePath::parse(format, *TimeZone::find(zone), duration_ms);
  return path ? path->of(epoch_ms) : path.error().message;
}

TEST(TimePath, a_time_gets_the_path_of_the_beginning_of_its_period) {
  const std::string_view hours = "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH";
  EXPECT_EQ(path_of(hours, "UTC", kHourMs, kNewYearMs + kHourMs - 1),
            "year=2026/month=01/day=01/hour=00");
  EXPECT_EQ(path_of(hours, "Europe/Zurich", kHourMs, kNewYearMs - 1),
            "year=2026/month=01/day=01/hour=00");
  EXPECT_EQ(path_of(hours, "America/New_York", 24 * kHourMs, kNewYearMs),
            "year=2025/month=12/day=31/hour=00");
  EXPECT_EQ(path_of("yyyy-MM-dd'T'HHmm''ss", "UTC", 1'000, kNewYearMs + 61'999),
            "2026-01-01T0001'01");
  EXPECT_EQ(path_of("yy.M.d", "UTC", kHourMs, kNewYearMs), "26.1.1");
  EXPECT_EQ(path_of("YYYY", "UTC", kHourMs, -1), "1970");  // a record without a timestamp
}

TEST(TimePath, other_letters_are_named) {
  EXPECT_EQ(path_of("YYYY/MMM", "UTC", kHourMs, 0), "the letters MMM are not supported");
  EXPECT_EQ(path_of("EEE", "UTC", kHourMs, 0), "the letters EEE are not supported");
  EXPECT_EQ(path_of("'year=YYYY", "UTC", kHourMs, 0), "a text has no closing quote");
  EXPECT_EQ(path_of("", "UTC", kHourMs, 0), "the format is empty");
}

TEST(TimePath, times_of_one_path_share_an_object) {
  const auto hours = TimePath::parse("HH", TimeZone::utc(), kHourMs);
  EXPECT_TRUE(hours->is_same(kNewYearMs, kNewYearMs + kHourMs - 1));
  EXPECT_FALSE(hours->is_same(kNewYearMs, kNewYearMs + kHourMs));
  const auto days = TimePath::parse("dd", TimeZone::utc(), kHourMs);
  EXPECT_TRUE(days->is_same(kNewYearMs, kNewYearMs + 23 * kHourMs));
}

constexpr std::string_view kConfluent = "io.confluent.connect.s3.S3SinkConnector";

ConnectorProperties config_of(std::string_view name, ConnectorProperties more) {
  more.insert({{"connector.class", std::string(name)},
               {"topics", "orders"},
               {"s3.bucket.name", "lake"},
               {"aws.access.key.id", "AKID"},
               {"aws.secret.access.key", "secret"}});
  if (name == kConfluent)
    more.insert({{"storage.class", "io.confluent.connect.s3.storage.S3Storage"},
                 {"format.class", "io.confluent.connect.s3.format.json.JsonFormat"},
                 {"flush.size", "3"}});
  return more;
}
S3SinkResult read(std::string_view name, const ConnectorProperties& more) {
  const ConnectorClass& of = *find_connector_class(name, ConnectorType::Sink);
  return read_s3_sink(of, PropertyValues(s3_sink_rows(of), config_of(name, more)));
}
// Returns the messages of all wrong properties, also of those that check_properties() finds.
std::string wrong(std::string_view name, const ConnectorProperties& more) {
  const ConnectorClass& of = *find_connector_class(name, ConnectorType::Sink);
  std::string text;
  for (const auto& each : check_properties(s3_sink_rows(of), config_of(name, more)).wrong)
    text += each.message + "\n";
  for (const auto& each : read(name, more).wrong) text += each.message + "\n";
  return text;
}
std::string name_of(const S3Sink& sink) {
  return s3_object_name(sink, "orders", PartitionId{3}, Offset{1742}, kNewYearMs);
}

TEST(S3Sink, names_have_the_form_of_kafka_connect) {
  EXPECT_EQ(name_of(read("s3", {}).sink), "topics/orders/partition=3/orders+3+0000001742.json");
  EXPECT_EQ(name_of(read("s3", {{"path.format", "'dt'=YYYY-MM-dd"},
                                {"topics.dir", ""},
                                {"format", "csv"},
                                {"columns", "id"},
                                {"s3.compression.type", "zstd"}})
                        .sink),
            "orders/dt=2026-01-01/orders+3+0000001742.csv.zst");
  const std::string partitioner = "io.confluent.connect.storage.partitioner.HourlyPartitioner";
  EXPECT_EQ(name_of(read(kConfluent, {{"partitioner.class", partitioner},
                                      {"timezone", "Europe/Zurich"},
                                      {"locale", "en"},
                                      {"file.delim", "-"},
                                      {"filename.offset.zero.pad.width", "0"},
                                      {"s3.compression.type", "gzip"}})
                        .sink),
            "topics/orders/year=2026/month=01/day=01/hour=01/orders-3-1742.json.gz");
}

TEST(S3Sink, the_address_is_that_of_the_region_unless_one_is_given) {
  EXPECT_EQ(read("s3", {}).sink.bucket.endpoint, "https://s3.us-east-1.amazonaws.com");
  EXPECT_EQ(read(kConfluent, {}).sink.bucket.endpoint, "https://s3.us-west-2.amazonaws.com");
  EXPECT_EQ(read("s3", {{"s3.region", "cn-north-1"}}).sink.bucket.endpoint,
            "https://s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(read("s3", {{"store.url", "http://minio:9000/"}}).sink.bucket.endpoint,
            "http://minio:9000");
}

TEST(S3Sink, properties_that_are_not_supported_are_named) {
  EXPECT_EQ(wrong("s3", {}), "");
  EXPECT_EQ(wrong(kConfluent, {{"s3.part.size", "5242880"},
                               {"schema.compatibility", "NONE"},
                               {"timestamp.field", "timestamp"},
                               {"store.kafka.keys", "false"}}),
            "");
  const std::pair<const char*, ConnectorProperties> cases[] = {
      {"\"format.class\" is \"io.confluent.connect.s3.format.json.JsonFormat\"",
       {{"format.class", "io.confluent.connect.s3.format.avro.AvroFormat"}}},
      {"\"partitioner.class\" is ",
       {{"partitioner.class", "io.confluent.connect.storage.partitioner.FieldPartitioner"}}},
      {"\"store.kafka.keys\" is not supported: InsertField", {{"store.kafka.keys", "true"}}},
      {"\"s3.proxy.url\" is not supported", {{"s3.proxy.url", "http://p"}}},
      {"\"s3.wan.mode\" is not supported with another value than \"false\"",
       {{"s3.wan.mode", "true"}}},
      {"\"path.format\" is required",
       {{"partitioner.class", "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"}}},
      {"\"value.converter\" is org.apache.kafka.connect.converters.ByteArrayConverter",
       {{"format.class", "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"}}},
      {"\"timestamp.extractor\" is ", {{"timestamp.extractor", "RecordField"}}},
      {"\"store.url\" has the form", {{"store.url", "http://minio:9000/prefix"}}},
      {"\"store.url\" has the form", {{"store.url", "http://user@minio:9000"}}},
      {"\"topics.dir\" is a path", {{"topics.dir", "a/../b"}}},
      {"\"s3.bucket.name\" is not", {{"s3.bucket.name", "a/b/c"}}},
      {"\"s3.region\" is a region", {{"s3.region", "x.evil.example/"}}},
      {"\"aws.secret.access.key\" has no blanks", {{"aws.secret.access.key", "a\r\nb"}}},
  };
  for (const auto& [message, config] : cases)
    EXPECT_NE(wrong(kConfluent, config).find(message), std::string::npos)
        << message << " in " << wrong(kConfluent, config);
}

std::string text_of(std::string_view name, const ConnectorProperties& more,
                    const std::string& value) {
  const auto text = s3_record_text(read(name, more).sink, value);
  return !text ? text.error().message : *text ? **text : "(no value)";
}

TEST(S3Sink, values_have_the_text_of_the_format_and_the_converter) {
  const std::string schema = R"({"schema":{"type":"string","optional":false},"payload":"a"})";
  EXPECT_EQ(text_of("s3", {}, "{\"a\":\n1}"), R"({"a":1})");
  EXPECT_EQ(text_of("s3", {}, "null"), "null");
  EXPECT_EQ(text_of("s3", {{"format", "csv"}, {"columns", "b,a"}}, R"({"a":1,"b":"x,y"})"),
            "\"x,y\",1");
  EXPECT_EQ(text_of("s3", {{"format", "line"}}, "a b"), "a b");
  EXPECT_EQ(text_of(kConfluent, {}, schema), "\"a\"");
  EXPECT_EQ(text_of(kConfluent, {{"value.converter.schemas.enable", "false"}}, R"({"a": 1})"),
            R"({"a": 1})");
  EXPECT_EQ(text_of(kConfluent, {{"value.converter.schemas.enable", "false"}}, "null"),
            "(no value)");
  EXPECT_EQ(
      text_of(kConfluent, {{"value.converter", "org.apache.kafka.connect.storage.StringConverter"}},
              "a \"b\""),
      R"("a \"b\"")");
}

}  // namespace
}  // namespace engine
