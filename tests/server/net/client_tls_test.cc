#include "server/net/client_tls.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "server/net/tls.h"

using namespace server;

TEST(ClientCertificates, texts_that_are_no_certificates_are_refused_without_showing_them) {
  const ClientTlsPems kCases[] = {
      {.authorities = "geheim-4711"},
      {.certificate = "geheim-4711"},
      {.key = "geheim-4711"},
      {.authorities = "-----BEGIN CERTIFICATE-----\ngeheim-4711\n-----END CERTIFICATE-----\n"},
  };
  for (const ClientTlsPems& each : kCases) {
    const auto made = ClientCertificates::make(each);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::InvalidParameter);
    EXPECT_EQ(made.error().message.find("geheim"), std::string::npos) << made.error().message;
  }
}

TEST(ClientTls, the_first_output_is_a_greeting_and_other_bytes_are_refused) {
  const auto certificates = ClientCertificates::make({});
  ASSERT_TRUE(certificates) << certificates.error().message;
  for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
    ClientTls tls(**certificates, host, HostCheck::SameHost);
    EXPECT_TRUE(ClientTls::is_begun_by(tls.take_encrypted()));
    tls.say("a secret");
    EXPECT_EQ(tls.take_encrypted(), "");  // nothing is sent to a server that is not known yet
    const auto answer = tls.receive("HTTP/1.1 400 Bad Request\r\n\r\n");
    ASSERT_FALSE(answer);
    EXPECT_FALSE(tls.is_open());
    EXPECT_FALSE(tls.is_certificate_refused());
  }
}

// --- Handshakes, without sockets

namespace {

// A folder with certificates that the program openssl has made: an authority, a certificate for "broker.example" that
// it has signed, and another authority.
class Certificates {
 public:
  Certificates() {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=authority -keyout ca.key -out ca.crt");
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=another -keyout other.key -out other.crt");
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=broker "
        "-keyout broker.key -out broker.csr");
    run("echo subjectAltName=DNS:broker.example > names; openssl x509 -req -in broker.csr "
        "-CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out broker.crt");
    run("chmod 600 broker.key");
    server = *TlsServer::open(
        {.certificate = path("broker.crt"), .key = path("broker.key"), .client_authority = {}});
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::unique_ptr<ClientCertificates> trusting(const std::string& authority) const {
    std::ifstream file(path(authority));
    return *ClientCertificates::make(
        {.authorities = std::string(std::istreambuf_iterator<char>(file), {})});
  }

  std::unique_ptr<TlsServer> server;

 private:
  void run(const std::string& command) const {
    EXPECT_EQ(std::system(("cd " + folder_ + " && (" + command + ") 2> /dev/null").c_str()), 0);
  }
  std::string folder_ = [] {
    std::string folder = "/tmp/client-tls-XXXXXX";
    return std::string(mkdtemp(folder.data()));
  }();
};

// Runs the handshake until the client is open, or until it fails.
Status shake_hands(ClientTls& client, TlsConnection& server) {
  Channel channel;
  for (int round = 0; round < 10 && !client.is_open(); ++round) {
    server.receive(client.take_encrypted());
    (void)server.handshake(channel);
    TRY(client.receive(server.take_encrypted()));
  }
  server.receive(client.take_encrypted());
  (void)server.handshake(channel);
  return {};
}

}  // namespace

TEST(ClientTls, the_certificate_must_have_a_known_authority_and_the_name_of_the_host) {
  const Certificates certificates;
  const struct {
    const char *authority, *host;
    HostCheck check;
    bool is_good, is_other_host;
  } kCases[] = {
      {"ca.crt", "broker.example", HostCheck::SameHost, true, false},
      {"ca.crt", "another.example", HostCheck::SameHost, false, true},
      {"ca.crt", "127.0.0.1", HostCheck::SameHost, false, true},
      {"ca.crt", "another.example", HostCheck::AnyHost, true, false},
      {"other.crt", "broker.example", HostCheck::SameHost, false, false},
      {"other.crt", "another.example", HostCheck::AnyHost, false, false},
  };
  for (const auto& each : kCases) {
    const auto trust = certificates.trusting(each.authority);
    ClientTls client(*trust, each.host, each.check);
    TlsConnection server(*certificates.server, {}, false);
    EXPECT_EQ(shake_hands(client, server).has_value(), each.is_good) << each.host;
    EXPECT_EQ(client.is_open(), each.is_good);
    EXPECT_EQ(client.is_other_host(), each.is_other_host);
    EXPECT_EQ(client.is_certificate_refused(), !each.is_good);
  }
}

TEST(ClientTls, input_before_the_end_of_the_conversation_is_not_lost) {
  const Certificates certificates;
  const auto trust = certificates.trusting("ca.crt");
  ClientTls client(*trust, "broker.example", HostCheck::SameHost);
  TlsConnection server(*certificates.server, {}, false);
  ASSERT_TRUE(shake_hands(client, server));
  server.write("the password is wrong");
  server.close();
  const auto last = client.receive(server.take_encrypted());
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ(*last, "the password is wrong");
  EXPECT_TRUE(client.is_closed_by_peer());
  EXPECT_FALSE(client.receive({}));
}
