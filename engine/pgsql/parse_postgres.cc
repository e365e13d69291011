#include "engine/pgsql/parse_postgres.h"

#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>
#include <memory>

#include "engine/pgsql/convert.h"
#include "engine/pgsql/do_block.h"
#include "engine/pgsql/nesting.h"
#include "engine/sql/parse.h"
#include "engine/types/ascii.h"

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

// Returns the position of the first of these words in the text, for example of the SELECT after EXPLAIN, PREPARE or
// DECLARE; the text's size if no word occurs.
size_t find_word(std::string_view text, std::initializer_list<std::string_view> words) {
  const auto is_part = [](char c) { return c == '_' || is_ascii_letter(c) || is_ascii_digit(c); };
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_part(text[end])) ++end;
    const std::string word = upper_case(text.substr(at, end - at));
    if (std::ranges::find(words, std::string_view(word)) != words.end()) return at;
    at = std::max(end, at + 1);
  }
  return text.size();
}

// Returns the position after a quoted text, a comment or a bracketed list that begins at `at`; `at` itself if none
// begins there.
size_t behind_part(std::string_view text, size_t at) {
  struct Ends {
    std::string_view begin, end;
  };
  constexpr Ends kParts[] = {{"'", "'"}, {"\"", "\""}, {"--", "\n"}, {"/*", "*/"}};
  for (const Ends& part : kParts) {
    if (!text.substr(at).starts_with(part.begin)) continue;
    const size_t end = text.find(part.end, at + part.begin.size());
    return end == std::string_view::npos ? text.size() : end + part.end.size();
  }
  if (text[at] != '(') return at;
  for (++at; at < text.size() && text[at] != ')';) {
    const size_t behind = behind_part(text, at);
    at = behind == at ? at + 1 : behind;
  }
  return std::min(at + 1, text.size());
}

// Returns the text after the first AS, which is the SELECT of CREATE VIEW name (columns) WITH (options) AS SELECT ...
std::string_view behind_as(std::string_view text) {
  const auto is_part = [](char c) { return c == '_' || is_ascii_letter(c) || is_ascii_digit(c); };
  for (size_t at = 0; at < text.size();) {
    if (const size_t behind = behind_part(text, at); behind != at) {
      at = behind;
      continue;
    }
    size_t end = at;
    while (end < text.size() && is_part(text[end])) ++end;
    if (upper_case(text.substr(at, end - at)) == "AS") {
      const size_t begin = text.find_first_not_of(" \t\r\n", end);
      return text.substr(std::min(begin, text.size()));
    }
    at = std::max(end, at + 1);
  }
  return {};
}

Result<Statement> prepare_of(const pgsql::Fields& fields, std::unique_ptr<ParsedStatement> prepared,
                             const pgsql::Converter& convert) {
  Prepare prepare{pgsql::name_of(fields.text("name")), {}, nullptr};
  for (const pgsql::Node& type : pgsql::children(fields, "argtypes"))
    prepare.parameter_types.push_back(TRY(convert.type(type.fields)));
  prepare.statement = std::move(prepared);
  return Statement(std::move(prepare));
}

// Converts COPY (SELECT ...) TO STDOUT with a query that only PostgreSQL's syntax accepts.
Result<Statement> copy_of(const pgsql::Fields& fields, const pgsql::Converter& convert) {
  const auto query = pgsql::child(fields, "query");
  if (!query || query->kind != "SelectStmt" || fields.flag("is_from") || fields.has("filename"))
    return Error{ErrorCode::SyntaxError, "not a SELECT"};
  Copy copy;
  copy.direction = CopyDirection::ToStdout;
  copy.query = TRY(convert.query(query->fields));
  for (const pgsql::Node& option : pgsql::children(fields, "options")) {
    CopyOption read;
    read.name = option.fields.text("defname");
    read.position = convert.position(option.fields.number("location"));
    const auto value = pgsql::child(option.fields, "arg");
    if (value && value->kind == "String")
      read.value = std::string(value->fields.text("sval"));
    else if (value && value->kind == "Boolean")
      read.value = value->fields.flag("boolval") ? "true" : "false";
    else if (value && value->kind == "List")
      for (const std::string& name : pgsql::strings(value->fields, "items"))
        read.columns.push_back(pgsql::name_of(name));
    else if (value && value->kind != "A_Star")
      return pgsql::not_supported("this option of COPY is", read.position);
    copy.options.push_back(std::move(read));
  }
  return Statement(std::move(copy));
}

