#include "engine/exec/processing_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <tuple>

#include "engine/formats/format.h"
#include "records/batch_builder.h"

namespace engine {

namespace {

// Returns the columns that processing_log_statement() declares.
std::vector<ColumnDef> columns() {
  const SqlType text = TypeKind::String, texts = SqlType::array(TypeKind::String);
  const SqlType deserialization = SqlType::structure({{"TARGET", text},
                                                      {"ERRORMESSAGE", text},
                                                      {"RECORDB64", text},
                                                      {"CAUSE", texts},
                                                      {"TOPIC", text}});
  const SqlType processing =
      SqlType::structure({{"ERRORMESSAGE", text}, {"RECORD", text}, {"CAUSE", texts}});
  return {{"LOGGER", text},
          {"LEVEL", text},
          {"TIME", TypeKind::Bigint},
          {"MESSAGE", SqlType::structure({{"TYPE", TypeKind::Integer},
                                          {"DESERIALIZATIONERROR", deserialization},
                                          {"RECORDPROCESSINGERROR", processing}})},
          {"QUERY_ID", text},
          {"SOURCE_TOPIC", text},
          {"SOURCE_PARTITION", TypeKind::Integer},
          {"SOURCE_OFFSET", TypeKind::Bigint}};
}

Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value::text(text); }

// Returns the value of the column MESSAGE. The content of the failed record is left out, as in
// ksqlDB by default, because more people may read logs than the data.
Value message_of(const ProcessingLogLine& line) {
  const Value message = Value::text(line.message), no_text, no_causes = Value::list({});
  const bool is_deserialization = line.type == ProcessingErrorType::Deserialization;
  const Value deserialization =
      is_deserialization
          ? Value::list({no_text, message, no_text, no_causes, text_or_null(line.topic)})
          : Value();
  const Value processing =
      is_deserialization ? Value() : Value::list({message, no_text, no_causes});
  return Value::list(
      {Value::integer(static_cast<int32_t>(line.type)), deserialization, processing});
}

ProcessingLogLine more_line(uint64_t count) {
  ProcessingLogLine line;
  line.message = fmt::format("{} more records of this batch failed", count);
  return line;
}

}  // namespace

std::string_view processing_log_statement() {
  // SOURCE makes INSERT fail, and keeps DROP from deleting the topic while queries write to it.
  return "CREATE SOURCE STREAM KSQL_PROCESSING_LOG (LOGGER VARCHAR, LEVEL VARCHAR, TIME BIGINT, "
         "MESSAGE STRUCT<TYPE INT, "
         "DESERIALIZATIONERROR STRUCT<TARGET VARCHAR, ERRORMESSAGE VARCHAR, RECORDB64 VARCHAR, "
         "CAUSE ARRAY<VARCHAR>, `TOPIC` VARCHAR>, "
         "RECORDPROCESSINGERROR STRUCT<ERRORMESSAGE VARCHAR, RECORD VARCHAR, CAUSE "
         "ARRAY<VARCHAR>>>, "
         "QUERY_ID VARCHAR, SOURCE_TOPIC VARCHAR, SOURCE_PARTITION INT, SOURCE_OFFSET BIGINT) "
         "WITH (KAFKA_TOPIC = 'ksql_processing_log', PARTITIONS = 1, VALUE_FORMAT = 'JSON')";
}

void ProcessingLogBuffer::add(ProcessingLogLine line) {
  if (lines_.size() < kMaxLines)
    lines_.push_back(std::move(line));
  else
    ++more_;
}

OutputBatch ProcessingLogBuffer::take_batch(std::string_view task, int64_t wall_ms,
                                            const PartitionRef& to, OutputSequences& sequences) {
  assert(!empty());
  // The lines are sorted because records that cannot be decoded are reported later than records
  // that fail in an operator.
  std::ranges::stable_sort(lines_, {}, [](const ProcessingLogLine& line) {
    return std::tie(line.topic, line.partition, line.offset);
  });
  if (more_ > 0) lines_.push_back(more_line(more_));
  static const std::vector<ColumnDef> kColumns = columns();
  std::vector<Column> values;
  std::vector<const Column*> ins;
  for (const ColumnDef& def : kColumns) values.emplace_back(def.type);
  for (const Column& column : values) ins.push_back(&column);
  const std::string query(task.substr(0, task.find('/')));
  for (const ProcessingLogLine& line : lines_) {
    const bool is_known = line.offset >= 0;
    size_t at = 0;
    values[at++].append_value(Value::text(fmt::format("processing.{}", task)));
    values[at++].append_value(Value::text("ERROR"));
    values[at++].append_value(Value::bigint(wall_ms));
    values[at++].append_value(message_of(line));
    values[at++].append_value(Value::text(query));
    values[at++].append_value(text_or_null(line.topic));
    values[at++].append_value(is_known ? Value::integer(line.partition) : Value());
    values[at++].append_value(is_known ? Value::bigint(line.offset) : Value());
  }
  EncodedRows rows;
  const auto writer = make_writer({.name = "JSON"}, kColumns, Side::Value);
  (*writer)->write(ins, {0, lines_.size()}, nullptr, rows);
  records::BatchBuilder batch;
  for (size_t row = 0; row < rows.size(); ++row)
    if (rows[row]) batch.append(wall_ms, std::nullopt, rows[row]);
  clear();
  return {to, batch.finish(records::Codec::None, sequences.stamp(to, batch.offset_count()))};
}

void ProcessingLogBuffer::clear() {
  lines_.clear();
  more_ = 0;
}

}  // namespace engine
