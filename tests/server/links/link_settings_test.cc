#include "server/links/link_settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace server {
namespace {

using kafka_client::SaslMechanism;

// A directory of secrets.
class Secrets {
 public:
  ~Secrets() { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }
  SecretSettings settings() const { return {folder_}; }

 private:
  std::string folder_ = [] {
    std::string folder = "/tmp/link-secrets-XXXXXX";
    return std::string(mkdtemp(folder.data()));
  }();
};

TEST(LinkSettings, passwords_come_from_files) {
  const Secrets secrets;
  secrets.write("prod.password", "geheim-4711\n");
  const auto settings = read_link_settings("prod",
                                           {{"bootstrap.servers", "kafka1:9092"},
                                            {"security.protocol", "SASL_PLAINTEXT"},
                                            {"sasl.mechanism", "SCRAM-SHA-512"},
                                            {"sasl.username", "svc"},
                                            {"sasl.password", "${file:prod.password}"}},
                                           secrets.settings());
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->password, "geheim-4711");
  EXPECT_EQ(settings->mechanism, SaslMechanism::ScramSha512);
  EXPECT_EQ(settings->client_id, "millrace.prod");
}

TEST(LinkSettings, certificates_are_files_below_the_directory_of_secrets) {
  const Secrets secrets;
  secrets.write("ca.pem", "geheim-4711");
  for (const std::string location : {"ca.pem", "none.pem", "../ca.pem", "/etc/hostname"}) {
    const auto settings = read_link_settings("prod",
                                             {{"bootstrap.servers", "kafka1:9092"},
                                              {"security.protocol", "SSL"},
                                              {"ssl.ca.location", location}},
                                             secrets.settings());
    ASSERT_FALSE(settings) << location;
    EXPECT_EQ(settings.error().code, ErrorCode::InvalidParameter);
    EXPECT_EQ(settings.error().message.find("geheim"), std::string::npos);
    const bool is_read = settings.error().message.find("cannot be used") != std::string::npos;
    EXPECT_EQ(is_read, location == "ca.pem") << settings.error().message;
  }
}

TEST(LinkSettings, a_definition_contains_no_secret) {
  for (const char* name : {"sasl.password", "sasl.jaas.config", "ssl.key.password", "ssl.key.pem",
                           "ssl.keystore.key"}) {
    const Status checked = check_no_literal_secrets({{name, "geheim-4711"}});
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().message.find("geheim"), std::string::npos);
    EXPECT_NE(checked.error().hint.find("'${file:NAME}'"), std::string::npos);
    EXPECT_EQ(shown_properties({{name, "geheim-4711"}}).at(name), "[hidden]");
    EXPECT_TRUE(check_no_literal_secrets({{name, "${file:x}"}}));
    EXPECT_EQ(shown_properties({{name, "${file:x}"}}).at(name), "${file:x}");
    // "${x}" refers to no provider of secrets, so it is taken as the password itself.
    EXPECT_FALSE(check_no_literal_secrets({{name, "${x}"}}));
  }
  EXPECT_TRUE(check_no_literal_secrets({{"bootstrap.servers", "kafka1:9092"},
                                        {"sasl.username", "svc"},
                                        {"ssl.ca.location", "ca.pem"}}));
}

// Errors and the log contain addresses and the name of the user.
TEST(LinkSettings, a_secret_cannot_be_an_address_or_a_name) {
  const Secrets secrets;
  secrets.write("prod.password", "geheim-4711");
  secrets.write("client.properties", "svc=ann\nsasl.password=geheim-4711\n");
  for (const char* name : {"bootstrap.servers", "sasl.username", "client.id", "security.protocol",
                           "sasl.mechanism", "ssl.ca.location", "fetch.max.bytes"})
    for (const char* value :
         {"${file:prod.password}", "${env:MILLRACE_SECRET_X}", "a${file:prod.password}:9092",
          "${file:client.properties:sasl.password}"}) {
      LinkProperties properties = {{"bootstrap.servers", "kafka1:9092"}};
      properties[name] = value;
      const auto settings = read_link_settings("prod", properties, secrets.settings());
      ASSERT_FALSE(settings) << name << " " << value;
      EXPECT_EQ(settings.error().message,
                std::string(name) + ": the property cannot refer to a secret");
    }
  EXPECT_TRUE(read_link_settings(
      "prod",
      {{"bootstrap.servers", "kafka1:9092"}, {"sasl.username", "${file:client.properties:svc}"}},
      secrets.settings()));
}

TEST(LinkSettings, a_properties_file_of_a_java_client_describes_a_link) {
  const Secrets secrets;
  secrets.write("client.properties",
                "# Kafka\n"
                "bootstrap.servers=kafka1:9092\n"
                "security.protocol = SASL_PLAINTEXT\n"
                "sasl.mechanism=PLAIN\r\n"
                "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
                "username=\"svc\" password=\"geheim-4711\";\n"
                "group.id=reports\n");
  const auto read = properties_of_file("client.properties", secrets.settings());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->ignored, (std::vector<std::string>{"group.id"}));
  EXPECT_EQ(read->properties.at("sasl.jaas.config"), "${file:client.properties:sasl.jaas.config}");
  EXPECT_TRUE(check_no_literal_secrets(read->properties));
  const auto settings = read_link_settings("prod", read->properties, secrets.settings());
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->user, "svc");
  EXPECT_EQ(settings->password, "geheim-4711");
  EXPECT_FALSE(properties_of_file("none", secrets.settings()));
}

TEST(LinkSettings, names_are_short_and_plain) {
  EXPECT_TRUE(check_link_name("prod-2_b"));
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a.b"), std::string(65, 'a')})
    EXPECT_FALSE(check_link_name(name)) << name;
}

}  // namespace
}  // namespace server
