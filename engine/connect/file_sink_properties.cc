// The properties of the sinks that write files.
#include "engine/connect/file_properties.h"

namespace engine {

namespace {

constexpr PropertyRow kObjectRows[] = {
    {.name = "output.path",
     .doc = "directory for the files, below --connect-files",
     .is_required = true},
    {.name = "format",
     .default_value = "json",
     .doc = "json: a JSON value per line; csv: RFC 4180; line: values as they are, a line each",
     .words = "json csv line"},
    {.name = "columns", .doc = "members of the JSON values that a CSV record has, in this order"},
    {.name = "csv.header",
     .type = PropertyType::Boolean,
     .default_value = "true",
     .doc = "the first record of each file has the names of the columns"},
    {.name = "csv.separator.char", .default_value = ",", .doc = "character between fields"},
    {.name = "csv.quote.char", .default_value = "\"", .doc = "character around fields"},
    {.name = "csv.null.text", .default_value = "", .doc = "text of a field that is NULL"},
    {.name = "behavior.on.null.values",
     .default_value = "fail",
     .doc = "ignore: a record without a value has no line; fail: it is a bad record",
     .words = "fail ignore"},
    {.name = "file.compression.type",
     .default_value = "none",
     .doc = "compression of each file, whose name then ends with .gz, .zst or .lz4",
     .words = "none gzip zstd lz4"},
    {.name = "flush.size",
     .type = PropertyType::Long,
     .default_value = "10000",
     .doc = "most records of a file",
     .least = 1},
    {.name = "file.max.bytes",
     .type = PropertyType::Long,
     .default_value = "67108864",
     .doc = "size of keys and values after which a file ends",
     .least = 1},
    {.name = "rotate.interval.ms",
     .type = PropertyType::Long,
     .doc = "a file ends before a record whose timestamp is this much after that of its first",
     .least = 1},
    {.name = "rotate.schedule.interval.ms",
     .type = PropertyType::Long,
     .default_value = "60000",
     .doc = "time after which a file with records ends",
     .least = 1},
};

constexpr PropertyRow kStreamRows[] = {
    {.name = "file",
     .doc = "file that the lines are appended to, below --connect-files",
     .is_required = true},
    {.name = "key.converter", .doc = "class that converts keys, which are not written"},
    {.name = "key.converter.schemas.enable",
     .type = PropertyType::Boolean,
     .default_value = "true",
     .doc = "JSON keys have a schema"},
    {.name = "header.converter", .doc = "class that converts headers, which are not written"},
};

bool is_stream(const ConnectorClass& of) { return !of.is_short(); }

std::string name_in(const std::string& column) { return column.substr(0, column.find(' ')); }

FileSinkResult read_stream(const PropertyValues& values) {
  FileSinkResult read;
  FileSink& sink = read.sink;
  sink.file = values.text("file");
  sink.topics = values.list("topics");
  const ValueConverter converter = value_converter(values);
  sink.has_payloads = converter == ValueConverter::JsonWithSchema;
  // The converters of FileStreamSink determine the form of a line: the value as Java prints it, or with Json the
  // unchanged JSON text.
  sink.format = converter == ValueConverter::Json ? FileFormat::Json : FileFormat::Line;
  constexpr int64_t kMostRecords = 10'000, kMostBytes = 4 << 20;
  // sink.limits has no age limit, so each record is written at once
  sink.limits = {kMostRecords, kMostBytes};
  return read;
}

}  // namespace

std::vector<PropertyRow> file_sink_rows(const ConnectorClass& of) {
  std::vector<PropertyRow> rows = common_properties(ConnectorType::Sink);
  const auto append = [&](std::span<const PropertyRow> more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  if (!is_stream(of)) {
    append(kObjectRows);
    return rows;
  }
  append(kStreamRows);
  append(value_converter_rows());
  return rows;
}

FileSinkResult read_file_sink(const ConnectorClass& of, const PropertyValues& values) {
  if (is_stream(of)) return read_stream(values);
  FileSinkResult read;
  FileSink& sink = read.sink;
  sink.directory = values.text("output.path");
  const std::string format = values.text("format");
  sink.format = format == "csv"    ? FileFormat::Csv
                : format == "line" ? FileFormat::Line
                                   : FileFormat::Json;
  sink.csv = csv_settings(values, read.wrong);
  sink.has_header = values.flag("csv.header");
  for (const std::string& column : values.list("columns")) sink.columns.push_back(name_in(column));
  sink.ignores_nulls = values.text("behavior.on.null.values") == "ignore";
  const std::string compression = values.text("file.compression.type");
  sink.suffix = compression == "gzip"   ? ".gz"
                : compression == "zstd" ? ".zst"
                : compression == "lz4"  ? ".lz4"
                                        : "";
  sink.topics = values.list("topics");
  sink.limits = {.records = values.number("flush.size"),
                 .bytes = values.number("file.max.bytes"),
                 .age_ms = values.number("rotate.schedule.interval.ms"),
                 .span_ms = values.number("rotate.interval.ms")};
  if (sink.format == FileFormat::Csv && sink.columns.empty())
    read.wrong.push_back(
        {"columns", "format csv needs \"columns\", the members of the JSON values: 'id,name'"});
  if (sink.topics.empty()) read.wrong.push_back({"topics", "property \"topics\" names no topic"});
  return read;
}

}  // namespace engine
