#include "server/connect/files/line_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"

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

bool LineReader::needs_header() const {
  return source_.format == FileFormat::Csv && source_.has_header && header_.empty();
}

Status LineReader::take_header(std::string_view record) {
  // a byte order mark (U+FEFF), which Excel writes at the start of a CSV file
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (record.starts_with(kByteOrderMark)) record.remove_prefix(kByteOrderMark.size());
  engine::CsvSettings settings = source_.csv;
  settings.null_text.reset();
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
  if (source_.format == FileFormat::Csv)
    return engine::first_csv_record(text, end, source_.csv);
  return engine::first_line(text, end);
}

Result<std::string> LineReader::value_of(std::string_view record) const {
  switch (source_.format) {
    case FileFormat::Line:
      if (source_.converter == engine::ValueConverter::String) return std::string(record);
      if (source_.converter == engine::ValueConverter::Json) return engine::json_string(record);
      return fmt::format(R"({{"schema":{{"type":"string","optional":false}},"payload":{}}})",
                         engine::json_string(record));
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
    if (place_.is_inside) {
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
      auto value = value_of(record->text);
      if (value)
        batch.records.push_back({source_.topic, name_, std::nullopt, std::move(*value),
                                 place_.lines + 1, place_.offset});
      else
        batch.bad.push_back(bad(value.error(), record->text));
    }
    text.remove_prefix(record->size);
    bytes += record->size;
    place_.offset += static_cast<int64_t>(record->size);
    ++place_.lines;
    has_moved = true;
  }
  return has_moved;
}

}  // namespace server
