// A client of an MQTT broker. It uses MQTT 5, or MQTT 3.1.1 with a broker that does not accept MQTT 5.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/connect/mqtt/mqtt_packets.h"
#include "engine/connect/mqtt/mqtt_properties.h"
#include "server/connect/mqtt/broker_socket.h"

namespace server {

// Threads: one. Owner: the reader or the writer of a task.
class MqttClient {
 public:
  struct Session {
    std::string client_id;
    bool is_clean = true;  // the broker forgets an existing session of the client
    // The broker keeps the session with its subscriptions, and collects messages for it, after the connection has ended.
    bool is_kept = false;
    bool allows_private_addresses = false;
  };
  // Connects, and waits for the broker's answer. Fails with NetworkFailure; with InsufficientPrivilege for
  // wrong credentials or an unauthorized client; with InvalidParameter for unusable certificates or client ids;
  // and with ProtocolViolation if the other side is not a broker. A call that fails leaves the client unusable.
  static Result<std::unique_ptr<MqttClient>> connect(engine::MqttBroker broker, Session session,
                                                     const Clock& clock);
  // Ends the connection with DISCONNECT.
  ~MqttClient();
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  // Returns whether the broker had kept a session of the client.
  bool has_session() const { return connack_.has_session; }
  // Returns the limits of the broker.
  const engine::MqttConnack& limits() const { return connack_; }
  engine::MqttVersion version() const { return version_; }
  int64_t idle_us() const {
    return clock_.monotonic_us() - sent_us_;
  }  // since the last packet that was sent

  // SUBACK and UNSUBACK with the packet number arrive by next(), after messages that the session had stored.
  Status subscribe(uint16_t packet_id, std::span<const std::string> filters, uint8_t qos);
  Status unsubscribe(uint16_t packet_id, std::span<const std::string> filters);
  Status publish(const engine::MqttMessage& message);
  // Sends PUBACK for the messages.
  Status acknowledge(std::span<const uint16_t> packet_ids);
  // Returns the next packet other than CONNACK, PINGRESP and DISCONNECT; nothing if none arrives within `wait_ms`.
  // Keeps the connection alive while it is called more often than the keep-alive interval.
  Result<std::optional<engine::MqttPacket>> next(int64_t wait_ms);
  // Waits for SUBACK, drops all messages that arrive before it, and calls check_subscriptions().
  Status await_subscriptions(std::span<const std::string> filters, uint8_t qos);
  // Fails if the broker has refused a filter, or grants a lower QoS.
  Status check_subscriptions(const engine::MqttSuback& suback, std::span<const std::string> filters,
                             uint8_t qos) const;

 private:
  MqttClient(engine::MqttBroker broker, const Clock& clock)
      : broker_(std::move(broker)), clock_(clock) {}
  Status open(const Session& session, engine::MqttVersion version);
  Error refused(const engine::MqttReason& reason) const;
  Status send(std::string_view bytes);
  Status keep_alive();
  Error failure(ErrorCode code, std::string_view problem, std::string hint = {}) const;

  const engine::MqttBroker broker_;
  const Clock& clock_;
  engine::MqttVersion version_ = engine::MqttVersion::V5;
  engine::MqttConnack connack_;
  std::unique_ptr<ClientCertificates> certificates_;  // null without TLS
  std::unique_ptr<BrokerSocket> socket_;
  engine::MqttPacketReader packets_;
  int64_t keep_alive_us_ = 0;
  int64_t sent_us_ = 0;
  int64_t pinged_us_ = 0;  // when the PINGREQ was sent that is not answered yet; 0: none
};

// Returns the certificates that the configuration contains; null without TLS. Fails with InvalidParameter.
Result<std::unique_ptr<ClientCertificates>> certificates_of(const engine::MqttBroker& broker);

}  // namespace server
