#include "engine/connect/mqtt/mqtt_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/types/text_bytes.h"

namespace engine {

namespace {

constexpr PropertyRow kRowsOfBroker[] = {
    {.name = "mqtt.server.uri",
     .doc = "address of the broker: tcp://HOST:1883, or ssl://HOST:8883 with TLS",
     .is_required = true},
    {.name = "mqtt.username", .doc = "user name for the broker; empty: none is sent"},
    {.name = "mqtt.password", .type = PropertyType::Password, .doc = "password for the broker"},
    {.name = "mqtt.client.id",
     .doc = "client id, which no other client of the broker may use; default: millrace-NAME-0"},
    {.name = "mqtt.connect.timeout.seconds",
     .type = PropertyType::Int,
     .default_value = "30",
     .doc = "time limit of TCP, TLS and the broker's answer together",
     .least = 1,
     .most = 600},
    {.name = "mqtt.keepalive.interval.seconds",
     .type = PropertyType::Int,
     .default_value = "60",
     .doc = "longest time without a packet, after which each side takes the other for dead",
     .least = 1,
     .most = 65'535},
    {.name = "mqtt.ssl.ca.pem",
     .doc = "certificates of the authorities that are trusted, as a PEM text; default: those of "
            "the operating system"},
    {.name = "mqtt.ssl.certificate.pem",
     .doc = "certificate of the client, as a PEM text, if the broker asks for one"},
    {.name = "mqtt.ssl.key.pem",
     .type = PropertyType::Password,
     .doc = "key of the client's certificate, as a PEM text"},
    {.name = "mqtt.ssl.key.password",
     .type = PropertyType::Password,
     .doc = "password of mqtt.ssl.key.pem"},
};
constexpr PropertyRow kRowsOfMqttSource[] = {
    {.name = "mqtt.topics",
     .type = PropertyType::List,
     .doc = "topic filters: plant/+/temp, plant/#",
     .is_required = true},
    {.name = "kafka.topic", .doc = "topic that the records are written to", .is_required = true},
    {.name = "mqtt.qos",
     .default_value = "1",
     .doc = "1: messages are acknowledged when their records are durable; 0: messages may be lost"},
    {.name = "mqtt.clean.session.enabled",
     .type = PropertyType::Boolean,
     .default_value = "false",
     .doc = "true: messages that are published while the connector does not run are lost"},
    {.name = "format",
     .default_value = "json",
     .doc = "how transforms and the declared stream read the payload",
     .words = "json text"},
    {.name = "columns", .doc = "columns of the declared stream, as in CREATE STREAM"},
};
constexpr PropertyRow kRowsOfMqttSink[] = {
    {.name = "mqtt.topic",
     .doc = "topic of the messages, with ${key}, ${topic} and ${value.NAME}",
     .is_required = true},
    {.name = "mqtt.qos",
     .default_value = "1",
     .doc = "1: the broker acknowledges each message; 0: messages may be lost"},
    {.name = "mqtt.retained.enabled",
     .type = PropertyType::Boolean,
     .default_value = "false",
     .doc = "true: the broker keeps the last message of each topic for new subscribers"},
    {.name = "behavior.on.null.values",
     .default_value = "ignore",
     .doc = "a record without a value: ignore, fail, or delete: a message without a payload, which "
            "removes a retained one",
     .words = "ignore fail delete"},
};

constexpr size_t kMostTextBytes = 65'535;

WrongProperty wrong_of(std::string_view name, std::string_view problem, std::string hint = {}) {
  return {std::string(name), fmt::format("property \"{}\" {}", name, problem), std::move(hint)};
}

struct UriScheme {
  std::string_view name;
  bool has_tls;
};
// The schemes tcp and ssl are those of Paho, which Confluent's classes use; the other schemes are common elsewhere.
constexpr UriScheme kSchemesOfMqtt[] = {
    {"tcp://", false}, {"mqtt://", false}, {"ssl://", true}, {"mqtts://", true}};

// Returns whether the text is HOST, HOST:PORT or [IPV6]:PORT, and sets the host and the port of `broker`.
bool read_host_port(std::string_view text, MqttBroker& broker) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return false;
    broker.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    broker.host = text.substr(0, text.find(':'));
    port = text.substr(broker.host.size());
  }
  if (broker.host.empty() || broker.host.find_first_of("/@? ") != std::string::npos) return false;
  if (port.empty()) return true;
  port.remove_prefix(1);
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), broker.port);
  return error == std::errc() && stop == port.data() + port.size() && broker.port != 0;
}

