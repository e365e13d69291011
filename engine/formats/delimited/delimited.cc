#include "engine/formats/delimited/delimited.h"

#include <algorithm>
#include <limits>

#include "engine/formats/format.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

struct CsvField {
  std::string_view text;  // between the quotes; with has_doubled, quotes in the text are doubled
  bool has_doubled = false;
};

// Splits the first line that is not empty into fields. A line ends with \n, \r or the end of the
// text, but not inside quotes.
class CsvLine {
 public:
  explicit CsvLine(char delimiter) : delimiter_(delimiter) {}

  // Returns nullptr, or the problem with the line.
  const char* split(std::string_view text) {
    fields_.clear();
    size_t at = 0;
    while (at < text.size() && is_line_end(text[at])) ++at;
    if (at == text.size()) return "the record has no fields";
    for (;;) {
      if (const char* wrong = take_field(text, at)) return wrong;
      if (at == text.size() || text[at] != delimiter_) return nullptr;
      ++at;
    }
  }
  std::span<const CsvField> fields() const { return fields_; }

 private:
  static bool is_line_end(char c) { return c == '\n' || c == '\r'; }

  const char* take_field(std::string_view text, size_t& at) {
    if (at < text.size() && text[at] == '"') return take_quoted(text, at);
    const size_t begin = at;
    while (at < text.size() && text[at] != delimiter_ && !is_line_end(text[at])) ++at;
    fields_.push_back({text.substr(begin, at - begin)});
    return nullptr;
  }

  const char* take_quoted(std::string_view text, size_t& at) {
    const size_t begin = ++at;
    bool has_doubled = false;
    for (;; at += 2) {
      at = text.find('"', at);
      if (at == std::string_view::npos) return "a quoted field does not end";
      if (at + 1 == text.size() || text[at + 1] != '"') break;
      has_doubled = true;
    }
    fields_.push_back({text.substr(begin, at - begin), has_doubled});
    ++at;
    while (at < text.size() && text[at] == ' ' && delimiter_ != ' ') ++at;
    if (at < text.size() && text[at] != delimiter_ && !is_line_end(text[at]))
      return "text follows a quoted field before the delimiter";
    return nullptr;
  }

  const char delimiter_;
  std::vector<CsvField> fields_;
};

std::string_view undouble(std::string_view text, StringHeap& heap) {
  char* to = heap.allocate(text.size());
  char* const begin = to;
  for (size_t at = 0; at < text.size(); ++at) {
    *to++ = text[at];
    if (text[at] == '"') ++at;
  }
  return {begin, static_cast<size_t>(to - begin)};
}

bool append_whole(std::string_view text, Column& column) {
  const TypeKind kind = column.type().kind();
  const auto value = parse_bigint(text);
  if (!value) return false;
  if (kind == TypeKind::Bigint || kind == TypeKind::Timestamp) {
    column.append(*value);
    return true;
  }
  if (*value < std::numeric_limits<int32_t>::min() || *value > std::numeric_limits<int32_t>::max())
    return false;
  if (kind == TypeKind::Time && (*value < 0 || *value >= kMsPerDay)) return false;
  column.append(static_cast<int32_t>(*value));
  return true;
}

bool append_text(std::string_view text, Column& column) {
  switch (column.type().kind()) {
    case TypeKind::Boolean:
      column.append(static_cast<uint8_t>(text.size() == 4 && (text[0] | 0x20) == 't' &&
                                         (text[1] | 0x20) == 'r' && (text[2] | 0x20) == 'u' &&
                                         (text[3] | 0x20) == 'e'));
      return true;
    case TypeKind::Double: {
      const auto value = parse_double_or_special(text);
      if (value) column.append(*value);
      return value.has_value();
    }
    case TypeKind::Decimal: {
      const auto value =
          parse_decimal(text, column.type().precision(), column.type().scale(), Rounding::Exact);
      if (value) column.append(*value);
      return value.has_value();
    }
    case TypeKind::String:
      if (is_utf8(text))
        column.append(text);
      else
        column.append_copy(repaired_utf8(text));
      return true;
    case TypeKind::Bytes: {
      char* to = column.heap().allocate(base64_decoded_room(text.size()));
      const auto size = decode_base64(text, to);
      if (size) column.append(std::string_view(to, *size));
      return size.has_value();
    }
    default:
      return append_whole(text, column);
  }
}

class DelimitedReader final : public Reader {
 public:
  DelimitedReader(std::span<const ColumnDef> columns, std::vector<bool> needed, char delimiter)
      : columns_(columns.begin(), columns.end()), needed_(std::move(needed)), line_(delimiter) {}

  void read(std::span<const std::optional<std::string_view>> payloads,
            std::span<Column* const> outs, RowStatus& status) override {
    status.clear();
    status.states.resize(payloads.size(), RowState::Value);
    for (size_t i = 0; i < payloads.size(); ++i) {
      if (!payloads[i]) {
        status.states[i] = RowState::Null;
        end_row(outs, 0);
        continue;
      }
      size_t done = 0;
      if (read_line(*payloads[i], outs, done)) continue;
      status.fail(i, error_);
      end_row(outs, done);
    }
  }

 private:
  // Appends the fields of a line; `done` is the number of columns that have a value.
  bool read_line(std::string_view text, std::span<Column* const> outs, size_t& done) {
    if (const char* wrong = line_.split(text))
      return fail(std::string("not a delimited line: ") + wrong);
    const auto fields = line_.fields();
    if (fields.size() != columns_.size())
      return fail("the line has " + std::to_string(fields.size()) + " fields, expected " +
                  std::to_string(columns_.size()));
    for (; done < fields.size(); ++done)
      if (needed_[done] && outs[done] != nullptr && !append_field(fields[done], *outs[done]))
        return fail("column " + columns_[done].name + ": expected " +
                    columns_[done].type.to_string() + ", got " +
                    std::string(fields[done].text.substr(0, 60)));
    return true;
  }

