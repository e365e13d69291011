#include "server/pg/session_tables.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <tuple>
#include <utility>

#include "engine/sql/rewrite.h"
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
  const std::vector<SessionStatus>& statuses;
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

constexpr std::string_view kPreparedColumns[] = {
    "NAME",     "STATEMENT",     "PREPARE_TIME", "PARAMETER_TYPES",
    "FROM_SQL", "GENERIC_PLANS", "CUSTOM_PLANS"};

const engine::TypeName& names_of_types() {
  static const engine::TypeName type = [] {
    engine::TypeName element;
    element.custom_name = "REGTYPE";
    return engine::TypeName{.kind = TypeKind::Array, .parts = {std::move(element)}};
  }();
  return type;
}

ExpressionList row_of(const PreparedFact& fact) {
  std::string since, types = "{";
  engine::append_timestamp(since, fact.since_ms);
  since += 'Z';
  for (const std::string& type : fact.parameter_types)
    types += (types.size() > 1 ? ",\"" : "\"") + type + "\"";
  ExpressionList row;
  row.push_back(cast(literal(fact.name), text_type()));
  row.push_back(cast(literal(fact.statement), text_type()));
  row.push_back(cast(literal(since), {.kind = TypeKind::Timestamp}));
  row.push_back(cast(literal(types + "}"), names_of_types()));
  row.push_back(truth(fact.is_of_prepare));
  // The counts of plans are 0, because a plan is made for each execution.
  for (int i = 0; i < 2; ++i)
    row.push_back(
        cast(engine::make_expression(engine::BigintLiteral{0}, {}), {.kind = TypeKind::Bigint}));
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

// ---- pg_stat_activity

constexpr std::string_view kActivityColumns[] = {"DATID",
                                                 "DATNAME",
                                                 "PID",
                                                 "LEADER_PID",
                                                 "USESYSID",
                                                 "USENAME",
                                                 "APPLICATION_NAME",
                                                 "CLIENT_ADDR",
                                                 "CLIENT_HOSTNAME",
                                                 "CLIENT_PORT",
                                                 "BACKEND_START",
                                                 "XACT_START",
                                                 "QUERY_START",
                                                 "STATE_CHANGE",
                                                 "WAIT_EVENT_TYPE",
                                                 "WAIT_EVENT",
                                                 "STATE",
                                                 "BACKEND_XID",
                                                 "BACKEND_XMIN",
                                                 "QUERY_ID",
                                                 "QUERY",
                                                 "BACKEND_TYPE"};

engine::TypeName type_named(std::string name) {
  engine::TypeName type;
  type.custom_name = std::move(name);
  return type;
}
ExpressionPtr integer(int64_t value) {
  return cast(engine::make_expression(engine::BigintLiteral{value}, {}),
              {.kind = TypeKind::Integer});
}
ExpressionPtr text_or_null(const std::string& text) {
  return text.empty() ? null_of(text_type()) : cast(literal(text), text_type());
}
ExpressionPtr moment(std::optional<int64_t> since_ms) {
  if (!since_ms) return null_of({.kind = TypeKind::Timestamp});
  std::string text;
  engine::append_timestamp(text, *since_ms);
  return cast(literal(text + 'Z'), {.kind = TypeKind::Timestamp});
}

// Returns the row of a session. As in PostgreSQL, the row of a concealed session shows only that
// the session exists.
ExpressionList row_of(const SessionStatus& status) {
  const bool is_shown = !status.is_concealed;
  const auto shown_time = [&](std::optional<int64_t> since_ms) {
    return moment(is_shown ? since_ms : std::nullopt);
  };
  const bool waits = is_shown && status.state.starts_with("idle");
  constexpr int64_t kDatabase = 5;  // the OID of the database in pg_database
  ExpressionList row;
  row.push_back(cast(integer(kDatabase), type_named("OID")));
  row.push_back(cast(literal(status.database), type_named("NAME")));
  row.push_back(integer(status.process_id));
  row.push_back(null_of({.kind = TypeKind::Integer}));
  row.push_back(null_of(type_named("OID")));
  row.push_back(cast(literal(status.user), type_named("NAME")));
  row.push_back(cast(literal(status.application_name), text_type()));
  row.push_back(is_shown && !status.client_host.empty()
                    ? cast(literal(status.client_host), type_named("INET"))
                    : null_of(type_named("INET")));
  row.push_back(null_of(text_type()));
  row.push_back(is_shown && status.client_port ? integer(*status.client_port)
                                               : null_of({.kind = TypeKind::Integer}));
  row.push_back(shown_time(status.began_ms));
  row.push_back(shown_time(status.transaction_began_ms));
  row.push_back(shown_time(status.query_began_ms));
  row.push_back(shown_time(status.changed_ms));
  row.push_back(text_or_null(waits ? "Client" : ""));
  row.push_back(text_or_null(waits ? "ClientRead" : ""));
  row.push_back(text_or_null(is_shown ? status.state : ""));
  row.push_back(null_of(type_named("XID")));
  row.push_back(null_of(type_named("XID")));
  row.push_back(null_of({.kind = TypeKind::Bigint}));
  row.push_back(cast(literal(is_shown ? status.query : "<insufficient privilege>"), text_type()));
  row.push_back(text_or_null(is_shown ? "client backend" : ""));
  return row;
}

std::vector<ExpressionList> activity_rows(const Facts& facts) {
  std::vector<ExpressionList> rows;
  for (const SessionStatus& status : facts.statuses) rows.push_back(row_of(status));
  return rows;
}
ExpressionList activity_row() { return row_of(SessionStatus{.client_host = "::1"}); }

// ---- All tables

struct SessionTable {
  std::string_view name;
  std::span<const std::string_view> columns;
  std::vector<ExpressionList> (*rows)(const Facts& facts);
  ExpressionList (*row)();  // a row that gives the columns their types
};
constexpr std::string_view kPrepared = "PG_PREPARED_STATEMENTS", kActivity = "PG_STAT_ACTIVITY";
constexpr SessionTable kTables[] = {
    {kActivity, kActivityColumns, activity_rows, activity_row},
    {kPrepared, kPreparedColumns, prepared_rows, prepared_row},
    {"PG_SETTINGS", kSettingsColumns, settings_rows, settings_row},
    // The parser converts the function pg_show_all_settings() to a table of this name.
    {"PG_SHOW_ALL_SETTINGS", kSettingsColumns, settings_rows, settings_row},
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
  if (rows->values.empty()) {  // a table without rows, whose columns have the same types
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
  source.name = *source.alias;  // the sub-query has the alias as its name, as any query in FROM
  source.schema.reset();
  if (source.columns.empty())
    for (const std::string_view name : table->columns)
      source.columns.push_back(engine::Name{std::string(name)});
}

void write_out(engine::Query& query, const Facts& facts);

// Replaces the session tables in `query`. Other owners may share the query, so it is replaced by a changed copy.
void write_out_within(std::shared_ptr<const engine::Query>& query, const Facts& facts) {
  if (!query) return;
  auto own = std::make_shared<engine::Query>(engine::clone(*query));
  write_out(*own, facts);
  query = std::move(own);
}
void write_out_within(engine::AliasedSource& source, const Facts& facts) {
  if (!source.query) return write_out(source, facts);
  write_out_within(source.query, facts);
}

void write_out(engine::Query& query, const Facts& facts) {
  for (engine::CommonTable& table : query.with) write_out_within(table.query, facts);
  if (query.combined) {
    write_out_within(query.combined->left, facts);
    write_out_within(query.combined->right, facts);
  }
  if (query.from) write_out_within(*query.from, facts);
  for (engine::Join& join : query.joins) write_out_within(join.source, facts);
}

// Replaces each session table (kTables) in the query by a sub-query that returns its rows. The
// query's own sub-queries are searched, too, both those in FROM and those in expressions.
void write_out_all(engine::Query& query, const Facts& facts) {
  const auto visit = [&](ExpressionPtr& expression) -> Status {
    if (auto* subquery = std::get_if<engine::Subquery>(&expression->node))
      write_out_within(subquery->query, facts);
    return {};
  };
  // The result is ignored, since the visitor never fails.
  std::ignore = engine::rewrite_expressions(query, visit, engine::RewriteOrder::ChildrenFirst);
  write_out(query, facts);
}

}  // namespace

bool asks_prepared(std::string_view text) { return has_word(text, kPrepared); }
bool asks_statuses(std::string_view text) { return has_word(text, kActivity); }

void write_out_session_tables(engine::Query& query, std::string_view text,
                              const sql::SessionSettings& settings,
                              const std::vector<PreparedFact>& prepared,
                              const std::vector<SessionStatus>& statuses) {
  const bool is_meant = std::ranges::any_of(
      kTables, [&](const SessionTable& table) { return has_word(text, table.name); });
  if (is_meant) write_out_all(query, Facts{settings, prepared, statuses});
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
