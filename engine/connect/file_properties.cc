#include "engine/connect/file_properties.h"

#include <fmt/format.h>

#include "engine/connect/spooldir/spool_properties.h"

namespace engine {

namespace {

constexpr auto kTrueOrFalse = PropertyType::Boolean;

constexpr PropertyRow kTopicRow = {
    .name = "topic", .doc = "topic that the records are written to", .is_required = true};

constexpr PropertyRow kPlaceRows[] = {
    {.name = "node", .doc = "in a cluster: number of the node whose files are read"},
    {.name = "shared",
     .type = PropertyType::Boolean,
     .default_value = "false",
     .doc = "in a cluster: all nodes have the same files below --connect-files"},
};
constexpr PropertyRow kTailRows[] = {
    {.name = "file", .doc = "file that grows, below --connect-files"},
};
constexpr PropertyRow kDirectoryRows[] = {
    {.name = "input.path", .doc = "directory whose files are read once, below --connect-files"},
    {.name = "input.file.pattern",
     .default_value = ".*",
     .doc = "regular expression that names of files must match as a whole"},
    {.name = "cleanup.policy",
     .default_value = "NONE",
     .doc = "NONE: a file that was read stays; MOVE: it is moved to finished.path; DELETE",
     .words = "NONE MOVE DELETE"},
    {.name = "finished.path", .doc = "directory for files that were read"},
    {.name = "error.path", .doc = "directory for files with a bad record"},
    {.name = "halt.on.error",
     .type = kTrueOrFalse,
     .default_value = "true",
     .doc = "false: a file with a bad record is moved to error.path, and the next is read"},
    {.name = "file.minimum.age.ms",
     .type = PropertyType::Long,
     .default_value = "2000",
     .doc = "time without a change after which a file is complete"},
};
constexpr PropertyRow kFormatRows[] = {
    {.name = "format",
     .default_value = "line",
     .doc = "line: each line is a value; json: each line is a JSON value; csv: RFC 4180",
     .words = "line json csv"},
    {.name = "csv.first.row.as.header",
     .type = kTrueOrFalse,
     .default_value = "false",
     .doc = "the first record of each file has the names of the columns"},
    {.name = "csv.separator.char", .default_value = ",", .doc = "character between fields"},
    {.name = "csv.quote.char", .default_value = "\"", .doc = "character around fields"},
    {.name = "csv.null.text",
     .default_value = "",
     .doc = "text of a field without quotes that is NULL"},
    {.name = "columns", .doc = "columns of the declared stream, as in CREATE STREAM"},
    {.name = "declare",
     .default_value = "streams",
     .doc = "streams: CREATE declares a stream over the topic",
     .words = "streams none"},
};
constexpr PropertyRow kKeyConverterRows[] = {
    {.name = "key.converter",
     .default_value = "org.apache.kafka.connect.json.JsonConverter",
     .doc = "class that converts keys, which only transforms make",
     .words = "org.apache.kafka.connect.json.JsonConverter "
              "org.apache.kafka.connect.storage.StringConverter"},
    {.name = "key.converter.schemas.enable",
     .type = kTrueOrFalse,
     .default_value = "true",
     .doc = "JSON keys have a schema"},
};
constexpr PropertyRow kBatchRow = {.name = "batch.size",
                                   .type = PropertyType::Int,
                                   .default_value = "2000",
                                   .doc = "most records of one commit",
                                   .least = 1,
                                   .most = 100'000};
constexpr PropertyRow kValueConverterRows[] = {
    {.name = "value.converter",
     .default_value = "org.apache.kafka.connect.json.JsonConverter",
     .doc = "class that converts values",
     .words = "org.apache.kafka.connect.json.JsonConverter "
              "org.apache.kafka.connect.storage.StringConverter"},
    {.name = "value.converter.schemas.enable",
     .type = kTrueOrFalse,
     .default_value = "true",
     .doc = "JSON values have a schema"},
};

void append(std::vector<PropertyRow>& rows, std::span<const PropertyRow> more) {
  rows.insert(rows.end(), more.begin(), more.end());
}

// SpoolDir writes characters as numbers ("44"); the short class takes the character, too.
std::optional<char> character_of(std::string_view text) {
  if (text == "\\t") return '\t';
  if (text.size() == 1) return text[0];
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || number > 127) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  if (text.empty() || number < 1 || number > 127) return std::nullopt;
  return static_cast<char>(number);
}

bool is_file_stream(const ConnectorClass& of) {
  return of.name.ends_with(".FileStreamSourceConnector");
}

}  // namespace

CsvSettings csv_settings(const PropertyValues& values, std::vector<WrongProperty>& wrong) {
  CsvSettings csv;
  for (const auto& [name, to] :
       {std::pair("csv.separator.char", &csv.separator), {"csv.quote.char", &csv.quote}}) {
    if (const auto character = character_of(values.text(name)))
      *to = *character;
    else
      wrong.push_back(
          {name, fmt::format("property \"{}\" is one ASCII character or its number, not \"{}\"",
                             name, values.text(name))});
  }
  if (csv.separator == csv.quote)
    wrong.push_back({"csv.quote.char", "csv.quote.char and csv.separator.char are the same"});
  csv.null_text = values.text("csv.null.text");
  return csv;
}

std::span<const PropertyRow> value_converter_rows() { return kValueConverterRows; }

ValueConverter value_converter(const PropertyValues& values) {
  if (!values.text("value.converter").ends_with(".JsonConverter")) return ValueConverter::String;
  return values.flag("value.converter.schemas.enable") ? ValueConverter::JsonWithSchema
                                                       : ValueConverter::Json;
}

namespace {

DataForm form_of(const PropertyValues& values, const std::string& converter) {
  if (!values.text(converter).ends_with(".JsonConverter")) return DataForm::Text;
  return values.flag(converter + ".schemas.enable") ? DataForm::JsonWithSchema : DataForm::Json;
}

}  // namespace

RecordForms file_forms(const ConnectorClass& of, const PropertyValues& values) {
  if (!of.is_short()) {
    RecordForms forms{form_of(values, "key.converter"), form_of(values, "value.converter")};
    // StringConverter writes the objects as JSON.
    if (has_spool_schemas(of))
      for (DataForm* form : {&forms.key, &forms.value})
        if (*form == DataForm::Text) *form = DataForm::Json;
    return forms;
  }
  return {DataForm::Text, values.text("format") == "line" ? DataForm::Text : DataForm::Json};
}

std::vector<PropertyRow> file_source_rows(const ConnectorClass& of) {
  std::vector<PropertyRow> rows = common_properties(ConnectorType::Source);
  append(rows, std::span(&kTopicRow, 1));
  append(rows, kPlaceRows);
  if (!of.is_short()) {
    if (is_spool_dir(of))
      append(rows, spool_rows(of));
    else
      append(rows, kTailRows);
    append(rows, kKeyConverterRows);
    append(rows, kValueConverterRows);
    if (is_file_stream(of)) append(rows, std::span(&kBatchRow, 1));
    return rows;
  }
  append(rows, kTailRows);
  append(rows, kDirectoryRows);
  append(rows, kFormatRows);
  return rows;
}

FileSourceResult read_file_source(const ConnectorClass& of, const PropertyValues& values) {
  FileSourceResult read;
  FileSource& source = read.source;
  const auto wrong = [&](std::string_view name, std::string message) {
    read.wrong.push_back({std::string(name), std::move(message)});
  };
  source.topic = values.text("topic");
  if (is_spool_dir(of)) {
    source.converter = value_converter(values);
    read_spool_source(of, values, source, read.wrong);
    return read;
  }
  source.file = values.text("file");
  if (is_file_stream(of)) {
    // If no file is given, Kafka's class reads the standard input. A server has no standard input, so the file is
    // required here.
    if (source.file.empty()) wrong("file", "property \"file\" is required: a server has no input");
    source.declares = false;
    source.converter = value_converter(values);
    return read;
  }
  source.directory = values.text("input.path");
  if (source.file.empty() == source.directory.empty())
    wrong(source.file.empty() ? "file" : "input.path",
          "either \"file\" or \"input.path\" must be set");
  source.pattern = values.text("input.file.pattern");
  const std::string format = values.text("format");
  source.format = format == "csv"    ? FileFormat::Csv
                  : format == "json" ? FileFormat::Json
                                     : FileFormat::Line;
  source.csv = csv_settings(values, read.wrong);
  source.has_header = values.flag("csv.first.row.as.header");
  source.columns = values.text("columns");
  source.given_columns = row_columns_of_sql(source.columns);
  if (source.format == FileFormat::Csv && !source.has_header && source.columns.empty())
    wrong("columns",
          "CSV without a header needs \"columns\", or \"csv.first.row.as.header\" = 'true'");
  source.declares = values.text("declare") == "streams";
  const std::string cleanup = values.text("cleanup.policy");
  source.cleanup = cleanup == "MOVE"     ? FileCleanup::Move
                   : cleanup == "DELETE" ? FileCleanup::Delete
                                         : FileCleanup::None;
  source.finished_path = values.text("finished.path");
  source.error_path = values.text("error.path");
  source.halts_on_error = values.flag("halt.on.error");
  source.minimum_age_ms = values.number("file.minimum.age.ms");
  if (source.cleanup == FileCleanup::Move && source.finished_path.empty())
    wrong("finished.path", "cleanup.policy MOVE needs \"finished.path\"");
  if (!source.halts_on_error && source.error_path.empty())
    wrong("error.path", "halt.on.error false needs \"error.path\"");
  if (source.directory.empty() && source.cleanup != FileCleanup::None)
    wrong("cleanup.policy", "cleanup.policy is for \"input.path\": a file that grows stays");
  return read;
}

}  // namespace engine
