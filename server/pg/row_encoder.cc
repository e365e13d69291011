#include "server/pg/row_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "engine/types/column_bytes.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_postgres.h"
#include "server/pg/binary.h"
#include "server/pg/client_encoding.h"
#include "server/pg/copy_binary.h"
#include "server/pg/messages.h"

namespace server::pg {

using engine::ColumnPtr;
using engine::TypeKind;

namespace {

Error too_long_row() {
  return Error{ErrorCode::LimitExceeded,
               "a row is longer than " + std::to_string(kMaxRowBytes >> 20) + " MB", "",
               "Select fewer columns, or parts of long values."};
}

// Checks the length of a row before the row is written. An array in a column may contain one long
// value a thousand times, which takes little memory there and much in the output.
class RowCheck {
 public:
  RowCheck(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row)
      : columns_(columns),
        is_needed_(engine::bytes_of(columns, first_row, end_row) > kMaxRowBytes) {}
  Status operator()(size_t row) const {
    if (is_needed_ && engine::bytes_of(columns_, row, row + 1) > kMaxRowBytes)
      return too_long_row();
    return {};
  }

 private:
  const std::span<const ColumnPtr> columns_;
  const bool is_needed_;
};

// Returns the type that was announced to the client for this column, because the type of the column
// itself may lack a label. If the announced type is another one, returns the column's own type.
const engine::SqlType& shown_type(std::span<const sql::ResultColumn> columns, size_t index,
                                  const engine::Column& column) {
  const bool is_known = index < columns.size() && columns[index].type == column.type();
  return is_known ? columns[index].type : column.type();
}

// Checks the range of smallint: Kafka producers may have written larger values than the type that
// clients see.
class NarrowCheck {
 public:
  NarrowCheck(std::span<const sql::ResultColumn> announced, std::span<const ColumnPtr> columns) {
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i]->type().kind() == engine::TypeKind::Integer &&
          shown_type(announced, i, *columns[i]).label() == engine::label::kInt2)
        smallints_.push_back(columns[i].get());
  }
  Status operator()(size_t row) const {
    for (const engine::Column* column : smallints_) {
      if (column->is_null(row)) continue;
      const int32_t value = column->data<int32_t>()[row];
      if (value != static_cast<int16_t>(value))
        return Error{ErrorCode::OutOfRange,
                     fmt::format("{} is out of range for type smallint", value)};
    }
    return {};
  }

 private:
  std::vector<const engine::Column*> smallints_;
};

// Encodes one row after the other; the derived class writes each row.
class RowByRowEncoder : public RowEncoder {
 public:
  Result<size_t> append_rows(std::string& out, std::span<const ColumnPtr> columns, size_t first_row,
                             size_t end_row, size_t enough_bytes) final {
    const RowCheck check(columns, first_row, end_row);
    const NarrowCheck check_narrow(announced(), columns);
    size_t row = first_row;
    for (; row < end_row && out.size() < enough_bytes; ++row) {
      TRY(check(row));
      TRY(check_narrow(row));
      TRY(append_row(out, columns, row));
    }
    return row - first_row;
  }

 protected:
  virtual std::span<const sql::ResultColumn> announced() const { return {}; }
  // Appends one row. Fails with LimitExceeded, without output, if the row is too long.
  virtual Status append_row(std::string& out, std::span<const ColumnPtr> columns, size_t row) = 0;
};

class DataRowEncoder final : public RowByRowEncoder {
 public:
  DataRowEncoder(std::vector<sql::ResultColumn> columns, std::vector<Format> formats,
                 std::shared_ptr<ClientEncoding> encoding, engine::TextForms forms)
      : columns_(std::move(columns)),
        formats_(std::move(formats)),
        encoding_(std::move(encoding)),
        forms_(std::move(forms)) {}

 private:
  std::span<const sql::ResultColumn> announced() const override { return columns_; }
  Status append_row(std::string& out, std::span<const ColumnPtr> columns, size_t row) override {
    const size_t begin = out.size();
    MessageWriter writer(out);
    writer.begin('D');
    append_be(out, static_cast<uint16_t>(columns.size()));
    for (size_t i = 0; i < columns.size(); ++i) {
      append_value(out, i, *columns[i], row);
      if (out.size() - begin <= kMaxRowBytes) continue;
      out.resize(begin);
      return too_long_row();
    }
    writer.end();
    if (!encoding_) return {};
    const Status converted = encoding_->take_failure();
    if (!converted) out.resize(begin);
    return converted;
  }

