#include "server/kafka_client/broker_connection.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/bytes.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka/messages/sasl_authenticate_request.h"
#include "server/kafka/messages/sasl_authenticate_response.h"
#include "server/kafka/messages/sasl_handshake_request.h"
#include "server/kafka/messages/sasl_handshake_response.h"
#include "server/kafka/wire_errors.h"
#include "tests/server/kafka_client/scripted_broker.h"

namespace server::kafka_client {
namespace {

constexpr int64_t kPatienceMs = 20'000;

std::string versions(const kafka::RequestFrame& request) {
  return answer_bytes(request,
                      versions_of<kafka::ApiVersionsRequest, kafka::MetadataRequest,
                                  kafka::SaslHandshakeRequest, kafka::SaslAuthenticateRequest>());
}

bool asks_versions(const kafka::RequestFrame& request) {
  return request.header.api_key == kafka::ApiVersionsRequest::kApiKey;
}

// One connection to a scripted broker.
struct Meeting {
  explicit Meeting(ScriptedBroker::Answer answer) : broker(loop, std::move(answer)) {}

  // Opens the connection, and returns success or the error.
  Status open(int64_t patience_ms = kPatienceMs) {
    std::optional<Status> opened;
    connection.emplace(loop, settings, broker.address(), patience_ms, [&](Status status) {
      opened = std::move(status);
      loop.stop();
    });
    EXPECT_FALSE(opened) << "the callback ran within the constructor";
    loop.run();
    return std::move(*opened);
  }
  Result<kafka::MetadataResponse> ask_metadata(int64_t timeout_ms = kPatienceMs) {
    std::optional<Result<kafka::MetadataResponse>> answer;
    connection->ask<kafka::MetadataRequest, kafka::MetadataResponse>(
        {}, BrokerConnection::all_versions<kafka::MetadataRequest>(), timeout_ms,
        [&](Result<kafka::MetadataResponse> got) {
          answer = std::move(got);
          loop.stop();
        });
    EXPECT_FALSE(answer) << "the callback ran within the call";
    loop.run();
    return std::move(*answer);
  }
  // Returns the error without the address at its beginning.
  std::string reason(const Error& error) const {
    const std::string prefix = broker.address().to_string() + ": ";
    EXPECT_TRUE(error.message.starts_with(prefix)) << error.message;
    return error.message.substr(std::min(error.message.size(), prefix.size()));
  }

  Loop loop;
  ClientSettings settings;
  ScriptedBroker broker;
  std::optional<BrokerConnection> connection;
};

TEST(BrokerConnection, a_request_has_the_newest_version_that_both_sides_know) {
  Meeting meeting([](const kafka::RequestFrame& request) {
    if (!asks_versions(request)) {
      EXPECT_EQ(request.header.api_version, 9);
      EXPECT_EQ(request.header.client_id, "millrace");
      kafka::MetadataResponse response;
      response.cluster_id = "far-away";
      return answer_bytes(request, response);
    }
    kafka::ApiVersionsResponse response;
    response.api_keys.push_back({kafka::MetadataRequest::kApiKey, 4, 9});
    return answer_bytes(request, response);
  });
  ASSERT_TRUE(meeting.open());
  const auto answer = meeting.ask_metadata();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->cluster_id, "far-away");
}

TEST(BrokerConnection, an_old_broker_is_asked_again_in_version_0) {
  Meeting meeting([](const kafka::RequestFrame& request) {
    kafka::ApiVersionsResponse response = versions_of<kafka::MetadataRequest>();
    if (request.header.api_version > 0) response.error_code = kafka::kUnsupportedVersion;
    std::string bytes;
    kafka::append_response(bytes, request.header.correlation_id, 0, response);
    return bytes;
  });
  ASSERT_TRUE(meeting.open());
  EXPECT_EQ(meeting.broker.asked.size(), 2u);
}

TEST(BrokerConnection, a_request_without_a_common_version_is_not_sent) {
  Meeting meeting([](const kafka::RequestFrame& request) {
    kafka::ApiVersionsResponse response;
    response.api_keys.push_back({kafka::MetadataRequest::kApiKey, 90, 99});
    return answer_bytes(request, response);
  });
  ASSERT_TRUE(meeting.open());
  const auto answer = meeting.ask_metadata();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::NotSupported);
  EXPECT_EQ(meeting.broker.asked.size(), 1u);
}

