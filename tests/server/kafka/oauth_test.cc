// Tests logins with tokens: SASL OAUTHBEARER (RFC 7628, KIP-255), and sessions that end with their token (KIP-368).
#include <fstream>

#include "server/auth/access.h"
#include "server/auth/oauth/token_checker.h"
#include "server/kafka/wire_errors.h"
#include "tests/server/auth/oauth/signer.h"
#include "tests/server/kafka/session_fixture.h"
#include "tests/server/kafka/users_backend.h"

namespace server::kafka {
namespace {

class OauthTest : public testing::Test, public SessionHost {
 protected:
  OauthTest() {
    std::ofstream(rules_) << "host kafka bob all scram-sha-256\nhost kafka all all oauth\n";
    access_ = std::move(auth::Access::open(rules_, directory_, &tokens_)).value();
    for (const char* name : {"ann", "bob"})
      backend_.apply({storage::PutRole{
          name, {.may_login = true, .verifiers = verifiers_of(std::string("pw-") + name)}}});
    connect();
  }
  void wake() override {}

  void connect(SessionLimits limits = {}) {
    session_ = std::make_unique<Session>(
        backend_, *this, clock_, node_, limits,
        SessionSurroundings{.access = access_.get(), .channel = &channel_});
  }
  template <class Response, class Request>
  Response ask(const Request& request, int16_t version) {
    constexpr size_t kHeaderBytes = 8;
    std::string bytes;
    append_request(bytes, {.api_version = version, .correlation_id = ++last_id_}, request);
    session_->receive(bytes);
    session_->run();
    const std::string output = session_->take_output();
    if (output.size() <= kHeaderBytes) return {};
    kept_ = output.substr(kHeaderBytes);
    const auto response = decode_response<Response>(kept_, version);
    EXPECT_TRUE(response);
    return response.value_or(Response{});
  }
  SaslHandshakeResponse choose(std::string_view mechanism = "OAUTHBEARER") {
    SaslHandshakeRequest request;
    request.mechanism = mechanism;
    return ask<SaslHandshakeResponse>(request, 1);
  }
  SaslAuthenticateResponse send(std::string_view bytes) {
    SaslAuthenticateRequest request;
    request.auth_bytes = bytes;
    return ask<SaslAuthenticateResponse>(request, 2);
  }
  // Returns a token for the user that is valid for `for_s` seconds.
  std::string token(std::string_view user, int64_t for_s = 600) const {
    const int64_t expires_s = clock_.wall_ms() / 1000 + for_s;
    return auth::oauth::token_with_secret(
        kSecret, fmt::format(R"({{"sub":"{}","exp":{}}})", user, expires_s));
  }
  SaslAuthenticateResponse show(const std::string& token, const std::string& authorization = "") {
    return send("n," + authorization +
                ",\x01"
                "auth=Bearer " +
                token + "\x01\x01");
  }
  bool is_answered() {
    std::string bytes;
    append_request(bytes, {.api_version = 5, .correlation_id = ++last_id_}, MetadataRequest{});
    session_->receive(bytes);
    session_->run();
    return !session_->take_output().empty() && !session_->is_over();
  }