  void append_value(std::string& out, size_t index, const engine::Column& column, size_t row) {
    if (column.is_null(row)) return append_be<int32_t>(out, -1);
    const engine::SqlType& type = shown_type(columns_, index, column);
    append_sized(out, [&] {
      if (format_of(formats_, index) == Format::Binary)
        return append_binary(out, type, column, row, encoding_.get());
      const size_t begin = out.size();
      engine::append_postgres_text(out, type, column, row, forms_);
      if (encoding_) encoding_->convert_end(out, begin);
    });
  }

  const std::vector<sql::ResultColumn> columns_;
  const std::vector<Format> formats_;
  const std::shared_ptr<ClientEncoding> encoding_;
  const engine::TextForms forms_;
};

// Writes one line per row, formatted by the derived class. Each line is a CopyData message of its
// own: the protocol does not promise this, but several clients rely on it.
class LineEncoder : public RowByRowEncoder {
 public:
  LineEncoder(std::vector<sql::ResultColumn> columns, std::shared_ptr<ClientEncoding> encoding,
              engine::TextForms forms)
      : names_and_types_(std::move(columns)),
        encoding_(std::move(encoding)),
        forms_(std::move(forms)) {}

 protected:
  virtual char delimiter() const = 0;
  virtual void append_null(std::string& out, size_t index) = 0;
  virtual void append_field(std::string& out, size_t index, std::string_view text) = 0;
  virtual void append_name(std::string& out, size_t index) {
    append_field(out, index, columns()[index].name);
  }
  void append_header_line(std::string& out) {
    MessageWriter writer(out);
    writer.begin('d');
    const size_t begin = out.size();
    for (size_t i = 0; i < names_and_types_.size(); ++i) {
      if (i > 0) out += delimiter();
      append_name(out, i);
    }
    out += '\n';
    if (encoding_) encoding_->convert_end(out, begin);
    writer.end();
  }
  const std::vector<sql::ResultColumn>& columns() const { return names_and_types_; }

 private:
  Status append_row(std::string& out, std::span<const ColumnPtr> columns, size_t row) override {
    const size_t begin = out.size();
    MessageWriter writer(out);
    writer.begin('d');
    const size_t line_begin = out.size();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += delimiter();
      append_value(out, i, *columns[i], row);
      if (out.size() - begin <= kMaxRowBytes) continue;
      out.resize(begin);
      return too_long_row();
    }
    out += '\n';
    if (encoding_) encoding_->convert_end(out, line_begin);
    writer.end();
    if (!encoding_) return {};
    const Status converted = encoding_->take_failure();
    if (!converted) out.resize(begin);
    return converted;
  }

  void append_value(std::string& out, size_t index, const engine::Column& column, size_t row) {
    if (column.is_null(row)) return append_null(out, index);
    text_.clear();
    engine::append_postgres_text(text_, shown_type(names_and_types_, index, column), column, row,
                                 forms_);
    append_field(out, index, text_);
  }

  const std::vector<sql::ResultColumn> names_and_types_;
  const std::shared_ptr<ClientEncoding> encoding_;
  const engine::TextForms forms_;
  std::string text_;  // text of one field; reused for its memory
};

class CopyTextEncoder final : public LineEncoder {
 public:
  CopyTextEncoder(std::vector<sql::ResultColumn> columns, CopyOptions options,
                  std::shared_ptr<ClientEncoding> encoding, engine::TextForms forms)
      : LineEncoder(std::move(columns), std::move(encoding), std::move(forms)),
        options_(std::move(options)) {}
  void append_header(std::string& out) override {
    if (options_.has_header) append_header_line(out);
  }

 protected:
  char delimiter() const override { return options_.delimiter; }
  void append_null(std::string& out, size_t) override { out += options_.null_text; }
  void append_field(std::string& out, size_t, std::string_view text) override {
    constexpr std::string_view kSpecial = "\b\f\n\r\t\v\\", kLetters = "bfnrtv\\";
    for (const char c : text) {
      const size_t special = kSpecial.find(c);
      if (special != std::string_view::npos) {
        out += '\\';
        out += kLetters[special];
        continue;
      }
      if (c == options_.delimiter) out += '\\';
      out += c;
    }
  }

 private:
  const CopyOptions options_;
};

