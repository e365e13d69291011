#include "server/connect/postgres/pg_table_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "engine/connect/postgres/sink_values.h"

namespace server {

namespace {

using engine::InsertMode;

constexpr int kStatementMs = 60'000;
// The number of a row in its batch. Tables have no column of this name.
constexpr std::string_view kNumberColumn = "\"millrace#number\"";

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string all;
  for (const std::string& part : parts) {
    if (!all.empty()) all += separator;
    all += part;
  }
  return all;
}

// Returns a text that is the same for equal keys only.
std::string key_of(const engine::TableRow& row, size_t columns) {
  std::string key;
  for (size_t i = 0; i < columns; ++i) {
    const std::optional<std::string>& value = row.values[i];
    key += value ? fmt::format("{}:{}", value->size(), *value) : std::string("-");
  }
  return key;
}

// Returns "column amount" of "COPY millrace_batch_1, line 3, column amount: ...", or nothing.
std::string column_in(std::string_view context) {
  constexpr std::string_view kColumn = ", column ";
  const size_t begin = context.find(kColumn);
  if (!context.starts_with("COPY ") || begin == context.npos) return {};
  const std::string_view rest = context.substr(begin + 2);
  return std::string(rest.substr(0, rest.find(':')));
}

}  // namespace

Status PgTableWriter::start() {
  sql_ = TRY(PgConnection::open(sink_.connection, sink_.host_port, false));
  TRY(set_schema(*sql_, sink_));
  if (sink_.is_exactly_once) TRY(make_positions_table(*sql_, sink_));
  return {};
}

std::string PgTableWriter::position_where(const TablePartition& partition) const {
  return fmt::format("connector = {} AND topic = {} AND topic_id = {} AND partition = {}",
                     sql_->quoted_text(connector_), sql_->quoted_text(partition.topic),
                     sql_->quoted_text(partition.topic_id), partition.partition.value());
}

Result<Offset> PgTableWriter::position(const TablePartition& partition, Offset otherwise,
                                       bool replaces) {
  TRY(sql_->query(
      fmt::format("INSERT INTO {} AS p (connector, topic, topic_id, partition, next) VALUES ({}, "
                  "{}, {}, {}, {}) ON CONFLICT {}",
                  kPositionsTable, sql_->quoted_text(connector_),
                  sql_->quoted_text(partition.topic), sql_->quoted_text(partition.topic_id),
                  partition.partition.value(), otherwise.value(),
                  replaces ? "(connector, topic, topic_id, partition) DO UPDATE SET next = "
                             "EXCLUDED.next"
                           : "DO NOTHING"),
      kStatementMs));
  const auto rows = TRY(sql_->query(fmt::format("SELECT next FROM {} WHERE {}", kPositionsTable,
                                                position_where(partition))));
  if (rows.size() != 1)
    return Error{ErrorCode::FencedTask,
                 fmt::format("the position of {}-{} has vanished from {}", partition.topic,
                             partition.partition.value(), kPositionsTable)};
  return Offset{std::stoll(*rows[0][0])};
}

Status PgTableWriter::move_position(const TablePartition& partition, Offset from, Offset to) {
  constexpr std::string_view kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED";
  if (!sink_.is_exactly_once) {
    TRY(sql_->query(std::string(kBegin)));
    return {};
  }
  const auto moved = TRY(sql_->query(
      fmt::format("{}; UPDATE {} SET next = {} WHERE {} AND next = {} RETURNING next", kBegin,
                  kPositionsTable, to.value(), position_where(partition), from.value()),
      kStatementMs));
  if (moved.size() == 1) return {};
  return Error{ErrorCode::FencedTask,
               fmt::format("{}-{} has no position {} in {}: another task writes to the tables",
                           partition.topic, partition.partition.value(), from.value(),
                           kPositionsTable)};
}

Status PgTableWriter::commit() {
  TRY(sql_->query("COMMIT", kStatementMs));
  return {};
}

bool PgTableWriter::is_about_values() const {
  // Data exceptions, integrity constraints, check options of views, limits such as the size of a row, and RAISE of a
  // trigger (https://www.postgresql.org/docs/15/errcodes-appendix.html).
  const std::string& state = sql_->last_state();
  for (const std::string_view about : {"22", "23", "44", "54", "P0"})
    if (state.starts_with(about)) return true;
  return false;
}

Result<const PgTable*> PgTableWriter::find_table(const std::string& topic) {
  const auto known = tables_.find(topic);
  if (known != tables_.end()) return &known->second;
  const engine::TableName name = TRY(engine::table_of_topic(sink_, topic));
  auto table = TRY(find_pg_table(*sql_, name));
  if (!table)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("table {} of topic \"{}\" does not exist in {}", name.table, topic,
                             sink_.database),
                 {},
                 "Create the table, then restart the connector."};
  return &tables_.emplace(topic, *std::move(table)).first->second;
}

