// The properties of the sources that read the log of PostgreSQL, with Debezium's names
// (https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-connector-properties).
#pragma once
#include <cstdint>
#include <regex>
#include <string>
#include <vector>

#include "engine/connect/postgres/pg_records.h"
#include "engine/connect/properties.h"

namespace engine {

// Lists of regular expressions. An expression must match the whole name; letter case is ignored.
class NameFilter {
 public:
  // Adds an error for each text that is not a regular expression.
  NameFilter(const PropertyValues& values, const std::string& kind,
             std::vector<WrongProperty>& wrong);
  bool takes(const std::string& name) const;

 private:
  std::vector<std::regex> include_, exclude_;
};

enum class PublicationMode : uint8_t { AllTables, Filtered, NoTables, Disabled };

struct PostgresSource {
  // libpq's parameters of the connection: host, port, user, password, dbname, ssl*.
  std::vector<std::pair<std::string, std::string>> connection = {};
  std::string host_port = {}, user = {}, table_list = {};  // used in messages
  std::string slot = {}, publication = {};
  PublicationMode publication_mode = PublicationMode::AllTables;
  bool drops_slot = false;  // DROP CONNECTOR drops the slot
  NameFilter schemas, tables, columns;
  bool has_snapshot = true;
  bool takes_inserts = true, takes_updates = true, takes_deletes = true, takes_truncates = false;
  int64_t status_interval_ms = 10'000;
  PgRecordForm form = {};
};

std::vector<PropertyRow> postgres_source_rows();

// Returns the configuration without the transform ExtractNewRecordState. If that transform is the
// first one, the source does its work itself.
ConnectorProperties without_unwrapping(ConnectorProperties config);

// The source that a configuration describes. `wrong` has each property with a wrong value, and each
// property of Debezium that this source does not support. References to secrets have been replaced
// before.
struct PostgresSourceResult {
  PostgresSource source;
  std::vector<WrongProperty> wrong;
};
PostgresSourceResult read_postgres_source(const PropertyValues& values);

}  // namespace engine
