// Publishes the records of a sink to an MQTT broker.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/connect/mqtt/mqtt_properties.h"
#include "server/connect/batches/batch_writer.h"
#include "server/connect/mqtt/mqtt_client.h"

namespace server {

// Most messages that wait for PUBACK.
inline constexpr size_t kMqttMessagesInFlight = 20;

// Threads and owner: see BatchWriter. The messages of a call are published in the order of the records.
class MqttWriter final : public BatchWriter {
 public:
  MqttWriter(engine::MqttSink sink, MqttClient::Session session, const Clock& clock)
      : sink_(std::move(sink)), session_(std::move(session)), clock_(clock) {}

  Status start() override { return connect(); }
  Result<std::vector<Refused>> send(std::span<const SinkRecord> records, bool isolates_bad_records,
                                    const TaskWait& wait) override;

 private:
  struct Item {
    size_t index;  // in the records of the batch
    engine::MqttMessage message;
    bool is_acknowledged = false;
  };
  Status connect();
  // Connects again if no packet was sent for half of the keep-alive interval: the broker may have ended the connection.
  Status reconnect_if_idle();
  Result<engine::MqttMessage> message_of(const SinkRecord& record) const;
  Status publish(std::vector<Item>& items, const TaskWait& wait, std::vector<Refused>& refused);
  Status take_answer(const engine::MqttPuback& puback, std::vector<Item>& items, size_t published,
                     std::vector<Refused>& refused) const;

  const engine::MqttSink sink_;
  const MqttClient::Session session_;
  const Clock& clock_;
  std::unique_ptr<MqttClient> client_;
};

}  // namespace server