Result<std::vector<size_t>> PgTableWriter::find_columns(const std::string& topic,
                                                        const engine::TableShape& shape) {
  for (bool is_fresh = false;; is_fresh = true) {
    const PgTable* const table = TRY(find_table(topic));
    std::vector<size_t> columns;
    std::string missing;
    for (const engine::TableColumn& column : shape.columns) {
      const auto found = table->find(column.name);
      if (found && std::ranges::find(columns, *found) != columns.end())
        return Error{ErrorCode::InvalidText,
                     fmt::format("two fields have column {} of {}", table->columns[*found].name,
                                 table->full_name())};
      if (found)
        columns.push_back(*found);
      else if (missing.empty())
        missing = column.name;
    }
    if (missing.empty()) return columns;
    if (is_fresh || has_looked_again_)
      return Error{ErrorCode::InvalidText,
                   fmt::format("{} has no column \"{}\"", table->full_name(), missing),
                   {},
                   "Add the column with ALTER TABLE, or name the fields to write."};
    // The column may have been added since the task began.
    has_looked_again_ = true;
    tables_.erase(topic);
    stagings_.clear();
  }
}

Status PgTableWriter::fit_values(engine::TableRow& row, const PgTable& table,
                                 const std::vector<size_t>& columns) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const PgTable::Column& column = table.columns[columns[i]];
    std::optional<std::string>& value = row.values[i];
    if (!value) continue;
    // PostgreSQL reads the text 20240506 as a date, and 19848 as day 848 of 2019.
    if (column.is_time && row.numbers[i])
      return Error{ErrorCode::InvalidText,
                   fmt::format("{}, column {}: column is of type {} but the value is a number",
                               table.full_name(), column.name, column.type),
                   {},
                   "Write dates and times as texts, or with a schema that names their type."};
    if (column.is_array && value->starts_with('[')) value = TRY(engine::array_text(*value));
  }
  return {};
}

Result<PgTableWriter::Run*> PgTableWriter::run_of(const PlacedRow& placed, Prepared& prepared) {
  const engine::TableRow& row = placed.row;
  const auto continues = [&](const Run& run) {
    return run.topic == placed.topic && run.is_delete == row.is_delete;
  };
  if (!prepared.runs.empty() && continues(prepared.runs.back()) &&
      prepared.runs.back().shape == row.shape)
    return &prepared.runs.back();
  auto columns = TRY(find_columns(placed.topic, *row.shape));
  // Rows of another shape may have the same columns.
  if (!prepared.runs.empty() && continues(prepared.runs.back()) &&
      prepared.runs.back().columns == columns &&
      prepared.runs.back().shape->key_columns == row.shape->key_columns)
    return &prepared.runs.back();
  prepared.runs.push_back(
      {placed.topic, row.shape, std::move(columns), row.shape->key_columns, row.is_delete, {}});
  return &prepared.runs.back();
}

Result<PgTableWriter::Prepared> PgTableWriter::prepare(std::vector<PlacedRow>& rows) {
  Prepared prepared;
  has_looked_again_ = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool had_looked_again = has_looked_again_;
    auto run = run_of(rows[i], prepared);
    if (has_looked_again_ != had_looked_again) {
      // The runs so far have the columns as they were before.
      prepared = {};
      i = static_cast<size_t>(-1);
      continue;
    }
    Status fitted;
    if (!run)
      fitted = std::move(run).error();
    else
      fitted = fit_values(rows[i].row, *TRY(find_table(rows[i].topic)), (*run)->columns);
    if (fitted) {
      (*run)->rows.push_back(i);
      continue;
    }
    if (fitted.error().code != ErrorCode::InvalidText) return fitted.error();
    prepared.bad.push_back({i, fitted.error()});
  }
  std::erase_if(prepared.runs, [](const Run& run) { return run.rows.empty(); });
  return prepared;
}

Result<std::string> PgTableWriter::staging_of(const Run& run) {
  const PgTable* const table = TRY(find_table(run.topic));
  std::string columns = fmt::format("{} integer", kNumberColumn);
  for (const size_t column : run.columns)
    columns += fmt::format(", {} {}", sql_->quoted_name(table->columns[column].name),
                           table->columns[column].type);
  const auto known = stagings_.find(columns);
  if (known != stagings_.end()) return known->second;
  std::string name = fmt::format("pg_temp.millrace_batch_{}", ++staging_count_);
  TRY(sql_->query(
      fmt::format("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS", name, columns)));
  stagings_.emplace(columns, name);
  return name;
}

