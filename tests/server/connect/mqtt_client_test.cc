// Checks the client of MQTT brokers against a broker that sends bytes of the test.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "engine/connect/mqtt/mqtt_packets.h"
#include "server/connect/mqtt/mqtt_client.h"
#include "server/connect/mqtt/mqtt_reader.h"
#include "server/net/listener.h"

namespace server {
namespace {

using namespace std::string_literals;

const std::string kConnack = "\x20\3\0\0\0"s, kSuback = "\x90\4\0\1\0\1"s;

// Listens on loopback, and answers the first bytes of the first connection.
class Peer {
 public:
  explicit Peer(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.fd(), raw, size), 0);
    EXPECT_EQ(::listen(listener_.fd(), 1), 0);
    EXPECT_EQ(getsockname(listener_.fd(), raw, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer)] {
      connection_ = Socket(::accept(listener_.fd(), nullptr, nullptr));
      receive(0);
      EXPECT_EQ(::send(connection_.fd(), answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
    });
  }
  ~Peer() {
    ::shutdown(listener_.fd(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  engine::MqttBroker broker() const {
    engine::MqttBroker broker;
    broker.host = "127.0.0.1";
    broker.port = port_;
    broker.keep_alive_s = 60;
    broker.connect_timeout_ms = 10'000;
    return broker;
  }
  // Waits until the answer has been sent.
  void await_answer() { thread_.join(); }
  // Returns all bytes that the client has sent. `flags` are those of recv(2).
  const std::string& receive(int flags) {
    std::string bytes(4096, '\0');
    const ssize_t count = ::recv(connection_.fd(), bytes.data(), bytes.size(), flags);
    if (count > 0) received_ += bytes.substr(0, static_cast<size_t>(count));
    return received_;
  }

 private:
  Socket listener_, connection_;
  uint16_t port_ = 0;
  std::string received_;
  std::thread thread_;
};

MqttClient::Session session(bool allows_private_addresses = true) {
  MqttClient::Session made;
  made.client_id = "c";
  made.is_clean = false;
  made.is_kept = true;
  made.allows_private_addresses = allows_private_addresses;
  return made;
}

Error error_of(Peer& peer) {
  const SystemClock clock;
  const auto connected = MqttClient::connect(peer.broker(), session(), clock);
  EXPECT_FALSE(connected);
  return connected ? Error{ErrorCode::Internal, "connected"} : connected.error();
}

TEST(MqttReader, acknowledges_a_message_after_its_commit) {
  const std::string message = engine::encode_publish(
      engine::MqttVersion::V5, {.topic = "plant/1", .payload = "x", .packet_id = 7, .qos = 1});
  Peer peer(kConnack + kSuback + message);
  engine::MqttSource source;
  source.broker = peer.broker();
  source.filters = {"plant/#"};
  source.topic = "t";
  const SystemClock clock;
  MqttReader reader(
      source, session(), "plant", [] { return size_t{1'000}; }, clock);
  ASSERT_TRUE(reader.start({}));
  SourceBatch batch;
  while (batch.records.empty()) {
    auto polled = reader.poll({1 << 20, 100});
    ASSERT_TRUE(polled) << polled.error().message;
    batch = *std::move(polled);
    if (batch.records.empty()) {
      ASSERT_TRUE(reader.confirm(batch.positions));
    }
  }
  EXPECT_EQ(batch.records[0].key, "plant/1");
  peer.await_answer();
  const std::string acknowledgement = engine::encode_puback(7);
  EXPECT_EQ(peer.receive(MSG_DONTWAIT).find(acknowledgement), std::string::npos);
  ASSERT_TRUE(reader.confirm(batch.positions));
  while (peer.receive(0).find(acknowledgement) == std::string::npos) {
  }
}

TEST(MqttReader, a_message_that_is_too_large_for_the_topic_is_bad) {
  const std::string message = engine::encode_publish(
      engine::MqttVersion::V5,
      {.topic = "plant/1", .payload = std::string(2'000, 'x'), .packet_id = 7, .qos = 1});
  Peer peer(kConnack + kSuback + message);
  engine::MqttSource source;
  source.broker = peer.broker();
  source.filters = {"plant/#"};
  source.topic = "t";
  const SystemClock clock;
  MqttReader reader(
      source, session(), "plant", [] { return size_t{1'000}; }, clock);
  ASSERT_TRUE(reader.start({}));
  SourceBatch batch;
  while (batch.bad.empty()) {
    auto polled = reader.poll({1 << 20, 100});
    ASSERT_TRUE(polled) << polled.error().message;
    batch = *std::move(polled);
  }
  EXPECT_TRUE(batch.bad[0].error.message.starts_with("plant/1, message 1: the record has 2"))
      << batch.bad[0].error.message;
}

TEST(MqttClient, a_private_address_needs_a_superuser) {
  const SystemClock clock;
  engine::MqttBroker broker;
  broker.host = "127.0.0.1";
  broker.port = 1883;
  broker.connect_timeout_ms = 1'000;
  const auto connected = MqttClient::connect(broker, session(false), clock);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, ErrorCode::InsufficientPrivilege);
  EXPECT_EQ(connected.error().message, "127.0.0.1:1883 is not a public address");
}

TEST(MqttClient, other_answers_than_connack_are_errors) {
  Peer http("HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(200, ' '));
  const Error other = error_of(http);
  EXPECT_EQ(other.code, ErrorCode::NetworkFailure);
  EXPECT_NE(other.message.find("MQTT"), std::string::npos) << other.message;
  Peer banned("\x20\3\0\x8a\0"s);
  EXPECT_EQ(error_of(banned).code, ErrorCode::InsufficientPrivilege);
  Peer id("\x20\3\0\x85\0"s);
  EXPECT_EQ(error_of(id).code, ErrorCode::InvalidParameter);
  Peer busy("\x20\3\0\x89\0"s);
  const Error is_busy = error_of(busy);
  EXPECT_EQ(is_busy.code, ErrorCode::NetworkFailure);
  EXPECT_NE(is_busy.message.find("the broker refuses the connection: the broker is busy (0x89)"),
            std::string::npos)
      << is_busy.message;
}

}  // namespace
}  // namespace server
