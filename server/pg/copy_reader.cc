#include "server/pg/copy_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/formats/delimited/csv.h"
#include "engine/formats/text_value.h"
#include "engine/sql/ast_name.h"
#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"
#include "server/pg/copy_binary.h"
#include "server/pg/copy_file_kinds.h"

namespace server::pg {

using engine::Column;

namespace {

constexpr size_t kMaxJsonLineBytes = size_t{64} << 20;

std::string context_of(const std::string& source, uint64_t line, std::string_view column = {}) {
  std::string context = "COPY " + source + ", line " + std::to_string(line);
  if (!column.empty()) context += ", column " + std::string(column);
  return context;
}

// Returns PostgreSQL's error for a text that is not valid UTF-8, with the bytes of the first character that is invalid.
Error invalid_utf8(std::string_view text) {
  const auto size_at = [&](size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t size = (lead & 0xe0) == 0xc0   ? 2
                        : (lead & 0xf0) == 0xe0 ? 3
                        : (lead & 0xf8) == 0xf0 ? 4
                                                : 1;
    return std::min(size, text.size() - at);
  };
  size_t at = 0;
  while (at < text.size() && engine::is_utf8(text.substr(at, size_at(at)))) at += size_at(at);
  std::string bytes;
  for (size_t i = at; i < text.size() && i < at + size_at(at); ++i)
    bytes += fmt::format(" 0x{:02x}", static_cast<unsigned char>(text[i]));
  return Error{ErrorCode::InvalidEncoding, "invalid byte sequence for encoding \"UTF8\":" + bytes}
      .with_hint(
          "Convert the file: iconv -f latin1 -t utf8 old.csv > new.csv. The server converts it "
          "after SET client_encoding = 'LATIN1'.");
}

// Returns the engine's name of a column, which the errors of types show: AMOUNT for amount.
std::string exact_name(std::string name) {
  if (std::ranges::none_of(name, [](unsigned char c) { return std::isupper(c); }))
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

// The check that the header line still has to pass. Match: HEADER MATCH. Order: the names must not be those of the columns
// in another order.
enum class HeaderCheck : uint8_t { None, Match, Order };

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t", kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// Fails if the first bytes of the data show that it is not text. `has_begun` is false before the first bytes.
Status check_beginning(std::string_view bytes, const std::string& source, bool& has_begun) {
  if (std::exchange(has_begun, true)) return {};
  auto wrong = not_a_text_file(bytes);
  if (!wrong) return {};
  wrong->context = "COPY " + source;
  return *std::move(wrong);
}

// Reads csv and text.
class FieldReader final : public CopyReader {
 public:
  FieldReader(const CopyOptions& options, std::vector<sql::ResultColumn> columns,
              std::string source, const engine::TextForms& forms)
      : columns_(std::move(columns)), source_(std::move(source)), delimiter_(options.delimiter) {
    engine::CopyTextOptions text_options{options.delimiter, options.null_text, options.has_header,
                                         options.quote,     options.escape,    columns_.size()};
    records_ = options.format == CopyFormat::Csv
                   ? engine::make_csv_reader(std::move(text_options))
                   : engine::make_copy_text_reader(std::move(text_options));
    for (const sql::ResultColumn& column : columns_) {
      values_.emplace_back(column.type, "column " + exact_name(column.name), forms);
      is_never_null_.push_back(options.force_not_null.has(column.name));
      is_null_in_quotes_.push_back(options.force_null.has(column.name));
    }
    null_text_ = options.null_text;
    header_check_ = options.header_must_match                        ? HeaderCheck::Match
                    : options.has_header && !options.has_column_list ? HeaderCheck::Order
                                                                     : HeaderCheck::None;
    rows_.columns = empty_columns();
  }

  Status add(std::string_view bytes) override {
    TRY(check_beginning(bytes, source_, has_begun_));
    size_bytes_ += bytes.size();
    records_->feed(bytes);
    return read_records();
  }
  Status end() override {
    records_->finish();
    return read_records();
  }
  size_t held_bytes() const override { return records_->held_bytes(); }

 protected:
  std::vector<Column> empty_columns() const override {
    std::vector<Column> columns;
    for (const sql::ResultColumn& column : columns_) columns.emplace_back(column.type);
    return columns;
  }

 private:
  Status read_records() {
    engine::CopyRecord record;
    while (true) {
      auto more = records_->next(record);
      if (!more) {
        Error error = std::move(more).error();
        error.context = "COPY " + source_ + ", " + error.context;
        return error;
      }
      if (header_check_ != HeaderCheck::None && !records_->header().empty())
        TRY(std::exchange(header_check_, HeaderCheck::None) == HeaderCheck::Match ? check_header()
                                                                                  : check_order());
      if (!*more) return {};
      TRY(read_record(record));
    }
  }

  // Checks that the header line has the names of the columns. The texts of the errors are
  // PostgreSQL's.
  Status check_header() {
    const std::vector<std::string>& names = records_->header();
    if (names.size() != columns_.size())
      return bad_header(fmt::format("wrong number of fields in header line: got {}, expected {}",
                                    names.size(), columns_.size()));
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string expected = engine::display_name(columns_[i].name);
      if (names[i] != expected && names[i] != columns_[i].name)
        return bad_header(
            fmt::format("column name mismatch in header line field {}: got \"{}\", expected \"{}\"",
                        i + 1, names[i], expected));
    }
    return {};
  }
  // Fails if the header line has the names of all columns in another order. PostgreSQL skips such a header, and values
  // are then written to wrong columns if their types fit.
  Status check_order() const {
    const std::vector<std::string>& names = records_->header();
    if (names.size() != columns_.size()) return {};  // the first row reports its number of fields
    std::vector<bool> is_named(columns_.size());
    std::string list;
    bool is_other_order = false;
    for (size_t field = 0; field < names.size(); ++field) {
      const auto column = std::ranges::find_if(columns_, [&](const sql::ResultColumn& each) {
        return engine::upper_case(each.name) == engine::upper_case(trimmed(names[field]));
      });
      const auto at = static_cast<size_t>(column - columns_.begin());
      if (column == columns_.end() || is_named[at]) return {};
      is_named[at] = true;
      is_other_order |= at != field;
      const bool has_quotes = engine::quote_if_needed(column->name).starts_with('`');
      list += fmt::format(
          "{}{}", list.empty() ? "" : ", ",
          has_quotes ? fmt::format("\"{}\"", column->name) : engine::display_name(column->name));
    }
    if (!is_other_order) return {};
    Error error = bad_header("the header line has the names of the columns in another order");
    error.hint = fmt::format("Name the columns in the order of the file: COPY {} ({}) FROM ...",
                             source_, list);
    return error;
  }

  Error bad_header(std::string message) const {
    Error error{ErrorCode::BadCopyFormat, std::move(message)};
    error.hint = "Name the columns in the order of the file: COPY table (b, a) FROM ...";
    error.context = context_of(source_, 1);
    return error;
  }

  Status read_record(const engine::CopyRecord& record) {
    if (record.fields.size() > columns_.size())
      return bad_record(record, "extra data after last expected column");
    if (record.fields.size() < columns_.size())
      return bad_record(record, "missing data for column \"" +
                                    engine::display_name(columns_[record.fields.size()].name) +
                                    "\"");
    for (size_t i = 0; i < columns_.size(); ++i) TRY(read_field(record, i));
    rows_.lines.push_back(record.line);
    ++rows_.rows;
    return {};
  }

  Error bad_record(const engine::CopyRecord& record, std::string message) const {
    Error error{ErrorCode::BadCopyFormat, std::move(message)};
    // The line has more fields than the reader has stored, so the error cannot contain their
    // number.
    const bool has_more = record.fields.size() > columns_.size();
    error.detail = "The line has " +
                   (has_more ? "more" : std::to_string(record.fields.size()) + " fields") + ", " +
                   std::to_string(columns_.size()) + " are expected.";
    error.context = context_of(source_, record.line);
    error.hint = hint_for(record);
    return error;
  }

  // Returns the advice about a line whose number of fields differs from the number of columns.
  std::string hint_for(const engine::CopyRecord& record) const {
    const bool is_alone = record.fields.size() == 1 && columns_.size() > 1;
    struct Delimiter {
      char character;
      std::string_view name, written;
    };
    constexpr Delimiter kDelimiters[] = {{';', "semicolons", "';'"},
                                         {'\t', "tabs", "E'\\t'"},
                                         {',', "commas", "','"},
                                         {'|', "vertical bars", "'|'"}};
    if (is_alone)
      for (const Delimiter& other : kDelimiters)
        if (other.character != delimiter_ &&
            record.fields[0].text.find(other.character) != std::string_view::npos)
          return fmt::format(
              "The line has {}, and the delimiter of this COPY is {}. Use WITH (FORMAT csv, "
              "DELIMITER {}).",
              other.name,
              delimiter_ == '\t' ? std::string("a tab") : fmt::format("'{}'", delimiter_),
              other.written);
    constexpr size_t kMostNamed = 30;  // a longer list would hide the error
    if (columns_.size() > kMostNamed)
      return "COPY table (a, b) FROM names the columns of the file.";
    std::string names;
    for (const sql::ResultColumn& column : columns_)
      names += (names.empty() ? "" : ", ") + engine::display_name(column.name);
    return fmt::format("The columns are {}. COPY table (a, b) FROM names the columns of the file.",
                       names);
  }

  Status read_field(const engine::CopyRecord& record, size_t index) {
    const engine::CopyField& field = record.fields[index];
    Column& column = rows_.columns[index];
    // `field.is_null` means that the field is the NULL text without quotes.
    const bool is_null = field.is_null ? !is_never_null_[index]
                                       : is_null_in_quotes_[index] && field.text == null_text_;
    if (is_null) {
      column.append_null();
      return {};
    }
    // The byte 0 is refused, since most clients would treat it as the end of the text.
    Status read = field.text.find('\0') == std::string_view::npos
                      ? values_[index].append(field.text, column)
                      : Status(zero_byte());
    if (!read) {
      Error error =
          engine::is_utf8(field.text) ? std::move(read).error() : invalid_utf8(field.text);
      error.context = context_of(source_, record.line, engine::display_name(columns_[index].name));
      const bool is_title = record.line == 1 && engine::upper_case(field.text) ==
                                                    engine::upper_case(columns_[index].name);
      if (is_title)
        error.hint =
            "Line 1 seems to have the names of the columns: COPY ... WITH (FORMAT csv, HEADER) "
            "leaves it out.";
      return error;
    }
    return {};
  }

  const std::vector<sql::ResultColumn> columns_;
  const std::string source_;
  std::vector<engine::TextValueReader> values_;          // one per column
  std::vector<bool> is_never_null_, is_null_in_quotes_;  // one per column
  const char delimiter_;
  HeaderCheck header_check_ = HeaderCheck::None;
  bool has_begun_ = false;
  std::string null_text_;
  std::unique_ptr<engine::CopyTextReader> records_;
};

// Reads one object per line and skips blank lines. The backend parses the objects.
class JsonLineReader final : public CopyReader {
 public:
  explicit JsonLineReader(std::string source) : source_(std::move(source)) {
    rows_.columns = empty_columns();
  }

