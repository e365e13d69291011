#include "engine/pgsql/parse_postgres.h"

#include <fmt/format.h>
#include <pg_query.h>

#include <memory>

#include "engine/pgsql/convert.h"

namespace engine {

namespace {

struct Free {
  void operator()(PgQueryParseResult* result) const {
    pg_query_free_parse_result(*result);
    delete result;
  }
};
using Parsed = std::unique_ptr<PgQueryParseResult, Free>;

Result<Parsed> parse(const std::string& text) {
  Parsed parsed(new PgQueryParseResult(pg_query_parse(text.c_str())));
  if (!parsed->error) return parsed;
  const pgsql::Converter positions(text);
  return Error{ErrorCode::SyntaxError, parsed->error->message}.at(
      positions.position(parsed->error->cursorpos - 1));
}

}  // namespace

Result<std::vector<ParsedStatement>> parse_postgres(std::string_view text) {
  if (text.size() > kMaxPostgresText)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("a statement in PostgreSQL's own syntax may have {} KB",
                             kMaxPostgresText >> 10)};
  if (text.find('\0') != std::string_view::npos)
    return Error{ErrorCode::SyntaxError, "syntax error at a zero byte"};
  const std::string script(text);
  const Parsed parsed = TRY(parse(script));
  simdjson::dom::parser parser;
  simdjson::dom::element tree;
  const std::string_view json(parsed->parse_tree);
  if (const auto error = parser.parse(json.data(), json.size()).get(tree))
    return Error{ErrorCode::LimitExceeded, fmt::format("statement is nested too deeply ({})",
                                                       simdjson::error_message(error))};
  const pgsql::Converter convert(script);
  std::vector<ParsedStatement> statements;
  simdjson::dom::array list;
  if (tree["stmts"].get(list) != simdjson::SUCCESS) return statements;
  for (const simdjson::dom::element each : list) {
    const pgsql::Fields raw(each);
    const auto node = pgsql::child(raw, "stmt");
    if (!node || node->kind != "SelectStmt") return Error{ErrorCode::SyntaxError, "not a SELECT"};
    auto begin = static_cast<size_t>(raw.number("stmt_location"));
    auto size = static_cast<size_t>(raw.number("stmt_len"));
    if (size == 0) size = script.size() - begin;
    const std::string_view written = std::string_view(script).substr(begin, size);
    const size_t skipped = std::min(written.find_first_not_of(" \t\r\n"), written.size());
    begin += skipped;
    ParsedStatement& statement = statements.emplace_back();
    statement.statement = TRY(convert.query(node->fields));
    statement.text = written.substr(skipped);
    statement.start = convert.position(static_cast<int64_t>(begin));
  }
  return statements;
}

}  // namespace engine
