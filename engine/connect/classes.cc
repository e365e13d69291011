#include "engine/connect/classes.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/suggest.h"

namespace engine {
namespace {

constexpr auto kSource = ConnectorType::Source;
constexpr auto kSink = ConnectorType::Sink;
constexpr auto kBuiltIn = ClassSupport::BuiltIn;
constexpr auto kOutside = ClassSupport::Outside;
constexpr auto kRefused = ClassSupport::Refused;

constexpr std::string_view kReadTheLog =
    "Class io.debezium.connector.postgresql.PostgresConnector reads the log of the database "
    "instead of polling tables; a Kafka Connect "
    "cluster can run this "
    "class with \"runs\" = 'outside'.";
constexpr std::string_view kUseLinks =
    "A link between clusters copies offsets of groups and checks its own connection.";

// A class has the place kOutside until its tasks are implemented, and then kBuiltIn.
constexpr ConnectorClass kClasses[] = {
    {"postgres", kSource, "postgres", kOutside},
    {"postgres", kSink, "postgres", kBuiltIn},
    {"io.debezium.connector.postgresql.PostgresConnector", kSource, "postgres", kBuiltIn},
    {"io.confluent.connect.jdbc.JdbcSinkConnector", kSink, "postgres", kBuiltIn},
    {"io.aiven.connect.jdbc.JdbcSinkConnector", kSink, "postgres", kBuiltIn},
    {"io.debezium.connector.jdbc.JdbcSinkConnector", kSink, "postgres", kBuiltIn},
    {"io.confluent.connect.jdbc.JdbcSourceConnector", kSource, "postgres", kRefused, kReadTheLog},
    {"io.aiven.connect.jdbc.JdbcSourceConnector", kSource, "postgres", kRefused, kReadTheLog},
    {"mariadb", kSource, "mariadb", kOutside},
    {"mysql", kSource, "mysql", kOutside},
    {"io.debezium.connector.mariadb.MariaDbConnector", kSource, "mariadb", kOutside},
    {"io.debezium.connector.mysql.MySqlConnector", kSource, "mysql", kOutside},
    {"file", kSource, "file", kBuiltIn},
    {"file", kSink, "file", kBuiltIn},
    {"org.apache.kafka.connect.file.FileStreamSourceConnector", kSource, "file", kBuiltIn},
    {"org.apache.kafka.connect.file.FileStreamSinkConnector", kSink, "file", kBuiltIn},
    {"com.github.jcustenborder.kafka.connect.spooldir.SpoolDirCsvSourceConnector", kSource, "file",
     kBuiltIn},
    {"com.github.jcustenborder.kafka.connect.spooldir.SpoolDirJsonSourceConnector", kSource, "file",
     kBuiltIn},
    {"com.github.jcustenborder.kafka.connect.spooldir.SpoolDirSchemaLessJsonSourceConnector",
     kSource, "file", kBuiltIn},
    {"com.github.jcustenborder.kafka.connect.spooldir.SpoolDirLineDelimitedSourceConnector",
     kSource, "file", kBuiltIn},
    {"s3", kSource, "s3", kOutside},
    {"s3", kSink, "s3", kBuiltIn},
    {"io.confluent.connect.s3.S3SinkConnector", kSink, "s3", kBuiltIn},
    {"io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector", kSink, "s3", kOutside},
    {"io.confluent.connect.s3.source.S3SourceConnector", kSource, "s3", kOutside},
    {"webhook", kSource, "webhook", kBuiltIn},
    {"http", kSource, "http", kOutside},
    {"http", kSink, "http", kBuiltIn},
    {"io.confluent.connect.http.HttpSinkConnector", kSink, "http", kBuiltIn},
    {"io.aiven.kafka.connect.http.HttpSinkConnector", kSink, "http", kBuiltIn},
    {"com.github.castorm.kafka.connect.http.HttpSourceConnector", kSource, "http", kOutside},
    {"mqtt", kSource, "mqtt", kBuiltIn},
    {"mqtt", kSink, "mqtt", kBuiltIn},
    {"io.confluent.connect.mqtt.MqttSourceConnector", kSource, "mqtt", kOutside},
    {"io.confluent.connect.mqtt.MqttSinkConnector", kSink, "mqtt", kOutside},
    {"kafka", kSource, "kafka", kOutside},
    {"kafka", kSink, "kafka", kOutside},
    {"org.apache.kafka.connect.mirror.MirrorSourceConnector", kSource, "kafka", kOutside},
    {"org.apache.kafka.connect.mirror.MirrorCheckpointConnector", kSource, "kafka", kRefused,
     kUseLinks},
    {"org.apache.kafka.connect.mirror.MirrorHeartbeatConnector", kSource, "kafka", kRefused,
     kUseLinks},
};

// Returns whether `written` is the name of the Java class. The package and the ending "Connector" may be
// missing.
bool names_class(const ConnectorClass& row, std::string_view written) {
  if (row.name == written) return true;
  if (row.is_short() || written.find('.') != std::string_view::npos) return false;
  std::string_view simple = row.name.substr(row.name.rfind('.') + 1);
  if (simple == written) return true;
  constexpr std::string_view kSuffix = "Connector";
  return simple.ends_with(kSuffix) && simple.substr(0, simple.size() - kSuffix.size()) == written;
}

}  // namespace

std::string_view connector_type_name(ConnectorType type) {
  switch (type) {
    case ConnectorType::Source:
      return "source";
    case ConnectorType::Sink:
      return "sink";
    case ConnectorType::Unknown:
      break;
  }
  return "unknown";
}

std::span<const ConnectorClass> connector_classes() { return kClasses; }

const ConnectorClass* find_connector_class(std::string_view name, ConnectorType type) {
  for (const ConnectorClass& row : kClasses) {
    if (type != ConnectorType::Unknown && row.type != type) continue;
    if (names_class(row, name)) return &row;
  }
  return nullptr;
}

Error class_is_not_built_in(std::string_view name, bool has_outside) {
  const ConnectorClass* row = find_connector_class(name);
  Error error{ErrorCode::NotSupported, fmt::format("class {} is not built in", name)};
  if (row != nullptr && !row->hint.empty())
    return std::move(error).with_hint(std::string(row->hint));
  if (row != nullptr && row->is_short() && !has_outside) {
    const auto built_in = [row](const ConnectorClass& other) {
      return other.support == kBuiltIn && other.family == row->family;
    };
    for (const ConnectorClass& other : kClasses)
      if (built_in(other) && !other.is_short() && other.type == row->type)
        return std::move(error).with_hint(fmt::format("Class {} is built in.", other.name));
    for (const ConnectorClass& other : kClasses)
      if (built_in(other) && other.name == row->name)
        return std::move(error).with_hint(
            fmt::format("Class {} is built in as a {}: CREATE {} CONNECTOR.", name,
                        connector_type_name(other.type), other.type == kSink ? "SINK" : "SOURCE"));
  }
  // A Kafka Connect cluster knows only Java classes, so the hint for a short name must name the Java
  // class.
  if (row != nullptr && row->is_short()) {
    std::string java;
    for (const ConnectorClass& other : kClasses) {
      if (other.is_short() || other.family != row->family || other.support == kRefused) continue;
      java += fmt::format("{}{}", java.empty() ? "" : ", ", other.name);
    }
    return std::move(error).with_hint(
        java.empty() ? "SHOW CONNECTOR PLUGINS lists the classes that are built in."
                     : fmt::format("A Kafka Connect cluster (--connect-url) can run {}.", java));
  }
  if (name.find('.') == std::string_view::npos) {
    std::vector<std::string> names;
    for (const ConnectorClass& other : kClasses)
      if (other.is_short() && other.support == kBuiltIn) names.emplace_back(other.name);
    if (std::string near = nearest_name(name, names); !near.empty())
      return std::move(error).with_hint(fmt::format("Did you mean '{}'?", near));
  }
  if (has_outside) {
    return std::move(error).with_hint(
        "The Kafka Connect cluster of --connect-url does not have it either; SHOW CONNECTOR "
        "PLUGINS lists all "
        "classes.");
  }
  return std::move(error).with_hint(
      "A Kafka Connect cluster can run it: start the server with --connect-url; SHOW CONNECTOR "
      "PLUGINS lists the "
      "classes that are built in.");
}

}  // namespace engine
