// The packets of MQTT 5 and MQTT 3.1.1 that a client needs for QoS 0 and 1.
//
// Sources: https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html and
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace engine {

// The values are the protocol levels in CONNECT.
enum class MqttVersion : uint8_t { V311 = 4, V5 = 5 };

struct MqttConnect {
  MqttVersion version = MqttVersion::V5;
  std::string client_id;
  bool is_clean = true;        // the broker drops an existing session of the client
  bool keeps_session = false;  // the broker keeps the session after the end of the connection
  uint16_t keep_alive_s = 0;
  std::string user;  // empty: no user name and no password are sent
  std::string password;
  uint16_t receive_maximum = UINT16_MAX;  // most messages with QoS 1 that are not acknowledged
};

struct MqttUserProperty {
  std::string name, value;
  bool operator==(const MqttUserProperty&) const = default;
};

// A message to publish. The PUBLISH packets that a broker sends have the same type.
struct MqttMessage {
  std::string topic, payload;
  uint16_t packet_id = 0;  // of QoS 1; not 0
  uint8_t qos = 0;
  bool is_retained = false, is_duplicate = false;
  std::vector<MqttUserProperty> user_properties = {};  // MQTT 5 only
};

std::string encode_connect(const MqttConnect& connect);
std::string encode_publish(MqttVersion version, const MqttMessage& message);
std::string encode_puback(uint16_t packet_id);
std::string encode_subscribe(MqttVersion version, uint16_t packet_id,
                             std::span<const std::string> filters, uint8_t qos);
std::string encode_unsubscribe(MqttVersion version, uint16_t packet_id,
                               std::span<const std::string> filters);
std::string encode_pingreq();
std::string encode_disconnect();

// A reason code of MQTT 5, or a return code of MQTT 3.1.1 in CONNACK and SUBACK. `text` is the
// broker's own explanation, which MQTT 5 permits.
struct MqttReason {
  uint8_t code = 0;
  std::string text = {};
  bool is_failure() const { return code >= 0x80; }
};

struct MqttConnack {
  bool has_session = false;
  MqttReason reason;                          // of MQTT 3.1.1: codes 1 to 5 are failures
  std::optional<uint16_t> keep_alive_s = {};  // the interval that the broker demands
  uint16_t receive_maximum = UINT16_MAX;
  uint8_t most_qos = 2;
  uint32_t most_packet_bytes = UINT32_MAX;  // the broker ends the connection after a larger packet
};
struct MqttPuback {
  uint16_t packet_id = 0;
  MqttReason reason;
};
// SUBACK and UNSUBACK. UNSUBACK of MQTT 3.1.1 has no codes.
struct MqttSuback {
  uint16_t packet_id = 0;
  std::vector<uint8_t> codes;
  std::string text = {};
};
struct MqttPingresp {};
// The broker ends the connection. Only MQTT 5 has this packet.
struct MqttDisconnect {
  MqttReason reason;
};
using MqttPacket =
    std::variant<MqttConnack, MqttMessage, MqttPuback, MqttSuback, MqttPingresp, MqttDisconnect>;

// Splits the bytes of a broker into packets.
//
// Threads: one. Owner: the connection.
class MqttPacketReader {
 public:
  // Packets with more bytes are refused, so a packet in memory has at most this size.
  static constexpr size_t kMostPacketBytes = 16 << 20;

  void use(MqttVersion version) { version_ = version; }
  void add(std::string_view bytes) { buffer_ += bytes; }
  // Returns the next whole packet, or nothing. Fails with ProtocolViolation for bytes that are not
  // MQTT, for a packet that only a client may send, and for a message with QoS 2, which this client
  // does not subscribe to; and with RecordTooLarge.
  Result<std::optional<MqttPacket>> next();

 private:
  MqttVersion version_ = MqttVersion::V5;
  std::string buffer_;
  size_t begin_ = 0;  // of the bytes that are not read yet
};

// Returns the reason in words, with the code: "not authorized (0x87)". `is_connack` chooses the
// return codes 1 to 5 of CONNACK in MQTT 3.1.1.
std::string mqtt_reason_text(const MqttReason& reason, bool is_connack);

}  // namespace engine
