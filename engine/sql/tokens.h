// Reads the tokens of a script, one statement after another.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sql/byte_stream.h"
#include "engine/sql/recognizers.h"

namespace engine {

// Deeper nesting of brackets and CASE is refused before the text is parsed, because the parser is
// recursive.
inline constexpr int kMaxBracketDepth = 400;
// With this limit, the parse tree of a statement takes up to about 100 MB. An INSERT of many rows
// may be that large; for more rows, use COPY.
inline constexpr size_t kMaxStatementTokens = 200'000;

// The tokens of one statement, followed by an EOF token at the end of the statement's text. A
// token's line and charPositionInLine are those of TextPosition: code points, from 1, in the whole
// script.
class StatementTokens final : public antlr4::TokenStream {
 public:
  explicit StatementTokens(std::vector<antlr4::CommonToken> tokens) : tokens_(std::move(tokens)) {}

  bool empty() const { return tokens_.size() == 1; }
  antlr4::CommonToken& token(size_t index) { return tokens_[index]; }
  antlr4::CommonToken& end_token() { return tokens_.back(); }

  antlr4::Token* LT(ssize_t k) override;
  antlr4::Token* get(size_t index) const override;
  antlr4::TokenSource* getTokenSource() const override { return tokens_.back().getTokenSource(); }
  std::string getText(const antlr4::misc::Interval& range) override;
  std::string getText() override;
  std::string getText(antlr4::RuleContext* context) override;
  std::string getText(antlr4::Token* start, antlr4::Token* stop) override;

  void consume() override {
    if (next_ + 1 < tokens_.size()) ++next_;
  }
  size_t LA(ssize_t k) override;
  ssize_t mark() override { return -1; }
  void release(ssize_t) override {}
  size_t index() override { return next_; }
  void seek(size_t index) override { next_ = std::min(index, tokens_.size() - 1); }
  size_t size() override { return tokens_.size(); }
  std::string getSourceName() const override { return "statement"; }

 private:
  std::vector<antlr4::CommonToken>
      tokens_;  // never empty, and never changed, because the parse tree points into it
  size_t next_ = 0;
};

TextPosition position_of(const antlr4::Token& token);
// Returns the text of the token at `place` in upper case; an empty text at the end of the statement and after it.
std::string word_at(StatementTokens& tokens, size_t place);

// Splits a script at its semicolons. The text is not copied; the text and the reader must outlive
// the tokens.
class ScriptReader {
 public:
  explicit ScriptReader(std::string_view text);

  // Returns the tokens of the next statement (a blank statement has none), or nothing after the
  // last statement. Fails with LimitExceeded if a statement is too long or nested too deeply, and
  // with SyntaxError for a comment without end.
  Result<std::optional<StatementTokens>> next();

 private:
  // Appends an EOF token directly after the last token; `end` is the next token of the script.
  StatementTokens with_end(std::vector<antlr4::CommonToken> tokens, antlr4::CommonToken end);
  void set_position(antlr4::CommonToken& token);
  Status check_comments_end(size_t last_end);

  std::string_view text_;
  ByteStream stream_;
  ThreadLexer lexer_;
  TextPosition reached_;  // position of the last token that got one
  bool at_end_ = false;
};

// Returns whether a name in upper case can only be written in quotes.
bool is_reserved_word(std::string_view name);

}  // namespace engine