class CopyCsvEncoder final : public LineEncoder {
 public:
  CopyCsvEncoder(std::vector<sql::ResultColumn> columns, CopyOptions options,
                 std::shared_ptr<ClientEncoding> encoding, engine::TextForms forms)
      : LineEncoder(std::move(columns), std::move(encoding), std::move(forms)),
        options_(std::move(options)) {}
  void append_header(std::string& out) override {
    if (options_.has_header) append_header_line(out);
  }

 protected:
  char delimiter() const override { return options_.delimiter; }
  void append_null(std::string& out, size_t) override { out += options_.null_text; }
  void append_field(std::string& out, size_t index, std::string_view text) override {
    append_text(out, text, options_.force_quote.has(columns()[index].name));
  }
  // Appends a column name in the header line. FORCE_QUOTE applies to values only.
  void append_name(std::string& out, size_t index) override {
    append_text(out, columns()[index].name, false);
  }

 private:
  void append_text(std::string& out, std::string_view text, bool is_quoted) const {
    if (!is_quoted && !must_quote(text)) {
      out += text;
      return;
    }
    out += options_.quote;
    for (const char c : text) {
      if (c == options_.quote || c == options_.escape) out += options_.escape;
      out += c;
    }
    out += options_.quote;
  }
  bool must_quote(std::string_view text) const {
    // An unquoted NULL text would be read as NULL, and an unquoted \. as the end of the data.
    if (text == options_.null_text || text == "\\.") return true;
    return std::ranges::any_of(text, [&](char c) {
      return c == options_.delimiter || c == options_.quote || c == '\n' || c == '\r';
    });
  }

  const CopyOptions options_;
};

class TableEncoder final : public RowEncoder {
 public:
  TableEncoder(std::vector<sql::ResultColumn> columns, std::shared_ptr<ClientEncoding> encoding,
               engine::TextForms forms)
      : columns_(std::move(columns)), encoding_(std::move(encoding)), forms_(std::move(forms)) {
    widths_.resize(columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) widen(i, display_width(columns_[i].name));
  }

  bool header_may_wait() const override { return !header_written_; }
  void append_header(std::string& out) override {
    if (std::exchange(header_written_, true)) return;
    MessageWriter writer(out);
    writer.begin('d');
    const size_t begin = out.size();
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t room = padding(i, columns_[i].name);
      if (i > 0) out += '|';
      out.append(1 + room / 2, ' ');
      out += columns_[i].name;
      out.append(room - room / 2 + 1, ' ');
    }
    out += '\n';
    if (encoding_) encoding_->convert_end(out, begin);
    writer.end();
    writer.begin('d');
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += '+';
      out.append(widths_[i] + 2, '-');
    }
    out += '\n';
    writer.end();
  }

  Result<size_t> append_rows(std::string& out, std::span<const ColumnPtr> columns, size_t first_row,
                             size_t end_row, size_t enough_bytes) override {
    const RowCheck check(columns, first_row, end_row);
    std::vector<std::vector<std::string>> rows;
    size_t size = out.size();
    for (size_t row = first_row; row < end_row && size < enough_bytes; ++row) {
      TRY(check(row));
      rows.emplace_back();
      const size_t before = size;
      for (size_t i = 0; i < columns.size(); ++i) {
        std::string& text =
            rows.back().emplace_back(cell(shown_type(columns_, i, *columns[i]), *columns[i], row));
        widen(i, display_width(text));
        size += std::max(widths_[i], text.size());
        if (size - before > kMaxRowBytes) return too_long_row();
      }
    }
    if (!rows.empty()) append_header(out);
    for (const auto& row : rows) append_row(out, row);
    if (encoding_) TRY(encoding_->take_failure());
    return rows.size();
  }

 private:
  // The width is bounded, since all later rows are padded to it: one very long value must not make
  // all of them long.
  static constexpr size_t kMaxWidth = 300;
  void widen(size_t index, size_t width) {
    widths_[index] = std::max(widths_[index], std::min(width, kMaxWidth));
  }
  size_t padding(size_t index, std::string_view text) const {
    return widths_[index] - std::min(widths_[index], display_width(text));
  }

  // Returns the text of the cell in one line: line breaks are shown as escapes.
  std::string cell(const engine::SqlType& type, const engine::Column& column, size_t row) const {
    std::string text, shown;
    if (!column.is_null(row)) engine::append_postgres_text(text, type, column, row, forms_);
    for (const char c : text) {
      if (c == '\n')
        shown += "\\n";
      else if (c == '\r')
        shown += "\\r";
      else if (c == '\t')
        shown += "\\t";
      else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        shown += '?';
      else
        shown += c;
    }
    return shown;
  }

  void append_row(std::string& out, const std::vector<std::string>& cells) {
    MessageWriter writer(out);
    writer.begin('d');
    const size_t begin = out.size();
    for (size_t i = 0; i < cells.size(); ++i) {
      const size_t room = padding(i, cells[i]);
      const bool is_last = i + 1 == cells.size();
      out += i > 0 ? "| " : " ";
      if (columns_[i].type.is_numeric()) {
        out.append(room, ' ');
        out += cells[i];
      } else {
        out += cells[i];
        if (!is_last) out.append(room, ' ');
      }
      if (!is_last) out += ' ';
    }
    out += '\n';
    if (encoding_) encoding_->convert_end(out, begin);
    writer.end();
  }

  const std::vector<sql::ResultColumn> columns_;
  const std::shared_ptr<ClientEncoding> encoding_;
  const engine::TextForms forms_;
  std::vector<size_t> widths_;
  bool header_written_ = false;
};