TEST(BrokerConnection, other_servers_are_named) {
  const std::pair<std::string, std::string> kCases[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP server answers, not a Kafka broker"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "an SSH server answers, not a Kafka broker"},
      {std::string("\x15\x03\x03\x00\x02\x02\x46", 7), "the broker speaks TLS on this port"},
  };
  for (const auto& [bytes, message] : kCases) {
    Meeting meeting([&](const kafka::RequestFrame&) { return bytes; });
    const Status opened = meeting.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(meeting.reason(opened.error()), message);
  }
}

TEST(BrokerConnection, bytes_that_are_no_answer_end_the_connection) {
  const auto frame = [](std::string body) {
    std::string bytes;
    append_be(bytes, static_cast<int32_t>(body.size()));
    return bytes + body;
  };
  std::string huge, negative;
  append_be(huge, INT32_MAX);
  append_be(negative, int32_t{-5});
  const std::string kCases[] = {
      huge + "x",                                                // a length above all limits
      negative,                                                  // a negative length
      frame(""),                                                 // without a correlation id
      frame(std::string("\0\0\0\x63", 4)),                       // the answer to another request
      frame(std::string("\0\0\0\x01", 4)),                       // an answer without a body
      frame(std::string("\0\0\0\x01\0\0\x7f\xff\xff\xff", 10)),  // a huge number of elements
      frame(std::string("\0\0\0\x01", 4) + std::string(300, '\xff')),
  };
  for (const std::string& bytes : kCases) {
    Meeting meeting([&](const kafka::RequestFrame&) { return bytes; });
    const Status opened = meeting.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::ProtocolViolation) << opened.error().message;
    EXPECT_FALSE(meeting.connection->is_open());
  }
}

TEST(BrokerConnection, an_answer_without_a_request_ends_the_connection) {
  Meeting meeting(versions);
  ASSERT_TRUE(meeting.open());
  meeting.broker.send(std::string("\0\0\0\x04\0\0\0\x07", 8));
  const auto answer = meeting.ask_metadata();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::ProtocolViolation);
}

TEST(BrokerConnection, a_malformed_answer_fails_its_request_and_ends_the_connection) {
  Meeting meeting([](const kafka::RequestFrame& request) {
    if (asks_versions(request)) return versions(request);
    std::string bytes = answer_bytes(request, kafka::MetadataResponse{});
    bytes.back() = '\x7f';  // tagged fields that do not exist
    return bytes;
  });
  ASSERT_TRUE(meeting.open());
  const auto answer = meeting.ask_metadata();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::ProtocolViolation);
  EXPECT_FALSE(meeting.ask_metadata());
}

TEST(BrokerConnection, a_broker_that_never_answers_is_given_up) {
  Meeting meeting([](const kafka::RequestFrame&) { return std::string(); });
  const Status opened = meeting.open(50);
  ASSERT_FALSE(opened);
  EXPECT_EQ(meeting.reason(opened.error()),
            "no answer within 50 ms after the connection was accepted");
}

TEST(BrokerConnection, a_request_without_an_answer_is_given_up) {
  Meeting meeting([](const kafka::RequestFrame& request) {
    return asks_versions(request) ? versions(request) : std::string();
  });
  ASSERT_TRUE(meeting.open());
  const auto answer = meeting.ask_metadata(50);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::NetworkFailure);
  EXPECT_EQ(meeting.reason(answer.error()), "no answer to Metadata within 50 ms");
}

// Each byte is progress, but the answer never becomes complete.
TEST(BrokerConnection, an_answer_that_drips_does_not_extend_the_time_limit) {
  Meeting meeting([](const kafka::RequestFrame& request) {
    return asks_versions(request) ? versions(request) : std::string("\0\1\0\0", 4);
  });
  ASSERT_TRUE(meeting.open());
  Timer drip(meeting.loop, "a dripping answer", [&] { meeting.broker.send("x"); });
  drip.start_every(1);
  const auto answer = meeting.ask_metadata(100);
  ASSERT_FALSE(answer);
  EXPECT_EQ(meeting.reason(answer.error()), "no answer to Metadata within 100 ms");
}

TEST(BrokerConnection, all_requests_fail_if_the_broker_closes_the_connection) {
  ScriptedBroker* broker = nullptr;
  Meeting meeting([&](const kafka::RequestFrame& request) {
    if (asks_versions(request)) return versions(request);
    broker->disconnect();
    return std::string();
  });
  broker = &meeting.broker;
  ASSERT_TRUE(meeting.open());
  const auto answer = meeting.ask_metadata();
  ASSERT_FALSE(answer);
  EXPECT_EQ(meeting.reason(answer.error()),
            "the broker closed the connection instead of answering Metadata");
}