  Status add(std::string_view bytes) override {
    TRY(check_beginning(bytes, source_, has_begun_));
    while (true) {
      const size_t line_end = bytes.find('\n');
      if (line_end == std::string_view::npos) break;
      if (incomplete_.empty()) {
        TRY(add_line(bytes.substr(0, line_end)));
      } else {
        incomplete_ += bytes.substr(0, line_end);
        TRY(add_line(std::exchange(incomplete_, {})));
      }
      bytes.remove_prefix(line_end + 1);
    }
    incomplete_ += bytes;
    if (incomplete_.size() <= kMaxJsonLineBytes) return {};
    Error error{ErrorCode::BadCopyFormat,
                "a line is longer than " + std::to_string(kMaxJsonLineBytes >> 20) + " MB"};
    error.context = context_of(source_, line_);
    return error;
  }
  Status end() override {
    if (incomplete_.empty()) return {};
    return add_line(std::exchange(incomplete_, {}));
  }
  size_t held_bytes() const override { return incomplete_.capacity(); }

 protected:
  std::vector<Column> empty_columns() const override {
    std::vector<Column> columns;
    columns.emplace_back(engine::SqlType(engine::TypeKind::String));
    return columns;
  }

 private:
  Status add_line(std::string_view line) {
    const uint64_t number = line_++;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) return {};
    const bool has_zero = line.find('\0') != std::string_view::npos;
    if (has_zero || !engine::is_utf8(line)) {
      Error error = has_zero ? zero_byte() : invalid_utf8(line);
      error.context = context_of(source_, number);
      return error;
    }
    rows_.columns[0].append_copy(line);
    rows_.lines.push_back(number);
    ++rows_.rows;
    size_bytes_ += line.size();
    return {};
  }

  const std::string source_;
  std::string incomplete_;
  bool has_begun_ = false;
  uint64_t line_ = 1;
};

}  // namespace

Error zero_byte() {
  return {ErrorCode::InvalidEncoding, "invalid byte sequence for encoding \"UTF8\": 0x00"};
}

sql::CopyRows CopyReader::take_rows() {
  sql::CopyRows taken = std::move(rows_);
  rows_ = {};
  rows_.columns = empty_columns();
  size_bytes_ = 0;
  return taken;
}

std::unique_ptr<CopyReader> make_copy_reader(const CopyOptions& options,
                                             std::vector<sql::ResultColumn> columns,
                                             std::string source,
                                             std::shared_ptr<ClientEncoding> encoding,
                                             const engine::TextForms& forms) {
  if (options.format == CopyFormat::Json)
    return std::make_unique<JsonLineReader>(std::move(source));
  if (options.format == CopyFormat::Binary)
    return make_binary_copy_reader(std::move(columns), std::move(source), std::move(encoding));
  return std::make_unique<FieldReader>(options, std::move(columns), std::move(source), forms);
}

}  // namespace server::pg
