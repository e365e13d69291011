#include "engine/plan/create_source.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/suggest.h"
#include "engine/catalog/system_sources.h"
#include "engine/catalog/visible_names.h"
#include "engine/java/java_time.h"
#include "engine/plan/constraints.h"
#include "engine/plan/event_times.h"
#include "engine/plan/generator_rules.h"
#include "engine/plan/replace_source.h"
#include "engine/plan/source_formats.h"
#include "engine/plan/source_schema.h"
#include "engine/plan/topic_name.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

Error invalid_source(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

// The effect of IF NOT EXISTS and OR REPLACE on an existing source.
enum class Existing : uint8_t { None, Keep, Replace };

Result<Existing> check_existing(const CreateSource& create, const DataSource* old) {
  const std::string_view kind = kind_word(create.kind);
  const bool replaces = create.or_replace && old && old->kind == create.kind;
  if (create.or_replace && (create.is_source || (replaces && old->read_only)))
    return invalid_source(
               fmt::format("Cannot add {0} '{1}': CREATE OR REPLACE is not supported on source "
                           "{0}s.",
                           kind, create.name.text))
        .at(create.name_position);
  if (!old) return Existing::None;
  if (replaces) return Existing::Replace;
  if (create.if_not_exists) return Existing::Keep;
  return Error{ErrorCode::DuplicateSource,
               fmt::format("Cannot add {} '{}': A {} with the same name already exists", kind,
                           create.name.text, kind_word(old->kind))}
      .at(create.name_position)
      .with_hint("Use CREATE OR REPLACE to change it, or IF NOT EXISTS to keep it.");
}

Status check_declares_columns(const CreateSource& create, const SourceFormats& formats,
                              const SourceProperties& properties) {
  const bool key_inferred = can_infer_schema(formats.key);
  const bool value_inferred = can_infer_schema(formats.value);
  const auto check_id = [&](const FormatProperties& side, const FormatSpec& format, bool inferred,
                            std::string_view which, bool is_key) -> Status {
    if (!side.schema_id) return {};
    if (!inferred)
      return invalid_source(
          fmt::format("{0}_FORMAT should support schema inference when {0}_SCHEMA_ID "
                      "is provided. Current format is {1}.",
                      which, format.name));
    const bool declared = std::ranges::any_of(create.elements, [&](const TableElement& element) {
      // HEADERS columns belong neither to the key nor to the value, so no schema contains them.
      if (element.constraint == ColumnConstraint::Header ||
          element.constraint == ColumnConstraint::Headers)
        return false;
      return is_key == (element.constraint == ColumnConstraint::Key ||
                        element.constraint == ColumnConstraint::PrimaryKey);
    });
    if (declared)
      return invalid_source(fmt::format(
          "Table elements and {}_SCHEMA_ID cannot both exist for create statement.", which));
    return {};
  };
  TRY(check_id(properties.key, formats.key, key_inferred, "KEY", true));
  TRY(check_id(properties.value, formats.value, value_inferred, "VALUE", false));
  if (!create.elements.empty() || key_inferred || value_inferred) return {};
  Error error = invalid_source("The statement does not define any columns.");
  error.ksqldb = "No columns supplied.";
  error.hint = fmt::format("Declare the columns after the name: CREATE {} {} (id INT{} KEY, ...).",
                           create.kind == SourceKind::Stream ? "STREAM" : "TABLE", create.name.text,
                           create.kind == SourceKind::Stream ? "" : " PRIMARY");
  return error;
}

// Infers the key columns if the statement declares none and the format of the key takes its schema
// from a schema registry. Does the same for the value columns. Puts key columns first. Returns
// whether columns were inferred.
Result<bool> infer_missing_columns(const SourceFormats& formats, std::string_view topic,
                                   Registrar* registrar, Schema& schema) {
  const auto is_value = [](const ColumnDef& column) { return column.role == ColumnRole::Value; };
  const bool needs_keys = schema.key_count() == 0 && can_infer_schema(formats.key);
  const bool needs_values =
      std::ranges::none_of(schema.columns, is_value) && can_infer_schema(formats.value);
  if (!needs_keys && !needs_values) return false;
  if (!registrar)
    return Error{ErrorCode::NotSupported,
                 "columns from a schema registry are not supported here",
                 {},
                 "Declare them after the name."};
  std::vector<ColumnDef> keys = schema.keys();
  std::vector<ColumnDef> others = schema.values();
  if (needs_keys) keys = TRY(registrar->infer(formats.key, topic, Side::Key));
  if (needs_values) {
    std::vector<ColumnDef> values = TRY(registrar->infer(formats.value, topic, Side::Value));
    others.insert(others.begin(), values.begin(), values.end());
  }
  keys.insert(keys.end(), others.begin(), others.end());
  schema.columns = std::move(keys);
  TRY(check_columns(schema));
  return true;
}

}  // namespace

