// Gives the lexer a text as bytes, with letters in upper case.
#pragma once
#include <string>
#include <string_view>

#include "antlr4-runtime.h"

namespace engine {

// Keywords do not depend on letter case, so the lexer gets ASCII letters in upper case. Tokens take
// their text from the original. The lexer reads bytes instead of code points: the place of a token
// is then a byte offset, no text is decoded twice, and outside of quotes and comments the dialect
// has only ASCII characters.
//
// The stream does not copy the text, which must outlive it.
class ByteStream final : public antlr4::CharStream {
 public:
  explicit ByteStream(std::string_view text) : text_(text) {}

  void consume() override {
    if (next_ < text_.size()) ++next_;
  }
  size_t LA(ssize_t i) override {
    // A positive `i` looks ahead (1 is the next byte), a negative one back (-1 is the byte before
    // the next).
    const size_t at = i > 0 ? next_ + static_cast<size_t>(i) - 1 : next_ + static_cast<size_t>(i);
    if (i == 0 || at >= text_.size()) return i == 0 ? 0 : EOF;
    const auto byte = static_cast<unsigned char>(text_[at]);
    return byte >= 'a' && byte <= 'z' ? byte - 'a' + 'A' : byte;
  }
  ssize_t mark() override { return -1; }
  void release(ssize_t) override {}
  size_t index() override { return next_; }
  void seek(size_t index) override { next_ = std::min(index, text_.size()); }
  size_t size() override { return text_.size(); }
  std::string getSourceName() const override { return "statement"; }
  std::string getText(const antlr4::misc::Interval& range) override {
    if (range.a < 0 || static_cast<size_t>(range.a) >= text_.size() || range.b < range.a) return "";
    return std::string(
        text_.substr(static_cast<size_t>(range.a), static_cast<size_t>(range.b - range.a + 1)));
  }
  std::string toString() const override { return std::string(text_); }

 private:
  std::string_view text_;
  size_t next_ = 0;
};

}  // namespace engine
