#include "server/connect/postgres/snapshot.h"

#include <fmt/format.h>

namespace server {

namespace {

// Reads the text format of COPY (https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.2).
std::vector<std::optional<std::string>> split_row(std::string_view line) {
  std::vector<std::optional<std::string>> values;
  if (line.ends_with('\n')) line.remove_suffix(1);
  std::string value;
  bool is_null = false;
  const auto finish = [&] {
    if (is_null)
      values.emplace_back();
    else
      values.emplace_back(std::move(value));
    value.clear();
    is_null = false;
  };
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\t') {
      finish();
      continue;
    }
    if (line[i] != '\\' || i + 1 == line.size()) {
      value += line[i];
      continue;
    }
    switch (const char c = line[++i]) {
      case 'N':
        is_null = true;
        break;
      case 'b':
        value += '\b';
        break;
      case 'f':
        value += '\f';
        break;
      case 'n':
        value += '\n';
        break;
      case 'r':
        value += '\r';
        break;
      case 't':
        value += '\t';
        break;
      case 'v':
        value += '\v';
        break;
      default:
        value += c;
    }
  }
  finish();
  return values;
}

}  // namespace

std::string behind_key(const PgConnection& sql, const engine::PgTable& table,
                       const PgKeyTexts& after, const PgKeyTexts* values) {
  std::string left, right;
  const std::vector<size_t> key = table.key();
  const auto literal = [&](const engine::PgColumn& column, const std::string& text) {
    return fmt::format("{}::{}{}{}", sql.quoted_text(text), column.sql_type,
                       column.collation.empty() ? "" : " COLLATE ", column.collation);
  };
  for (size_t i = 0; i < key.size() && i < after.size(); ++i) {
    const engine::PgColumn& column = table.columns[key[i]];
    const std::string_view comma = i == 0 ? "" : ", ";
    left += fmt::format(
        "{}{}", comma,
        values == nullptr ? sql.quoted_name(column.name) : literal(column, (*values)[i]));
    right += fmt::format("{}{}", comma, literal(column, after[i]));
  }
  return fmt::format("({}) > ({})", left, right);
}

Result<PgSnapshot> PgSnapshot::open(const engine::PostgresSource& source,
                                    const std::string& snapshot) {
  PgConnection connection = TRY(PgConnection::open(source.connection, source.host_port, false));
  TRY(connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  TRY(connection.query("SET TRANSACTION SNAPSHOT " + connection.quoted_text(snapshot)));
  return PgSnapshot(std::move(connection));
}

void PgSnapshot::add(engine::PgTable table, std::optional<PgKeyTexts> after) {
  tables_.push_back({std::move(table), std::move(after)});
}

std::string PgSnapshot::copy_statement(const Part& part) const {
  std::string columns, order;
  for (const engine::PgColumn& column : part.table.columns)
    columns += (columns.empty() ? "" : ", ") + connection_.quoted_name(column.name);
  for (const size_t i : part.table.key())
    order +=
        (order.empty() ? " ORDER BY " : ", ") + connection_.quoted_name(part.table.columns[i].name);
  std::string where;
  if (part.after) where = " WHERE " + behind_key(connection_, part.table, *part.after);
  return fmt::format("COPY (SELECT {} FROM ONLY {}.{}{}{}) TO STDOUT", columns,
                     connection_.quoted_name(part.table.schema),
                     connection_.quoted_name(part.table.name), where, order);
}

Status PgSnapshot::begin_table() {
  Status begun = connection_.begin_copy(copy_statement(tables_[table_]));
  constexpr std::string_view kUndefinedTable = "42P01", kUndefinedColumn = "42703";
  const std::string& state = connection_.last_state();
  if (!begun && (state == kUndefinedTable || state == kUndefinedColumn))
    return Error{ErrorCode::ObjectState, begun.error().message};
  return begun;
}

Result<std::optional<PgSnapshot::Row>> PgSnapshot::next(int wait_ms) {
  while (!is_done()) {
    if (!is_copying_) TRY(begin_table());
    is_copying_ = true;
    const auto line = TRY(connection_.next(wait_ms));
    if (line) return std::optional(Row{split_row(*line), table_});
    if (!connection_.has_ended()) return std::optional<Row>();
    is_copying_ = false;
    ++table_;
  }
  return std::optional<Row>();
}

}  // namespace server