std::optional<std::string> unusual_letters(std::string_view pattern) {
  bool is_quoted = false;
  std::string letters;
  for (const char c : pattern) {
    if (c == '\'') is_quoted = !is_quoted;
    if (!is_quoted) letters += c;
  }
  const auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
  const bool has_week_year = has('Y') && (has('M') || has('d'));
  const bool has_day_of_year = has('D') && has('M');
  if (has_week_year || has_day_of_year)
    return fmt::format(
        "Y is the week-based year and D the day of the year in the pattern '{}'; the year, month "
        "and day of a date are yyyy-MM-dd",
        pattern);
  if (has('h') && !has('a'))
    return fmt::format(
        "h is the hour from 1 to 12 in the pattern '{}', which has no a for AM or PM; HH is the "
        "hour from 0 to 23",
        pattern);
  return std::nullopt;
}

std::vector<TableElement> with_serials(std::vector<TableElement> elements,
                                       const CustomTypes& types) {
  constexpr std::pair<std::string_view, TypeKind> kSerials[] = {
      {"SERIAL", TypeKind::Integer},      {"SERIAL2", TypeKind::Integer},
      {"SERIAL4", TypeKind::Integer},     {"SERIAL8", TypeKind::Bigint},
      {"SMALLSERIAL", TypeKind::Integer}, {"BIGSERIAL", TypeKind::Bigint}};
  for (TableElement& element : elements) {
    if (element.type.kind != TypeKind::Null || types.contains(element.type.custom_name)) continue;
    for (const auto& [name, kind] : kSerials) {
      if (element.type.custom_name != name) continue;
      element.type.kind = kind;
      element.is_serial = element.is_not_null = true;
    }
  }
  return elements;
}

