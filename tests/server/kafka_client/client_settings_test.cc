#include "server/kafka_client/client_settings.h"

#include <gtest/gtest.h>

namespace server::kafka_client {
namespace {

Result<ClientSettings> parse(Properties properties) {
  properties.try_emplace("bootstrap.servers", "kafka1:9092");
  return parse_client_settings(properties);
}

TEST(ClientSettings, the_bootstrap_list_is_needed_and_may_name_several_brokers) {
  EXPECT_FALSE(parse_client_settings({}));
  const auto settings = parse({{"bootstrap.servers", "kafka1:9092, [::1]:9093 ,"}});
  ASSERT_TRUE(settings) << settings.error().message;
  ASSERT_EQ(settings->bootstrap.size(), 2u);
  EXPECT_EQ(settings->bootstrap[1], (Address{"::1", 9093}));
  for (const char* wrong :
       {"", ",", "kafka1", ":9092", "kafka1:0", "kafka1:70000", "http://kafka1"})
    EXPECT_FALSE(parse({{"bootstrap.servers", wrong}})) << wrong;
}

TEST(ClientSettings, names_of_java_and_of_librdkafka_mean_the_same) {
  const Properties java = {{"security.protocol", "SASL_PLAINTEXT"},
                           {"sasl.mechanism", "PLAIN"},
                           {"sasl.jaas.config",
                            "org.apache.kafka.common.security.plain.PlainLoginModule required "
                            "username=\"svc\" password=\"a\\\"b\";"}};
  const Properties librdkafka = {{"metadata.broker.list", "kafka1:9092"},
                                 {"security.protocol", "sasl_plaintext"},
                                 {"sasl.mechanisms", "PLAIN"},
                                 {"sasl.username", "svc"},
                                 {"sasl.password", "a\"b"}};
  for (const auto& settings : {parse(java), parse_client_settings(librdkafka)}) {
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->mechanism, SaslMechanism::Plain);
    EXPECT_EQ(settings->user, "svc");
    EXPECT_EQ(settings->password, "a\"b");
  }
}

TEST(ClientSettings, contradictions_and_unknown_names_are_refused) {
  const Properties kCases[] = {
      {{"security.protocol", "TLS"}},
      {{"sasl.mechanism", "PLAIN"}},  // without security.protocol
      {{"security.protocol", "SASL_PLAINTEXT"}},
      {{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.mechanism", "GSSAPI"}},
      {{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.mechanism", "PLAIN"}},
      {{"security.protocol", "SSL"}, {"ssl.ca.pem", "not a certificate"}},
      {{"ssl.ca.pem", "-----BEGIN"}},  // without security.protocol
      {{"ssl.endpoint.identification.algorithm", "httpd"}},
      {{"request.timeout.ms", "0"}},
      {{"request.timeout.ms", "10s"}},
      {{"fetch.max.bytes", "99999999999999999999"}},
      {{"isolation.level", "read_uncommitted"}},
      {{"acks", "all"}},
      {{"no.such.setting", "1"}},
  };
  for (const Properties& each : kCases) EXPECT_FALSE(parse(each)) << each.begin()->first;
}

TEST(ClientSettings, a_certificate_of_another_host_is_accepted_only_if_the_user_wants_it) {
  EXPECT_EQ(parse({})->host_check, HostCheck::SameHost);
  EXPECT_EQ(parse({{"ssl.endpoint.identification.algorithm", "https"}})->host_check,
            HostCheck::SameHost);
  EXPECT_EQ(parse({{"ssl.endpoint.identification.algorithm", ""}})->host_check, HostCheck::AnyHost);
}

TEST(ClientSettings, no_error_repeats_a_password) {
  const auto refused = parse({{"security.protocol", "SASL_SSL"},
                              {"sasl.mechanism", "PLAIN"},
                              {"sasl.jaas.config", "password=\"geheim-4711\""}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("geheim"), std::string::npos);
}

}  // namespace
}  // namespace server::kafka_client
