#include "engine/catalog/statement_settings.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

std::string refusal(std::string_view name, std::string_view value) {
  const Status status = check_statement_setting(name, value);
  return status ? "" : status.error().message + " / " + status.error().hint;
}

TEST(StatementSettings, take_no_number_out_of_bounds) {
  for (const std::string_view name : {"max.windows.per.record", "read.wait.ms",
                                      "stream.time.max.ahead.ms", "cache.max.bytes.buffering"})
    for (const std::string_view bad : {"-5", "99999999999999999999", "", "many", "1e3", "0x10"})
      EXPECT_NE(refusal(name, bad), "") << name << " = " << bad;
  EXPECT_EQ(refusal("max.windows.per.record", "1000000"), "");
  EXPECT_EQ(refusal("max.windows.per.record", "1000000000"),
            "invalid value for \"max.windows.per.record\": \"1000000000\" / "
            "It is a number of windows, from 1 to 1000000.");
  EXPECT_EQ(refusal("stream.time.max.ahead.ms", "-1"), "");
  EXPECT_EQ(refusal("read.wait.ms", "5s"), "");
  EXPECT_NE(refusal("read.wait.ms", "9223372036854775807"), "");
  EXPECT_EQ(refusal("read.staleness", "10s"), "");
  EXPECT_NE(refusal("read.staleness", "2h"), "");
}

TEST(StatementSettings, are_refused_if_mistyped) {
  EXPECT_EQ(refusal("auto.ofset.reset", "earliest"),
            "unrecognized configuration parameter \"auto.ofset.reset\" / "
            "Did you mean auto.offset.reset?");
  EXPECT_EQ(refusal("ksql.no.such.thing", "1"),
            "unrecognized configuration parameter \"ksql.no.such.thing\" / "
            "SHOW PROPERTIES lists the settings of statements.");
  EXPECT_EQ(refusal("my.own", "1"), "");  // PostgreSQL accepts unknown names with a dot, too
  EXPECT_EQ(refusal("AUTO.OFFSET.RESET", "latest"), "");
}

TEST(StatementSettings, are_distinguished_from_the_clients_own) {
  EXPECT_TRUE(is_statement_setting("auto.offset.reset"));
  EXPECT_TRUE(is_statement_setting("KSQL.Service.ID"));
  EXPECT_FALSE(is_statement_setting("my.own"));
  EXPECT_FALSE(is_statement_setting("push.max_rows"));
}

TEST(StatementSettings, are_limited_in_length) {
  EXPECT_EQ(refusal("ksql.service.id", std::string(1000, 'x')), "");
  EXPECT_NE(refusal("ksql.service.id", std::string(1001, 'x')), "");
}

// Each listed default is a value that can be set, or describes the default in words.
TEST(StatementSettings, are_listed_with_a_default_that_they_take) {
  const Properties defaults = default_statement_settings({});
  for (const std::string name :
       {"auto.offset.reset", "cache.max.bytes.buffering", "max.windows.per.record", "read.wait.ms",
        "stream.time.max.ahead.ms"})
    EXPECT_TRUE(defaults.contains(name)) << name;
  for (const auto& [name, value] : defaults) {
    const bool is_in_words = value.find(' ') != std::string::npos;
    EXPECT_TRUE(is_in_words || refusal(name, value).empty()) << name;
  }
}

TEST(StatementSettings, a_property_is_known_here_or_to_kafka_or_to_ksqldb) {
  const auto refusal = [](std::string_view name, std::string_view value) {
    const Status checked = check_property(name, value);
    return checked ? std::string() : checked.error().message + " " + checked.error().hint;
  };
  EXPECT_EQ(refusal("auto.offset.reset", "earliest"), "");
  EXPECT_EQ(refusal("ksql.streams.auto.offset.reset", "earliest"), "");
  EXPECT_EQ(refusal("ksql.streams.auto.offset.reset", "sometimes"),
            "invalid value for \"auto.offset.reset\": \"sometimes\" It is earliest or latest.");
  for (const char* known :
       {"fetch.min.bytes", "ksql.streams.num.standby.replicas", "ksql.streams.producer.linger.ms",
        "consumer.max.poll.records", "ksql.query.pull.max.qps", "KSQL.LAMBDAS.ENABLED"})
    EXPECT_EQ(refusal(known, "1"), "") << known;
  EXPECT_EQ(refusal("foo.bar", "1"),
            "Not recognizable as ksql, streams, consumer, or producer property: 'foo.bar' "
            "SHOW PROPERTIES lists the settings of statements.");
  EXPECT_EQ(refusal("fetch.min.byte", "1"),
            "Not recognizable as ksql, streams, consumer, or producer property: 'fetch.min.byte' "
            "Did you mean fetch.min.bytes?");
}

TEST(StatementSettings, settings_of_streams_are_the_defaults) {
  Properties properties{{"ksql.streams.auto.offset.reset", "earliest"},
                        {"ksql.streams.read.wait.ms", "1"},
                        {"read.wait.ms", "2"}};
  unfold_streams_prefix(properties);
  EXPECT_EQ(properties["auto.offset.reset"], "earliest");
  EXPECT_EQ(properties["read.wait.ms"], "2");
}

}  // namespace
}  // namespace engine
