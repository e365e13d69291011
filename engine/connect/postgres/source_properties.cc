#include "engine/connect/postgres/source_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace engine {

namespace {

constexpr auto kBoolean = PropertyType::Boolean;
constexpr std::string_view kJsonConverter = "org.apache.kafka.connect.json.JsonConverter";

constexpr PropertyRow kConnectionRows[] = {
    {.name = "database.hostname", .doc = "host of the PostgreSQL server", .is_required = true},
    {.name = "database.port",
     .type = PropertyType::Int,
     .default_value = "5432",
     .doc = "port of the PostgreSQL server",
     .least = 1,
     .most = 65'535},
    {.name = "database.user", .doc = "role with the attribute REPLICATION", .is_required = true},
    {.name = "database.password", .type = PropertyType::Password, .doc = "password of the role"},
    {.name = "database.dbname", .doc = "database whose changes are read", .is_required = true},
    {.name = "database.sslmode",
     .default_value = "prefer",
     .doc = "libpq's sslmode",
     .words = "disable allow prefer require verify-ca verify-full"},
    {.name = "database.sslrootcert", .doc = "file with certificates of authorities"},
    {.name = "database.sslcert", .doc = "file with the certificate of the connector"},
    {.name = "database.sslkey", .doc = "file with the key of this certificate"},
};
constexpr PropertyRow kSlotRows[] = {
    {.name = "topic.prefix",
     .doc = "first part of the names of topics, PREFIX.schema.table",
     .is_required = true},
    {.name = "plugin.name",
     .default_value = "pgoutput",
     .doc = "plug-in that decodes the log",
     .words = "pgoutput"},
    {.name = "slot.name", .default_value = "debezium", .doc = "name of the replication slot"},
    {.name = "slot.drop.on.stop",
     .type = kBoolean,
     .default_value = "false",
     .doc = "true: DROP CONNECTOR drops the slot"},
    {.name = "publication.name",
     .default_value = "dbz_publication",
     .doc = "name of the publication"},
    {.name = "publication.autocreate.mode",
     .default_value = "all_tables",
     .doc = "tables of a publication that does not exist yet; disabled: it must exist",
     .words = "all_tables filtered no_tables disabled"},
    {.name = "snapshot.mode",
     .default_value = "initial",
     .doc = "initial: rows that exist are copied first; no_data: only changes",
     .words = "initial no_data"},
    {.name = "status.update.interval.ms",
     .type = PropertyType::Int,
     .default_value = "10000",
     .doc = "time between two confirmations of an idle connector",
     .least = 1,
     .most = 3'600'000},
};
constexpr PropertyRow kFilterRows[] = {
    {.name = "schema.include.list", .doc = "regular expressions of schemas"},
    {.name = "schema.exclude.list", .doc = "regular expressions of schemas"},
    {.name = "table.include.list", .doc = "regular expressions of tables, as schema.table"},
    {.name = "table.exclude.list", .doc = "regular expressions of tables, as schema.table"},
    {.name = "column.include.list",
     .doc = "regular expressions of columns, as schema.table.column"},
    {.name = "column.exclude.list",
     .doc = "regular expressions of columns, as schema.table.column"},
    {.name = "skipped.operations",
     .type = PropertyType::List,
     .default_value = "t",
     .doc = "changes that make no record: c, u, d, t, none"},
};
constexpr PropertyRow kRecordRows[] = {
    {.name = "tombstones.on.delete",
     .type = kBoolean,
     .default_value = "true",
     .doc = "a delete has a second record without a value"},
    {.name = "decimal.handling.mode",
     .default_value = "precise",
     .doc = "form of numeric and money",
     .words = "precise string double"},
    {.name = "time.precision.mode",
     .default_value = "adaptive",
     .doc = "form of dates and times",
     .words = "adaptive adaptive_time_microseconds connect"},
    {.name = "interval.handling.mode",
     .default_value = "numeric",
     .doc = "form of interval",
     .words = "numeric string"},
    {.name = "binary.handling.mode",
     .default_value = "bytes",
     .doc = "form of bytea",
     .words = "bytes base64 base64-url-safe hex"},
    {.name = "unavailable.value.placeholder",
     .default_value = "__debezium_unavailable_value",
     .doc = "text in the place of a large value that an UPDATE did not send"},
    {.name = "key.converter",
     .default_value = kJsonConverter,
     .doc = "class that converts keys",
     .words = kJsonConverter},
    {.name = "key.converter.schemas.enable",
     .type = kBoolean,
     .default_value = "true",
     .doc = "JSON keys have a schema"},
    {.name = "value.converter",
     .default_value = kJsonConverter,
     .doc = "class that converts values",
     .words = kJsonConverter},
    {.name = "value.converter.schemas.enable",
     .type = kBoolean,
     .default_value = "true",
     .doc = "JSON values have a schema"},
};

// Properties of Debezium that would change the records or the database in a way that is not supported. `harmless`: the
// value with which the property has no effect.
struct Unsupported {
  std::string_view name, harmless = {}, instead = {};
};
constexpr Unsupported kUnsupported[] = {
    {"snapshot.select.statement.overrides"},
    {"snapshot.include.collection.list"},
    {"snapshot.max.threads", "1"},
    {"snapshot.locking.mode", "none"},
    {"snapshot.query.mode", "select_all"},
    {"snapshot.isolation.mode", "repeatable_read"},
    {"message.key.columns"},
    {"message.prefix.include.list"},
    {"message.prefix.exclude.list"},
    {"converters"},
    {"post.processors"},
    {"provide.transaction.metadata", "false"},
    {"include.schema.changes", "false"},
    {"include.unknown.datatypes", "false"},
    {"skip.messages.without.change", "false"},
    {"hstore.handling.mode", "json"},
    {"money.fraction.digits", "2"},
    {"schema.name.adjustment.mode", "none"},
    {"field.name.adjustment.mode", "none"},
    {"schema.refresh.mode", "columns_diff"},
    {"heartbeat.interval.ms", "0", "the slot of an idle connector moves without heartbeats"},
    {"heartbeat.action.query", {}, "the slot of an idle connector moves without heartbeats"},
    {"publish.via.partition.root", "false"},
    {"replica.identity.autoset.values"},
    {"slot.stream.params"},
    {"slot.failover", "false"},
    {"lsn.flush.mode", "connector"},
    {"flush.lsn.source", "true"},
    {"offset.mismatch.strategy", "no_validation"},
    {"topic.delimiter", "."},
    {"topic.naming.strategy", "io.debezium.schema.SchemaTopicNamingStrategy"},
    {"openlineage.integration.enabled", "false"},
    {"header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter"},
};
// Prefixes of further property names that are not supported.
constexpr std::string_view kUnsupportedGroups[] = {
    "column.mask.",         "column.truncate.",     "column.propagate.source.type",
    "datatype.propagate.",  "notification.",        "signal.",
    "snapshot.mode.custom", "snapshot.mode.config", "snapshot.select.statement.overrides.",
};
// Properties of Debezium's internals, which this server accepts and ignores.
constexpr PropertyRow kIdleRows[] = {
    {.name = "max.queue.size", .doc = "has no effect: memory is bounded by the server"},
    {.name = "max.queue.size.in.bytes", .doc = "has no effect: memory is bounded by the server"},
    {.name = "poll.interval.ms", .doc = "has no effect: changes arrive as they are committed"},
    {.name = "slot.max.retries", .doc = "has no effect: connections are tried again without end"},
    {.name = "slot.retry.delay.ms", .doc = "has no effect: the delay grows from 0.1 to 30 s"},
    {.name = "retriable.restart.connector.wait.ms", .doc = "has no effect"},
    {.name = "snapshot.fetch.size", .doc = "has no effect: rows are copied as a stream"},
    {.name = "database.tcpKeepAlive", .doc = "has no effect: keepalives are always sent"},
    {.name = "exactly.once.support", .doc = "has no effect: delivery is exactly once"},
};

void add_unsupported(const ConnectorProperties& config, std::vector<WrongProperty>& wrong) {
  const auto refuse = [&](const std::string& name, std::string_view harmless,
                          std::string_view instead) {
    std::string message = fmt::format("property \"{}\" is not supported", name);
    if (!instead.empty())
      message += fmt::format(": {}", instead);
    else if (!harmless.empty())
      message += fmt::format(" with another value than \"{}\"", harmless);
    else
      message += ": leave it out";
    wrong.push_back({name, std::move(message)});
  };
  for (const auto& [name, harmless, instead] : kUnsupported) {
    const auto set = config.find(std::string(name));
    if (set != config.end() && !set->second.empty() && set->second != harmless)
      refuse(set->first, harmless, instead);
  }
  for (const auto& [name, value] : config)
    for (const std::string_view group : kUnsupportedGroups)
      if (name.starts_with(group)) refuse(name, {}, {});
}

constexpr std::string_view kUnwrap = "io.debezium.transforms.ExtractNewRecordState";

std::vector<std::string> transforms_of(const ConnectorProperties& config) {
  return PropertyValues({}, config).list("transforms");
}

bool unwraps(const ConnectorProperties& config, const std::string& transform) {
  const auto type = config.find(fmt::format("transforms.{}.type", transform));
  return type != config.end() && type->second == kUnwrap;
}

// Returns whether records contain the row only, without Debezium's envelope.
bool read_transforms(const PropertyValues& values, std::vector<WrongProperty>& wrong) {
  const std::vector<std::string> names = transforms_of(values.config());
  for (size_t i = 1; i < names.size(); ++i)
    if (unwraps(values.config(), names[i]))
      wrong.push_back({fmt::format("transforms.{}.type", names[i]),
                       fmt::format("transform \"{}\" must be the first in \"transforms\", because "
                                   "the source applies {} itself",
                                   names[i], kUnwrap)});
  if (names.empty() || !unwraps(values.config(), names[0])) return false;
  const std::string prefix = fmt::format("transforms.{}.", names[0]);
  for (const auto& [property, value] : values.config()) {
    if (!property.starts_with(prefix)) continue;
    const std::string_view option = std::string_view(property).substr(prefix.size());
    // "delete.tombstone.handling.mode" and "drop.tombstones" with these values mean the default: a
    // delete is followed by a tombstone.
    if (option == "type" || (option == "delete.tombstone.handling.mode" && value == "tombstone") ||
        (option == "drop.tombstones" && value == "false"))
      continue;
    wrong.push_back({property, fmt::format("property \"{}\" = \"{}\" is not supported: a delete is "
                                           "a tombstone, and fields are not added",
                                           property, value)});
  }
  return true;
}

// PostgreSQL allows only these characters in the names of slots.
bool is_slot_name(std::string_view name) {
  constexpr size_t kMostBytes = 63;
  return !name.empty() && name.size() <= kMostBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void read_modes(const PropertyValues& values, PgValueModes& modes) {
  const std::string decimals = values.text("decimal.handling.mode");
  modes.decimals = decimals == "string"   ? DecimalMode::String
                   : decimals == "double" ? DecimalMode::Double
                                          : DecimalMode::Precise;
  const std::string times = values.text("time.precision.mode");
  modes.times = times == "connect"    ? TimeMode::Connect
                : times == "adaptive" ? TimeMode::Adaptive
                                      : TimeMode::AdaptiveTimeMicroseconds;
  const std::string binary = values.text("binary.handling.mode");
  modes.binary = binary == "base64"            ? BinaryMode::Base64
                 : binary == "base64-url-safe" ? BinaryMode::Base64UrlSafe
                 : binary == "hex"             ? BinaryMode::Hex
                                               : BinaryMode::Bytes;
  modes.intervals = values.text("interval.handling.mode") == "string" ? IntervalMode::String
                                                                      : IntervalMode::Numeric;
  modes.unavailable = values.text("unavailable.value.placeholder");
}

}  // namespace

NameFilter::NameFilter(const PropertyValues& values, const std::string& kind,
                       std::vector<WrongProperty>& wrong) {
  for (const auto& [name, to] : {std::pair(kind + ".include.list", &include_),
                                 std::pair(kind + ".exclude.list", &exclude_)}) {
    for (const std::string& text : values.list(name)) {
      try {
        to->emplace_back(text, std::regex::ECMAScript | std::regex::icase);
      } catch (const std::regex_error&) {
        wrong.push_back(
            {name, fmt::format("property \"{}\": {} is not a regular expression", name, text)});
      }
    }
  }
  if (!include_.empty() && !exclude_.empty())
    wrong.push_back({kind + ".exclude.list",
                     fmt::format("{0}.include.list and {0}.exclude.list are both set", kind)});
}

bool NameFilter::takes(const std::string& name) const {
  const auto matches = [&](const std::regex& each) { return std::regex_match(name, each); };
  if (!include_.empty()) return std::ranges::any_of(include_, matches);
  return std::ranges::none_of(exclude_, matches);
}

ConnectorProperties without_unwrapping(ConnectorProperties config) {
  const std::vector<std::string> names = transforms_of(config);
  if (names.empty() || !unwraps(config, names[0])) return config;
  const std::string prefix = fmt::format("transforms.{}.", names[0]);
  std::erase_if(config, [&](const auto& each) { return each.first.starts_with(prefix); });
  std::string rest;
  for (size_t i = 1; i < names.size(); ++i) rest += (i > 1 ? "," : "") + names[i];
  config["transforms"] = rest;
  if (rest.empty()) config.erase("transforms");
  return config;
}

std::vector<PropertyRow> postgres_source_rows() {
  std::vector<PropertyRow> rows = common_properties(ConnectorType::Source);
  for (PropertyRow& row : rows)
    if (row.name == "max.batch.size") row.default_value = "2048";
  const auto append = [&](std::span<const PropertyRow> more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  append(kConnectionRows);
  append(kSlotRows);
  append(kFilterRows);
  append(kRecordRows);
  append(kIdleRows);
  return rows;
}

PostgresSourceResult read_postgres_source(const PropertyValues& values) {
  std::vector<WrongProperty> wrong;
  add_unsupported(values.config(), wrong);
  PostgresSource source{.schemas = NameFilter(values, "schema", wrong),
                        .tables = NameFilter(values, "table", wrong),
                        .columns = NameFilter(values, "column", wrong)};
  for (const auto& [property, parameter] : {std::pair("database.hostname", "host"),
                                            {"database.port", "port"},
                                            {"database.user", "user"},
                                            {"database.password", "password"},
                                            {"database.dbname", "dbname"},
                                            {"database.sslmode", "sslmode"},
                                            {"database.sslrootcert", "sslrootcert"},
                                            {"database.sslcert", "sslcert"},
                                            {"database.sslkey", "sslkey"}})
    if (const std::string value = values.text(property); !value.empty())
      source.connection.emplace_back(parameter, value);
  source.host_port =
      fmt::format("{}:{}", values.text("database.hostname"), values.text("database.port"));
  source.user = values.text("database.user");
  source.table_list = values.text("table.include.list");
  source.slot = values.text("slot.name");
  if (!is_slot_name(source.slot))
    wrong.push_back(
        {"slot.name", fmt::format("property \"slot.name\" has small letters, digits and "
                                  "underscores, at most 63, not \"{}\"",
                                  source.slot)});
  source.publication = values.text("publication.name");
  const std::string mode = values.text("publication.autocreate.mode");
  source.publication_mode = mode == "filtered"    ? PublicationMode::Filtered
                            : mode == "no_tables" ? PublicationMode::NoTables
                            : mode == "disabled"  ? PublicationMode::Disabled
                                                  : PublicationMode::AllTables;
  source.drops_slot = values.flag("slot.drop.on.stop");
  source.has_snapshot = values.text("snapshot.mode") == "initial";
  source.status_interval_ms = values.number("status.update.interval.ms");
  for (const std::string& letter : values.list("skipped.operations")) {
    if (letter != "c" && letter != "u" && letter != "d" && letter != "t" && letter != "none")
      wrong.push_back({"skipped.operations",
                       fmt::format("property \"skipped.operations\" has c, u, d, t or none, not "
                                   "\"{}\"",
                                   letter)});
  }
  const std::vector<std::string> skipped = values.list("skipped.operations");
  const auto takes = [&](std::string_view letter) {
    return std::ranges::find(skipped, letter) == skipped.end();
  };
  source.takes_inserts = takes("c");
  source.takes_updates = takes("u");
  source.takes_deletes = takes("d");
  source.takes_truncates = takes("t");
  read_modes(values, source.form.modes);
  source.form.prefix = values.text("topic.prefix");
  source.form.database = values.text("database.dbname");
  source.form.has_tombstones = values.flag("tombstones.on.delete");
  source.form.has_key_schemas = values.flag("key.converter.schemas.enable");
  source.form.has_value_schemas = values.flag("value.converter.schemas.enable");
  source.form.is_unwrapped = read_transforms(values, wrong);
  return {std::move(source), std::move(wrong)};
}

}  // namespace engine
