#include "client/security.h"

#include <gtest/gtest.h>

namespace client {
namespace {

TEST(Security, a_login_of_javas_becomes_librdkafkas) {
  const Properties java = {{"security.protocol", "SASL_SSL"},
                           {"sasl.mechanism", "SCRAM-SHA-512"},
                           {"sasl.jaas.config",
                            "org.apache.kafka.common.security.scram.ScramLoginModule required "
                            "username=\"ann\" password=\"a \\\"b\\\"; c\";"}};
  EXPECT_EQ(*with_own_security(java), (Properties{{"security.protocol", "SASL_SSL"},
                                                  {"sasl.mechanism", "SCRAM-SHA-512"},
                                                  {"sasl.username", "ann"},
                                                  {"sasl.password", "a \"b\"; c"}}));
  EXPECT_EQ((*with_own_security({{"sasl.jaas.config",
                                  "x.PlainLoginModule required\n user_x=1 username = 'u' "
                                  "password=p;"}}))
                .at("sasl.password"),
            "p");
}

TEST(Security, an_invalid_setting_is_reported_without_the_password) {
  const auto without =
      with_own_security({{"sasl.jaas.config", "x.PlainLoginModule required password=\"geheim\";"}});
  EXPECT_EQ(without.error().message,
            "sasl.jaas.config: username=\"...\" or password=\"...\" is missing");
  EXPECT_FALSE(with_own_security({{"sasl.jaas.config", "x.Krb5LoginModule required;"}}));
  EXPECT_FALSE(with_own_security({{"ssl.truststore.location", "store.jks"}}));
  EXPECT_TRUE(is_secret("sasl.password") && is_secret("ssl.key.password") && !is_secret("acks"));
}

TEST(Security, stores_of_pem_are_files_of_certificates) {
  EXPECT_EQ(*with_own_security({{"ssl.truststore.type", "PEM"},
                                {"ssl.truststore.location", "ca.pem"},
                                {"ssl.keystore.type", "PEM"},
                                {"ssl.keystore.location", "ann.pem"},
                                {"ssl.key.password", "x"},
                                {"ssl.endpoint.identification.algorithm", ""}}),
            (Properties{{"ssl.ca.location", "ca.pem"},
                        {"ssl.certificate.location", "ann.pem"},
                        {"ssl.key.location", "ann.pem"},
                        {"ssl.key.password", "x"},
                        {"ssl.endpoint.identification.algorithm", "none"}}));
  EXPECT_EQ(
      (*with_own_security({{"ssl.keystore.type", "PKCS12"}, {"ssl.keystore.location", "ann.p12"}}))
          .at("ssl.keystore.location"),
      "ann.p12");
}

}  // namespace
}  // namespace client
