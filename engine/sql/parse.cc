// Parses statements with ANTLR, whose exceptions do not leave this file.
#include "engine/sql/parse.h"

#include "engine/sql/build.h"
#include "engine/sql/recognizers.h"
#include "engine/sql/tokens.h"
#include "engine/types/text_bytes.h"

namespace engine {
namespace {

struct TooDeep {
  TextPosition position;
};

Error too_deep_error(TextPosition position) {
  return Error{ErrorCode::LimitExceeded, "statement is nested too deeply"}.at(position).with_hint(
      "Split the expression, or use IN (...) for long chains of OR.");
}

struct Cancelled {};

// Ends a parse that would recurse too deeply with the exception TooDeep, and a parse whose result is not needed with
// the exception Cancelled.
class ParseLimits final : public antlr4::tree::ParseTreeListener {
 public:
  explicit ParseLimits(const std::atomic<bool>* is_cancelled) : is_cancelled_(is_cancelled) {}
  void enterEveryRule(antlr4::ParserRuleContext* context) override {
    if (is_cancelled_ && is_cancelled_->load(std::memory_order_relaxed)) throw Cancelled{};
    if (++depth_ > kMaxExpressionDepth) throw TooDeep{position_of(*context->start)};
  }
  void exitEveryRule(antlr4::ParserRuleContext*) override { --depth_; }
  void visitTerminal(antlr4::tree::TerminalNode*) override {}
  void visitErrorNode(antlr4::tree::ErrorNode*) override {}
  void reset() { depth_ = 0; }

 private:
  const std::atomic<bool>* const is_cancelled_;
  int depth_ = 0;
};

// Ends a parse at its first error with the exception SyntaxFailure.
class FirstError final : public antlr4::BaseErrorListener {
 public:
  void syntaxError(antlr4::Recognizer* recognizer, antlr4::Token* offending, size_t, size_t,
                   const std::string& reason, std::exception_ptr cause) override {
    SyntaxFailure failure{offending->getTokenIndex(), reason, {}};
    if (begins_at(cause, *offending))
      failure.expected = static_cast<P*>(recognizer)->getExpectedTokens();
    throw failure;
  }

 private:
  // Returns whether the parser's state belongs to the offending token. Otherwise the parser looked
  // ahead from an earlier token.
  static bool begins_at(const std::exception_ptr& cause, const antlr4::Token& offending) {
    if (!cause) return true;
    try {
      std::rethrow_exception(cause);
    } catch (const antlr4::NoViableAltException& no_way) {
      return no_way.getStartToken() == &offending;
    } catch (const antlr4::RecognitionException&) {
      return true;
    }
  }
};

// Parses the tokens of one statement by any of the grammar's entry rules.
class StatementParser {
 public:
  explicit StatementParser(StatementTokens& tokens, const std::atomic<bool>* is_cancelled = nullptr)
      : tokens_(tokens), limits_(is_cancelled), parser_(&tokens) {
    parser_.removeErrorListeners();
    parser_.addErrorListener(&first_error_);
    parser_.addParseListener(&limits_);
  }

  // Returns the tree, which lives as long as the parser.
  template <class Context>
  Result<Context*> parse(Context* (P::*rule)(), std::string_view script) {
    try {
      if (Context* tree = try_fast(rule)) return tree;
      return parse_exactly(rule);
    } catch (const SyntaxFailure& failure) {
      return syntax_error(failure, tokens_, script, [&] { return reparse(rule); });
    } catch (const TooDeep& too_deep) {
      return too_deep_error(too_deep.position);
    } catch (const Cancelled&) {
      return Error{ErrorCode::QueryCanceled, "canceling statement due to user request"};
    }
  }

 private:
  // Parses with the prediction mode SLL, which decides most statements without the full context and
  // is much faster than LL. Returns null if the parse fails; the statement may still be valid.
  template <class Context>
  Context* try_fast(Context* (P::*rule)()) {
    restart(antlr4::atn::PredictionMode::SLL, std::make_shared<antlr4::BailErrorStrategy>());
    try {
      return (parser_.*rule)();
    } catch (const antlr4::ParseCancellationException&) {
      return nullptr;
    }
  }