void read_uri(const PropertyValues& values, MqttBroker& broker, std::vector<WrongProperty>& wrong) {
  constexpr std::string_view kUri = "mqtt.server.uri";
  constexpr uint16_t kPort = 1883, kPortOfTls = 8883;
  const std::vector<std::string> uris = values.list(kUri);
  if (uris.size() != 1) {
    wrong.push_back(wrong_of(kUri, "names one broker", "Give a cluster of brokers one host name."));
    return;
  }
  std::string_view uri = uris.front();
  const auto* const scheme = std::ranges::find_if(
      kSchemesOfMqtt, [&](const UriScheme& each) { return uri.starts_with(each.name); });
  if (scheme != std::end(kSchemesOfMqtt)) {
    broker.has_tls = scheme->has_tls;
    broker.port = scheme->has_tls ? kPortOfTls : kPort;
    uri.remove_prefix(scheme->name.size());
    while (uri.ends_with('/')) uri.remove_suffix(1);
    if (read_host_port(uri, broker)) return;
  }
  // The message does not contain the value, which may have a password.
  const bool has_password = uris.front().find('@') != std::string::npos;
  wrong.push_back(wrong_of(kUri, "is an address such as tcp://HOST:1883 or ssl://HOST:8883",
                           has_password
                               ? "User and password are in mqtt.username and mqtt.password."
                           : uris.front().starts_with("ws") ? "WebSocket is not supported."
                                                            : ""));
}

void read_broker(const PropertyValues& values, MqttBroker& broker,
                 std::vector<WrongProperty>& wrong) {
  constexpr int64_t kMsOfSecond = 1'000;
  read_uri(values, broker, wrong);
  broker.user = values.text("mqtt.username");
  broker.password = values.text("mqtt.password");
  if (broker.user.empty() && !broker.password.empty())
    wrong.push_back(wrong_of("mqtt.username", "is required with \"mqtt.password\""));
  broker.authorities = values.text("mqtt.ssl.ca.pem");
  broker.certificate = values.text("mqtt.ssl.certificate.pem");
  broker.key = values.text("mqtt.ssl.key.pem");
  broker.key_password = values.text("mqtt.ssl.key.password");
  if (broker.certificate.empty() != broker.key.empty())
    wrong.push_back(wrong_of(broker.key.empty() ? "mqtt.ssl.key.pem" : "mqtt.ssl.certificate.pem",
                             "is required: a certificate and its key belong together"));
  if (!broker.has_tls && !(broker.authorities + broker.certificate + broker.key).empty())
    wrong.push_back(wrong_of("mqtt.server.uri", "begins with ssl:// if certificates are set"));
  broker.client_id = values.text("mqtt.client.id");
  broker.keep_alive_s = static_cast<uint16_t>(values.number("mqtt.keepalive.interval.seconds"));
  broker.connect_timeout_ms = values.number("mqtt.connect.timeout.seconds") * kMsOfSecond;
  for (const std::string_view name : {"mqtt.username", "mqtt.password", "mqtt.client.id"})
    if (values.text(name).size() > kMostTextBytes)
      wrong.push_back(wrong_of(name, fmt::format("has more than {} bytes", kMostTextBytes)));
}

uint8_t read_qos(const PropertyValues& values, std::vector<WrongProperty>& wrong) {
  const std::string qos = values.text("mqtt.qos");
  if (qos == "0" || qos == "1") return static_cast<uint8_t>(qos[0] - '0');
  wrong.push_back(wrong_of("mqtt.qos", "is 0 or 1",
                           qos == "2"
                               ? "With 1 each message arrives at least once. QoS 2 would add "
                                 "nothing: after a crash, a record can be written again."
                               : ""));
  return 1;
}

