#include "client/sql/statement_reader.h"

#include <algorithm>
#include <utility>

namespace client {

namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Returns whether the byte can be part of a word. Bytes above 127 belong to letters of UTF-8.
bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_same_word(std::string_view word, std::string_view wanted) {
  return std::ranges::equal(word, wanted, {}, upper);
}

// Calls `visit` with each word of a statement outside of quotes and comments. Ends when `visit`
// returns false, because an INSERT may have many megabytes, and its first word is enough.
template <class Visit>
void for_each_plain_word(std::string_view text, const Visit& visit) {
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\'' || c == '"' || c == '`') {
      at = std::min(text.find(c, at + 1), text.size() - 1) + 1;
    } else if (text.substr(at).starts_with("--")) {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at).starts_with("/*")) {
      at = std::min(text.find("*/", at), text.size() - 2) + 2;
    } else if (is_word_byte(c)) {
      const size_t begin = at;
      while (at < text.size() && is_word_byte(text[at])) ++at;
      if (!visit(text.substr(begin, at - begin))) return;
    } else {
      ++at;
    }
  }
}

}  // namespace

void StatementReader::add_line(std::string_view line) { text_.append(line) += '\n'; }

bool StatementReader::is_inside() const { return begin_ != text_.npos || mode_ == Mode::Comment; }

void StatementReader::clear() {
  first_line_ += std::ranges::count(text_, '\n');
  text_.clear();
  scanned_ = 0;
  begin_ = text_.npos;
  mode_ = Mode::Plain;
}

std::optional<SqlStatement> StatementReader::next() {
  while (scanned_ < text_.size() && !is_complete_) {
    switch (mode_) {
      case Mode::Plain:
        scan_plain();
        break;
      case Mode::Quoted:
      case Mode::Escaped:
        scan_quoted();
        break;
      case Mode::Dollars:
        skip_to_end_of(dollar_tag_);
        break;
      case Mode::LineComment:
        skip_to_end_of("\n");
        break;
      case Mode::Comment:
        scan_comment();
        break;
    }
  }
  if (!std::exchange(is_complete_, false)) return std::nullopt;
  return take(scanned_);
}

std::optional<SqlStatement> StatementReader::rest() {
  if (begin_ == text_.npos) return std::nullopt;
  size_t end = text_.size();
  while (end > begin_ && is_blank(text_[end - 1])) --end;
  scanned_ = text_.size();
  mode_ = Mode::Plain;
  return take(end);
}

void StatementReader::scan_plain() {
  const char c = text_[scanned_];
  const std::string_view ahead = std::string_view(text_).substr(scanned_);
  if (ahead.starts_with("--")) {
    mode_ = Mode::LineComment;
  } else if (ahead.starts_with("/*")) {
    mode_ = Mode::Comment;
    comment_depth_ = 0;
  } else if (is_blank(c)) {
    ++scanned_;
  } else {
    // A semicolon without a statement is skipped.
    if (c == ';' && begin_ == text_.npos) {
      ++scanned_;
      return;
    }
    if (begin_ == text_.npos) begin_ = scanned_;
    if (c == '\'' || c == '"' || c == '`') {
      // In E'...', which has escapes with a backslash, the E must not be the end of a longer word.
      const bool has_prefix = scanned_ > begin_ && upper(text_[scanned_ - 1]) == 'E' &&
                              (scanned_ - 1 == begin_ || !is_word_byte(text_[scanned_ - 2]));
      mode_ = c == '\'' && has_prefix ? Mode::Escaped : Mode::Quoted;
      quote_ = c;
    } else if (c == '$' && begin_dollars()) {
      return;
    }
    ++scanned_;
    is_complete_ = c == ';';
  }
}

// Continues to the end of a quoted text. A doubled quote ends the text and begins another one,
// which leads to the same result.
void StatementReader::scan_quoted() {
  while (scanned_ < text_.size()) {
    const char c = text_[scanned_++];
    if (c == '\\' && mode_ == Mode::Escaped && scanned_ < text_.size()) ++scanned_;
    if (c == quote_) {
      mode_ = Mode::Plain;
      return;
    }
  }
}

// Continues to the end of a comment. As in PostgreSQL, a comment may contain other comments.
void StatementReader::scan_comment() {
  while (scanned_ < text_.size()) {
    const std::string_view ahead = std::string_view(text_).substr(scanned_);
    if (ahead.starts_with("/*")) {
      ++comment_depth_;
      scanned_ += 2;
    } else if (ahead.starts_with("*/")) {
      scanned_ += 2;
      if (--comment_depth_ == 0) {
        mode_ = Mode::Plain;
        return;
      }
    } else {
      ++scanned_;
    }
  }
}

// Continues to the end of the next `mark`, or to the end of the text if there is none. A mark
// contains no line end, and lines are added as a whole, so no mark is cut by the end of the text.
void StatementReader::skip_to_end_of(std::string_view mark) {
  const size_t found = text_.find(mark, scanned_);
  if (found == text_.npos) {
    scanned_ = text_.size();
    return;
  }
  scanned_ = found + mark.size();
  mode_ = Mode::Plain;
}

bool StatementReader::begin_dollars() {
  if (scanned_ > begin_ && is_word_byte(text_[scanned_ - 1])) return false;
  size_t end = scanned_ + 1;
  while (end < text_.size() && is_word_byte(text_[end])) ++end;
  const bool is_number =
      end > scanned_ + 1 && text_[scanned_ + 1] >= '0' && text_[scanned_ + 1] <= '9';
  if (end == text_.size() || text_[end] != '$' || is_number) return false;
  dollar_tag_ = text_.substr(scanned_, end + 1 - scanned_);
  scanned_ = end + 1;
  mode_ = Mode::Dollars;
  return true;
}

SqlStatement StatementReader::take(size_t end) {
  const auto lines_before = [&](size_t at) {
    return std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  };
  SqlStatement statement{text_.substr(begin_, end - begin_), first_line_ + lines_before(begin_)};
  first_line_ += lines_before(scanned_);
  text_.erase(0, scanned_);
  scanned_ = 0;
  begin_ = text_.npos;
  return statement;
}

bool is_push_statement(std::string_view statement) {
  bool is_push = false;
  std::string_view before;
  for_each_plain_word(statement, [&](std::string_view word) {
    const bool is_first = before.empty();
    is_push = is_first ? is_same_word(word, "PRINT")
                       : is_same_word(before, "EMIT") && is_same_word(word, "CHANGES");
    before = word;
    const bool may_follow = !is_first || is_same_word(word, "SELECT") || is_same_word(word, "WITH");
    return !is_push && may_follow;
  });
  return is_push;
}

bool has_word(std::string_view text, std::string_view word) {
  bool is_found = false;
  for_each_plain_word(text, [&](std::string_view each) {
    is_found = is_same_word(each, word);
    return !is_found;
  });
  return is_found;
}

}  // namespace client
