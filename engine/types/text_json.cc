#include "engine/types/text_json.h"

#include <cmath>

#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

// Returns the length of the part of `text` from `at` on that needs no escapes.
size_t plain_run(std::string_view text, size_t at) {
  const size_t begin = at;
  while (at + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    if (any_needs_escape(word)) break;
    at += 8;
  }
  while (at < text.size() && !needs_escape(text[at])) ++at;
  return at - begin;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      append_hex(out, {&c, 1}, HexCase::Upper);
  }
}

class JsonPrinter {
 public:
  JsonPrinter(std::string& out, JsonTimes times, JsonNumbers numbers)
      : out_(out), times_(times), numbers_(numbers) {}

  void print(const Column& column, size_t row) {
    if (column.is_null(row)) {
      out_ += "null";
      return;
    }
    switch (column.type().kind()) {
      case TypeKind::Null:
        out_ += "null";
        return;
      case TypeKind::Boolean:
        out_ += column.data<uint8_t>()[row] != 0 ? "true" : "false";
        return;
      case TypeKind::Integer:
        append_bigint(out_, column.data<int32_t>()[row]);
        return;
      case TypeKind::Bigint:
        print_bigint(column.data<int64_t>()[row]);
        return;
      case TypeKind::Double:
        print_double(column.data<double>()[row]);
        return;
      case TypeKind::Decimal:
        if (numbers_ == JsonNumbers::Exact) out_ += '"';
        append_decimal(out_, column.data<Int128>()[row], column.type().scale());
        if (numbers_ == JsonNumbers::Exact) out_ += '"';
        return;
      case TypeKind::String:
        append_json_string(out_, column.data<std::string_view>()[row]);
        return;
      case TypeKind::Bytes:
        out_ += '"';
        append_base64(out_, column.data<std::string_view>()[row]);
        out_ += '"';
        return;
      case TypeKind::Date:
        print_time(column.data<int32_t>()[row], append_date);
        return;
      case TypeKind::Time:
        print_time(column.data<int32_t>()[row], append_time_full);
        return;
      case TypeKind::Timestamp:
        print_time(column.data<int64_t>()[row], append_timestamp);
        return;
      case TypeKind::Array:
        return print_array(column, row);
      case TypeKind::Map:
        return print_map(column, row);
      case TypeKind::Struct:
        return print_struct(column, row);
    }
  }

 private:
  void print_bigint(int64_t value) {
    // a double holds all whole numbers up to this one
    constexpr int64_t kMostExact = int64_t{1} << 53;
    const bool quoted =
        numbers_ == JsonNumbers::Exact && (value > kMostExact || value < -kMostExact);
    if (quoted) out_ += '"';
    append_bigint(out_, value);
    if (quoted) out_ += '"';
  }

  void print_double(double value) {
    const bool quoted = !std::isfinite(value);
    if (quoted) out_ += '"';
    append_double(out_, value);
    if (quoted) out_ += '"';
  }

  void print_time(int64_t value, void (*iso)(std::string&, int64_t)) {
    if (times_ == JsonTimes::Numbers) return append_bigint(out_, value);
    out_ += '"';
    iso(out_, value);
    out_ += '"';
  }

  void print_array(const Column& column, size_t row) {
    out_ += '[';
    const uint32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
    for (uint32_t i = begin; i < end; ++i) {
      if (i != begin) out_ += ',';
      print(column.child(0), i);
    }
    out_ += ']';
  }

  void print_map(const Column& column, size_t row) {
    out_ += '{';
    const uint32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
    for (uint32_t i = begin; i < end; ++i) {
      if (i != begin) out_ += ',';
      print_key(column.child(0), i);
      out_ += ':';
      print(column.child(1), i);
    }
    out_ += '}';
  }

  // Prints the key of a MAP as a string, even if it has another type. A null key is "null", as in
  // ksqlDB.
  void print_key(const Column& keys, size_t row) {
    if (keys.type().kind() == TypeKind::String && !keys.is_null(row)) return print(keys, row);
    std::string text;
    JsonPrinter(text, times_, numbers_).print(keys, row);
    if (text.starts_with('"'))
      out_ += text;
    else
      append_json_string(out_, text);
  }

  void print_struct(const Column& column, size_t row) {
    out_ += '{';
    const auto& fields = column.type().fields();
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i != 0) out_ += ',';
      append_json_string(out_, fields[i].name);
      out_ += ':';
      print(column.child(i), row);
    }
    out_ += '}';
  }

  std::string& out_;
  const JsonTimes times_;
  const JsonNumbers numbers_;
};

}  // namespace

bool is_json_number(std::string_view token) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < token.size() && is_ascii_digit(token[at])) ++at;
    return at - begin;
  };
  if (at < token.size() && token[at] == '-') ++at;
  const size_t whole_begin = at, whole = digits();
  if (whole == 0 || (whole > 1 && token[whole_begin] == '0')) return false;
  if (at < token.size() && token[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == token.size();
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const size_t run = plain_run(text, at);
    out.append(text, at, run);
    at += run;
    if (at < text.size()) append_escaped(out, text[at++]);
  }
  out += '"';
}

void append_json_value(std::string& out, const Column& column, size_t row, JsonTimes times,
                       JsonNumbers numbers) {
  JsonPrinter(out, times, numbers).print(column, row);
}

}  // namespace engine