std::optional<std::string> problem_of_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kMostTextBytes) return fmt::format("has more than {} bytes", kMostTextBytes);
  if (name.find('\0') != name.npos) return "contains a zero byte";
  if (!is_utf8(name)) return "is not UTF-8";
  return std::nullopt;
}

}  // namespace

std::string MqttBroker::host_port() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::optional<std::string> problem_of_mqtt_filter(std::string_view filter) {
  if (auto problem = problem_of_name(filter)) return problem;
  for (std::string_view rest = filter;;) {
    const std::string_view level = rest.substr(0, rest.find('/'));
    const bool is_last = level.size() == rest.size();
    if (level.find('+') != level.npos && level != "+")
      return "has a + that does not stand for a whole level";
    if (level.find('#') != level.npos && (level != "#" || !is_last))
      return "has a # that is not its last level";
    if (is_last) return std::nullopt;
    rest.remove_prefix(level.size() + 1);
  }
}

std::optional<std::string> problem_of_mqtt_topic(std::string_view topic) {
  if (auto problem = problem_of_name(topic)) return problem;
  if (topic.find_first_of("+#") != topic.npos) return "contains + or #";
  return std::nullopt;
}

std::vector<PropertyRow> mqtt_rows(const ConnectorClass& of) {
  std::vector<PropertyRow> rows = common_properties(of.type);
  rows.insert(rows.end(), std::begin(kRowsOfBroker), std::end(kRowsOfBroker));
  if (of.type == ConnectorType::Sink)
    rows.insert(rows.end(), std::begin(kRowsOfMqttSink), std::end(kRowsOfMqttSink));
  else
    rows.insert(rows.end(), std::begin(kRowsOfMqttSource), std::end(kRowsOfMqttSource));
  return rows;
}

MqttSourceResult read_mqtt_source(const PropertyValues& values) {
  MqttSourceResult read;
  MqttSource& source = read.source;
  read_broker(values, source.broker, read.wrong);
  source.filters = values.list("mqtt.topics");
  if (source.filters.empty())
    read.wrong.push_back(wrong_of("mqtt.topics", "names no topic filter"));
  for (const std::string& filter : source.filters)
    if (const auto problem = problem_of_mqtt_filter(filter))
      read.wrong.push_back(wrong_of("mqtt.topics", fmt::format("\"{}\" {}", filter, *problem)));
  source.topic = values.text("kafka.topic");
  source.qos = read_qos(values, read.wrong);
  source.keeps_session = !values.flag("mqtt.clean.session.enabled");
  source.is_text = values.text("format") == "text";
  source.columns = values.text("columns");
  if (!source.columns.empty()) source.given_columns = row_columns_of_sql(source.columns);
  if (!source.columns.empty() && source.is_text)
    read.wrong.push_back(wrong_of("columns", "needs \"format\" = json"));
  return read;
}

MqttSinkResult read_mqtt_sink(const PropertyValues& values) {
  MqttSinkResult read;
  MqttSink& sink = read.sink;
  read_broker(values, sink.broker, read.wrong);
  sink.topics = values.list("topics");
  if (sink.topics.empty()) read.wrong.push_back(wrong_of("topics", "names no topic"));
  if (auto topic = HttpTemplate::parse(values.text("mqtt.topic")))
    sink.topic = *std::move(topic);
  else
    read.wrong.push_back({"mqtt.topic",
                          fmt::format("property \"mqtt.topic\": {}", topic.error().message),
                          topic.error().hint});
  if (!sink.topic.is_of_record()) {
    const auto problem = problem_of_mqtt_topic(values.text("mqtt.topic"));
    if (problem) read.wrong.push_back(wrong_of("mqtt.topic", *problem));
  }
  sink.qos = read_qos(values, read.wrong);
  sink.is_retained = values.flag("mqtt.retained.enabled");
  const std::string nulls = values.text("behavior.on.null.values");
  sink.null_values = nulls == "fail"     ? NullValues::Fail
                     : nulls == "delete" ? NullValues::Delete
                                         : NullValues::Ignore;
  return read;
}

}  // namespace engine
