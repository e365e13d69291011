#include "engine/connect/postgres/sink_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace engine {

namespace {

constexpr auto kSinkFlag = PropertyType::Boolean;
constexpr std::string_view kConverterOfJson = "org.apache.kafka.connect.json.JsonConverter";
constexpr std::string_view kConverters =
    "org.apache.kafka.connect.json.JsonConverter org.apache.kafka.connect.storage.StringConverter";
constexpr std::string_view kTopicMark = "${topic}";

constexpr PropertyRow kSinkOfTablesRows[] = {
    {.name = "connection.url",
     .doc = "address of the database: jdbc:postgresql://HOST:PORT/DATABASE",
     .is_required = true},
    {.name = "connection.password", .type = PropertyType::Password, .doc = "password of the role"},
    {.name = "insert.mode",
     .default_value = "insert",
     .doc = "insert: each record is a new row; upsert: it replaces the row of its key; update: it "
            "changes the row of its key if there is one",
     .words = "insert upsert update"},
    {.name = "delete.enabled",
     .type = kSinkFlag,
     .default_value = "false",
     .doc = "a record without a value deletes the row of its key"},
    {.name = "exactly.once",
     .type = kSinkFlag,
     .default_value = "true",
     .doc = "false: no table millrace_positions; records are written again after a crash"},
    {.name = "key.converter", .doc = "class that converts keys", .words = kConverters},
    {.name = "key.converter.schemas.enable", .type = kSinkFlag, .doc = "JSON keys have a schema"},
    {.name = "value.converter",
     .default_value = kConverterOfJson,
     .doc = "class that converts values",
     .words = kConverterOfJson},
    {.name = "value.converter.schemas.enable",
     .type = kSinkFlag,
     .doc = "JSON values have a schema"},
    {.name = "max.retries", .doc = "has no effect: errors that may pass are retried without end"},
    {.name = "retry.backoff.ms", .doc = "has no effect: the delay grows from 0.1 to 30 s"},
    {.name = "errors.retry.timeout", .doc = "has no effect: a record has the same error again"},
    {.name = "errors.retry.delay.max.ms", .doc = "has no effect: the delay grows from 0.1 to 30 s"},
};
// Confluent's and Aiven's names.
constexpr PropertyRow kJdbcRows[] = {
    {.name = "connection.user", .doc = "role that writes the tables"},
    {.name = "pk.mode",
     .default_value = "none",
     .doc = "columns that identify a row: none, place of the record, key, or fields of the value",
     .words = "none kafka record_key record_value"},
    {.name = "pk.fields",
     .type = PropertyType::List,
     .doc = "names of these columns; empty: all fields of the key or value"},
    {.name = "table.name.format", .default_value = kTopicMark, .doc = "name of the table"},
    {.name = "fields.whitelist",
     .type = PropertyType::List,
     .doc = "fields of the value that are written; empty: all"},
    {.name = "auto.create",
     .type = kSinkFlag,
     .default_value = "false",
     .doc = "a table that does not exist is created for its first record"},
    {.name = "auto.evolve",
     .type = kSinkFlag,
     .default_value = "false",
     .doc = "columns that a table does not have are added"},
    {.name = "connection.attempts", .doc = "has no effect: connections are tried without end"},
    {.name = "connection.backoff.ms", .doc = "has no effect: the delay grows from 0.1 to 30 s"},
};
constexpr PropertyRow kDebeziumRows[] = {
    {.name = "connection.username", .doc = "role that writes the tables"},
    {.name = "primary.key.mode",
     .default_value = "none",
     .doc = "columns that identify a row: none, place of the record, key, or fields of the value",
     .words = "none kafka record_key record_value"},
    {.name = "primary.key.fields",
     .type = PropertyType::List,
     .doc = "names of these columns; empty: all fields of the key or value"},
    {.name = "collection.name.format", .default_value = kTopicMark, .doc = "name of the table"},
    {.name = "schema.evolution",
     .default_value = "none",
     .doc = "basic: tables that do not exist are created, and missing columns are added",
     .words = "none basic"},
    {.name = "connection.pool.min_size", .doc = "has no effect: a task has one connection"},
    {.name = "connection.pool.max_size", .doc = "has no effect: a task has one connection"},
    {.name = "connection.pool.acquire_increment", .doc = "has no effect"},
    {.name = "connection.pool.timeout", .doc = "has no effect"},
    {.name = "use.reduction.buffer", .doc = "has no effect: the last record of a key counts"},
    {.name = "flush.max.retries", .doc = "has no effect: errors are retried without end"},
    {.name = "flush.retry.delay.ms", .doc = "has no effect: the delay grows from 0.1 to 30 s"},
};

// Properties of the Java classes that would change rows or tables in a way that is not supported. `harmless`: the value
// with which the property does nothing.
struct UnsupportedOfSinks {
  std::string_view name, harmless = {}, instead = {};
};
constexpr UnsupportedOfSinks kUnsupportedOfSinks[] = {
    {"quote.sql.identifiers", "always"},
    {"quote.identifiers", "true"},
    {"db.timezone", "UTC"},
    {"use.time.zone", "UTC"},
    {"dialect.name", "PostgreSqlDatabaseDialect"},
    {"table.types", "TABLE"},
    {"truncate.enabled", "false"},
    {"field.include.list"},
    {"field.exclude.list"},
    {"collection.naming.strategy"},
    {"column.naming.strategy"},
    {"table.naming.strategy"},
    {"date.timezone", "UTC"},
    {"timestamp.precision.mode", "microseconds"},
    {"header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter"},
    {"hibernate.connection.isolation"},
};

void add_unsupported_of_sink(const ConnectorProperties& config, std::vector<WrongProperty>& wrong) {
  for (const auto& [name, harmless, instead] : kUnsupportedOfSinks) {
    const auto set = config.find(std::string(name));
    if (set == config.end() || set->second.empty() || set->second == harmless) continue;
    std::string message = fmt::format("property \"{}\" is not supported", name);
    if (!instead.empty())
      message += fmt::format(": {}", instead);
    else if (harmless.empty())
      message += ": leave it out";
    else
      message += fmt::format(" with another value than \"{}\"", harmless);
    wrong.push_back({set->first, std::move(message)});
  }
}

bool is_debezium(const ConnectorClass& of) { return of.name.starts_with("io.debezium."); }

// Reads %41 as in URLs.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    constexpr size_t kDigits = 2;
    constexpr int kHex = 16;
    if (text[i] == '%' && i + kDigits < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + kDigits, byte, kHex).ptr ==
            &text[i + 1] + kDigits) {
      decoded += static_cast<char>(byte);
      i += kDigits;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// Splits at the first separator; without one, the second part is empty.
std::pair<std::string_view, std::string_view> split_at(std::string_view text, char separator) {
  const size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

class ConnectionUrl {
 public:
  ConnectionUrl(PostgresSink& sink, std::vector<WrongProperty>& wrong)
      : sink_(sink), wrong_(wrong) {}

  // Reads jdbc:postgresql://HOST:PORT/DATABASE?PARAMETER=VALUE&... and libpq's postgresql://USER:PASSWORD@HOST/DATABASE.
  void read(std::string_view url) {
    if (url.starts_with("jdbc:")) url.remove_prefix(5);
    const auto [scheme, rest] = split_at(url, ':');
    if (scheme != "postgresql" && scheme != "postgres")
      return refuse(fmt::format("database \"{}\" is not supported, only PostgreSQL", scheme),
                    "A Kafka Connect cluster can write to it: start the server with --connect-url, "
                    "and set \"runs\" = 'outside'.");
    const auto [path, query] = split_at(rest, '?');
    std::string_view place = path;
    std::string host = "localhost", port = "5432";
    if (place.starts_with("//")) {
      const auto [authority, name] = split_at(place.substr(2), '/');
      read_authority(authority, host, port);
      place = name;
    }
    if (place.empty()) refuse("it names no database", "Write postgresql://HOST:PORT/DATABASE.");
    sink_.database = percent_decoded(place);
    sink_.host_port = fmt::format("{}:{}", host, port);
    set("host", host);
    set("port", port);
    set("dbname", sink_.database);
    read_query(query);
  }
  void set(std::string parameter, std::string value) {
    std::erase_if(sink_.connection, [&](const auto& each) { return each.first == parameter; });
    sink_.connection.emplace_back(std::move(parameter), std::move(value));
  }

 private:
  void refuse(std::string_view why, std::string hint = {}) {
    wrong_.push_back(
        {"connection.url", fmt::format("property \"connection.url\": {}", why), std::move(hint)});
  }
  void read_authority(std::string_view authority, std::string& host, std::string& port) {
    if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
      const auto [user, password] = split_at(authority.substr(0, at), ':');
      set("user", percent_decoded(user));
      if (!password.empty()) set("password", percent_decoded(password));
      authority.remove_prefix(at + 1);
    }
    if (authority.find(',') != std::string_view::npos)
      refuse("several hosts are not supported", "Name the primary server.");
    const size_t bracket = authority.rfind(']');  // of an address such as [::1]
    const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    std::string_view name = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    if (!name.empty()) host = name;
  }
  void read_query(std::string_view query) {
    while (!query.empty()) {
      const auto [parameter, rest] = split_at(query, '&');
      query = rest;
      const auto [name, text] = split_at(parameter, '=');
      const std::string value = percent_decoded(text);
      constexpr std::string_view kSame[] = {"user",        "password", "sslmode",
                                            "sslrootcert", "sslcert",  "sslkey"};
      constexpr std::string_view kIdle[] = {
          "ApplicationName", "reWriteBatchedInserts", "tcpKeepAlive", "stringtype",
          "loginTimeout",    "connectTimeout",        "socketTimeout"};
      if (std::ranges::find(kSame, name) != std::end(kSame))
        set(std::string(name), value);
      else if (name == "currentSchema")
        sink_.schema = value;
      else if (name == "ssl")
        set("sslmode", value == "false" ? "disable" : "require");
      else if (std::ranges::find(kIdle, name) == std::end(kIdle))
        refuse(fmt::format("parameter \"{}\" is not supported", name));
    }
  }

  PostgresSink& sink_;
  std::vector<WrongProperty>& wrong_;
};

DataForm converter_form(const PropertyValues& values, const std::string& side, bool is_short,
                        DataForm otherwise) {
  const std::string converter = values.text(side + ".converter");
  if (converter.empty()) return otherwise;
  if (converter != kConverterOfJson) return DataForm::Text;
  const auto has_schemas = values.find(side + ".converter.schemas.enable");
  // Kafka Connect's JsonConverter expects a schema in each record by default. The short classes of this server do not,
  // because the values of its streams have no schemas.
  return has_schemas.value_or(is_short ? "false" : "true") == "true" ? DataForm::JsonWithSchema
                                                                     : DataForm::Json;
}

void check_key(const PostgresSink& sink, const std::string& mode, const std::string& fields,
               std::vector<WrongProperty>& wrong) {
  const KeyMode key = sink.mapping.key_mode;
  if (sink.insert_mode != InsertMode::Insert && key == KeyMode::None)
    wrong.push_back(
        {mode,
         fmt::format("property \"insert.mode\" is not insert, and \"{}\" is none: a row "
                     "needs columns that identify it",
                     mode),
         fmt::format("Set {0} to record_key, or to record_value with {1}.", mode, fields)});
  if (sink.mapping.deletes && key != KeyMode::RecordKey)
    wrong.push_back({"delete.enabled",
                     fmt::format("property \"delete.enabled\" needs \"{}\" = record_key, because a "
                                 "record without a value has only its key",
                                 mode)});
  constexpr size_t kPlaceColumns = 3;
  if (key == KeyMode::Kafka && !sink.mapping.key_fields.empty() &&
      sink.mapping.key_fields.size() != kPlaceColumns)
    wrong.push_back({fields, fmt::format("property \"{}\" has three names with \"{}\" = kafka: for "
                                         "topic, partition and offset",
                                         fields, mode)});
}

}  // namespace