namespace {

// Returns whether the statement is a CREATE TABLE as users of PostgreSQL write it: its WITH clause
// has no property of the dialect, only PostgreSQL's storage parameters.
bool is_plain_table(const CreateSource& create, const EngineSettings& settings) {
  return create.kind == SourceKind::Table && !create.is_source && !settings.ksqldb_compat &&
         std::ranges::all_of(create.properties, is_storage_parameter, &Property::name);
}

// Returns whether the new topic will belong to the table alone (docs/adr/0067), which is so if the
// statement does not name a topic. A statement for an existing Kafka topic names the topic, and in
// ksqlDB every statement must name one.
bool makes_own_topic(const CreateSource& create, const SourceProperties& properties) {
  return create.kind == SourceKind::Table && !create.is_source && !properties.topic;
}

// Returns whether the statement declares an append-only table.
bool is_keyless_table(const CreateSource& create, const Schema& schema,
                      const EngineSettings& settings) {
  return is_plain_table(create, settings) && !schema.columns.empty() && schema.key_count() == 0;
}

// Returns whether the key has a type that the format KAFKA cannot encode: NUMERIC, DATE, BOOLEAN and others.
bool is_keyed_otherwise(const CreateSource& create, const Schema& schema,
                        const EngineSettings& settings) {
  const std::vector<ColumnDef> keys = schema.keys();
  return is_plain_table(create, settings) && keys.size() == 1 && !keys.front().type.is_nested() &&
         !validate_format(FormatSpec{"KAFKA"}, keys, Side::Key);
}

// Returns the names of the columns in the declared order. PostgreSQL's users expect this order, but the schema has the
// keys first. Returns an empty list if the two orders are equal, or if the statement is not a plain table
// (is_plain_table()).
std::vector<std::string> order_of_declaration(const CreateSource& create, const Schema& schema,
                                              const EngineSettings& settings) {
  std::vector<std::string> names;
  for (const TableElement& element : create.elements) names.push_back(element.name.text);
  if (!is_plain_table(create, settings) ||
      std::ranges::equal(names, schema.columns, {}, {}, &ColumnDef::name))
    return {};
  return names;
}

// Fails if the topic already exists. Row ids identify the records of a table without a key, and records of other
// producers have no row ids.
Status check_no_topic(const CreateSource& create, const DataSource* old, const Topics& topics,
                      const std::string& topic) {
  if (!topics.find(topic) || (old && old->topic == topic && old->schema.has_row_id())) return {};
  return Error{
      ErrorCode::TopicExists,
      fmt::format("topic \"{}\" already exists, and its records have keys of their own", topic),
      {},
      "Declare the PRIMARY KEY of these records, or give the table another name."}
      .at(create.name_position);
}

Status check_keys(const CreateSource& create, const DataSource& source, bool key_inferred) {
  if (source.schema.key_count() > 0 || key_inferred) return {};
  if (source.kind == SourceKind::Table)
    return invalid_source("Tables require a PRIMARY KEY. Please define the PRIMARY KEY.")
        .with_hint(
            "Write PRIMARY KEY behind a column: id INT PRIMARY KEY. Events without a key are a "
            "STREAM: CREATE STREAM instead of CREATE TABLE.")
        .at(create.name_position);
  if (source.window) return invalid_source("Windowed sources require a key column.");
  return {};
}

struct TopicChoice {
  std::string name;
  int partitions = 1;
  std::optional<TopicDescription> created = {};
};

Result<TopicChoice> choose_topic(const CreateSource& create, const SourceProperties& properties,
                                 const std::string& name, const Topics& topics,
                                 const EngineSettings& settings) {
  if (!properties.topic && settings.ksqldb_compat)
    return invalid_source("Missing required property \"KAFKA_TOPIC\" which has no default value.");
  TopicChoice choice{name};
  if (const auto found = topics.find(choice.name)) {
    choice.partitions = found->partitions;
    if (!properties.partitions || *properties.partitions == found->partitions) return choice;
    Error error = other_partitions(*found, *properties.partitions);
    if (*properties.partitions > found->partitions)
      error.hint +=
          fmt::format(" The command millrace topic alter {} --partitions {} adds partitions.",
                      choice.name, *properties.partitions);
    return error;
  }
  if (!properties.partitions && settings.ksqldb_compat)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("Topic '{}' does not exist. If you want to create a new topic for the "
                             "stream/table please re-run the statement providing the required "
                             "'PARTITIONS' configuration in the WITH clause (and optionally "
                             "'REPLICAS').",
                             choice.name)};
  TRY(check_writable(choice.name));  // the new source will write to the new topic
  choice.partitions = properties.partitions.value_or(settings.num_partitions);
  TopicDescription topic;
  topic.name = choice.name;
  topic.partitions = choice.partitions;
  topic.replicas = properties.replicas.value_or(1);
  topic.config = topic_config(create.kind, properties.window.has_value(), properties.retention_ms);
  choice.created = std::move(topic);
  return choice;
}

// Returns a notice about an existing topic with a similar name, which the statement may have meant;
// empty if no name is similar.
std::string similar_topic(const std::string& name, const Topics& topics) {
  std::vector<std::string> others;
  for (std::string& topic : visible_topics(topics))
    if (topic != name && !topic.starts_with("__")) others.push_back(std::move(topic));
  const std::string near = closest_name(name, others);
  return near.empty() ? near : fmt::format("; topic \"{}\" has a similar name", near);
}