  static constexpr std::string_view kSecret = "a secret of the issuer and of us";
  const std::string rules_ = testing::TempDir() + "millrace_kafka_oauth_test.conf";
  UsersBackend backend_;
  Directory directory_{backend_};
  SimulatedClock clock_{1'900'000'000'000};
  auth::oauth::TokenChecker tokens_{
      {.clock_skew_s = 0, .secret = std::string(kSecret)}, "", nullptr, {}, clock_};
  std::unique_ptr<auth::Access> access_;
  Channel channel_{.peer_host = "127.0.0.1"};
  NodeView node_{.host = "127.0.0.1", .port = 9092, .cluster_id = "test", .internal_topic = ""};
  std::unique_ptr<Session> session_;
  std::string kept_;
  int32_t last_id_ = 0;
};

TEST_F(OauthTest, a_token_admits_its_user) {
  EXPECT_EQ(choose().mechanisms.back(), "OAUTHBEARER");
  const SaslAuthenticateResponse answer = show(token("ann"));
  EXPECT_EQ(answer.error_code, KafkaError::None) << answer.error_message.value_or("");
  EXPECT_EQ(answer.auth_bytes, "");
  EXPECT_EQ(answer.session_lifetime_ms, 600'000);
  EXPECT_TRUE(is_answered());
}

TEST_F(OauthTest, the_mechanism_is_offered_with_a_check_of_tokens_only) {
  std::ofstream(rules_) << "host all all all scram-sha-256\n";
  access_ = std::move(auth::Access::open(rules_, directory_)).value();
  connect();
  const SaslHandshakeResponse answer = choose();
  EXPECT_EQ(answer.error_code, kUnsupportedSaslMechanism);
  EXPECT_EQ(answer.mechanisms.size(), 3u);
}

// RFC 7628, section 3.2.3: the client answers the error with one byte.
TEST_F(OauthTest, a_refused_token_is_answered_in_two_steps) {
  choose();
  const std::string expired = token("ann", -1);
  SaslAuthenticateResponse answer = show(expired);
  EXPECT_EQ(answer.error_code, KafkaError::None);
  EXPECT_EQ(answer.auth_bytes, R"({"status":"invalid_token"})");
  EXPECT_EQ(answer.session_lifetime_ms, 0);
  EXPECT_FALSE(session_->is_over());
  answer = send("\x01");
  EXPECT_EQ(answer.error_code, KafkaError::SaslAuthenticationFailed);
  EXPECT_EQ(answer.error_message, "the token expired 1 seconds ago (exp)");
  EXPECT_TRUE(session_->is_over());
  EXPECT_EQ(session_->end_reason(), "the token expired 1 seconds ago (exp)");
}

TEST_F(OauthTest, a_refused_token_admits_nothing) {
  choose();
  EXPECT_NE(show(token("ann", -1)).auth_bytes, "");
  EXPECT_FALSE(is_answered());
  connect();
  choose();
  EXPECT_NE(show(token("ann", -1)).auth_bytes, "");
  EXPECT_EQ(show(token("ann")).error_code, KafkaError::SaslAuthenticationFailed)
      << "a connection has one attempt";
  EXPECT_FALSE(is_answered());
}

TEST_F(OauthTest, malformed_messages_end_the_connection) {
  for (const std::string& message : {std::string(), std::string("\x01"), token("ann"),
                                     "n,,\x01"
                                     "auth=Bearer " +
                                         token("ann") + "\x01"}) {
    connect();
    choose();
    EXPECT_EQ(send(message).error_code, KafkaError::SaslAuthenticationFailed);
    EXPECT_TRUE(session_->is_over());
    EXPECT_EQ(session_->end_reason().find(token("ann")), std::string::npos);
  }
}

TEST_F(OauthTest, the_user_of_a_token_exists_and_is_the_one_asked_for) {
  choose();
  EXPECT_EQ(show(token("nobody")).error_message, "role \"nobody\" does not exist");
  connect();
  choose();
  EXPECT_EQ(show(token("ann"), "a=ann").error_code, KafkaError::None);
  connect();
  choose();
  EXPECT_EQ(show(token("ann"), "a=bob").error_code, KafkaError::SaslAuthenticationFailed);
}

TEST_F(OauthTest, passwords_and_tokens_do_not_replace_each_other) {
  choose();
  EXPECT_EQ(show(token("bob")).error_message,
            "the access file requires a password of user \"bob\" (scram-sha-256)");
  connect();
  choose("PLAIN");
  EXPECT_EQ(send(std::string_view("\0ann\0pw-ann", 11)).error_message,
            "the access file requires a token (SASL OAUTHBEARER) of user \"ann\" (oauth)");
  connect();
  choose("PLAIN");
  EXPECT_EQ(send(std::string_view("\0bob\0pw-bob", 11)).error_code, KafkaError::None);
  connect();
  EXPECT_FALSE(is_answered());
  EXPECT_EQ(session_->end_reason(), "the client has not authenticated with SASL");
}

TEST_F(OauthTest, a_session_ends_with_its_token) {
  choose();
  EXPECT_EQ(show(token("ann", 60)).session_lifetime_ms, 60'000);
  clock_.advance_us(59'999'000);
  EXPECT_TRUE(is_answered());
  EXPECT_EQ(choose().error_code, KafkaError::None);
  EXPECT_EQ(show(token("ann", 90)).session_lifetime_ms, 89'001);
  clock_.advance_us(89'000'000);
  EXPECT_TRUE(is_answered());
  clock_.advance_us(1'000);
  EXPECT_FALSE(is_answered());
  EXPECT_NE(session_->end_reason().find("expired"), std::string::npos);
}

TEST_F(OauthTest, a_renewed_login_is_one_of_the_same_user) {
  choose();
  EXPECT_EQ(show(token("ann")).error_code, KafkaError::None);
  EXPECT_EQ(choose("PLAIN").error_code, kUnsupportedSaslMechanism);
  EXPECT_EQ(choose().error_code, KafkaError::None);
  EXPECT_EQ(choose().error_code, kIllegalSaslState);
  EXPECT_EQ(show(token("bob")).error_code, KafkaError::SaslAuthenticationFailed);
  EXPECT_TRUE(session_->is_over());
}

TEST_F(OauthTest, a_refused_renewal_ends_the_connection) {
  choose();
  EXPECT_EQ(show(token("ann")).error_code, KafkaError::None);
  choose();
  EXPECT_NE(show(token("ann", -1)).auth_bytes, "");
  EXPECT_TRUE(is_answered()) << "the first token is valid until then";
  EXPECT_EQ(send("\x01").error_code, KafkaError::SaslAuthenticationFailed);
  EXPECT_TRUE(session_->is_over());
}

TEST_F(OauthTest, the_shorter_of_two_lifetimes_counts) {
  connect({.max_reauth_ms = 30'000});
  choose();
  EXPECT_EQ(show(token("ann", 60)).session_lifetime_ms, 30'000);
  connect({.max_reauth_ms = 90'000});
  choose();
  EXPECT_EQ(show(token("ann", 60)).session_lifetime_ms, 60'000);
}

TEST_F(OauthTest, without_an_access_file_tokens_are_checked_all_the_same) {
  access_ = std::move(auth::Access::open("", directory_, &tokens_)).value();
  connect();
  choose();
  EXPECT_EQ(show(token("nobody")).error_code, KafkaError::None) << "users are not needed";
  connect();
  choose();
  EXPECT_NE(show(token("nobody", -1)).auth_bytes, "");
}

}  // namespace
}  // namespace server::kafka