std::vector<PropertyRow> postgres_sink_rows(const ConnectorClass& of) {
  std::vector<PropertyRow> rows = common_properties(ConnectorType::Sink);
  const auto append = [&](std::span<const PropertyRow> more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  append(kSinkOfTablesRows);
  append(is_debezium(of) ? std::span<const PropertyRow>(kDebeziumRows)
                         : std::span<const PropertyRow>(kJdbcRows));
  constexpr int64_t kMostRecords = 100'000;
  rows.push_back({.name = "batch.size",
                  .type = PropertyType::Int,
                  .default_value = is_debezium(of) ? "500" : "3000",
                  .doc = "most records of one transaction",
                  .least = 1,
                  .most = kMostRecords});
  return rows;
}

PostgresSinkResult read_postgres_sink(const ConnectorClass& of, const PropertyValues& values) {
  PostgresSinkResult read;
  PostgresSink& sink = read.sink;
  add_unsupported_of_sink(values.config(), read.wrong);
  const bool is_its = is_debezium(of);
  const std::string mode = is_its ? "primary.key.mode" : "pk.mode";
  const std::string fields = is_its ? "primary.key.fields" : "pk.fields";
  const std::string format = is_its ? "collection.name.format" : "table.name.format";
  ConnectionUrl url(sink, read.wrong);
  url.read(values.text("connection.url"));
  if (const std::string user = values.text(is_its ? "connection.username" : "connection.user");
      !user.empty())
    url.set("user", user);
  if (const std::string password = values.text("connection.password"); !password.empty())
    url.set("password", password);
  for (const auto& [parameter, value] : sink.connection)
    if (parameter == "user") sink.user = value;

  sink.topics = values.list("topics");
  if (sink.topics.empty()) read.wrong.push_back({"topics", "property \"topics\" names no topic"});
  const std::string insert = values.text("insert.mode");
  sink.insert_mode = insert == "upsert"   ? InsertMode::Upsert
                     : insert == "update" ? InsertMode::Update
                                          : InsertMode::Insert;
  const std::string key = values.text(mode);
  sink.mapping.key_mode = key == "kafka"          ? KeyMode::Kafka
                          : key == "record_key"   ? KeyMode::RecordKey
                          : key == "record_value" ? KeyMode::RecordValue
                                                  : KeyMode::None;
  sink.mapping.key_fields = values.list(fields);
  sink.mapping.fields = values.list("fields.whitelist");
  sink.mapping.deletes = values.flag("delete.enabled");
  check_key(sink, mode, fields, read.wrong);
  sink.mapping.forms.key = converter_form(
      values, "key", of.is_short(), of.is_short() ? DataForm::Text : DataForm::JsonWithSchema);
  sink.mapping.forms.value = converter_form(values, "value", of.is_short(), DataForm::Json);
  sink.table_format = values.text(format);
  std::string rest = sink.table_format;
  if (const size_t mark = rest.find(kTopicMark); mark != rest.npos)
    rest.erase(mark, kTopicMark.size());
  if (rest.find("${") != rest.npos || sink.table_format.empty())
    read.wrong.push_back(
        {format, fmt::format("property \"{}\" is a name with ${{topic}} in it, not "
                             "\"{}\"",
                             format, sink.table_format)});
  sink.replaces_dots = is_its || of.is_short();
  sink.batch_records = static_cast<size_t>(values.number("batch.size"));
  sink.is_exactly_once = values.flag("exactly.once");
  const bool is_basic = is_its && values.text("schema.evolution") == "basic";
  sink.creates_tables = is_its ? is_basic : values.flag("auto.create");
  sink.adds_columns = is_its ? is_basic : values.flag("auto.evolve");
  sink.mapping.has_types = sink.creates_tables || sink.adds_columns;
  return read;
}

Result<PgTableName> table_of_topic(const PostgresSink& sink, std::string_view topic) {
  std::string name = sink.table_format;
  if (const size_t mark = name.find(kTopicMark); mark != name.npos) {
    std::string part(topic);
    if (sink.replaces_dots) std::ranges::replace(part, '.', '_');
    name.replace(mark, kTopicMark.size(), part);
  }
  const auto [first, rest] = split_at(name, '.');
  if (rest.empty()) return PgTableName{sink.schema, name};
  auto [schema, table] = std::pair(first, rest);
  // DATABASE.SCHEMA.TABLE
  if (const auto [second, third] = split_at(rest, '.'); !third.empty() && first == sink.database)
    std::tie(schema, table) = std::pair(second, third);
  if (schema.empty() || table.find('.') != table.npos)
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("\"{}\" of topic \"{}\" is not a table of database \"{}\"", name, topic,
                    sink.database),
        {},
        "A dot separates the schema from the table. Set the format of the table's name, or "
        "use the transform RegexRouter."};
  return PgTableName{std::string(schema), std::string(table)};
}

}  // namespace engine
