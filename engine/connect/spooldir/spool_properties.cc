#include "engine/connect/spooldir/spool_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <utility>

#include "engine/connect/spooldir/spool_records.h"
#include "engine/connect/spooldir/spool_schema.h"
#include "engine/connect/transforms/connect_record.h"

namespace engine {

namespace {

constexpr auto kFlagType = PropertyType::Boolean;

// Names, defaults and meanings are those of the classes AbstractSourceConnectorConfig,
// AbstractSpoolDirSourceConnectorConfig and SpoolDirCsvSourceConnectorConfig. If only some values
// are supported, `words` has these values, so that the others are refused.
constexpr PropertyRow kSpoolRows[] = {
    {.name = "input.path",
     .doc = "directory whose files are read once, below --connect-files",
     .is_required = true},
    {.name = "input.file.pattern",
     .doc = "regular expression that names of files must match as a whole",
     .is_required = true},
    {.name = "error.path", .doc = "directory for files with a bad record", .is_required = true},
    {.name = "finished.path", .doc = "directory for files that were read"},
    {.name = "halt.on.error",
     .type = kFlagType,
     .default_value = "true",
     .doc = "false: a file with a bad record is moved to error.path, and the next is read"},
    {.name = "cleanup.policy",
     .default_value = "MOVE",
     .doc = "NONE: a file that was read stays; MOVE: it is moved to finished.path; MOVEBYDATE: to "
            "a directory there, named after the date of its last change; DELETE",
     .words = "NONE DELETE MOVE MOVEBYDATE"},
    {.name = "cleanup.policy.maintain.relative.path",
     .type = kFlagType,
     .default_value = "false",
     .doc = "has an effect only with input.path.walk.recursively"},
    {.name = "input.path.walk.recursively",
     .default_value = "false",
     .doc = "true is not supported",
     .words = "false"},
    {.name = "file.minimum.age.ms",
     .type = PropertyType::Long,
     .default_value = "0",
     .doc = "time without a change after which a file is complete"},
    {.name = "file.buffer.size.bytes",
     .type = PropertyType::Int,
     .default_value = "131072",
     .doc = "has no effect",
     .least = 1,
     .most = INT32_MAX},
    {.name = "files.sort.attributes",
     .default_value = "NameAsc",
     .doc = "order of the files",
     .words = "NameAsc"},
    {.name = "processing.file.extension",
     .default_value = ".PROCESSING",
     .doc = "has no effect: the connector creates no flag files"},
    {.name = "empty.poll.wait.ms",
     .type = PropertyType::Long,
     .default_value = "500",
     .doc = "time between two looks for files",
     .least = 1},
    {.name = "batch.size",
     .type = PropertyType::Int,
     .default_value = "1000",
     .doc = "most records of one commit",
     .least = 1,
     .most = 100'000},
    {.name = "timestamp.mode",
     .default_value = "PROCESS_TIME",
     .doc = "timestamps of records: the time of reading, the last change of the file, or "
            "timestamp.field",
     .words = "FIELD FILE_TIME PROCESS_TIME"},
    {.name = "task.partitioner",
     .default_value = "ByName",
     .doc = "has no effect: the connector has one task",
     .words = "ByName"},
    {.name = "task.index", .doc = "has no effect"},
    {.name = "task.count", .doc = "has no effect"},
    {.name = "metadata.location",
     .default_value = "HEADERS",
     .doc = "place of the facts about the file",
     .words = "HEADERS"},
    {.name = "header.converter",
     .default_value = "org.apache.kafka.connect.storage.SimpleHeaderConverter",
     .doc = "class that converts headers",
     .words = "org.apache.kafka.connect.storage.SimpleHeaderConverter"},
};
constexpr PropertyRow kCharsetRow = {
    .name = "file.charset", .default_value = "UTF-8", .doc = "character set of the files"};
constexpr PropertyRow kSchemaRows[] = {
    {.name = "key.schema", .default_value = "", .doc = "schema of keys, as JSON"},
    {.name = "value.schema", .default_value = "", .doc = "schema of values, as JSON"},
    {.name = "schema.generation.enabled",
     .type = kFlagType,
     .default_value = "false",
     .doc = "true: key.schema and value.schema may be missing; all fields are then strings"},
    {.name = "schema.generation.key.fields",
     .type = PropertyType::List,
     .default_value = "",
     .doc = "fields of generated keys"},
    {.name = "schema.generation.key.name",
     .default_value = "com.github.jcustenborder.kafka.connect.model.Key",
     .doc = "name of generated schemas of keys"},
    {.name = "schema.generation.value.name",
     .default_value = "com.github.jcustenborder.kafka.connect.model.Value",
     .doc = "name of generated schemas of values"},
    {.name = "parser.timestamp.timezone",
     .default_value = "UTC",
     .doc = "time zone of texts with a time"},
    {.name = "parser.timestamp.date.formats",
     .type = PropertyType::List,
     .default_value = "yyyy-MM-dd'T'HH:mm:ss,yyyy-MM-dd' 'HH:mm:ss",
     .doc = "patterns of SimpleDateFormat; the first that matches is used"},
    {.name = "timestamp.field", .default_value = "", .doc = "field for timestamp.mode FIELD"},
};
constexpr PropertyRow kCsvRows[] = {
    {.name = "csv.first.row.as.header",
     .type = kFlagType,
     .default_value = "false",
     .doc = "the first record of each file has the names of the fields"},
    {.name = "csv.separator.char",
     .type = PropertyType::Int,
     .default_value = "44",
     .doc = "number of the character between fields",
     .least = 1,
     .most = 127},
    {.name = "csv.quote.char",
     .type = PropertyType::Int,
     .default_value = "34",
     .doc = "number of the character around fields",
     .least = 1,
     .most = 127},
    {.name = "csv.escape.char",
     .type = PropertyType::Int,
     .default_value = "92",
     .doc = "number of the character before a quote that is part of a field; 0: none",
     .most = 127},
    {.name = "csv.rfc.4180.parser.enabled",
     .type = kFlagType,
     .default_value = "false",
     .doc = "true: csv.escape.char and csv.ignore.leading.whitespace have no effect"},
    {.name = "csv.ignore.leading.whitespace",
     .type = kFlagType,
     .default_value = "true",
     .doc = "blanks before an opening quote are not part of the field"},
    {.name = "csv.null.field.indicator",
     .default_value = "NEITHER",
     .doc = "fields that are NULL: empty ones without quotes, with quotes, both or neither",
     .words = "EMPTY_SEPARATORS EMPTY_QUOTES BOTH NEITHER"},
    {.name = "csv.skip.lines",
     .type = PropertyType::Int,
     .default_value = "0",
     .doc = "lines at the beginning of each file that are not read",
     .most = INT32_MAX},
    {.name = "csv.strict.quotes",
     .default_value = "false",
     .doc = "true is not supported",
     .words = "false"},
    {.name = "csv.ignore.quotations",
     .default_value = "false",
     .doc = "true is not supported",
     .words = "false"},
    {.name = "csv.keep.carriage.return",
     .default_value = "false",
     .doc = "true is not supported",
     .words = "false"},
    {.name = "csv.verify.reader",
     .type = kFlagType,
     .default_value = "true",
     .doc = "has no effect"},
    {.name = "csv.case.sensitive.field.names",
     .type = kFlagType,
     .default_value = "false",
     .doc = "has no effect: names are compared with their letter case"},
    {.name = "csv.file.charset", .default_value = "UTF-8", .doc = "character set of the files"},
};

bool is_csv(const ConnectorClass& of) { return of.name.ends_with(".SpoolDirCsvSourceConnector"); }

void add_rows(std::vector<PropertyRow>& rows, std::span<const PropertyRow> more) {
  rows.insert(rows.end(), more.begin(), more.end());
}

// Adds a message if the character set of the property is not UTF-8 or a part of it.
void check_charset(const PropertyValues& values, const std::string& name,
                   std::vector<WrongProperty>& wrong) {
  std::string charset = values.text(name);
  for (char& c : charset) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (charset == "UTF-8" || charset == "UTF8" || charset == "US-ASCII" || charset == "ASCII")
    return;
  wrong.push_back({name, fmt::format("property \"{}\" is \"UTF-8\" or \"US-ASCII\", not \"{}\"",
                                     name, values.text(name))});
}

CsvSettings read_csv(const PropertyValues& values, std::vector<WrongProperty>& wrong) {
  CsvSettings csv;
  csv.separator = static_cast<char>(values.number("csv.separator.char"));
  csv.quote = static_cast<char>(values.number("csv.quote.char"));
  if (csv.separator == csv.quote)
    wrong.push_back({"csv.quote.char", "csv.quote.char and csv.separator.char are the same"});
  const std::string nulls = values.text("csv.null.field.indicator");
  if (nulls != "EMPTY_SEPARATORS" && nulls != "BOTH") csv.null_text.reset();
  csv.is_quoted_empty_null = nulls == "EMPTY_QUOTES" || nulls == "BOTH";
  if (values.flag("csv.rfc.4180.parser.enabled")) return csv;
  csv.skips_blanks = values.flag("csv.ignore.leading.whitespace");
  if (const auto escape = static_cast<char>(values.number("csv.escape.char")); escape != 0)
    csv.escape = escape;
  return csv;
}

// Returns the schema of the property; nothing if the property is not set, or if it is wrong.
std::optional<JsonTree> read_schema(const PropertyValues& values, const std::string& name,
                                    std::vector<WrongProperty>& wrong) {
  const std::string text = values.text(name);
  if (text.empty()) return std::nullopt;
  auto schema = parse_spool_schema(text);
  if (schema) return *std::move(schema);
  wrong.push_back({name, fmt::format("property \"{}\": {}", name, schema.error().message)});
  return std::nullopt;
}

void check_timestamp_field(const SpoolSchemas& schemas, std::vector<WrongProperty>& wrong) {
  const std::string& name = schemas.timestamp_field;
  const JsonTree* field =
      schemas.are_generated() || name.empty() ? nullptr : find_field(*schemas.value, name);
  if (field != nullptr && field->text_of("name") == kTimestampSchema && !is_optional(*field))
    return;
  wrong.push_back(
      {"timestamp.field",
       fmt::format("timestamp.mode FIELD needs \"timestamp.field\", the name of a field "
                   "of value.schema that is a Timestamp and not optional{}",
                   name.empty() ? "" : fmt::format("; \"{}\" is not", name))});
}

SpoolSchemas read_schemas(const ConnectorClass& of, const PropertyValues& values,
                          std::vector<WrongProperty>& wrong) {
  auto times = SpoolTimes::make(values.list("parser.timestamp.date.formats"),
                                values.text("parser.timestamp.timezone"));
  if (!times) {
    const std::string name = times.error().message.ends_with("a time zone")
                                 ? "parser.timestamp.timezone"
                                 : "parser.timestamp.date.formats";
    wrong.push_back({name, fmt::format("property \"{}\": {}", name, times.error().message)});
    times = SpoolTimes::make({}, "UTC");
  }
  SpoolSchemas schemas{.key = read_schema(values, "key.schema", wrong),
                       .value = read_schema(values, "value.schema", wrong),
                       .key_name = values.text("schema.generation.key.name"),
                       .value_name = values.text("schema.generation.value.name"),
                       .key_fields = values.list("schema.generation.key.fields"),
                       .times = *std::move(times),
                       .timestamp_field = {},
                       .forms = file_forms(of, values)};
  const bool generates = values.flag("schema.generation.enabled");
  for (const char* name : {"key.schema", "value.schema"})
    if (!generates && values.text(name).empty())
      wrong.push_back({name, fmt::format("property \"{}\" is required, or "
                                         "\"schema.generation.enabled\" = 'true'",
                                         name)});
  for (const char* name : {"schema.generation.key.name", "schema.generation.value.name"})
    if (generates && values.text(name).empty())
      wrong.push_back({name, fmt::format("property \"{}\" is empty", name)});
  if (values.text("timestamp.mode") == "FIELD") {
    schemas.timestamp_field = values.text("timestamp.field");
    if (wrong.empty()) check_timestamp_field(schemas, wrong);
  }
  return schemas;
}

// A CSV field is one text, so it cannot have a type with parts.
void check_csv_types(const SpoolSchemas& schemas, std::vector<WrongProperty>& wrong) {
  if (!schemas.value) return;
  for (const JsonTree& field : schemas.value->find("fields")->items) {
    const std::string_view type = type_of_schema(field);
    if (type == "struct" || type == "array" || type == "map")
      wrong.push_back({"value.schema",
                       fmt::format("property \"value.schema\": field \"{}\" has the type {}, which "
                                   "a CSV file cannot contain",
                                   field.text_of("field"), type)});
  }
}

}  // namespace

bool is_spool_dir(const ConnectorClass& of) {
  return of.name.starts_with("com.github.jcustenborder.kafka.connect.spooldir.");
}

bool has_spool_schemas(const ConnectorClass& of) {
  return is_csv(of) || of.name.ends_with(".SpoolDirJsonSourceConnector");
}

std::vector<PropertyRow> spool_rows(const ConnectorClass& of) {
  std::vector<PropertyRow> rows(std::begin(kSpoolRows), std::end(kSpoolRows));
  if (has_spool_schemas(of))
    add_rows(rows, kSchemaRows);
  else
    rows.push_back(kCharsetRow);
  if (is_csv(of)) add_rows(rows, kCsvRows);
  return rows;
}

void read_spool_source(const ConnectorClass& of, const PropertyValues& values, FileSource& source,
                       std::vector<WrongProperty>& wrong) {
  source.directory = values.text("input.path");
  source.pattern = values.text("input.file.pattern");
  source.error_path = values.text("error.path");
  source.finished_path = values.text("finished.path");
  source.halts_on_error = values.flag("halt.on.error");
  source.minimum_age_ms = values.number("file.minimum.age.ms");
  source.list_pause_ms = values.number("empty.poll.wait.ms");
  source.has_file_headers = true;
  source.declares = false;
  const std::string cleanup = values.text("cleanup.policy");
  source.cleanup = cleanup == "MOVE"         ? FileCleanup::Move
                   : cleanup == "MOVEBYDATE" ? FileCleanup::MoveByDate
                   : cleanup == "DELETE"     ? FileCleanup::Delete
                                             : FileCleanup::None;
  if (cleanup.starts_with("MOVE") && source.finished_path.empty())
    wrong.push_back(
        {"finished.path", fmt::format("cleanup.policy {} needs \"finished.path\"", cleanup)});
  source.format = is_csv(of) ? FileFormat::Csv
                  : of.name.ends_with(".SpoolDirLineDelimitedSourceConnector")
                      ? FileFormat::Line
                      : FileFormat::JsonValues;
  if (!has_spool_schemas(of)) {
    check_charset(values, "file.charset", wrong);
    return;
  }
  if (is_csv(of)) {
    check_charset(values, "csv.file.charset", wrong);
    source.csv = read_csv(values, wrong);
    source.has_header = values.flag("csv.first.row.as.header");
    source.skip_lines = values.number("csv.skip.lines");
  }
  SpoolSchemas schemas = read_schemas(of, values, wrong);
  if (is_csv(of)) check_csv_types(schemas, wrong);
  source.has_file_time = values.text("timestamp.mode") == "FILE_TIME";
  source.spool = std::make_shared<const SpoolSchemas>(std::move(schemas));
}

}  // namespace engine
