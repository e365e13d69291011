#include "server/connect/mqtt/mqtt_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <variant>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"

namespace server {

namespace {

constexpr int64_t kLongestWaitMs = 100;  // for the first message of a batch
constexpr uint16_t kSubscribePacket = 1, kUnsubscribePacket = 2;
constexpr size_t kMessageOverhead = 128;  // numbers of a record, and its part of the batch header

std::string partition_of(const std::string& client_id) {
  return engine::JsonObjectText().text("client.id", client_id).take();
}

}  // namespace

SourcePosition MqttReader::position() const {
  std::string filters = "[";
  for (const std::string& filter : source_.filters) {
    if (filters.size() > 1) filters += ",";
    filters += engine::json_string(filter);
  }
  return {
      partition_of(session_.client_id),
      engine::JsonObjectText().number("messages", messages_).json("topics", filters + "]").take()};
}

Status MqttReader::start(const SourcePositions& positions) {
  for (const SourcePosition& stored : positions) {
    if (stored.partition_json != partition_of(session_.client_id) || !stored.offset_json) continue;
    const engine::JsonTree offset = TRY(engine::parse_json_tree(*stored.offset_json));
    const engine::JsonTree* const messages = offset.find("messages");
    if (messages != nullptr && messages->kind == engine::JsonKind::Number)
      messages_ = std::strtoll(messages->text.c_str(), nullptr, 10);
    const engine::JsonTree* const topics = offset.find("topics");
    if (topics != nullptr)
      for (const engine::JsonTree& each : topics->items) subscribed_.push_back(each.text);
    expects_session_ = session_.is_kept;
  }
  return connect();
}

Status MqttReader::connect() {
  client_ = TRY(MqttClient::connect(source_.broker, session_, clock_));
  if (expects_session_ && !client_->has_session())
    log_warn(
        "the broker has not kept the session of a connector, so messages of the meantime are lost "
        "connector={} broker={} client_id={}",
        connector_, source_.broker.host_port(), session_.client_id);
  expects_session_ = session_.is_kept;
  std::vector<std::string> stale;
  for (const std::string& filter : subscribed_)
    if (std::ranges::find(source_.filters, filter) == source_.filters.end())
      stale.push_back(filter);
  if (!stale.empty() && client_->has_session())
    TRY(client_->unsubscribe(kUnsubscribePacket, stale));
  return client_->subscribe(kSubscribePacket, source_.filters, source_.qos);
}

void MqttReader::on_pause() { client_.reset(); }

size_t MqttReader::take_message(engine::MqttMessage message, SourceBatch& batch) {
  ++messages_;
  SourceRecord record;
  record.topic = source_.topic;
  record.order_key = message.topic;
  record.number = messages_;
  record.headers = {{"mqtt.topic", message.topic},
                    {"mqtt.qos", std::to_string(message.qos)},
                    {"mqtt.retained", message.is_retained ? "true" : "false"},
                    {"mqtt.dup", message.is_duplicate ? "true" : "false"}};
  for (engine::MqttUserProperty& each : message.user_properties)
    record.headers.push_back({std::move(each.name), std::move(each.value)});
  record.key = std::move(message.topic);
  record.value = std::move(message.payload);
  size_t bytes = kMessageOverhead + record.key->size() + record.value->size();
  for (const engine::ConnectHeader& header : record.headers)
    bytes += header.key.size() + header.value->size();
  if (const size_t most = most_record_bytes_(); bytes > most)
    batch.bad.push_back(
        {Error{
             ErrorCode::RecordTooLarge,
             fmt::format("{}, message {}: the record has {} bytes, and max.message.bytes of topic "
                         "\"{}\" is {}",
                         *record.key, messages_, bytes, source_.topic, most)},
         std::move(*record.value)});
  else
    batch.records.push_back(std::move(record));
  return bytes;
}

Result<size_t> MqttReader::take(engine::MqttPacket packet, SourceBatch& batch,
                                std::vector<uint16_t>& acknowledged) {
  if (auto* const message = std::get_if<engine::MqttMessage>(&packet)) {
    if (message->qos > 0) acknowledged.push_back(message->packet_id);
    return take_message(std::move(*message), batch);
  }
  const auto* const suback = std::get_if<engine::MqttSuback>(&packet);
  if (suback != nullptr && suback->packet_id == kSubscribePacket) {
    TRY(client_->check_subscriptions(*suback, source_.filters, source_.qos));
    is_position_due_ = subscribed_ != source_.filters;
    subscribed_ = source_.filters;
  }
  return size_t{0};
}

Result<SourceBatch> MqttReader::poll(const Limits& limits) {
  if (failure_) return *failure_;
  SourceBatch batch;
  if (!client_) TRY(connect());
  std::vector<uint16_t> acknowledged;
  const int64_t first = messages_;
  size_t bytes = 0;
  while (true) {
    batch.has_more =
        batch.records.size() + batch.bad.size() >= limits.max_records || bytes >= limits.max_bytes;
    if (batch.has_more) break;
    // While a commit is in flight, this call must not wait: its messages are acknowledged only after this
    // call, and the broker may send further ones only then.
    const bool may_wait = messages_ == first && taken_.empty() && !is_position_due_;
    auto packet = client_->next(may_wait ? kLongestWaitMs : 0);
    Result<size_t> taken = size_t{0};
    if (packet && *packet) taken = take(std::move(**packet), batch, acknowledged);
    if (!packet || !taken) {
      // The messages before the failure are committed first, because the broker does not send messages with QoS 0
      // again.
      failure_ = packet ? taken.error() : packet.error();
      if (messages_ == first) return *failure_;
      break;
    }
    if (!*packet) break;
    bytes += *taken;
  }
  if (messages_ > first || is_position_due_) {
    batch.positions = {position()};
    taken_.push_back(std::move(acknowledged));
    is_position_due_ = false;
  }
  // This function itself waits for messages. Without the wake-up, the task would pause before it calls the function
  // again.
  if (wake_) wake_();
  return batch;
}

Status MqttReader::confirm(const SourcePositions& positions) {
  if (positions.empty() || taken_.empty()) return {};
  const std::vector<uint16_t> durable = std::move(taken_.front());
  taken_.pop_front();
  if (failure_ || !client_) return {};  // the broker sends the messages again
  return client_->acknowledge(durable);
}

}  // namespace server