  template <class Context>
  Context* parse_exactly(Context* (P::*rule)()) {
    restart(antlr4::atn::PredictionMode::LL, std::make_shared<antlr4::DefaultErrorStrategy>());
    return (parser_.*rule)();
  }

  template <class Context>
  std::optional<SyntaxFailure> reparse(Context* (P::*rule)()) {
    try {
      parse_exactly(rule);
      return std::nullopt;
    } catch (const SyntaxFailure& failure) {
      return failure;
    } catch (const TooDeep&) {
      return SyntaxFailure{0, "", {}};
    } catch (const Cancelled&) {  // the next parse ends with Cancelled, too
      return SyntaxFailure{0, "", {}};
    }
  }

  void restart(antlr4::atn::PredictionMode mode,
               std::shared_ptr<antlr4::ANTLRErrorStrategy> strategy) {
    limits_.reset();
    tokens_.seek(0);
    parser_.reset();
    parser_.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(mode);
    parser_.setErrorHandler(std::move(strategy));
  }

  StatementTokens& tokens_;
  FirstError first_error_;
  ParseLimits limits_;
  ThreadParser parser_;
};

Status check_text(std::string_view text) {
  if (text.size() > UINT32_MAX / 2) return Error{ErrorCode::LimitExceeded, "statement is too long"};
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos)
    return Error{ErrorCode::InvalidEncoding, "the statement is not valid UTF-8 text"};
  return {};
}

// Limits the depth of ANTLR's tree. A chain like a + b + c is parsed without recursion, but its
// tree is as deep as the chain is long. Each level of an expression takes at least one level of the
// tree, so the expressions that are built from the tree respect kMaxExpressionDepth.
Status check_depth(antlr4::ParserRuleContext& root) {
  struct Level {
    antlr4::ParserRuleContext* context;
    int depth;
  };
  std::vector<Level> open = {{&root, 1}};
  while (!open.empty()) {
    const auto [context, depth] = open.back();
    open.pop_back();
    if (depth > kMaxExpressionDepth) return too_deep_error(position_of(*context));
    for (antlr4::tree::ParseTree* child : context->children)
      if (auto* rule = dynamic_cast<antlr4::ParserRuleContext*>(child))
        open.push_back({rule, depth + 1});
  }
  return {};
}

Result<ParsedStatement> parse_statement(StatementTokens& tokens, std::string_view script,
                                        const std::atomic<bool>* is_cancelled) {
  StatementParser parser(tokens, is_cancelled);
  P::SingleStatementContext* tree = TRY(parser.parse(&P::singleStatement, script));
  TRY(check_depth(*tree));
  return build_nested_statement(*tree->statement());
}

// Parses a text that is a single construct by the grammar's rule for the construct.
template <class Context, class Build>
auto parse_single(std::string_view text, Context* (P::*rule)(), Build build)
    -> decltype(build(std::declval<Context&>())) {
  TRY(check_text(text));
  ScriptReader reader(text);
  std::optional<StatementTokens> tokens = TRY(reader.next());
  StatementParser parser(*tokens);
  Context* tree = TRY(parser.parse(rule, text));
  TRY(check_depth(*tree));
  const std::optional<StatementTokens> more = TRY(reader.next());
  if (more) return syntax_error_at(tokens->end_token(), "A semicolon is not allowed here.");
  return build(*tree);
}

}  // namespace

Result<std::vector<ParsedStatement>> parse_script(std::string_view text,
                                                  const std::atomic<bool>* is_cancelled) {
  TRY(check_text(text));
  std::vector<ParsedStatement> statements;
  ScriptReader reader(text);
  while (true) {
    std::optional<StatementTokens> tokens = TRY(reader.next());
    if (!tokens) return statements;
    if (!tokens->empty()) statements.push_back(TRY(parse_statement(*tokens, text, is_cancelled)));
  }
}

Result<ExpressionPtr> parse_expression(std::string_view text) {
  return parse_single(text, &P::singleExpression, [](P::SingleExpressionContext& tree) {
    return build_expression(*tree.expression());
  });
}

Result<TypeName> parse_type(std::string_view text) {
  return parse_single(text, &P::singleType,
                      [](P::SingleTypeContext& tree) { return build_type(*tree.type()); });
}

}  // namespace engine
