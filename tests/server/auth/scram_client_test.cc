#include "server/auth/scram_client.h"

#include <gtest/gtest.h>

#include "server/auth/scram.h"

namespace server::auth {
namespace {

// The example of RFC 7677, section 3.
constexpr std::string_view kNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

ScramClient client_of(Hash hash = Hash::Sha256, std::string password = "pencil") {
  return {hash, "user", std::move(password), std::string(kNonce)};
}

TEST(ScramClient, the_example_of_the_rfc) {
  ScramClient client = client_of();
  EXPECT_EQ(client.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  ASSERT_TRUE(client.begin(kServerFirst));
  int steps = 1;
  while (!client.work()) ++steps;
  EXPECT_EQ(steps, 17);  // 4096 rounds: each step computes only some of them
  EXPECT_EQ(client.final(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_TRUE(client.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

TEST(ScramClient, it_is_let_in_by_this_programs_server) {
  for (const Hash hash : {Hash::Sha256, Hash::Sha512}) {
    ScramServer server({.hash = hash, .nonce = "server"});
    ScramClient client = client_of(hash);
    EXPECT_EQ(server.begin(client.first()).value(), "user");
    ASSERT_TRUE(client.begin(server.challenge(make_verifier(hash, "pencil", "salt"))));
    while (!client.work()) continue;
    const auto last = server.finish(client.final());
    ASSERT_TRUE(last) << last.error().message;
    EXPECT_TRUE(client.check(*last));
  }
}

TEST(ScramClient, a_server_without_the_password_is_not_trusted) {
  ScramClient client = client_of();
  ASSERT_TRUE(client.begin(kServerFirst));
  while (!client.work()) continue;
  EXPECT_FALSE(client.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));  // before final()
  (void)client.final();
  for (const char* message : {"", "v=", "v=AAAA", "e=invalid-proof", "x"}) {
    const Status checked = client.check(message);
    ASSERT_FALSE(checked) << message;
    EXPECT_EQ(checked.error().code, ErrorCode::InvalidPassword);
  }
}

TEST(ScramClient, malformed_first_messages_are_refused) {
  const std::string nonce = "r=" + std::string(kNonce);
  for (const std::string& message :
       {std::string(), std::string("x"), nonce + ",s=AAAA,i=4096",  // not continued by the server
        std::string("r=other,s=AAAA,i=4096"), nonce + "x,s=AAAA", nonce + "x,i=4096",
        nonce + "x,s=?,i=4096", nonce + "x,s=AAAA,i=4095", nonce + "x,s=AAAA,i=100001",
        nonce + "x,s=AAAA,i=4096x", nonce + "x,s=AAAA,i=99999999999"}) {
    const Status begun = client_of().begin(message);
    ASSERT_FALSE(begun) << message;
    EXPECT_EQ(begun.error().code, ErrorCode::ProtocolViolation);
  }
}

TEST(ScramClient, commas_and_equals_signs_in_names_are_escaped) {
  const ScramClient client(Hash::Sha256, "a=b,c", "pencil", "nonce");
  EXPECT_EQ(client.first(), "n,,n=a=3Db=2Cc,r=nonce");
}

TEST(PlainMessage, it_has_the_user_and_the_password) {
  EXPECT_EQ(plain_message("svc", "p"), std::string("\0svc\0p", 6));
}

}  // namespace
}  // namespace server::auth
