// The properties of the connectors of MQTT brokers. The names are those of Confluent's classes
// (https://docs.confluent.io/kafka-connectors/mqtt/current/), if they have the property.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/http/http_sink_properties.h"
#include "engine/connect/http/http_template.h"
#include "engine/connect/properties.h"
#include "engine/connect/row_columns.h"
#include "engine/connect/transforms/record_forms.h"

namespace engine {

// The address of a broker, and the client's credentials.
struct MqttBroker {
  std::string host;
  uint16_t port = 0;
  bool has_tls = false;
  std::string user, password;  // empty: none
  // PEM texts. If `authorities` is empty, the authorities of the operating system are trusted.
  std::string authorities, certificate, key, key_password;
  std::string client_id;  // empty: the name of the connector determines it
  uint16_t keep_alive_s = 0;
  int64_t connect_timeout_ms = 0;

  std::string host_port() const;
};

struct MqttSource {
  MqttBroker broker;
  std::vector<std::string> filters;
  std::string topic;
  uint8_t qos = 1;
  // Whether the broker keeps the session, and with it the messages, while the connector does not run.
  bool keeps_session = true;
  bool is_text = false;      // transforms read and write the payload as a text, and not as JSON
  std::string columns = {};  // of the declared stream, in SQL; empty: no stream is declared
  RowColumns given_columns = {};  // the names and types that `columns` contains
};

struct MqttSink {
  MqttBroker broker;
  std::vector<std::string> topics;
  HttpTemplate topic;  // of the messages
  uint8_t qos = 1;
  bool is_retained = false;
  NullValues null_values = NullValues::Ignore;  // Delete: a message without a payload
};

std::vector<PropertyRow> mqtt_rows(const ConnectorClass& of);

// Return the source or the sink that a configuration describes, or each wrong property. Values with references to
// secrets have been replaced.
struct MqttSourceResult {
  MqttSource source;
  std::vector<WrongProperty> wrong;
};
MqttSourceResult read_mqtt_source(const PropertyValues& values);
struct MqttSinkResult {
  MqttSink sink;
  std::vector<WrongProperty> wrong;
};
MqttSinkResult read_mqtt_sink(const PropertyValues& values);

// Returns why the text is not a topic filter, or nothing. "+" stands for one level, "#" at the end
// for all further levels (MQTT 5, section 4.7).
std::optional<std::string> problem_of_mqtt_filter(std::string_view filter);
// Returns why no message can be published to the topic, or nothing.
std::optional<std::string> problem_of_mqtt_topic(std::string_view topic);

}  // namespace engine