Status check_retention(const CreateSource& create, const SourceProperties& properties) {
  if (!properties.retention_ms || create.kind == SourceKind::Stream || properties.window) return {};
  return invalid_source(
      "Invalid config variable in the WITH clause: RETENTION_MS. Non-windowed tables do not "
      "support retention.");
}

// Returns the id of the query that generates the rows. A generator that replaces another keeps the id of the old one.
Result<std::string> generator_id(const std::string& name, const DataSource* old,
                                 const Catalog& catalog, const CreateSource& create) {
  const PersistentQuery* query = old ? catalog.find_query(old->created_by) : nullptr;
  if (!query) return fmt::format("GENERATOR_{}_{}", name, catalog.next_query_number);
  if (query->sources.empty()) return query->id;
  return invalid_source(fmt::format("{} {} is written by query {}, so its rows cannot be generated",
                                    kind_word(old->kind), name, query->id))
      .at(create.name_position)
      .with_hint("DROP it first, or choose another name for the generated one.");
}

// Adds a hint to the error for the properties of another system in a CREATE TABLE without a key. In Flink the records
// of such a table are events.
Error with_hint_for_events(const CreateSource& create, Error error) {
  const bool has_key = std::ranges::any_of(create.elements, [](const TableElement& element) {
    return element.constraint == ColumnConstraint::PrimaryKey;
  });
  const bool is_foreign = std::ranges::any_of(create.properties, [](const Property& property) {
    const std::string name = absl::AsciiStrToUpper(property.name);
    return name == "CONNECTOR" || name.starts_with("CONNECTOR.");
  });
  if (create.kind != SourceKind::Table || has_key || !is_foreign) return error;
  error.hint += fmt::format(
      " Events are a STREAM: CREATE STREAM {0} (columns) WITH (KAFKA_TOPIC = '{0}', VALUE_FORMAT = "
      "'JSON').",
      display_name(create.name.text));
  return error;
}

}  // namespace

