#include "server/connect/mqtt/mqtt_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/connect/transforms/record_forms.h"
#include "engine/types/text_bytes.h"
#include "server/http_client/http_endpoints.h"

namespace server {

namespace {

constexpr int64_t kUsPerMs = 1'000, kUsPerSecond = 1'000'000;

constexpr size_t kShownBytes = 200;

bool is_mqtt_text(std::string_view text) {
  return text.size() <= UINT16_MAX && text.find('\0') == text.npos && engine::is_utf8(text);
}

// Reason codes for a message that the broker refuses although the connection works: not authorized, topic or payload
// not accepted.
bool is_of_message(uint8_t code) { return code == 0x87 || code == 0x90 || code == 0x99; }

}  // namespace

Status MqttWriter::connect() {
  client_.reset();  // ends the old connection, which has the same client id
  client_ = TRY(MqttClient::connect(sink_.broker, session_, clock_));
  if (client_->limits().most_qos < sink_.qos)
    return Error{ErrorCode::NotSupported,
                 fmt::format("{}: the broker supports only QoS {}", sink_.broker.host_port(),
                             client_->limits().most_qos),
                 {},
                 "\"mqtt.qos\" = '0' accepts that messages may be lost."};
  return {};
}

Status MqttWriter::reconnect_if_idle() {
  if (client_ && client_->idle_us() < sink_.broker.keep_alive_s * kUsPerSecond / 2) return {};
  return connect();
}

Result<engine::MqttMessage> MqttWriter::message_of(const SinkRecord& record) const {
  engine::JsonTree value;
  engine::TemplateRecord fields{
      .topic = record.topic,
      .partition = record.partition.value(),
      .offset = record.offset.value(),
      .timestamp_ms = record.timestamp_ms,
      .key = record.key ? std::string_view(*record.key) : std::string_view()};
  if (sink_.topic.uses_value() && record.value) {
    auto datum = engine::decode_datum(record.value, engine::DataForm::Json);
    if (datum) {
      value = std::move(datum->value);
      fields.value = &value;
    }
  }
  engine::MqttMessage message;
  message.topic = TRY(sink_.topic.fill(fields, engine::TemplateEscape::None));
  if (const auto problem = engine::problem_of_mqtt_topic(message.topic))
    return Error{
        ErrorCode::InvalidText,
        fmt::format("the MQTT topic \"{}\" {}", printable(message.topic, kShownBytes), *problem)};
  if (!record.value && sink_.null_values == engine::NullValues::Fail)
    return Error{ErrorCode::InvalidText,
                 "the record has no value",
                 {},
                 "\"behavior.on.null.values\" = 'ignore' skips such records."};
  message.payload = record.value.value_or("");
  message.qos = sink_.qos;
  message.is_retained = sink_.is_retained;
  // The headers of the record become user properties, which a source elsewhere turns into headers again. The
  // headers mqtt.* are omitted: a source of this server has added them, for another message.
  for (const engine::ConnectHeader& header : record.headers) {
    if (!header.value || header.key.starts_with("mqtt.")) continue;
    if (!is_mqtt_text(header.key) || !is_mqtt_text(*header.value))
      return Error{ErrorCode::InvalidText,
                   fmt::format("the header \"{}\" is not a UTF-8 text of at most 65,535 bytes",
                               printable(header.key, kShownBytes))};
    message.user_properties.push_back({header.key, *header.value});
  }
  const size_t bytes = engine::encode_publish(client_->version(), message).size();
  if (bytes > client_->limits().most_packet_bytes)
    return Error{ErrorCode::RecordTooLarge,
                 fmt::format("the message has {} bytes, and the broker accepts {}", bytes,
                             client_->limits().most_packet_bytes)};
  return message;
}

Result<std::vector<BatchWriter::Refused>> MqttWriter::send(std::span<const SinkRecord> records,
                                                           bool /*isolates_bad_records*/,
                                                           const TaskWait& wait) {
  TRY(reconnect_if_idle());
  std::vector<Refused> refused;
  std::vector<Item> items;
  for (size_t i = 0; i < records.size(); ++i) {
    if (!records[i].value && sink_.null_values == engine::NullValues::Ignore) continue;
    auto message = message_of(records[i]);
    if (message)
      items.push_back({i, *std::move(message)});
    else
      refused.push_back({i, std::move(message).error()});
  }
  TRY(publish(items, wait, refused));
  std::ranges::sort(refused, {}, &Refused::index);
  return refused;
}

Status MqttWriter::publish(std::vector<Item>& items, const TaskWait& wait,
                           std::vector<Refused>& refused) {
  if (sink_.qos == 0) {
    for (const Item& item : items) TRY(client_->publish(item.message));
    return {};
  }
  constexpr int64_t kCheckIntervalMs = 100;
  const size_t window = std::min<size_t>(kMqttMessagesInFlight,
                                         std::max<uint16_t>(client_->limits().receive_maximum, 1));
  int64_t answered_us = clock_.monotonic_us();
  size_t published = 0, answered = 0;
  while (answered < items.size()) {
    for (; published < items.size() && published - answered < window; ++published) {
      Item& item = items[published];
      item.message.packet_id = static_cast<uint16_t>(published + 1);
      TRY(client_->publish(item.message));
    }
    const auto packet = TRY(client_->next(kCheckIntervalMs));
    if (!packet) {
      if (!wait.wait_for(0)) return Error{ErrorCode::ShuttingDown, "the connector is stopping"};
      if (clock_.monotonic_us() - answered_us > sink_.broker.connect_timeout_ms * kUsPerMs)
        return Error{ErrorCode::NetworkFailure,
                     fmt::format("{}: the broker has not acknowledged a message for {} ms",
                                 sink_.broker.host_port(), sink_.broker.connect_timeout_ms)};
      continue;
    }
    const auto* const puback = std::get_if<engine::MqttPuback>(&*packet);
    if (puback == nullptr) continue;
    TRY(take_answer(*puback, items, published, refused));
    ++answered;
    answered_us = clock_.monotonic_us();
  }
  return {};
}

Status MqttWriter::take_answer(const engine::MqttPuback& puback, std::vector<Item>& items,
                               size_t published, std::vector<Refused>& refused) const {
  if (puback.packet_id == 0 || puback.packet_id > published ||
      std::exchange(items[puback.packet_id - 1].is_acknowledged, true))
    return Error{ErrorCode::ProtocolViolation,
                 fmt::format("{}: the broker has acknowledged message {}, which was not waiting",
                             sink_.broker.host_port(), puback.packet_id)};
  if (!puback.reason.is_failure()) return {};
  const Item& item = items[puback.packet_id - 1];
  const std::string text =
      fmt::format("the broker refuses the message to \"{}\": {}", item.message.topic,
                  engine::mqtt_reason_text(puback.reason, false));
  if (!is_of_message(puback.reason.code))
    return Error{ErrorCode::NetworkFailure, fmt::format("{}: {}", sink_.broker.host_port(), text)};
  refused.push_back({item.index, {ErrorCode::InvalidText, text}});
  return {};
}

}  // namespace server
