#include "server/connect/files/line_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/spooldir/spool_schema.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"
#include "server/connect/files/utc_text.h"

namespace server {

using engine::FileFormat;

namespace {

// The dead letter of a record that is too long contains only this many bytes of it, which every
// topic accepts.
constexpr size_t kShownOfLongRecord = 64 << 10;

Error too_long_record() {
  return {ErrorCode::RecordTooLarge,
          fmt::format("the record has more than {} bytes", engine::kMaxLineBytes)};
}

}  // namespace

Result<std::string_view> FileWindow::at(const OpenFile& file, int64_t offset, int64_t size) {
  constexpr size_t kWindowBytes = 4 << 20;
  // The window must have space for a whole record and its line end.
  static_assert(kWindowBytes > engine::kMaxLineBytes + 2);
  const int64_t end = offset_ + static_cast<int64_t>(bytes_.size());
  const bool is_inside = offset >= offset_ && offset <= end;
  const bool has_enough =
      is_inside && (end >= size || end - offset >= int64_t{engine::kMaxLineBytes} + 2);
  if (has_enough && offset == end) {
    clear();  // releases the memory, since the file may be idle for a long time
    offset_ = offset;
  }
  if (!has_enough) {
    const auto wanted = static_cast<size_t>(std::max<int64_t>(0, size - offset));
    bytes_ = TRY(read_at(file, offset, std::min(wanted, kWindowBytes)));
    offset_ = offset;
  }
  return std::string_view(bytes_).substr(static_cast<size_t>(offset - offset_));
}

void LineReader::set_file(File file) { file_ = std::move(file); }

bool LineReader::needs_beginning() const {
  return needs_header() || (source_.spool != nullptr && !spool_);
}

Status LineReader::read_beginning(std::string_view text) {
  for (int64_t lines = 0; lines < source_.skip_lines; ++lines)
    if (const auto line = engine::first_line(text, engine::TextEnd::IsFinal))
      text.remove_prefix(line->size);
  while (needs_beginning()) {
    const auto record = first_record(text, engine::TextEnd::IsFinal);
    if (!record) return {};
    text.remove_prefix(record->size);
    if (needs_header()) {
      TRY(take_header(record->text));
    } else if (!record->text.empty()) {
      // A bad record does not determine the schemas; the next one does.
      [[maybe_unused]] const Status begun = begin_spool(record->text);
    }
  }
  return {};
}

bool LineReader::needs_header() const {
  return source_.format == FileFormat::Csv && source_.has_header && header_.empty();
}

Status LineReader::take_header(std::string_view record) {
  // a byte order mark (U+FEFF), which Excel writes at the start of a CSV file
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (record.starts_with(kByteOrderMark)) record.remove_prefix(kByteOrderMark.size());
  engine::CsvSettings settings = source_.csv;
  settings.null_text.reset();
  settings.is_quoted_empty_null = false;
  for (auto& field : TRY(engine::split_csv(record, settings))) header_.push_back(std::move(*field));
  auto sorted = header_;
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
    return Error{ErrorCode::BadCopyFormat,
                 fmt::format("{}: the header has the column \"{}\" twice", name_, *twice)};
  return {};
}

std::optional<engine::TextRecord> LineReader::first_record(std::string_view text,
                                                           engine::TextEnd end) const {
  if (source_.format == FileFormat::Csv) return engine::first_csv_record(text, end, source_.csv);
  if (source_.format == FileFormat::JsonValues) return engine::first_json_value(text, end);
  return engine::first_line(text, end);
}

Status LineReader::begin_spool(std::string_view record) {
  std::vector<std::string> names = header_;
  if (source_.format == FileFormat::JsonValues) {
    const engine::JsonTree object = TRY(engine::parse_json_tree(record));
    if (object.kind != engine::JsonKind::Object)
      return Error{ErrorCode::InvalidText, "the record is not a JSON object"};
    for (const auto& member : object.members) names.push_back(member.first);
  } else if (!source_.has_header && !source_.spool->are_generated()) {
    names = engine::field_names(*source_.spool->value);
  } else if (!source_.has_header) {
    // CsvSchemaGenerator of the Java class gives these names.
    const size_t count = TRY(engine::split_csv(record, source_.csv)).size();
    for (size_t i = 1; i <= count; ++i) names.push_back(fmt::format("column{:02}", i));
  }
  spool_.emplace(*source_.spool, std::move(names));
  return {};
}

std::vector<engine::ConnectHeader> LineReader::headers() const {
  if (!source_.has_file_headers) return {};
  const size_t slash = file_.path.rfind('/');
  const std::string name = file_.path.substr(slash + 1);
  const std::string parent = file_.path.substr(0, slash);
  // Number of the record, as the Java classes count: from 1 after the header for lines and CSV, and
  // from 0 for JSON.
  int64_t offset = place_.lines + 1 - source_.skip_lines - (source_.has_header ? 1 : 0);
  if (source_.format == FileFormat::JsonValues) offset = place_.lines;
  return {{"file.name", name},
          {"file.name.without.extension", name.substr(0, name.rfind('.'))},
          {"file.path", file_.path},
          {"file.parent.dir.name", parent.substr(parent.rfind('/') + 1)},
          {"file.length", std::to_string(file_.size)},
          {"file.offset", std::to_string(offset)},
          {"file.last.modified", utc_text(file_.modified_ms)}};
}

Result<SourceRecord> LineReader::record_of(std::string_view record) {
  SourceRecord made;
  made.topic = source_.topic;
  made.order_key = name_;
  made.number = place_.lines + 1;
  made.byte = place_.offset;
  made.headers = headers();
  if (source_.has_file_time) made.timestamp_ms = file_.modified_ms;
  if (source_.spool == nullptr) {
    made.value = TRY(value_of(record));
    return made;
  }
  if (!spool_) TRY(begin_spool(record));
  engine::SpoolRecord converted;
  if (source_.format == FileFormat::Csv) {
    const engine::CsvFields fields = TRY(engine::split_csv(record, source_.csv));
    converted = TRY(spool_->of_row(fields));
  } else {
    const engine::JsonTree object = TRY(engine::parse_json_tree(record));
    converted = TRY(spool_->of_object(object));
  }
  made.key = std::move(converted.key);
  made.value = std::move(converted.value);
  if (converted.timestamp_ms) made.timestamp_ms = converted.timestamp_ms;
  return made;
}

Result<std::string> LineReader::value_of(std::string_view record) const {
  const auto text_value = [this](std::string_view text) {
    if (source_.converter == engine::ValueConverter::String) return std::string(text);
    if (source_.converter == engine::ValueConverter::Json) return engine::json_string(text);
    return fmt::format(R"({{"schema":{{"type":"string","optional":false}},"payload":{}}})",
                       engine::json_string(text));
  };
  switch (source_.format) {
    case FileFormat::Line:
      return text_value(record);
    case FileFormat::JsonValues: {
      const engine::JsonTree value = TRY(engine::parse_json_tree(record));
      return text_value(engine::json_tree_text(value));
    }
    case FileFormat::Json:
      TRY(engine::parse_json_tree(record));
      return std::string(record);
    case FileFormat::Csv: {
      const auto fields = TRY(engine::split_csv(record, source_.csv));
      if (!header_.empty()) return TRY(engine::csv_row_as_json(header_, fields, columns_));
      std::vector<std::string> names;
      for (const engine::RowColumn& column : source_.given_columns) names.push_back(column.name);
      return TRY(engine::csv_row_as_json(names, fields, source_.given_columns));
    }
  }
  return std::string(record);
}

BadRecord LineReader::bad(const Error& error, std::string_view record) const {
  Error placed = error;
  placed.message = fmt::format("{}, record {} (byte {}): {}", name_, place_.lines + 1,
                               place_.offset, error.message);
  return {std::move(placed), std::string(record)};
}

size_t LineReader::skip_line(std::string_view text, engine::TextEnd end) {
  const size_t line_end = text.find('\n');
  const bool has_end = line_end != std::string_view::npos;
  const size_t skipped = has_end ? line_end + 1 : text.size();
  place_.offset += static_cast<int64_t>(skipped);
  if (has_end || end == engine::TextEnd::IsFinal) {
    place_.is_inside = false;
    ++place_.lines;
  }
  return skipped;
}

Result<bool> LineReader::convert(std::string_view text, engine::TextEnd end,
                                 const SourceReader::Limits& limits, SourceBatch& batch) {
  size_t bytes = 0;
  bool has_moved = false;
  while (bytes < limits.max_bytes && batch.records.size() + batch.bad.size() < limits.max_records) {
    // The file will be moved to error.path, so the records after the bad one are not read.
    if (!source_.halts_on_error && !batch.bad.empty()) break;
    if (place_.is_inside || place_.lines < source_.skip_lines) {
      if (text.empty()) break;
      const size_t skipped = skip_line(text, end);
      text.remove_prefix(skipped);
      bytes += skipped;
      has_moved = true;
      continue;
    }
    const auto record = first_record(text, end);
    if (!record) {
      // A text without the end of a record: either more bytes follow, or the record is too long. A
      // cause may be a missing quote, or a file that is not a text.
      if (text.size() <= engine::kMaxLineBytes) break;
      BadRecord too_long = bad(too_long_record(), text.substr(0, kShownOfLongRecord));
      if (needs_header()) return std::move(too_long.error);
      batch.bad.push_back(std::move(too_long));
      place_.is_inside = true;
      continue;
    }
    if (needs_header()) {
      TRY(take_header(record->text));
    } else if (record->text.size() > engine::kMaxLineBytes) {
      batch.bad.push_back(bad(too_long_record(), record->text.substr(0, kShownOfLongRecord)));
    } else if (source_.format == FileFormat::Line || !record->text.empty()) {
      auto made = record_of(record->text);
      if (made)
        batch.records.push_back(*std::move(made));
      else
        batch.bad.push_back(bad(made.error(), record->text));
    }
    text.remove_prefix(record->size);
    bytes += record->size;
    place_.offset += static_cast<int64_t>(record->size);
    // Blanks between JSON values are not counted, since their number depends on the parts in which
    // the file is read.
    if (source_.format != FileFormat::JsonValues || !record->text.empty()) ++place_.lines;
    has_moved = true;
  }
  return has_moved;
}

}  // namespace server