Result<NewSource> plan_create_source(const CreateSource& create, const ParsedStatement& statement,
                                     const Catalog& catalog, const Topics& topics,
                                     const EngineSettings& server_settings,
                                     const Properties& properties, Registrar* registrar,
                                     const TopicCheck* may_declare) {
  const EngineSettings settings = effective_settings(server_settings, properties);
  const bool takes_storage = create.kind == SourceKind::Table && !settings.ksqldb_compat;
  auto properties_of_source = read_source_properties(
      create.properties, takes_storage ? WithClauseOf::CreateTable : WithClauseOf::CreateSource);
  if (!properties_of_source)
    return with_hint_for_events(create, std::move(properties_of_source).error());
  SourceProperties with = *std::move(properties_of_source);
  TopicName named = TRY(topic_of_source(with, create.properties, catalog, topics, settings));
  with.topic = std::move(named.name);
  // As in ksqlDB, a statement with KAFKA_TOPIC but without PARTITIONS refers to an existing topic;
  // PARTITIONS asks for a new one.
  const bool names_existing = with.topic && !with.partitions;
  DataSource source;
  source.name = create.name.text;
  source.kind = create.kind;
  source.sql = statement.text;
  source.read_only = create.is_source;
  source.window = with.window;
  const ColumnTypes column_types =
      is_plain_table(create, settings) ? ColumnTypes::OfPostgres : ColumnTypes::OfDialect;
  source.schema = TRY(takes_storage ? read_schema(with_serials(create.elements, catalog.types),
                                                  catalog.types, column_types)
                                    : read_schema(create.elements, catalog.types));
  const bool is_postgres =
      create.is_postgres || std::ranges::any_of(source.schema.columns, &ColumnDef::is_serial);
  source.column_order = order_of_declaration(create, source.schema, settings);
  const bool is_keyless = is_keyless_table(create, source.schema, settings);
  if (is_keyless) {
    source.schema.columns.insert(source.schema.columns.begin(),
                                 {std::string(kRowId), TypeKind::Bytes, ColumnRole::Key});
    with.key.format = "KAFKA";
    with.partitions = 1;  // so that `SELECT * FROM t` returns the rows in their order
  }
  const bool has_many_keys = is_postgres && source.schema.key_count() > 1;
  if ((has_many_keys || is_keyed_otherwise(create, source.schema, settings)) && !with.key.format)
    with.key.format = "JSON";  // KAFKA supports only one key column, of few types
  source.owns_topic = create.is_temporary || makes_own_topic(create, with);
  source.is_temporary = create.is_temporary;
  const SourceFormats formats = TRY(choose_formats(with, default_formats(settings), source.name));

  const DataSource* old = catalog.find_source(source.name);
  const Existing existing = TRY(check_existing(create, old));
  if (!old) TRY(check_name_size(source.name, create.name_position));
  if (existing == Existing::Keep) {
    NewSource kept;
    kept.notices.push_back(
        fmt::format("{} {} already exists, skipping", kind_word(old->kind), source.name));
    return kept;
  }

  const std::string own_topic = makes_own_topic(create, with) && !old
                                    ? topic_of_new(source.name, catalog, topics, settings)
                                    : default_topic_name(source.name, settings);
  const std::string topic_name = with.topic.value_or(own_topic);
  if (may_declare && topics.find(topic_name)) TRY((*may_declare)(topic_name));
  if (existing == Existing::Replace) TRY(check_not_rebuilt(*old, catalog));
  if (is_keyless) TRY(check_no_topic(create, old, topics, own_topic));
  const bool key_inferred = source.schema.key_count() == 0 && can_infer_schema(formats.key);
  TRY(check_declares_columns(create, formats, with));
  TRY(check_keys(create, source, key_inferred));
  TRY(check_retention(create, with));
  const bool is_inferred =
      TRY(infer_missing_columns(formats, topic_name, registrar, source.schema));
  TRY(check_timestamp_format(with, settings));
  source.timestamp = TRY(find_timestamp_column(with, source.schema));
  const SourceFormats fitted = TRY(fit_formats(formats, source.schema, properties));

  TopicChoice topic = TRY(choose_topic(create, with, topic_name, topics, settings));
  if (!topic.created && !(old && old->owns_topic)) source.owns_topic = false;
  source.topic = topic.name;
  source.partitions = topic.partitions;
  // A statement that replaces the columns of a source registers the new schema, as a sink does, because rows with the
  // new columns will be written.
  const auto write = existing == Existing::Replace && !is_inferred ? Registrar::Write::Sink
                                                                   : Registrar::Write::Source;
  const SourceFormats written =
      TRY(register_schemas(fitted, source.schema, source.topic, registrar, write));
  source.key_format = written.key;
  source.value_format = written.value;
  if (existing == Existing::Replace) TRY(check_replaceable(*old, source));

  std::vector<std::string> kept_constraints;
  TRY(add_constraints(constraints_of(create), catalog, properties, create.name_position, source,
                      kept_constraints));
  std::optional<GeneratorPlan> generator = TRY(read_generator(create.properties, source));
  if (generator) source.created_by = TRY(generator_id(source.name, old, catalog, create));
  NewSource planned;
  planned.notices = std::move(named.notices);
  if (column_types == ColumnTypes::OfDialect && !settings.ksqldb_compat)
    if (auto unchecked = unchecked_limits(create.elements, catalog.types))
      planned.notices.push_back(*std::move(unchecked));
  if (with.timestamp_format && !settings.ksqldb_compat)
    if (auto letters = unusual_letters(*with.timestamp_format))
      planned.notices.push_back(*std::move(letters));
  std::ranges::move(kept_constraints, std::back_inserter(planned.notices));
  if (topic.created && !source.owns_topic)
    planned.notices.push_back(fmt::format(
        "topic \"{}\" {}created with {} partition{}, key {}, value {}{}", source.topic,
        names_existing ? "did not exist, and was " : "", source.partitions,
        source.partitions == 1 ? "" : "s", source.key_format.name, source.value_format.name,
        names_existing ? similar_topic(source.topic, topics) : std::string()));
  planned.new_topic = std::move(topic.created);
  if (generator)
    planned.generator = plan_generator(source, std::move(*generator), source.created_by);
  planned.source = std::make_shared<const DataSource>(std::move(source));
  return planned;
}

