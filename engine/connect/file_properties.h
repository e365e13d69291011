// The properties of the classes that read and write files: "file", and the Java classes with the same purpose.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/connect/classes.h"
#include "engine/connect/properties.h"
#include "engine/connect/row_columns.h"
#include "engine/connect/sink_objects.h"
#include "engine/connect/transforms/record_forms.h"

namespace engine {

// The conversion of values in the classes FileStreamSource and FileStreamSink: a text, JSON, or JSON of the form
// {"schema": ..., "payload": ...}.
enum class ValueConverter : uint8_t { String, Json, JsonWithSchema };

// Json: each line is a JSON value. JsonValues: a JSON value may extend over several lines.
enum class FileFormat : uint8_t { Line, Json, Csv, JsonValues };
// MoveByDate: a file is moved to a directory that is named after the day of its last change, in UTC.
enum class FileCleanup : uint8_t { None, Move, Delete, MoveByDate };
struct SpoolSchemas;

// The checked properties of a source connector of class "file". Paths are relative to --connect-files, or
// absolute below it.
struct FileSource {
  std::string file;       // one file that grows; empty: `directory` is read
  std::string directory;  // a directory whose files are read in the order of their names
  std::string pattern;    // a regular expression that must match the whole name of a file
  std::string topic;
  FileFormat format = FileFormat::Line;
  CsvSettings csv;
  bool has_header = false;
  std::string columns;       // columns of the declared stream, in SQL; empty: inferred
  RowColumns given_columns;  // the names and types that `columns` contains
  bool declares = true;
  FileCleanup cleanup = FileCleanup::None;
  std::string finished_path, error_path;
  bool halts_on_error = true;
  int64_t minimum_age_ms = 2'000;
  // The form of the values of FileStreamSource, by default {"schema": ..., "payload": ...}. For
  // other classes it is String.
  ValueConverter converter = ValueConverter::String;

  // The following are set for the SpoolDir connectors only.
  std::shared_ptr<const SpoolSchemas> spool = nullptr;  // null: values are texts
  int64_t skip_lines = 0;                               // lines before the header
  bool has_file_headers = false;                        // records have headers such as file.name
  bool has_file_time = false;  // the timestamp of a record is the time of the file's last change
  int64_t list_pause_ms = 0;   // time between two listings of a directory without new files
};

// A sink of class "file", or of FileStreamSinkConnector, with its values checked.
struct FileSink {
  std::string file;       // one file that grows; empty: `directory` is written
  std::string directory;  // a directory that gets one file per range of offsets
  FileFormat format = FileFormat::Json;
  CsvSettings csv;
  bool has_header = false;           // for CSV files: the first line has the names of the columns
  std::vector<std::string> columns;  // for CSV files: the names of the members to write
  // true: a record without a value gives no line; false: such a record counts as bad
  bool ignores_nulls = false;
  bool has_payloads = false;  // values are {"schema": ..., "payload": ...}
  std::vector<std::string> topics;
  SinkLimits limits;   // the limits of one file
  std::string suffix;  // end of the files' names: ".gz", ".zst" or ".lz4" if they are compressed
};

// Returns the rows of all properties that a class of sources has, including the common ones.
std::vector<PropertyRow> file_source_rows(const ConnectorClass& of);

// The result of reading a configuration: the source that it describes, and each property with a
// wrong value. References to secrets have been replaced before.
struct FileSourceResult {
  FileSource source;
  std::vector<WrongProperty> wrong;
};
FileSourceResult read_file_source(const ConnectorClass& of, const PropertyValues& values);

// Returns the settings of CSV files: the special characters and the text for NULL. Adds each
// property with a wrong value to `wrong`.
CsvSettings csv_settings(const PropertyValues& values, std::vector<WrongProperty>& wrong);

// Returns the rows of the properties that set the converters of the classes FileStreamSource and
// FileStreamSink.
std::span<const PropertyRow> value_converter_rows();
ValueConverter value_converter(const PropertyValues& values);

// Returns the forms in which transforms get the keys and values.
RecordForms file_forms(const ConnectorClass& of, const PropertyValues& values);

// Returns the property rows of a class of sinks, also those that all classes have.
std::vector<PropertyRow> file_sink_rows(const ConnectorClass& of);
struct FileSinkResult {
  FileSink sink;
  std::vector<WrongProperty> wrong;
};
// Returns the sink that a configuration describes, and each property with a wrong value.
FileSinkResult read_file_sink(const ConnectorClass& of, const PropertyValues& values);

}  // namespace engine
