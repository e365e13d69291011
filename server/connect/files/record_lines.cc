#include "server/connect/files/record_lines.h"

#include <fmt/format.h>

#include "engine/connect/sink_lines.h"

namespace server {

namespace {

Result<std::string> line_of(const engine::FileSink& sink, const std::string& value) {
  if (sink.has_payloads) return engine::payload_text(value);
  if (sink.format == engine::FileFormat::Json) return engine::json_line(value);
  if (sink.format == engine::FileFormat::Csv)
    return engine::csv_line(value, sink.columns, sink.csv);
  // The Java class FileStreamSink, which has sink.file, writes values unchanged. The class "file"
  // writes one line for each record, so it refuses a value with a line break.
  if (sink.file.empty() && value.find('\n') != std::string::npos)
    return Error{ErrorCode::InvalidText,
                 "the value has several lines",
                 {},
                 "Format json writes such a value on one line."};
  return value;
}

}  // namespace

std::vector<BadRecord> append_records(const std::vector<SinkRecord>& records, bool ignores_nulls,
                                      std::string_view separator, const RecordText& text_of,
                                      std::string& to) {
  std::vector<BadRecord> bad;
  for (const SinkRecord& record : records) {
    const Result<std::optional<std::string>> text = text_of(record.value);
    if (text && *text) {
      to += **text;
      to += separator;
      continue;
    }
    if (text && ignores_nulls) continue;
    Error error = text ? Error{ErrorCode::InvalidText,
                               "the record has no value, and behavior.on.null.values is fail"}
                       : text.error();
    error.message = fmt::format("{}-{}@{}: {}", record.topic, record.partition.value(),
                                record.offset.value(), error.message);
    bad.push_back({std::move(error), record.value.value_or("")});
  }
  return bad;
}

std::vector<BadRecord> append_lines(const engine::FileSink& sink,
                                    const std::vector<SinkRecord>& records, std::string& to) {
  const auto text_of =
      [&sink](const std::optional<std::string>& value) -> Result<std::optional<std::string>> {
    if (value) return std::optional(TRY(line_of(sink, *value)));
    // FileStreamSink writes "null" for a missing value, because Java prints it so.
    return sink.file.empty() ? std::nullopt : std::optional<std::string>("null");
  };
  return append_records(records, sink.ignores_nulls, "\n", text_of, to);
}

}  // namespace server
