#include "server/net/client_tls.h"

#include <gtest/gtest.h>

using namespace server;

// tests/clients/test_links.py checks the handshake itself, with certificates of two authorities.

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
