#include "server/pg/session_tables.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "engine/types/ascii.h"
#include "engine/types/text_time.h"

namespace server::pg {

namespace {

using engine::ExpressionList;
using engine::ExpressionPtr;
using engine::TypeKind;

struct Facts {
  const sql::SessionSettings& settings;
  const std::vector<PreparedFact>& prepared;
};

ExpressionPtr cast(ExpressionPtr value, engine::TypeName type) {
  return engine::make_expression(engine::Cast{std::move(value), std::move(type)}, {});
}
ExpressionPtr literal(std::string text) {
  return engine::make_expression(engine::StringLiteral{std::move(text)}, {});
}
ExpressionPtr null_of(engine::TypeName type) {
  return cast(engine::make_expression(engine::NullLiteral{}, {}), std::move(type));
}
ExpressionPtr truth(bool value) {
  return engine::make_expression(engine::BooleanLiteral{value}, {});
}

const engine::TypeName& text_type() {
  static const engine::TypeName type{.kind = TypeKind::String};
  return type;
}
const engine::TypeName& texts_type() {
  static const engine::TypeName type{.kind = TypeKind::Array, .parts = {text_type()}};
  return type;
}

// ---- pg_prepared_statements

constexpr std::string_view kPreparedColumns[] = {"NAME", "STATEMENT", "PREPARE_TIME",
                                                 "PARAMETER_TYPES", "FROM_SQL"};

ExpressionList row_of(const PreparedFact& fact) {
  std::string since, types = "{";
  engine::append_timestamp(since, fact.since_ms);
  for (const std::string& type : fact.parameter_types)
    types += (types.size() > 1 ? ",\"" : "\"") + type + "\"";
  ExpressionList row;
  row.push_back(cast(literal(fact.name), text_type()));
  row.push_back(cast(literal(fact.statement), text_type()));
  row.push_back(cast(literal(since), {.kind = TypeKind::Timestamp}));
  row.push_back(cast(literal(types + "}"), texts_type()));
  row.push_back(truth(fact.is_of_prepare));
  return row;
}

std::vector<ExpressionList> prepared_rows(const Facts& facts) {
  std::vector<ExpressionList> rows;
  for (const PreparedFact& fact : facts.prepared) rows.push_back(row_of(fact));
  return rows;
}
ExpressionList prepared_row() { return row_of({}); }

// ---- pg_settings

constexpr std::string_view kSettingsColumns[] = {
    "NAME",     "SETTING",   "UNIT",       "CATEGORY",   "SHORT_DESC",     "EXTRA_DESC",
    "CONTEXT",  "VARTYPE",   "SOURCE",     "MIN_VAL",    "MAX_VAL",        "ENUMVALS",
    "BOOT_VAL", "RESET_VAL", "SOURCEFILE", "SOURCELINE", "PENDING_RESTART"};

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, engine::is_ascii_digit);
}

ExpressionList row_of(const sql::SessionSettings::Entry& entry, bool is_set) {
  const std::string_view type = entry.value == "on" || entry.value == "off" ? "bool"
                                : is_number(entry.value)                    ? "integer"
                                                                            : "string";
  ExpressionList row;
  row.push_back(cast(literal(entry.name), text_type()));
  row.push_back(cast(literal(entry.value), text_type()));
  row.push_back(null_of(text_type()));
  row.push_back(cast(literal(""), text_type()));
  row.push_back(cast(literal(entry.description), text_type()));
  row.push_back(null_of(text_type()));
  row.push_back(cast(literal("user"), text_type()));
  row.push_back(cast(literal(std::string(type)), text_type()));
  row.push_back(cast(literal(is_set ? "session" : "default"), text_type()));
  row.push_back(null_of(text_type()));
  row.push_back(null_of(text_type()));
  row.push_back(null_of(texts_type()));
  for (int i = 0; i < 3; ++i) row.push_back(null_of(text_type()));
  row.push_back(null_of({.kind = TypeKind::Integer}));
  row.push_back(truth(false));
  return row;
}

