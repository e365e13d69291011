#include "engine/connect/secrets.h"

namespace engine {
namespace {

TEST(ConnectorSecrets, the_name_of_a_property_shows_that_its_value_is_secret) {
  for (const std::string_view secret :
       {"database.password", "connection.password", "aws.secret.access.key", "sasl.jaas.config",
        "producer.override.sasl.jaas.config", "basic.auth.user.info", "signature.secret", "api.key",
        "http.headers.authorization", "token", "mqtt.ssl.key.pem"})
    EXPECT_TRUE(may_be_secret(secret)) << secret;
  for (const std::string_view open :
       {"database.hostname", "topic.prefix", "key.converter", "ssl.keystore.location", "topics",
        "aws.credentials.provider.class", "message.key.columns", "connection.url", "sasl.mechanism",
        "mqtt.ssl.certificate.pem"})
    EXPECT_FALSE(may_be_secret(open)) << open;
}

TEST(ConnectorSecrets, a_literal_secret_is_hidden_and_a_reference_is_shown) {
  EXPECT_EQ(shown_value("database.password", "s3cret"), "[hidden]");
  EXPECT_EQ(shown_value("database.password", "${file:crm.password}"), "${file:crm.password}");
  // Between the two references is a text that could be a secret.
  EXPECT_EQ(shown_value("database.password", "${env:A}s3cret${env:B}"), "[hidden]");
  EXPECT_EQ(shown_value("database.password", ""), "");
  EXPECT_EQ(shown_value("topics", "orders"), "orders");
  EXPECT_FALSE(is_literal_secret("database.password", "${file:crm.password}"));
}

TEST(ConnectorSecrets, headers_with_a_literal_secret_are_hidden) {
  for (const std::string_view secret :
       {"Authorization:Bearer abc", "X-Kind:orders|authorization: Token abc", "X-Api-Key:abc",
        "Cookie:a=b", "X-Auth-Token:${file:a}b", "X-A:${file:a},Authorization:Basic YTpi",
        "Ocp-Apim-Subscription-Key:abc;X-A:${file:a}"})
    EXPECT_EQ(shown_value("headers", secret), "[hidden]") << secret;
  for (const std::string_view open :
       {"Authorization:Bearer ${file:crm}", "X-Api-Key: ${env:A_KEY}|X-Kind:orders",
        "X-Kind:orders", "X-A:${file:app.properties:token}", ""})
    EXPECT_EQ(shown_value("http.headers.additional", open), open);
  EXPECT_EQ(shown_value("http.headers.authorization", "abc"), "[hidden]");
  EXPECT_EQ(shown_value("include.headers", "X-Request-Id,X-Kind"), "X-Request-Id,X-Kind");
}

TEST(ConnectorSecrets, a_url_is_shown_without_its_password) {
  EXPECT_EQ(shown_value("connection.url", "postgresql://etl:s3cret@db2/mart"),
            "postgresql://etl:[hidden]@db2/mart");
  EXPECT_EQ(
      shown_value("connection.url", "jdbc:postgresql://db2/mart?user=etl&Password=s3cret&ssl=true"),
      "jdbc:postgresql://db2/mart?user=etl&Password=[hidden]&ssl=true");
  EXPECT_EQ(shown_value("connection.url", "mongodb://etl:a@b@db/x"), "mongodb://etl:[hidden]@db/x");
  EXPECT_EQ(shown_value("connection.url", "postgresql://db2:5432/mart"),
            "postgresql://db2:5432/mart");
}

TEST(ConnectorSecrets, a_url_is_shown_without_its_secret_parameters) {
  EXPECT_EQ(shown_value("http.api.url", "https://a.example/in?access_token=s3cret&page=2#top"),
            "https://a.example/in?access_token=[hidden]&page=2#top");
  EXPECT_EQ(shown_value("http.api.url", "https://a.example/in?v=1&sig=abc%3D"),
            "https://a.example/in?v=1&sig=[hidden]");
  EXPECT_EQ(shown_value("http.api.url", "https://a.example/in?api-key=${file:crm}&n=1"),
            "https://a.example/in?api-key=${file:crm}&n=1");
  EXPECT_EQ(shown_value("dsn", "host=db2 password=s3cret user=etl"),
            "host=db2 password=[hidden] user=etl");
  EXPECT_EQ(shown_value("regex.map", "code=1;key=2"), "code=1;key=2");
}

}  // namespace
}  // namespace engine