Result<Explain> explain_of(const pgsql::Fields& fields, const pgsql::Converter& convert) {
  Explain explain;
  for (const pgsql::Node& option : pgsql::children(fields, "options")) {
    const std::string_view name = option.fields.text("defname");
    const auto value = pgsql::child(option.fields, "arg");
    const std::string word =
        value && value->kind == "String" ? lower_case(value->fields.text("sval")) : "";
    const bool is_off = word == "off" || word == "false" || word == "0";
    if (name == "analyze") explain.analyze = !is_off;
    if (name != "format") continue;
    if (word != "json" && word != "text")
      return pgsql::not_supported("FORMAT XML or YAML of EXPLAIN is", convert.position(0))
          .with_hint("Use FORMAT TEXT or FORMAT JSON.");
    explain.format = word == "json" ? ExplainFormat::Json : ExplainFormat::Text;
  }
  return explain;
}

bool changes_rows(const pgsql::Node& node) {
  return node.kind == "InsertStmt" || node.kind == "UpdateStmt" || node.kind == "DeleteStmt";
}

// Converts a statement. `text` is the text of the statement, which begins at `begin` in the script.
Result<Statement> statement_of(const pgsql::Node& node, std::string_view text, size_t begin,
                               const pgsql::Converter& convert) {
  if (node.kind == "SelectStmt") return Statement(TRY(convert.query(node.fields)));
  if (auto other = TRY(convert.statement(node))) {
    if (auto* create = std::get_if<CreateView>(&*other)) create->query_sql = behind_as(text);
    return *std::move(other);
  }
  if (node.kind == "CopyStmt") return copy_of(node.fields, convert);
  if (node.kind == "ViewStmt") {
    CreateView create = TRY(convert.create_view(node.fields));
    create.query_sql = behind_as(text);
    return Statement(std::move(create));
  }
  const auto within = pgsql::child(node.fields, "query");
  const bool is_explain = node.kind == "ExplainStmt";
  if (is_explain && within && within->kind == "ExecuteStmt") {
    Explain explain = TRY(explain_of(node.fields, convert));
    ExecutePrepared execute{pgsql::name_of(within->fields.text("name")), {}};
    for (const pgsql::Node& argument : pgsql::children(within->fields, "params"))
      execute.arguments.push_back(TRY(convert.expression(argument)));
    explain.statement = std::make_unique<ParsedStatement>();
    explain.statement->statement = std::move(execute);
    explain.statement->text = text;
    return Statement(std::move(explain));
  }
  const bool is_view = within && within->kind == "CreateTableAsStmt" &&
                       within->fields.text("objtype") == "OBJECT_MATVIEW";
  if (within && within->kind != "SelectStmt" &&
      (node.kind == "PrepareStmt" || (is_explain && (changes_rows(*within) || is_view)))) {
    auto inner = TRY(convert.statement(*within));
    if (!inner) return Error{ErrorCode::SyntaxError, "not a SELECT"};
    const size_t at =
        is_view ? find_word(text, {"CREATE"}) : find_word(text, {"INSERT", "UPDATE", "DELETE"});
    auto whole = std::make_unique<ParsedStatement>(ParsedStatement{
        *std::move(inner), std::string(text.substr(at)),
        convert.position(static_cast<int64_t>(begin + at)), convert.take_row_locks()});
    if (!is_explain) return prepare_of(node.fields, std::move(whole), convert);
    Explain explain = TRY(explain_of(node.fields, convert));
    explain.statement = std::move(whole);
    return Statement(std::move(explain));
  }
  if (!within || within->kind != "SelectStmt")
    return pgsql::refused_statement(node, text, convert.position(static_cast<int64_t>(begin)));
  const size_t at = find_word(text, {"SELECT", "WITH", "VALUES"});
  Query query = TRY(convert.query(within->fields));
  const auto parsed = [&] {
    return std::make_unique<ParsedStatement>(ParsedStatement{
        std::move(query), std::string(text.substr(at)),
        convert.position(static_cast<int64_t>(begin + at)), convert.take_row_locks()});
  };
  if (is_explain) {
    Explain explain = TRY(explain_of(node.fields, convert));
    explain.statement = parsed();
    return Statement(std::move(explain));
  }
  if (node.kind == "DeclareCursorStmt") {
    const int64_t options = node.fields.number("options");
    constexpr int64_t kBinary = 0x1, kScroll = 0x2, kHold = 0x20;
    DeclareCursor declare;
    declare.name = pgsql::name_of(node.fields.text("portalname"));
    declare.is_binary = (options & kBinary) != 0;
    declare.is_scroll = (options & kScroll) != 0;
    declare.with_hold = (options & kHold) != 0;
    declare.query = std::move(query);
    declare.query.position = convert.position(static_cast<int64_t>(begin + at));
    declare.query_text = text.substr(at);
    return Statement(std::move(declare));
  }
  if (node.kind != "PrepareStmt")
    return pgsql::refused_statement(node, text, convert.position(static_cast<int64_t>(begin)));
  return prepare_of(node.fields, parsed(), convert);
}

}  // namespace