std::vector<ExpressionList> settings_rows(const Facts& facts) {
  std::vector<ExpressionList> rows;
  for (const sql::SessionSettings::Entry& entry : facts.settings.all())
    rows.push_back(row_of(entry, facts.settings.is_set_in_session(entry.name)));
  return rows;
}
ExpressionList settings_row() { return row_of(sql::SessionSettings::Entry(), false); }

// ---- both

struct SessionTable {
  std::string_view name;
  std::span<const std::string_view> columns;
  std::vector<ExpressionList> (*rows)(const Facts& facts);
  ExpressionList (*row)();  // one that gives the columns their types
};
constexpr std::string_view kPrepared = "PG_PREPARED_STATEMENTS";
constexpr SessionTable kTables[] = {
    {kPrepared, kPreparedColumns, prepared_rows, prepared_row},
    {"PG_SETTINGS", kSettingsColumns, settings_rows, settings_row},
};

bool has_word(std::string_view text, std::string_view upper) {
  const auto is_same = [](char a, char b) { return engine::ascii_upper(a) == b; };
  return !std::ranges::search(text, upper, is_same).empty();
}

void write_out(engine::AliasedSource& source, const Facts& facts) {
  const auto table = std::ranges::find_if(kTables, [&](const SessionTable& each) {
    return engine::equals_ignoring_case(each.name, source.name.text);
  });
  const bool is_of_catalog =
      !source.schema || engine::equals_ignoring_case(source.schema->text, "pg_catalog");
  if (table == std::end(kTables) || !is_of_catalog) return;
  auto rows = std::make_shared<engine::Query>();
  rows->position = source.position;
  rows->values = table->rows(facts);
  if (rows->values.empty()) {  // columns of the same types, and no row
    ExpressionList row = table->row();
    for (size_t i = 0; i < row.size(); ++i)
      rows->items.push_back({engine::SelectItemKind::Expression,
                             std::move(row[i]),
                             engine::Name{std::string(table->columns[i])},
                             {},
                             source.position});
    rows->where = truth(false);
  }
  source.query = std::move(rows);
  if (!source.alias) source.alias = source.name;
  source.name = *source.alias;  // as of any query in FROM
  source.schema.reset();
  if (source.columns.empty())
    for (const std::string_view name : table->columns)
      source.columns.push_back(engine::Name{std::string(name)});
}

void write_out(engine::Query& query, const Facts& facts);

void write_out_within(engine::AliasedSource& source, const Facts& facts) {
  if (!source.query) return write_out(source, facts);
  auto own = std::make_shared<engine::Query>(engine::clone(*source.query));
  write_out(*own, facts);
  source.query = std::move(own);
}

void write_out(engine::Query& query, const Facts& facts) {
  if (query.from) write_out_within(*query.from, facts);
  for (engine::Join& join : query.joins) write_out_within(join.source, facts);
}

}  // namespace

bool asks_prepared(std::string_view text) { return has_word(text, kPrepared); }

void write_out_session_tables(engine::Query& query, std::string_view text,
                              const sql::SessionSettings& settings,
                              const std::vector<PreparedFact>& prepared) {
  const bool is_meant = std::ranges::any_of(
      kTables, [&](const SessionTable& table) { return has_word(text, table.name); });
  if (is_meant) write_out(query, Facts{settings, prepared});
}

ExpressionPtr setting_named(const engine::Expression& name, const sql::SessionSettings& settings) {
  engine::Case choice;
  for (const sql::SessionSettings::Entry& entry : settings.all()) {
    auto is_it = engine::make_expression(
        engine::Comparison{engine::ComparisonOp::Equal, engine::clone(name), literal(entry.name)},
        name.position);
    choice.branches.push_back({std::move(is_it), literal(entry.value)});
  }
  return engine::make_expression(std::move(choice), name.position);
}

}  // namespace server::pg
