#include "engine/formats/delimited/csv.h"

#include <algorithm>
#include <cassert>

namespace engine {

void CopyTextReader::feed(std::string_view bytes) {
  if (ended_) return;
  buffer_.erase(0, begin_);
  begin_ = 0;
  buffer_ += bytes;
}

Error CopyTextReader::malformed(std::string message) const {
  Error error{ErrorCode::BadCopyFormat, std::move(message)};
  error.context = "line " + std::to_string(line_);
  return error;
}

Result<bool> CopyTextReader::next(CopyRecord& record) {
  if (options_.has_header && !header_taken_) {
    if (!TRY(take(record))) return false;
    header_taken_ = true;
    for (const CopyField& field : record.fields) header_.emplace_back(field.text);
  }
  return take(record);
}

Result<bool> CopyTextReader::take(CopyRecord& record) {
  const std::string_view data = std::string_view(buffer_).substr(begin_);
  if (ended_ || data.empty()) return false;
  size_t end = find_end(data), next = end + 1;
  if (end == std::string_view::npos) {
    if (data.size() > kMaxRecordBytes)
      return malformed("a record is longer than " + std::to_string(kMaxRecordBytes >> 20) + " MB");
    if (!finished_) return false;
    if (!may_end()) return malformed("unterminated CSV quoted field");
    end = next = data.size();
  }
  std::string_view text = data.substr(0, end);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text == "\\.") {
    ended_ = true;
    return false;
  }
  fields_.clear();
  scratch_used_ = 0;
  if (scratch_.size() < text.size()) scratch_.resize(text.size());
  Status status = split(text);
  if (!status) return malformed(std::move(status).error().message);
  record = {fields_, line_};
  line_ += static_cast<uint64_t>(std::ranges::count(data.substr(0, next), '\n'));
  begin_ += next;
  restart_scan();
  return true;
}

namespace {

class CsvReader final : public CopyTextReader {
 public:
  using CopyTextReader::CopyTextReader;

 protected:
  size_t find_end(std::string_view data) override {
    for (; scanned_ < data.size(); ++scanned_) {
      const char c = data[scanned_];
      if (!in_quotes_) {
        if (c == '\n') return scanned_;
        if (c == options_.quote) in_quotes_ = true;
        continue;
      }
      if (c == options_.escape && c != options_.quote) {
        // The escaped character is in the next piece of the input, so the scan stops before the
        // escape.
        if (scanned_ + 1 == data.size()) break;
        if (is_escapable(data[scanned_ + 1])) ++scanned_;
      } else if (c == options_.quote) {
        // A doubled quote closes the quotes and opens them again, which is correct for finding the
        // end of the record.
        in_quotes_ = false;
      }
    }
    return std::string_view::npos;
  }
  void restart_scan() override {
    CopyTextReader::restart_scan();
    in_quotes_ = false;
  }
  bool may_end() const override { return !in_quotes_; }

  Status split(std::string_view record) override {
    size_t at = 0;
    for (;;) {
      take_field(record, at);
      if (at == record.size() || has_too_many_fields()) return {};
      ++at;  // skips the delimiter
    }
  }

 private:
  bool is_escapable(char c) const { return c == options_.quote || c == options_.escape; }

  void take_field(std::string_view record, size_t& at) {
    const size_t begin = at;
    while (at < record.size() && record[at] != options_.delimiter && record[at] != options_.quote)
      ++at;
    if (at == record.size() || record[at] == options_.delimiter) {
      const std::string_view text = record.substr(begin, at - begin);
      return add_field(text, text == options_.null_text);
    }
    at = begin;
    take_quoted(record, at);
  }

  // Takes a field that contains quotes, which may begin and end anywhere in the field.
  void take_quoted(std::string_view record, size_t& at) {
    const size_t begin = at;
    char* const room = scratch(0);
    char* to = room;
    for (bool in_quotes = false; at < record.size(); ++at) {
      const char c = record[at];
      const bool has_next = at + 1 < record.size();
      if (!in_quotes && c == options_.delimiter) break;
      if (in_quotes && c == options_.escape && has_next && is_escapable(record[at + 1]))
        *to++ = record[++at];
      else if (c == options_.quote)
        in_quotes = !in_quotes;
      else
        *to++ = c;
    }
    scratch(at - begin);
    add_field({room, static_cast<size_t>(to - room)}, false);
  }

  bool in_quotes_ = false;
};

class CopyPlainTextReader final : public CopyTextReader {
 public:
  using CopyTextReader::CopyTextReader;

 protected:
  size_t find_end(std::string_view data) override {
    for (; scanned_ < data.size(); ++scanned_) {
      if (data[scanned_] == '\n') return scanned_;
      // A backslash escapes the next character, so an escaped line end belongs to the record.
      // Exception: a line with only "\." ends the data, so the "." is not escaped.
      if (data[scanned_] == '\\') {
        if (scanned_ + 1 == data.size()) break;
        if (data[scanned_ + 1] != '.') ++scanned_;
      }
    }
    return std::string_view::npos;
  }

  Status split(std::string_view record) override {
    size_t at = 0;
    for (;;) {
      const size_t begin = at;
      while (at < record.size() && record[at] != options_.delimiter)
        at += record[at] == '\\' && at + 1 < record.size() ? 2 : 1;
      const std::string_view raw = record.substr(begin, at - begin);
      if (raw == options_.null_text)
        add_field({}, true);
      else
        unescape(raw);
      if (at >= record.size() || has_too_many_fields()) return {};
      ++at;
    }
  }

 private:
  static int digit(char c, int base) {
    int value = base;
    if (c >= '0' && c <= '9') value = c - '0';
    if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
    return value < base ? value : -1;
  }

  // Reads a character code of up to `most` digits.
  static char take_code(std::string_view raw, size_t& at, int base, size_t most) {
    int value = 0;
    for (size_t count = 0; count < most && at < raw.size() && digit(raw[at], base) >= 0; ++count)
      value = value * base + digit(raw[at++], base);
    return static_cast<char>(value);
  }

  void unescape(std::string_view raw) {
    if (raw.find('\\') == std::string_view::npos) return add_field(raw, false);
    char* const room = scratch(raw.size());
    char* to = room;
    constexpr std::string_view kLetters = "bfnrtv", kCharacters = "\b\f\n\r\t\v";
    for (size_t at = 0; at < raw.size();) {
      const char c = raw[at++];
      if (c != '\\' || at == raw.size()) {
        *to++ = c;
        continue;
      }
      const char letter = raw[at];
      if (digit(letter, 8) >= 0) {
        *to++ = take_code(raw, at, 8, 3);
        continue;
      }
      ++at;
      if (letter == 'x' && at < raw.size() && digit(raw[at], 16) >= 0) {
        *to++ = take_code(raw, at, 16, 2);
        continue;
      }
      const size_t known = kLetters.find(letter);
      *to++ = known == std::string_view::npos ? letter : kCharacters[known];
    }
    add_field({room, static_cast<size_t>(to - room)}, false);
  }
};

}  // namespace

std::unique_ptr<CopyTextReader> make_csv_reader(CopyTextOptions options) {
  return std::make_unique<CsvReader>(std::move(options));
}
std::unique_ptr<CopyTextReader> make_copy_text_reader(CopyTextOptions options) {
  return std::make_unique<CopyPlainTextReader>(std::move(options));
}

}  // namespace engine
