// The properties of the sinks that write tables of PostgreSQL. The names are those of Confluent's and Aiven's JDBC sinks
// (https://docs.confluent.io/kafka-connectors/jdbc/current/sink-connector/sink_config_options.html) and of Debezium's
// (https://debezium.io/documentation/reference/stable/connectors/jdbc.html#jdbc-connector-configuration).
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "engine/connect/properties.h"
#include "engine/connect/table_rows.h"
#include "engine/connect/transforms/record_forms.h"

namespace engine {

enum class InsertMode : uint8_t { Insert, Upsert, Update };

struct PostgresSink {
  // libpq's parameters of the connection: host, port, user, password, dbname, ssl*.
  std::vector<std::pair<std::string, std::string>> connection;
  std::string host_port, user, database;  // for messages
  // the schema of tables whose name has none; empty: the first schema of search_path
  std::string schema;
  std::vector<std::string> topics;
  InsertMode insert_mode = InsertMode::Insert;
  RowMapping mapping;
  std::string table_format;  // with ${topic} in it
  // True: a dot in a topic's name becomes an underscore. False: dots separate database, schema and
  // table.
  bool replaces_dots = false;
  size_t batch_records = 0;  // most records of one transaction
  bool is_exactly_once = true;
  bool creates_tables = false, adds_columns = false;  // auto.create, auto.evolve
};

std::vector<PropertyRow> postgres_sink_rows(const ConnectorClass& of);

// The sink that a configuration describes, and each property that has a wrong value or is not
// supported. References to secrets have been replaced before.
struct PostgresSinkResult {
  PostgresSink sink;
  std::vector<WrongProperty> wrong;
};
PostgresSinkResult read_postgres_sink(const ConnectorClass& of, const PropertyValues& values);

// The table into which a topic is written. An empty schema stands for the schema of the connection.
struct PgTableName {
  std::string schema, table;
  auto operator<=>(const PgTableName&) const = default;
};
// Fails with InvalidParameter if the name has more than two parts.
Result<PgTableName> table_of_topic(const PostgresSink& sink, std::string_view topic);

}  // namespace engine
