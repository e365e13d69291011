#include "engine/sql/tokens.h"

#include <absl/strings/ascii.h>

#include <string>
#include <unordered_set>

#include "engine/sql/keywords.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

using grammar::MillraceLexer;

// Returns the change of the nesting depth by a token of this type.
int nesting_change(size_t type) {
  switch (type) {
    case MillraceLexer::LPAREN:
    case MillraceLexer::LBRACKET:
    case MillraceLexer::ARRAY_BEGIN:
    case MillraceLexer::CASE:
      return 1;
    case MillraceLexer::RPAREN:
    case MillraceLexer::RBRACKET:
    case MillraceLexer::END:
      return -1;
    default:
      return 0;
  }
}

// Returns whether no rule of the grammar accepts the token, so that later tokens need not be read.
bool is_never_right(size_t type) {
  return type == MillraceLexer::UNRECOGNIZED || type == MillraceLexer::UNTERMINATED_STRING ||
         type == MillraceLexer::UNTERMINATED_IDENTIFIER;
}

}  // namespace

antlr4::Token* StatementTokens::LT(ssize_t k) {
  const ssize_t at = static_cast<ssize_t>(next_) + (k > 0 ? k - 1 : k);
  if (k == 0 || at < 0) return nullptr;
  return &tokens_[std::min(static_cast<size_t>(at), tokens_.size() - 1)];
}

size_t StatementTokens::LA(ssize_t k) {
  const antlr4::Token* token = LT(k);
  return token ? token->getType() : antlr4::Token::INVALID_TYPE;
}

antlr4::Token* StatementTokens::get(size_t index) const {
  return const_cast<antlr4::CommonToken*>(&tokens_.at(index));  // required by ANTLR's interface
}

std::string StatementTokens::getText(const antlr4::misc::Interval& range) {
  if (range.a < 0 || range.b < range.a) return "";
  const size_t last = std::min(static_cast<size_t>(range.b), tokens_.size() - 1);
  return getText(&tokens_[static_cast<size_t>(range.a)], &tokens_[last]);
}
std::string StatementTokens::getText() { return getText(&tokens_.front(), &tokens_.back()); }
std::string StatementTokens::getText(antlr4::RuleContext* context) {
  return getText(context->getSourceInterval());
}
std::string StatementTokens::getText(antlr4::Token* start, antlr4::Token* stop) {
  return start->getInputStream()->getText(
      antlr4::misc::Interval(start->getStartIndex(), stop->getStopIndex()));
}

TextPosition position_of(const antlr4::Token& token) {
  return {static_cast<uint32_t>(token.getLine()),
          static_cast<uint32_t>(token.getCharPositionInLine()),
          static_cast<uint32_t>(token.getStartIndex())};
}

std::string word_at(StatementTokens& tokens, size_t place) {
  return place + 1 < tokens.size() ? upper_case(tokens.token(place).getText()) : std::string();
}

ScriptReader::ScriptReader(std::string_view text) : text_(text), stream_(text), lexer_(&stream_) {
  lexer_.removeErrorListeners();  // the lexer has no errors: other text is an UNRECOGNIZED token
}

StatementTokens ScriptReader::with_end(std::vector<antlr4::CommonToken> tokens,
                                       antlr4::CommonToken end) {
  if (!tokens.empty()) end.setStartIndex(tokens.back().getStopIndex() + 1);
  set_position(end);
  end.setType(antlr4::Token::EOF);
  end.setStopIndex(end.getStartIndex() - 1);
  end.setTokenIndex(tokens.size());
  tokens.push_back(std::move(end));
  return StatementTokens(std::move(tokens));
}

Result<std::optional<StatementTokens>> ScriptReader::next() {
  if (at_end_) return std::optional<StatementTokens>();
  std::vector<antlr4::CommonToken> tokens;
  int depth = 0;
  size_t end = reached_.offset;  // offset of the last token
  while (true) {
    antlr4::CommonToken token(lexer_.nextToken().get());
    const size_t type = token.getType();
    if (type == antlr4::Token::EOF) TRY(check_comments_end(end));
    at_end_ = type == antlr4::Token::EOF;
    if (at_end_ || type == MillraceLexer::SEMICOLON) return with_end(std::move(tokens), token);
    set_position(token);
    token.setTokenIndex(tokens.size());
    depth += nesting_change(type);
    if (depth > kMaxBracketDepth)
      return Error{ErrorCode::LimitExceeded, "statement is nested too deeply"}
          .at(position_of(token))
          .with_hint("At most " + std::to_string(kMaxBracketDepth) +
                     " levels of parentheses are allowed.");
    if (tokens.size() >= kMaxStatementTokens)
      return Error{ErrorCode::LimitExceeded, "statement is too long"}
          .at(position_of(token))
          .with_hint("Use several statements, or COPY to insert many rows.");
    end = token.getStopIndex() + 1;
    tokens.push_back(std::move(token));
    if (is_never_right(type)) {
      antlr4::CommonToken last = tokens.back();
      return with_end(std::move(tokens), std::move(last));
    }
  }
}

void ScriptReader::set_position(antlr4::CommonToken& token) {
  for (const size_t start = token.getStartIndex(); reached_.offset < start; ++reached_.offset) {
    const char byte = text_[reached_.offset];
    if (byte == '\n') {
      ++reached_.line;
      reached_.column = 1;
    } else if ((byte & 0xC0) != 0x80) {  // the bytes that continue a code point do not count
      ++reached_.column;
    }
  }
  token.setLine(reached_.line);
  token.setCharPositionInLine(reached_.column);
}

Status ScriptReader::check_comments_end(size_t last_end) {
  if (lexer_.modeStack.empty()) return {};
  antlr4::CommonToken comment(MillraceLexer::COMMENT_START);
  comment.setStartIndex(std::min(text_.find("/*", last_end), text_.size()));
  set_position(comment);
  return Error{ErrorCode::SyntaxError, "unterminated /* comment"}.at(position_of(comment));
}

const std::vector<Keyword>& keywords() {
  static const auto words = [] {
    ByteStream nothing("");
    const MillraceLexer lexer(&nothing);
    std::vector<Keyword> all;
    for (size_t type = 1; type <= lexer.getVocabulary().getMaxTokenType(); ++type) {
      // The literal is for example 'ALL', with its quotes.
      const std::string literal = lexer.getVocabulary().getLiteralName(type);
      if (literal.size() < 3 || !absl::ascii_isalpha(static_cast<unsigned char>(literal[1])))
        continue;
      // The lexer lists the reserved words first.
      const bool is_reserved = type >= MillraceLexer::ALL && type <= MillraceLexer::WITH;
      all.push_back({literal.substr(1, literal.size() - 2), is_reserved});
    }
    return all;
  }();
  return words;
}

bool is_reserved_word(std::string_view name) {
  static const auto words = [] {
    std::unordered_set<std::string> reserved;
    for (const Keyword& each : keywords())
      if (each.is_reserved) reserved.insert(each.word);
    return reserved;
  }();
  return words.contains(std::string(name));
}

}  // namespace engine
