// Reads the messages of an MQTT broker as the records of a source.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/connect/mqtt/mqtt_properties.h"
#include "server/connect/mqtt/mqtt_client.h"
#include "server/connect/ports.h"

namespace server {

// The MQTT broker remembers which messages are confirmed: it sends a message with QoS 1 again until it gets PUBACK,
// which confirm() sends. The position that the server stores has only the number of messages and the topic filters.
//
// Threads and owner: see SourceReader.
class MqttReader final : public SourceReader {
 public:
  // `most_record_bytes` returns the largest size of a record that the topic accepts.
  using MostRecordBytes = std::function<size_t()>;
  MqttReader(engine::MqttSource source, MqttClient::Session session, std::string connector,
             MostRecordBytes most_record_bytes, const Clock& clock)
      : source_(std::move(source)),
        session_(std::move(session)),
        connector_(std::move(connector)),
        most_record_bytes_(std::move(most_record_bytes)),
        clock_(clock) {}

  Status start(const SourcePositions& positions) override;
  void on_ready(std::function<void()> wake) override { wake_ = std::move(wake); }
  // Ends the connection, so that the broker collects the messages.
  void on_pause() override;
  Result<SourceBatch> poll(const Limits& limits) override;
  Status confirm(const SourcePositions& positions) override;

 private:
  Status connect();
  // Adds the packet to the batch. `acknowledged` gets the numbers of messages with QoS 1. Returns the bytes of the record.
  Result<size_t> take(engine::MqttPacket packet, SourceBatch& batch,
                      std::vector<uint16_t>& acknowledged);
  size_t take_message(engine::MqttMessage message, SourceBatch& batch);
  SourcePosition position() const;

  const engine::MqttSource source_;
  const MqttClient::Session session_;
  const std::string connector_;
  const MostRecordBytes most_record_bytes_;
  const Clock& clock_;
  std::function<void()> wake_;
  std::unique_ptr<MqttClient> client_;  // null during a pause
  std::optional<Error> failure_;        // of the connection, after the messages of the last batch
  // Whether the broker should have a session of the client, because a position is stored.
  bool expects_session_ = false;
  int64_t messages_ = 0;
  std::vector<std::string> subscribed_;  // the filters in the last stored position
  bool is_position_due_ = false;         // `subscribed_` has changed
  // The numbers of the messages of each batch whose commit is not durable yet
  std::deque<std::vector<uint16_t>> taken_;
};

}  // namespace server