class FormEncoder final : public RowEncoder {
 public:
  explicit FormEncoder(sql::AnswerForm& form) : form_(form) {}

  Result<size_t> append_rows(std::string& out, std::span<const ColumnPtr> columns, size_t first_row,
                             size_t end_row, size_t enough_bytes) override {
    for (size_t row = first_row; row < end_row; ++row) {
      if (out.size() >= enough_bytes) return row - first_row;
      const size_t begin = out.size();
      form_.add_row(out, columns, row);
      if (out.size() - begin <= kMaxRowBytes) continue;
      out.resize(begin);
      return too_long_row();
    }
    return end_row - first_row;
  }

 private:
  sql::AnswerForm& form_;
};

struct CodePointRange {
  uint32_t first, last;
};
// Code points that a terminal shows in two columns. Approximate blocks are enough: a wrong width in
// a rare script only shifts the alignment of a line by one character.
constexpr CodePointRange kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},  {0x3041, 0xA4CF},
                                    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},  {0xFE30, 0xFE6F},
                                    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
                                    {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
constexpr CodePointRange kZeroWidth[] = {
    {0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}};

bool is_in(std::span<const CodePointRange> ranges, uint32_t code_point) {
  return std::ranges::any_of(ranges, [&](const CodePointRange& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

}  // namespace

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code_point = size == 1 ? lead : lead & (0xFFu >> (size + 1));
    for (size_t k = 1; k < size && i + k < text.size(); ++k)
      code_point = (code_point << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    if (!is_in(kZeroWidth, code_point)) width += is_in(kWide, code_point) ? 2 : 1;
    i += size;
  }
  return width;
}

std::unique_ptr<RowEncoder> make_data_row_encoder(std::vector<sql::ResultColumn> columns,
                                                  std::vector<Format> formats,
                                                  std::shared_ptr<ClientEncoding> encoding,
                                                  engine::TextForms forms) {
  return std::make_unique<DataRowEncoder>(std::move(columns), std::move(formats),
                                          std::move(encoding), std::move(forms));
}
std::unique_ptr<RowEncoder> make_copy_encoder(std::vector<sql::ResultColumn> columns,
                                              CopyOptions options,
                                              std::shared_ptr<ClientEncoding> encoding,
                                              engine::TextForms forms) {
  if (options.format == CopyFormat::Binary)
    return make_binary_copy_encoder(std::move(columns), std::move(encoding));
  if (options.format == CopyFormat::Csv)
    return std::make_unique<CopyCsvEncoder>(std::move(columns), std::move(options),
                                            std::move(encoding), std::move(forms));
  return std::make_unique<CopyTextEncoder>(std::move(columns), std::move(options),
                                           std::move(encoding), std::move(forms));
}
std::unique_ptr<RowEncoder> make_table_encoder(std::vector<sql::ResultColumn> columns,
                                               std::shared_ptr<ClientEncoding> encoding,
                                               engine::TextForms forms) {
  return std::make_unique<TableEncoder>(std::move(columns), std::move(encoding), std::move(forms));
}
std::unique_ptr<RowEncoder> make_form_encoder(sql::AnswerForm& form) {
  return std::make_unique<FormEncoder>(form);
}

}  // namespace server::pg
