#include "server/connect/mqtt/mqtt_connectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/mqtt/mqtt_reader.h"
#include "server/connect/mqtt/mqtt_writer.h"
#include "server/connect/topic_batches.h"

namespace server {

namespace {

bool is_mqtt_sink(const engine::ConnectorClass& of) {
  return of.type == engine::ConnectorType::Sink;
}

// A connector has one task, with the number 0.
MqttClient::Session session_of(const engine::MqttBroker& broker, const ConnectorOwner& owner) {
  MqttClient::Session session;
  session.client_id =
      broker.client_id.empty() ? fmt::format("millrace-{}-0", owner.connector) : broker.client_id;
  session.allows_private_addresses = owner.may_reach_private_addresses;
  return session;
}

// The session of a check before the connector runs. A broker ends the connection of another client
// with the same id, so the check has an id of its own.
MqttClient::Session session_of_check(const engine::MqttBroker& broker,
                                     const ConnectorOwner& owner) {
  MqttClient::Session session = session_of(broker, owner);
  session.client_id += "-check";
  return session;
}

// The timeout is short because the client of CREATE CONNECTOR waits for the check.
engine::MqttBroker with_short_timeout(engine::MqttBroker broker) {
  constexpr int64_t kLongestMs = 5'000;
  broker.connect_timeout_ms = std::min(broker.connect_timeout_ms, kLongestMs);
  return broker;
}

}  // namespace

std::vector<engine::PropertyRow> MqttConnectors::rows(const engine::ConnectorClass& of) const {
  return engine::mqtt_rows(of);
}

std::vector<engine::WrongProperty> MqttConnectors::check(
    const engine::ConnectorClass& of, const engine::PropertyValues& values) const {
  const bool is_sink = is_mqtt_sink(of);
  auto wrong =
      is_sink ? engine::read_mqtt_sink(values).wrong : engine::read_mqtt_source(values).wrong;
  if (!wrong.empty()) return wrong;
  const engine::MqttBroker broker = is_sink ? engine::read_mqtt_sink(values).sink.broker
                                            : engine::read_mqtt_source(values).source.broker;
  if (const auto certificates = certificates_of(broker); !certificates)
    wrong.push_back({"mqtt.ssl.ca.pem",
                     fmt::format("properties \"mqtt.ssl.*\": {}", certificates.error().message),
                     certificates.error().hint});
  const auto transforms =
      engine::read_transforms(values.config(), forms(of, values), of.type).chain;
  if (!values.text("columns").empty() && transforms != nullptr && transforms->routes_by_time())
    wrong.push_back({"columns",
                     "property \"columns\" declares a stream over one topic, and "
                     "TimestampRouter makes several"});
  return wrong;
}

engine::RecordForms MqttConnectors::forms(const engine::ConnectorClass& of,
                                          const engine::PropertyValues& values) const {
  const bool is_text = !is_mqtt_sink(of) && values.text("format") == "text";
  return {engine::DataForm::Text, is_text ? engine::DataForm::Text : engine::DataForm::Json};
}

std::string_view MqttConnectors::guarantee(const engine::ConnectorClass& of) const {
  if (is_mqtt_sink(of))
    return "at least once, in the order of each partition; with mqtt.qos 0 messages may be lost";
  return "at least once: a message is acknowledged after its record is durable; with mqtt.qos 0 "
         "messages may be lost";
}

std::vector<std::string> MqttConnectors::topics_of(const engine::ConnectorClass& of,
                                                   const engine::PropertyValues& values) const {
  const std::string topic = values.text("kafka.topic");
  const auto transforms =
      engine::read_transforms(values.config(), forms(of, values), of.type).chain;
  return transforms == nullptr ? std::vector{topic} : transforms->topics_of(topic);
}

Result<SourcePlan> MqttConnectors::plan_source(const engine::ConnectorClass& of,
                                               const engine::PropertyValues& values,
                                               const ConnectorOwner& owner) const {
  engine::MqttSource source = engine::read_mqtt_source(values).source;
  if (values.flag("validate")) {
    const auto client = TRY(MqttClient::connect(with_short_timeout(source.broker),
                                                session_of_check(source.broker, owner), clock_));
    TRY(client->await_subscriptions(source.filters, source.qos));
  }
  SourcePlan plan;
  plan.topics = {source.topic};
  if (source.columns.empty()) return plan;
  plan.stream = {topics_of(of, values).front(), "JSON", source.columns,
                 std::move(source.given_columns)};
  return plan;
}

Result<std::unique_ptr<SourceReader>> MqttConnectors::open_source(
    const engine::ConnectorClass& of, const engine::PropertyValues& values, engine::RowColumns,
    const ConnectorOwner& owner) const {
  auto read = engine::read_mqtt_source(values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  MqttClient::Session session = session_of(read.source.broker, owner);
  session.is_kept = read.source.keeps_session;
  session.is_clean = !read.source.keeps_session;
  auto most_bytes = [this, names = topics_of(of, values)] {
    return most_record_bytes(*find_topics_(), names);
  };
  return std::unique_ptr<SourceReader>(std::make_unique<MqttReader>(
      std::move(read.source), std::move(session), owner.connector, std::move(most_bytes), clock_));
}

std::vector<ConnectorNotice> MqttConnectors::after_drop(const engine::ConnectorClass& of,
                                                        const engine::PropertyValues& values,
                                                        const ConnectorOwner& owner) const {
  if (is_mqtt_sink(of)) return {};
  const engine::MqttSource source = engine::read_mqtt_source(values).source;
  if (!source.keeps_session) return {};
  // A connection with a clean session removes the old one.
  const MqttClient::Session session = session_of(source.broker, owner);
  const auto ended = MqttClient::connect(with_short_timeout(source.broker), session, clock_);
  if (ended) return {};
  return {{true,
           fmt::format("session {} is still at the broker {} and collects messages",
                       session.client_id, source.broker.host_port()),
           fmt::format("A client with this id and a clean session removes it. Reason: {}.",
                       ended.error().message)}};
}

SinkPlan MqttConnectors::plan_sink(const engine::ConnectorClass&,
                                   const engine::PropertyValues& values) const {
  SinkPlan plan;
  plan.topics = engine::read_mqtt_sink(values).sink.topics;
  plan.batches = {kMqttMessagesInFlight};
  return plan;
}

Status MqttConnectors::check_sink(const engine::ConnectorClass&,
                                  const engine::PropertyValues& values,
                                  const ConnectorOwner& owner) const {
  if (!values.flag("validate")) return {};
  engine::MqttSink sink = engine::read_mqtt_sink(values).sink;
  sink.broker = with_short_timeout(std::move(sink.broker));
  const MqttClient::Session session = session_of_check(sink.broker, owner);
  return MqttWriter(std::move(sink), session, clock_).start();
}

Result<std::unique_ptr<BatchWriter>> MqttConnectors::open_batches(
    const engine::ConnectorClass&, const engine::PropertyValues& values,
    const ConnectorOwner& owner) const {
  auto read = engine::read_mqtt_sink(values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  MqttClient::Session session = session_of(read.sink.broker, owner);
  return std::unique_ptr<BatchWriter>(
      std::make_unique<MqttWriter>(std::move(read.sink), std::move(session), clock_));
}

}  // namespace server