Result<std::vector<ParsedStatement>> parse_postgres(std::string_view text, PublicPrefix prefix) {
  if (text.find('\0') != std::string_view::npos)
    return Error{ErrorCode::SyntaxError, "syntax error at a zero byte"};
  const std::string script(text);
  if (script.size() > kShortPostgresText) TRY(pgsql::check_nesting(script));
  TRY(pgsql::check_assigned_rows(script));
  const Parsed parsed = TRY(parse(script));
  simdjson::dom::parser parser;
  simdjson::dom::element tree;
  const std::string_view json(parsed->parse_tree);
  if (const auto error = parser.parse(json.data(), json.size()).get(tree))
    return Error{ErrorCode::LimitExceeded, fmt::format("statement is nested too deeply ({})",
                                                       simdjson::error_message(error))};
  const pgsql::Converter convert(script, prefix);
  constexpr std::string_view kHalfClauses[] = {R"("aliasname":"emit")", R"("aliasname":"changes")",
                                               R"("aliasname":"final")"};
  if (std::ranges::any_of(kHalfClauses, [&](auto each) { return json.find(each) != json.npos; }))
    TRY(pgsql::check_half_clauses(script, convert));
  std::vector<ParsedStatement> statements;
  simdjson::dom::array list;
  if (tree["stmts"].get(list) != simdjson::SUCCESS) return statements;
  for (const simdjson::dom::element each : list) {
    const pgsql::Fields raw(each);
    const auto node = pgsql::child(raw, "stmt");
    if (!node) return Error{ErrorCode::SyntaxError, "not a SELECT"};
    auto begin = static_cast<size_t>(raw.number("stmt_location"));
    auto size = static_cast<size_t>(raw.number("stmt_len"));
    if (size == 0) size = script.size() - begin;
    const std::string_view written = std::string_view(script).substr(begin, size);
    const size_t skipped = std::min(written.find_first_not_of(" \t\r\n"), written.size());
    begin += skipped;
    ParsedStatement& statement = statements.emplace_back();
    statement.text = written.substr(skipped);
    statement.start = convert.position(static_cast<int64_t>(begin));
    if (node->kind == "DoStmt") {
      auto block = pgsql::do_block(node->fields);
      if (!block) return std::move(block).error().at(statement.start);
      if (*block) {
        statement.statement = std::move((*block)->statement);
        if (!(*block)->text.empty()) statement.text = std::move((*block)->text);
        continue;
      }
    }
    statement.statement = TRY(statement_of(*node, written.substr(skipped), begin, convert));
    statement.row_locks = convert.take_row_locks();
  }
  return statements;
}

Result<Query> parse_select(std::string_view text, bool is_postgres) {
  auto script = is_postgres ? parse_postgres(text) : parse_script(text);
  // Views of older versions may have texts that the dialect's parser no longer accepts, such as a comparison of
  // ROW(a, b). PostgreSQL's parser accepts them.
  if (!script && !is_postgres && script.error().code == ErrorCode::SyntaxError)
    if (auto otherwise = parse_postgres(text)) script = std::move(otherwise);
  auto parsed = TRY(std::move(script));
  auto* query = parsed.size() == 1 ? std::get_if<Query>(&parsed.front().statement) : nullptr;
  if (!query) return Error{ErrorCode::SyntaxError, "the definition of the view is not one SELECT"};
  return std::move(*query);
}

std::vector<ScriptPart> split_postgres(std::string_view text) {
  std::vector<ScriptPart> parts;
  if (text.size() > kShortPostgresText || text.find('\0') != std::string_view::npos) return parts;
  const PgQuerySplitResult split = pg_query_split_with_scanner(std::string(text).c_str());
  for (int i = 0; !split.error && i < split.n_stmts; ++i)
    parts.push_back({static_cast<size_t>(split.stmts[i]->stmt_location),
                     static_cast<size_t>(split.stmts[i]->stmt_len)});
  pg_query_free_split_result(split);
  // The splitter omits a last statement with unbalanced brackets. It must be refused, not ignored.
  const size_t end = parts.empty() ? text.size() : parts.back().begin + parts.back().size;
  const size_t rest = text.find_first_not_of("; \t\r\n\f\v", end);
  if (rest != std::string_view::npos) parts.push_back({rest, text.size() - rest});
  return parts;
}

}  // namespace engine