std::string default_topic_name(std::string_view source, const EngineSettings& settings) {
  std::string name(source);
  if (settings.lower_case_topics && !settings.ksqldb_compat) absl::AsciiStrToLower(&name);
  return settings.output_topic_prefix + name;
}

Properties topic_config(SourceKind kind, bool is_windowed, std::optional<int64_t> retention_ms) {
  Properties config;
  config["cleanup.policy"] = kind == SourceKind::Stream ? "delete"
                             : is_windowed              ? "compact,delete"
                                                        : "compact";
  if (retention_ms) config["retention.ms"] = std::to_string(*retention_ms);
  return config;
}

Status check_timestamp_format(const SourceProperties& properties, const EngineSettings& settings) {
  if (settings.ksqldb_compat || !properties.timestamp_format) return {};
  const std::string& format = *properties.timestamp_format;
  bool is_quoted = false;
  for (const char c : format) {
    if (c == '\'') is_quoted = !is_quoted;
    if (c != '%' || is_quoted) continue;
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("TIMESTAMP_FORMAT '{}' is not a pattern of Java's letters", format),
        "A percent sign has no meaning in such a pattern.",
        "Use for example 'yyyy-MM-dd HH:mm:ss', or \"yyyy-MM-dd'T'HH:mm:ssX\" with its quotes "
        "doubled."};
  }
  return {};
}

Result<std::optional<TimestampColumn>> find_timestamp_column(const SourceProperties& properties,
                                                             const Schema& schema) {
  if (!properties.timestamp_column) return std::optional<TimestampColumn>();
  const std::string& name = *properties.timestamp_column;
  const int index = schema.index_of(name);
  if (index < 0) {
    std::vector<std::string> names;
    for (const ColumnDef& known : schema.columns) names.push_back(known.name);
    return Error{ErrorCode::UndefinedColumn,
                 fmt::format("The TIMESTAMP column set in the WITH clause does not exist in the "
                             "schema: '{}'",
                             name)}
        .with_hint(did_you_mean(name, names, fmt::format("Columns: {}.", fmt::join(names, ", "))));
  }
  const SqlType& type = schema.columns[static_cast<size_t>(index)].type;
  const bool is_text = type.kind() == TypeKind::String;
  if (is_text && !properties.timestamp_format)
    return invalid_source(
               "A String timestamp field has been specified without also specifying the "
               "timestamp_format")
        .with_hint("Add TIMESTAMP_FORMAT = 'yyyy-MM-dd HH:mm:ss', or the format of its texts.");
  if (!is_text && properties.timestamp_format)
    return invalid_source(
        "'TIMESTAMP_FORMAT' set in the WITH clause can only be used when the timestamp column is "
        "of type STRING.");
  if (!is_text && type.kind() != TypeKind::Bigint && type.kind() != TypeKind::Timestamp)
    return Error{ErrorCode::TypeMismatch,
                 fmt::format("Timestamp column, {}, should be LONG(INT64), TIMESTAMP, or a String "
                             "with a timestamp_format specified.",
                             name)};
  if (properties.timestamp_format)
    if (const auto pattern = TimePattern::compile(*properties.timestamp_format); !pattern) {
      Error error = pattern.error();
      error.ksqldb = "Invalid datetime format for config:TIMESTAMP_FORMAT, reason:" + error.message;
      return error;
    }
  return std::optional<TimestampColumn>({name, properties.timestamp_format});
}

std::string_view kind_word(SourceKind kind) {
  return kind == SourceKind::Stream ? "stream" : "table";
}

}  // namespace engine