  bool fail(std::string message) {
    error_ = std::move(message);
    return false;
  }

  static bool append_field(const CsvField& field, Column& column) {
    if (field.text.empty()) {
      column.append_null();
      return true;
    }
    return append_text(field.has_doubled ? undouble(field.text, column.heap()) : field.text,
                       column);
  }

  // Makes the row null in all columns. The first `done` columns already have a value for the row.
  void end_row(std::span<Column* const> outs, size_t done) {
    for (size_t i = 0; i < outs.size(); ++i) {
      if (!needed_[i] || outs[i] == nullptr) continue;
      if (i < done) outs[i]->resize(outs[i]->size() - 1);
      outs[i]->append_null();
    }
  }

  const std::vector<ColumnDef> columns_;
  const std::vector<bool> needed_;
  CsvLine line_;
  std::string error_;
};

class DelimitedWriter final : public Writer {
 public:
  DelimitedWriter(std::span<const ColumnDef> columns, char delimiter, Side side)
      : columns_(columns.begin(), columns.end()), delimiter_(delimiter), side_(side) {}

  void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
             EncodedRows& out) override {
    for (size_t row = rows.first; row < rows.end; ++row) {
      const size_t begin = out.bytes.size();
      bool is_present = has_payload(columns, row, present);
      if (is_present) {
        const size_t bad = write_row(columns, row, out.bytes);
        if (bad != columns.size()) {
          out.bytes.resize(begin);
          is_present = false;
          out.problems.push_back({row, "column " + columns_[bad].name + ": " +
                                           columns_[bad].type.to_string() +
                                           " cannot hold the value"});
        }
      }
      out.close(is_present);
    }
  }

 private:
  bool has_payload(std::span<const Column* const> columns, size_t row,
                   const Bitmap* present) const {
    if (present != nullptr && !present->test(row)) return false;
    // The line of a single null would be empty and could not be read back, so the record is null.
    if (columns.size() == 1) return !columns[0]->is_null(row);
    if (side_ == Side::Value || present != nullptr) return true;
    return std::ranges::any_of(columns,
                               [&](const Column* column) { return !column->is_null(row); });
  }

  // Appends the line. Returns the index of the column that cannot be written, or columns.size().
  size_t write_row(std::span<const Column* const> columns, size_t row, std::string& out) const {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i != 0) out += delimiter_;
      if (!columns[i]->is_null(row) && !write_field(*columns[i], row, i == 0, out)) return i;
    }
    return columns.size();
  }

  // Writes a field. Returns false for a DECIMAL with more digits than its type.
  bool write_field(const Column& column, size_t row, bool is_first, std::string& out) const {
    switch (column.type().kind()) {
      case TypeKind::Boolean:
        out += column.data<uint8_t>()[row] != 0 ? "true" : "false";
        return true;
      case TypeKind::Integer:
      case TypeKind::Date:
      case TypeKind::Time:
        append_quoted_if_needed(out, is_first, [&](std::string& to) {
          append_bigint(to, column.data<int32_t>()[row]);
        });
        return true;
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        append_quoted_if_needed(out, is_first, [&](std::string& to) {
          append_bigint(to, column.data<int64_t>()[row]);
        });
        return true;
      case TypeKind::Double:
        append_quoted_if_needed(
            out, is_first, [&](std::string& to) { append_double(to, column.data<double>()[row]); });
        return true;
      case TypeKind::Decimal: {
        const Int128 unscaled = column.data<Int128>()[row];
        if (!fits_precision(unscaled, column.type().precision())) return false;
        append_quoted_if_needed(out, is_first, [&](std::string& to) {
          append_decimal(to, unscaled, column.type().scale());
        });
        return true;
      }
      case TypeKind::Bytes:
        append_quoted_if_needed(out, is_first, [&](std::string& to) {
          append_base64(to, column.data<std::string_view>()[row]);
        });
        return true;
      default:
        append_field(out, column.data<std::string_view>()[row], is_first);
        return true;
    }
  }

  template <class Print>
  void append_quoted_if_needed(std::string& out, bool is_first, Print print) const {
    std::string text;
    print(text);
    append_field(out, text, is_first);
  }

  // Returns whether the field is quoted by the rules of minimal quoting in Apache Commons CSV,
  // which ksqlDB uses. The first field of a line is quoted if it does not begin with a letter or a
  // digit, even if it is a negative number.
  bool needs_quotes(std::string_view text, bool is_first) const {
    if (text.empty()) return is_first;
    const auto first = static_cast<uint8_t>(text.front());
    if (first <= '#' || (is_first && !is_letter_or_digit(text.front()))) return true;
    for (const char c : text)
      if (c == '\n' || c == '\r' || c == '"' || c == delimiter_) return true;
    return static_cast<uint8_t>(text.back()) <= ' ';
  }
  static bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  void append_field(std::string& out, std::string_view text, bool is_first) const {
    if (!needs_quotes(text, is_first)) {
      out += text;
      return;
    }
    out += '"';
    for (const char c : text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }

  const std::vector<ColumnDef> columns_;
  const char delimiter_;
  const Side side_;
};

}  // namespace

std::unique_ptr<Reader> make_delimited_reader(std::span<const ColumnDef> columns,
                                              std::vector<bool> needed, char delimiter) {
  return std::make_unique<DelimitedReader>(columns, std::move(needed), delimiter);
}
std::unique_ptr<Writer> make_delimited_writer(std::span<const ColumnDef> columns, char delimiter,
                                              Side side) {
  return std::make_unique<DelimitedWriter>(columns, delimiter, side);
}

}  // namespace engine
