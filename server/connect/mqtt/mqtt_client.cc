#include "server/connect/mqtt/mqtt_client.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "base/log.h"

namespace server {

namespace {

using engine::MqttVersion;

constexpr int64_t kUsOfOneMs = 1'000, kUsOfOneSecond = 1'000'000;
// Messages with QoS 1 that the broker may send before the first is acknowledged. The limit is larger than the batches
// of a task, so that it does not slow them down.
constexpr uint16_t kReceiveMaximum = 20'000;

// The codes of MQTT 5 and the return codes of MQTT 3.1.1 that name the same reasons.
bool is_wrong_version(uint8_t code) { return code == 0x84 || code == 1; }
bool is_wrong_client_id(uint8_t code) { return code == 0x85 || code == 2; }
bool is_not_authorized(uint8_t code) {
  return code == 0x86 || code == 0x87 || code == 0x8a || code == 0x8c || code == 4 || code == 5;
}

}  // namespace

Result<std::unique_ptr<ClientCertificates>> certificates_of(const engine::MqttBroker& broker) {
  if (!broker.has_tls) return std::unique_ptr<ClientCertificates>();
  return ClientCertificates::make({.authorities = broker.authorities,
                                   .certificate = broker.certificate,
                                   .key = broker.key,
                                   .key_password = broker.key_password});
}

Error MqttClient::failure(ErrorCode code, std::string_view problem, std::string hint) const {
  return {code, fmt::format("{}: {}", broker_.host_port(), problem), {}, std::move(hint)};
}

Error MqttClient::refused(const engine::MqttReason& reason) const {
  const std::string text =
      fmt::format("the broker refuses the connection: {}", engine::mqtt_reason_text(reason, true));
  if (is_not_authorized(reason.code))
    return failure(ErrorCode::InsufficientPrivilege, text,
                   "Check mqtt.username, mqtt.password and the rights at the broker, then run "
                   "RESTART CONNECTOR.");
  if (is_wrong_client_id(reason.code))
    return failure(ErrorCode::InvalidParameter, text, "Set mqtt.client.id.");
  return failure(ErrorCode::NetworkFailure, text);
}

Result<std::unique_ptr<MqttClient>> MqttClient::connect(engine::MqttBroker broker, Session session,
                                                        const Clock& clock) {
  std::unique_ptr<MqttClient> client(new MqttClient(std::move(broker), clock));
  client->certificates_ = TRY(certificates_of(client->broker_));
  TRY(client->open(session, MqttVersion::V5));
  if (is_wrong_version(client->connack_.reason.code)) {
    client->socket_.reset();
    client->packets_ = {};
    TRY(client->open(session, MqttVersion::V311));
  }
  if (client->connack_.reason.code != 0) {
    client->socket_.reset();  // the broker accepts no further packet
    return client->refused(client->connack_.reason);
  }
  return client;
}

// Sends CONNECT, and sets connack_.
Status MqttClient::open(const Session& session, MqttVersion version) {
  version_ = version;
  packets_.use(version);
  const int64_t end_us = clock_.monotonic_us() + broker_.connect_timeout_ms * kUsOfOneMs;
  socket_ = TRY(BrokerSocket::open({.address = {broker_.host, broker_.port},
                                    .allows_private_addresses = session.allows_private_addresses,
                                    .timeout_ms = broker_.connect_timeout_ms,
                                    .certificates = certificates_.get()},
                                   clock_));
  TRY(send(engine::encode_connect({.version = version,
                                   .client_id = session.client_id,
                                   .is_clean = session.is_clean,
                                   .keeps_session = session.is_kept,
                                   .keep_alive_s = broker_.keep_alive_s,
                                   .user = broker_.user,
                                   .password = broker_.password,
                                   .receive_maximum = kReceiveMaximum})));
  while (true) {
    auto packet = packets_.next();
    if (!packet)
      return failure(ErrorCode::NetworkFailure, packet.error().message,
                     "The port may need TLS (ssl://), or belong to another program.");
    if (*packet) {
      const auto* const connack = std::get_if<engine::MqttConnack>(&**packet);
      if (connack == nullptr)
        return failure(ErrorCode::NetworkFailure, "the server does not answer like an MQTT broker");
      connack_ = *connack;
      break;
    }
    const int64_t left_us = end_us - clock_.monotonic_us();
    if (left_us <= 0)
      return failure(ErrorCode::NetworkFailure,
                     fmt::format("no answer within {} ms after the connection was accepted",
                                 broker_.connect_timeout_ms),
                     broker_.has_tls ? std::string()
                                     : "The port may need TLS (ssl://), or belong to another "
                                       "program.");
    packets_.add(TRY(socket_->read(left_us / kUsOfOneMs + 1)));
  }
  keep_alive_us_ = connack_.keep_alive_s.value_or(broker_.keep_alive_s) * kUsOfOneSecond;
  return {};
}

MqttClient::~MqttClient() {
  // The answer does not matter: without DISCONNECT, the broker sees the end of the connection.
  if (socket_) (void)send(engine::encode_disconnect());
}

Status MqttClient::send(std::string_view bytes) {
  sent_us_ = clock_.monotonic_us();
  return socket_->write(bytes);
}

Status MqttClient::subscribe(uint16_t packet_id, std::span<const std::string> filters,
                             uint8_t qos) {
  return send(engine::encode_subscribe(version_, packet_id, filters, qos));
}

Status MqttClient::unsubscribe(uint16_t packet_id, std::span<const std::string> filters) {
  return send(engine::encode_unsubscribe(version_, packet_id, filters));
}

Status MqttClient::publish(const engine::MqttMessage& message) {
  return send(engine::encode_publish(version_, message));
}

Status MqttClient::acknowledge(std::span<const uint16_t> packet_ids) {
  if (packet_ids.empty()) return {};
  std::string bytes;
  for (const uint16_t id : packet_ids) bytes += engine::encode_puback(id);
  return send(bytes);
}

// The broker ends the connection after 1.5 intervals without a packet of the client.
Status MqttClient::keep_alive() {
  if (keep_alive_us_ == 0) return {};
  const int64_t now_us = clock_.monotonic_us();
  if (pinged_us_ != 0) {
    if (now_us - pinged_us_ <= keep_alive_us_) return {};
    return failure(ErrorCode::NetworkFailure, fmt::format("the broker has not answered for {} s",
                                                          keep_alive_us_ / kUsOfOneSecond));
  }
  if (now_us - sent_us_ < keep_alive_us_ / 2) return {};
  pinged_us_ = now_us;
  return send(engine::encode_pingreq());
}

Result<std::optional<engine::MqttPacket>> MqttClient::next(int64_t wait_ms) {
  const int64_t end_us = clock_.monotonic_us() + wait_ms * kUsOfOneMs;
  bool is_last = false;
  while (true) {
    if (auto packet = TRY(packets_.next())) {
      if (std::holds_alternative<engine::MqttPingresp>(*packet)) {
        pinged_us_ = 0;
        continue;
      }
      if (const auto* const end = std::get_if<engine::MqttDisconnect>(&*packet))
        return failure(ErrorCode::NetworkFailure,
                       fmt::format("the broker ends the connection: {}",
                                   engine::mqtt_reason_text(end->reason, false)));
      if (std::holds_alternative<engine::MqttConnack>(*packet))
        return failure(ErrorCode::ProtocolViolation, "the broker has sent CONNACK twice");
      return std::optional(std::move(*packet));
    }
    if (is_last) return std::optional<engine::MqttPacket>();
    TRY(keep_alive());
    const int64_t left_ms = (end_us - clock_.monotonic_us()) / kUsOfOneMs;
    const std::string bytes = TRY(socket_->read(left_ms));
    is_last = left_ms <= 0;
    packets_.add(bytes);
  }
}

Status MqttClient::check_subscriptions(const engine::MqttSuback& suback,
                                       std::span<const std::string> filters, uint8_t qos) const {
  if (suback.codes.size() != filters.size())
    return failure(ErrorCode::ProtocolViolation, "SUBACK has a wrong number of codes");
  for (size_t i = 0; i < filters.size(); ++i) {
    const engine::MqttReason reason{suback.codes[i], suback.text};
    if (reason.is_failure())
      return failure(ErrorCode::InsufficientPrivilege,
                     fmt::format("the broker refuses the topic filter \"{}\": {}", filters[i],
                                 engine::mqtt_reason_text(reason, false)),
                     "Check the rights of the user at the broker, and mqtt.topics.");
    if (reason.code < qos)
      return failure(ErrorCode::NotSupported,
                     fmt::format("the broker grants only QoS {} for the topic filter \"{}\"",
                                 reason.code, filters[i]),
                     "\"mqtt.qos\" = '0' accepts that messages may be lost.");
  }
  return {};
}

Status MqttClient::await_subscriptions(std::span<const std::string> filters, uint8_t qos) {
  constexpr uint16_t kPacketId = 1;
  TRY(subscribe(kPacketId, filters, qos));
  const int64_t end_us = clock_.monotonic_us() + broker_.connect_timeout_ms * kUsOfOneMs;
  while (true) {
    const int64_t left_us = end_us - clock_.monotonic_us();
    if (left_us <= 0)
      return failure(ErrorCode::NetworkFailure, "the broker does not answer SUBSCRIBE");
    const auto packet = TRY(next(left_us / kUsOfOneMs));
    if (!packet) continue;
    if (const auto* const suback = std::get_if<engine::MqttSuback>(&*packet))
      return check_subscriptions(*suback, filters, qos);
  }
}

}  // namespace server
