#include "server/sql/serial/sequence_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog/passed_numbers.h"
#include "engine/sql/parse.h"
#include "engine/sql/sequence_call.h"
#include "engine/types/ascii.h"

namespace server {

namespace {

const engine::SequencePtr* find(const engine::AliasedSource& source,
                                const engine::Catalog& catalog) {
  if (source.query || source.name.empty()) return nullptr;
  const bool is_of_public =
      !source.schema || engine::equals_ignoring_case(source.schema->text, "public");
  return catalog.sequences.get(is_of_public ? source.name.text
                                            : source.schema->text + "." + source.name.text);
}

bool reads_sequence(const engine::Query& query, const engine::Catalog& catalog) {
  const auto reads = [&](const engine::AliasedSource& source) {
    return find(source, catalog) || (source.query && reads_sequence(*source.query, catalog));
  };
  return (query.from && reads(*query.from)) ||
         std::ranges::any_of(query.joins, reads, &engine::Join::source);
}

Status read_rows(engine::Query& query, const engine::Catalog& catalog) {
  const auto put = [&](engine::AliasedSource& source) -> Status {
    if (source.query && reads_sequence(*source.query, catalog)) {
      auto within = std::make_shared<engine::Query>(clone(*source.query));
      TRY(read_rows(*within, catalog));
      source.query = std::move(within);
      return {};
    }
    const engine::SequencePtr* sequence = find(source, catalog);
    if (!sequence) return {};
    std::string literal;
    for (const char c : (*sequence)->name) literal += c == '\'' ? "''" : std::string(1, c);
    auto parsed = TRY(engine::parse_script(fmt::format(
        "SELECT MR_POSITION AS LAST_VALUE, MR_LOG AS LOG_CNT, MR_CALLED AS IS_CALLED FROM "
        "PG_CATALOG.PG_SEQUENCES WHERE MR_KEY = '{}'",
        literal)));
    source.name = engine::Name(source.visible_name());
    source.alias.reset();
    source.schema.reset();
    source.query = std::make_shared<const engine::Query>(
        std::get<engine::Query>(std::move(parsed.front().statement)));
    return {};
  };
  if (query.from) TRY(put(*query.from));
  for (engine::Join& join : query.joins) TRY(put(join.source));
  return {};
}

// Returns the parsed DEFAULT; null if it cannot call a function of sequences. Most texts without
// such a call are recognized by a search, and are not parsed.
engine::ExpressionPtr default_of(const engine::ColumnDef& column) {
  constexpr std::string_view kEnd = "VAL(";
  if (std::ranges::search(column.default_sql, kEnd, {}, engine::ascii_upper).empty())
    return nullptr;
  auto parsed = engine::parse_expression(column.default_sql);
  return parsed ? *std::move(parsed) : nullptr;
}

}  // namespace

Result<std::shared_ptr<const engine::ParsedStatement>> with_sequence_rows(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog) {
  const auto* query = std::get_if<engine::Query>(&statement->statement);
  if (!query || catalog.sequences.empty() || !reads_sequence(*query, catalog)) return statement;
  auto reading = std::make_shared<engine::ParsedStatement>();
  engine::Query rows = clone(*query);
  TRY(read_rows(rows, catalog));
  reading->statement = std::move(rows);
  reading->text = statement->text;
  reading->start = statement->start;
  return std::shared_ptr<const engine::ParsedStatement>(std::move(reading));
}

bool has_sequence_default(const engine::ColumnDef& column) {
  const engine::ExpressionPtr parsed = default_of(column);
  return parsed && engine::calls_sequence(*parsed);
}

bool has_sequence_default(const engine::DataSource& table) {
  return std::ranges::any_of(table.schema.columns, [](const engine::ColumnDef& column) {
    return has_sequence_default(column);
  });
}

std::string sequence_of_default(const engine::ColumnDef& column) {
  const engine::ExpressionPtr parsed = default_of(column);
  const auto* call = parsed ? parsed->as<engine::FunctionCall>() : nullptr;
  if (!call || call->name != "NEXTVAL") return {};
  const auto named = engine::sequences_named_in(*parsed);
  return named.size() == 1 ? named.front() : std::string();
}

engine::SequencePtr own_sequence(const engine::Catalog& catalog, const engine::DataSource& table,
                                 const engine::ColumnDef& column) {
  const std::string text = sequence_of_default(column);
  const auto name = text.empty() ? Result<std::string>(text) : engine::sequence_name(text);
  const engine::SequencePtr* found =
      name && !name->empty() ? catalog.sequences.get(*name) : nullptr;
  if (!found || !engine::is_passed_by_rows(**found)) return nullptr;
  return (*found)->owner_table == table.name && (*found)->owner_column == column.name ? *found
                                                                                      : nullptr;
}

}  // namespace server