TEST(BrokerConnection, a_server_that_closes_at_once_may_need_another_protocol) {
  ScriptedBroker* broker = nullptr;
  Meeting meeting([&](const kafka::RequestFrame&) {
    broker->disconnect();
    return std::string();
  });
  broker = &meeting.broker;
  const Status opened = meeting.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(meeting.reason(opened.error()), "the server closed the connection before it answered");
  EXPECT_EQ(opened.error().hint, "The port may need TLS: security.protocol is SSL or SASL_SSL.");
}

TEST(BrokerConnection, a_callback_may_destroy_the_connection) {
  Meeting meeting([](const kafka::RequestFrame& request) {
    return asks_versions(request) ? versions(request)
                                  : answer_bytes(request, kafka::MetadataResponse{});
  });
  ASSERT_TRUE(meeting.open());
  meeting.connection->ask<kafka::MetadataRequest, kafka::MetadataResponse>(
      {}, BrokerConnection::all_versions<kafka::MetadataRequest>(), kPatienceMs,
      [&](const Result<kafka::MetadataResponse>&) {
        meeting.connection.reset();
        meeting.loop.stop();
      });
  meeting.loop.run();
  EXPECT_FALSE(meeting.connection);
}

// --- SASL

struct LogIn {
  kafka::SaslHandshakeResponse handshake = {};
  kafka::SaslAuthenticateResponse authenticate = {};
  std::string password = "geheim-4711";
};

Status log_in(SaslMechanism mechanism, const LogIn& script, std::string* first_message = nullptr) {
  Meeting meeting([&](const kafka::RequestFrame& request) {
    if (asks_versions(request)) return versions(request);
    if (request.header.api_key == kafka::SaslHandshakeRequest::kApiKey)
      return answer_bytes(request, script.handshake);
    const auto message = kafka::decode_request<kafka::SaslAuthenticateRequest>(request);
    if (first_message && message && first_message->empty()) *first_message = message->auth_bytes;
    return answer_bytes(request, script.authenticate);
  });
  meeting.settings.mechanism = mechanism;
  meeting.settings.user = "svc";
  meeting.settings.password = script.password;
  return meeting.open();
}

TEST(SaslLogin, plain_sends_the_user_and_the_password) {
  std::string message;
  ASSERT_TRUE(log_in(SaslMechanism::Plain, {}, &message));
  EXPECT_EQ(message, std::string("\0svc\0geheim-4711", 16));
}

TEST(SaslLogin, a_mechanism_that_is_not_offered_is_named_with_those_that_are) {
  LogIn script;
  script.handshake = {kafka::kUnsupportedSaslMechanism, {"GSSAPI", "PLAIN"}};
  const Status opened = log_in(SaslMechanism::ScramSha512, script);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::InvalidAuthorization);
  EXPECT_TRUE(opened.error().message.ends_with("the broker does not offer SASL/SCRAM-SHA-512"));
  EXPECT_EQ(opened.error().hint, "It offers GSSAPI, PLAIN.");
}

TEST(SaslLogin, a_refused_user_is_named_and_the_password_is_hidden) {
  LogIn script;
  script.authenticate.error_code = KafkaError::SaslAuthenticationFailed;
  script.authenticate.error_message = "no: geheim-4711\r\n";
  const Status opened = log_in(SaslMechanism::Plain, script);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::InvalidPassword);
  EXPECT_TRUE(opened.error().message.ends_with("SASL/PLAIN was refused for user \"svc\""));
  EXPECT_EQ(opened.error().detail, "The broker reports: no: [hidden]??");
}

TEST(SaslLogin, a_password_that_is_part_of_the_hidden_text_is_hidden_once) {
  LogIn script;
  script.password = "hid";
  script.authenticate.error_code = KafkaError::SaslAuthenticationFailed;
  script.authenticate.error_message = "no: hid, hid";
  const Status opened = log_in(SaslMechanism::Plain, script);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail, "The broker reports: no: [hidden], [hidden]");
}

TEST(SaslLogin, a_broker_without_users_is_recognized) {
  LogIn script;
  script.handshake.error_code = kafka::kIllegalSaslState;
  const Status opened = log_in(SaslMechanism::Plain, script);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().message.ends_with("the broker takes no user on this port"));
}

TEST(SaslLogin, a_broker_that_answers_scram_with_other_bytes_is_refused) {
  for (const std::string& message : {std::string(), std::string("r=1,s=AAAA,i=4096"),
                                     std::string(5000, ','), std::string("\0\xff", 2)}) {
    LogIn script;
    script.authenticate.auth_bytes = message;
    const Status opened = log_in(SaslMechanism::ScramSha256, script);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::ProtocolViolation);
  }
}

}  // namespace
}  // namespace server::kafka_client