std::string PgTableWriter::statement_of(const Run& run, const PgTable& table,
                                        const std::string& staging) const {
  const std::string target =
      sql_->quoted_name(table.schema) + "." + sql_->quoted_name(table.name);
  std::vector<std::string> names, same_keys, new_values, sets;
  for (size_t i = 0; i < run.columns.size(); ++i) {
    const std::string name = sql_->quoted_name(table.columns[run.columns[i]].name);
    names.push_back(name);
    if (i < run.key_columns) {
      same_keys.push_back(fmt::format("t.{0} = s.{0}", name));
    } else {
      new_values.push_back(fmt::format("{0} = EXCLUDED.{0}", name));
      sets.push_back(fmt::format("{0} = s.{0}", name));
    }
  }
  if (run.is_delete)
    return fmt::format("DELETE FROM {} AS t USING {} AS s WHERE {}", target, staging,
                       join(same_keys, " AND "));
  if (sink_.insert_mode == InsertMode::Update && sets.empty()) return "SELECT 1";
  if (sink_.insert_mode == InsertMode::Update)
    return fmt::format("UPDATE {} AS t SET {} FROM {} AS s WHERE {}", target, join(sets, ", "),
                       staging, join(same_keys, " AND "));
  const std::string columns = join(names, ", ");
  std::string statement = fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2} ORDER BY {3}",
                                      target, columns, staging, kNumberColumn);
  if (sink_.insert_mode == InsertMode::Upsert) {
    names.resize(run.key_columns);
    statement += fmt::format(" ON CONFLICT ({}) DO {}", join(names, ", "),
                             new_values.empty() ? "NOTHING"
                                                : "UPDATE SET " + join(new_values, ", "));
  }
  return statement;
}

Status PgTableWriter::write(const std::vector<PlacedRow>& rows, const Run& run,
                            std::span<const size_t> part) {
  const PgTable* const table = TRY(find_table(run.topic));
  const std::string staging = TRY(staging_of(run));
  // For equal keys the last record counts.
  std::set<std::string> keys;
  std::vector<size_t> last;
  const bool is_by_key = run.is_delete || sink_.insert_mode != InsertMode::Insert;
  for (auto each = part.rbegin(); each != part.rend(); ++each)
    if (!is_by_key || keys.insert(key_of(rows[*each].row, run.key_columns)).second)
      last.push_back(*each);
  std::string lines;
  for (auto each = last.rbegin(); each != last.rend(); ++each) {
    lines += fmt::format("{}\t", *each);
    engine::append_copy_row(lines, rows[*each].row.values);
    lines += '\n';
  }
  std::string columns(kNumberColumn);
  for (const size_t column : run.columns)
    columns += ", " + sql_->quoted_name(table->columns[column].name);
  TRY(sql_->copy_in(fmt::format("COPY {} ({}) FROM STDIN", staging, columns), lines, kStatementMs));
  // Deferred constraints are checked now instead of at the commit. The writer can then still find
  // the row that violates one.
  TRY(sql_->query(fmt::format("{}; DELETE FROM {}; SET CONSTRAINTS ALL IMMEDIATE",
                              statement_of(run, *table, staging), staging),
                  kStatementMs));
  return {};
}

Status PgTableWriter::write_or_halve(const std::vector<PlacedRow>& rows, const Run& run,
                                     std::span<const size_t> part, std::vector<BadRow>& bad) {
  TRY(sql_->query("SAVEPOINT part"));
  const Status written = write(rows, run, part);
  if (written) {
    TRY(sql_->query("RELEASE SAVEPOINT part"));
    return {};
  }
  Error why = explained(written.error(), run);
  if (!is_about_values()) return why;
  TRY(sql_->query("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part"));
  if (part.size() > 1) {
    TRY(write_or_halve(rows, run, part.first(part.size() / 2), bad));
    return write_or_halve(rows, run, part.subspan(part.size() / 2), bad);
  }
  bad.push_back({part[0], std::move(why)});
  return {};
}

Error PgTableWriter::explained(Error error, const Run& run) const {
  const auto table = tables_.find(run.topic);
  if (sql_->last_state().empty() || table == tables_.end()) return error;
  const std::string place = sink_.host_port + ": ";
  if (error.message.starts_with(place)) error.message.erase(0, place.size());
  const std::string column = column_in(error.context);
  error.message = fmt::format("{}{}{}: {}", table->second.full_name(), column.empty() ? "" : ", ",
                              column, error.message);
  constexpr std::string_view kNoSuchConstraint = "42P10";
  if (sql_->last_state() == kNoSuchConstraint)
    error.hint = "insert.mode upsert needs a primary key or a unique index with exactly the columns "
                 "of the key.";
  return error;
}

Result<std::vector<TableWriter::BadRow>> PgTableWriter::apply(const TablePartition& partition,
                                                              std::vector<PlacedRow> rows,
                                                              Offset from, Offset to) {
  Prepared prepared = TRY(prepare(rows));
  for (const Run& run : prepared.runs) TRY(staging_of(run));
  TRY(move_position(partition, from, to));
  bool has_bad_values = false;
  for (const Run& run : prepared.runs) {
    const Status written = write(rows, run, run.rows);
    if (written) continue;
    if (!is_about_values()) return explained(written.error(), run);
    has_bad_values = true;
    break;
  }
  if (!has_bad_values) return std::move(prepared.bad);
  TRY(sql_->query("ROLLBACK"));
  TRY(move_position(partition, from, to));
  for (const Run& run : prepared.runs) TRY(write_or_halve(rows, run, run.rows, prepared.bad));
  return std::move(prepared.bad);
}

}  // namespace server
