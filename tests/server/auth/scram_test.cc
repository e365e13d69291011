#include "server/auth/scram.h"

#include <gtest/gtest.h>

namespace server::auth {
namespace {

// The example of RFC 7677, section 3.
constexpr std::string_view kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

Verifier pencil(Hash hash = Hash::Sha256) {
  return make_verifier(hash, "pencil", *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="));
}

// Returns the final message of a client, which is computed with the formulas of RFC 5802
// independently of the server's code.
std::string client_final(Hash hash, std::string_view password, const std::string& first_bare,
                         const std::string& server_first, const std::string& binding) {
  const size_t s = server_first.find(",s="), i = server_first.find(",i=");
  const std::string salted =
      salted_password(hash, password, *from_base64(server_first.substr(s + 3, i - s - 3)),
                      std::stoi(server_first.substr(i + 3)));
  const std::string key = hmac(hash, salted, "Client Key");
  const std::string without = "c=" + to_base64(binding) + "," + server_first.substr(0, s);
  std::string proof =
      hmac(hash, digest(hash, key), first_bare + "," + server_first + "," + without);
  for (size_t at = 0; at < proof.size(); ++at) proof[at] = static_cast<char>(proof[at] ^ key[at]);
  return without + ",p=" + to_base64(proof);
}

struct Exchange {
  ScramOptions options = {};
  std::string header = "n,,";
  std::string password = "pencil";
  std::string bound = {};  // the channel binding data that the client sends

  Result<std::string> run(Verifier verifier) const {
    ScramOptions with = options;
    with.nonce = kServerNonce;
    ScramServer server(with);
    const std::string bare = "n=user,r=" + std::string(kClientNonce);
    TRY(server.begin(header + bare));
    const std::string first = server.challenge(std::move(verifier));
    return server.finish(client_final(options.hash, password, bare, first, header + bound));
  }
};

TEST(Scram, the_example_of_the_rfc) {
  ScramServer server({.nonce = std::string(kServerNonce)});
  EXPECT_EQ(server.begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO").value(), "user");
  EXPECT_EQ(
      server.challenge(pencil()),
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  EXPECT_EQ(server
                .finish("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
                .value(),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, sha_512_goes_the_same_way) {
  const Exchange exchange{.options = {.hash = Hash::Sha512}};
  EXPECT_TRUE(exchange.run(pencil(Hash::Sha512)));
}

TEST(Scram, a_wrong_password_is_reported_as_one) {
  const auto refused = Exchange{.password = "pen"}.run(pencil());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidPassword);
}

TEST(Scram, an_unknown_user_fails_like_a_wrong_password) {
  const Verifier mock = mock_verifier(Hash::Sha256, "secret", "nobody");
  EXPECT_EQ(mock, mock_verifier(Hash::Sha256, "secret", "nobody"));
  EXPECT_NE(mock.salt, mock_verifier(Hash::Sha256, "secret", "another").salt);
  EXPECT_EQ(mock.salt.size(), 16u);
  const auto refused = Exchange{}.run(mock);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidPassword);
}

TEST(Scram, the_channel_is_bound) {
  const ScramOptions plus{.is_plus = true, .channel_binding = "certificate"};
  const std::string header = "p=tls-server-end-point,,";
  EXPECT_TRUE((Exchange{.options = plus, .header = header, .bound = "certificate"}.run(pencil())));
  // An attacker in the middle has shown another certificate to the client.
  const auto other = Exchange{.options = plus, .header = header, .bound = "other"}.run(pencil());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::InvalidAuthorization);
  // An attacker in the middle has removed the mechanism with channel binding from the server's
  // offer.
  const auto downgraded =
      Exchange{.options = {.channel_binding = "certificate"}, .header = "y,,"}.run(pencil());
  ASSERT_FALSE(downgraded);
  EXPECT_EQ(downgraded.error().code, ErrorCode::InvalidAuthorization);
  EXPECT_TRUE(Exchange{.header = "y,,"}.run(pencil()));
}

TEST(Scram, malformed_messages_are_refused) {
  for (const std::string_view first :
       {"", "n", "n,,", "n,,n=user", "n,,n=us=er,r=x", "n,,n=user,r=", "n,,n=user,r=a b",
        "x,,n=u,r=x", "n,a=admin,n=u,r=x", "n,,m=ext,n=u,r=x", "p=tls-unique,,n=u,r=x"}) {
    ScramServer server({.nonce = "n"});
    EXPECT_FALSE(server.begin(first)) << first;
  }
  for (const std::string_view last :
       {"", "c=biws", "c=biws,r=xn", "c=biws,r=x,p=AAAA", "r=xn,c=biws,p=AAAA",
        "c=biws,r=xn,p=AAAA", "c=eSws,r=xn,p=AAAA", "c=biws,r=xn,p=***"}) {
    ScramServer server({.nonce = "n"});
    ASSERT_TRUE(server.begin("n,,n=u,r=x"));
    server.challenge(pencil());
    EXPECT_FALSE(server.finish(last)) << last;
  }
}

TEST(Scram, messages_come_once_and_in_order) {
  ScramServer server({.nonce = "n"});
  EXPECT_FALSE(server.finish("c=biws,r=xn,p=AAAA"));
  EXPECT_FALSE(server.begin("n,,n=u,r=x"));
}

// librdkafka before version 2.6.1 sends "r=" and its own part of the nonce twice.
TEST(Scram, a_nonce_with_more_before_it_is_taken_where_that_is_wanted) {
  for (const bool is_taken : {false, true}) {
    ScramServer server({.nonce = "server", .takes_longer_nonce = is_taken});
    ASSERT_TRUE(server.begin("n,,n=user,r=client"));
    const std::string first = server.challenge(pencil());
    const std::string as_sent = "r=clientclientserver" + first.substr(first.find(",s="));
    const size_t s = as_sent.find(",s=");
    const std::string salted = salted_password(Hash::Sha256, "pencil", pencil().salt, 4096);
    const std::string key = hmac(Hash::Sha256, salted, "Client Key");
    const std::string without = "c=biws," + as_sent.substr(0, s);
    std::string proof =
        hmac(Hash::Sha256, digest(Hash::Sha256, key), "n=user,r=client," + first + "," + without);
    for (size_t at = 0; at < proof.size(); ++at) proof[at] = static_cast<char>(proof[at] ^ key[at]);
    EXPECT_EQ(server.finish(without + ",p=" + to_base64(proof)).has_value(), is_taken);
  }
}

TEST(Scram, names_are_unescaped) {
  EXPECT_EQ(ScramServer({.nonce = "n"}).begin("n,,n=a=2Cb=3Dc,r=x").value(), "a,b=c");
}

}  // namespace
}  // namespace server::auth
