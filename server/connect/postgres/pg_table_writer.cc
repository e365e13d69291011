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
// The column of the temporary table that has the number of a row in its batch. No table has a
// column of this name.
constexpr std::string_view kNumberColumn = "\"millrace#number\"";

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string all;
  for (const std::string& part : parts) {
    if (!all.empty()) all += separator;
    all += part;
  }
  return all;
}

// Returns a text for the key of a row. Two rows have the same text only if their keys are equal.
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
  const auto rows = TRY(sql_->query(
      fmt::format("SELECT next FROM {} WHERE {}", kPositionsTable, position_where(partition))));
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
  return Error{
      ErrorCode::FencedTask,
      fmt::format("{}-{} has no position {} in {}: another task writes to the tables",
                  partition.topic, partition.partition.value(), from.value(), kPositionsTable)};
}

Status PgTableWriter::commit() {
  TRY(sql_->query("COMMIT", kStatementMs));
  return {};
}

bool PgTableWriter::is_about_values() const {
  // The classes of errors that the values of a row can cause: data exceptions, integrity
  // constraints, check options of views, limits such as the size of a row, and RAISE in a trigger
  // (https://www.postgresql.org/docs/15/errcodes-appendix.html).
  const std::string& state = sql_->last_state();
  for (const std::string_view about : {"22", "23", "44", "54", "P0"})
    if (state.starts_with(about)) return true;
  return false;
}

Result<const PgTable*> PgTableWriter::find_table(const std::string& topic) {
  const auto known = tables_.find(topic);
  if (known != tables_.end()) return &known->second;
  const engine::PgTableName name = TRY(engine::table_of_topic(sink_, topic));
  auto table = TRY(find_pg_table(*sql_, name));
  if (!table)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("table {} of topic \"{}\" does not exist in {}", name.table, topic,
                             sink_.database),
                 {},
                 "Create the table, then restart the connector."};
  return &tables_.emplace(topic, *std::move(table)).first->second;
}

void PgTableWriter::forget_table(const std::string& topic) {
  tables_.erase(topic);
  stagings_.clear();
  ++table_changes_;
}

Result<bool> PgTableWriter::has_table(const PlacedRow& placed) {
  if (!sink_.creates_tables || tables_.contains(placed.topic)) return true;
  const engine::PgTableName name = TRY(engine::table_of_topic(sink_, placed.topic));
  if (TRY(find_pg_table(*sql_, name))) return true;
  if (placed.row.is_delete) return false;
  // The table is not created in the transaction of the batch. If that transaction is rolled back,
  // the table remains, and the next attempt finds it.
  TRY(create_pg_table(*sql_, name, *placed.row.shape));
  return true;
}

Status PgTableWriter::add_columns(const PgTable& table,
                                  const std::vector<engine::TableColumn>& missing) {
  if (sink_.adds_columns) return add_pg_columns(*sql_, table, missing);
  return Error{
      ErrorCode::InvalidText,
      fmt::format("{} has no column \"{}\"", table.full_name(), missing[0].name),
      {},
      "Add the column with ALTER TABLE, name the fields to write, or let the connector add "
      "columns (\"auto.evolve\" = 'true')."};
}

Result<PgTableWriter::Run> PgTableWriter::find_columns(const PlacedRow& placed) {
  const engine::TableShape& shape = *placed.row.shape;
  for (bool has_added = false;;) {
    const PgTable* const table = TRY(find_table(placed.topic));
    Run run{.topic = placed.topic,
            .shape = placed.row.shape,
            .columns = {},
            .key_columns = shape.key_columns,
            .is_delete = placed.row.is_delete,
            .rows = {}};
    std::vector<engine::TableColumn> missing;
    for (size_t i = 0; i < shape.columns.size(); ++i) {
      const engine::TableColumn& column = shape.columns[i];
      const auto found = table->find(column.name);
      if (found && std::ranges::find(run.columns, *found) != run.columns.end())
        return Error{ErrorCode::InvalidText,
                     fmt::format("two fields have column {} of {}", table->columns[*found].name,
                                 table->full_name())};
      if (found)
        run.columns.push_back(*found);
      else if (sink_.mapping.has_types && column.type.empty() && i >= shape.key_columns)
        run.left_out.push_back(i);
      else
        missing.push_back(column);
    }
    if (missing.empty()) return run;
    if (!has_looked_again_) {
      // Another program may have added the column since the columns were read, so they are read
      // again.
      has_looked_again_ = true;
    } else {
      if (has_added)
        return Error{ErrorCode::InvalidText,
                     fmt::format("{} has no column \"{}\"", table->full_name(), missing[0].name)};
      TRY(add_columns(*table, missing));
      has_added = true;
    }
    forget_table(placed.topic);
  }
}

Status PgTableWriter::fit_values(engine::TableRow& row, const PgTable& table, const Run& run) {
  for (auto index = run.left_out.rbegin(); index != run.left_out.rend(); ++index) {
    const auto at = static_cast<std::ptrdiff_t>(*index);
    row.values.erase(row.values.begin() + at);
    row.numbers.erase(row.numbers.begin() + at);
  }
  for (size_t i = 0; i < run.columns.size(); ++i) {
    const PgTable::Column& column = table.columns[run.columns[i]];
    std::optional<std::string>& value = row.values[i];
    if (!value) continue;
    // PostgreSQL would read the text of a number as a date: 20240506 as a day of 2024, and 19848 as
    // day 848 of 2019.
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
  Run* const last = prepared.runs.empty() ? nullptr : &prepared.runs.back();
  const bool continues =
      last != nullptr && last->topic == placed.topic && last->is_delete == row.is_delete;
  if (continues && last->shape == row.shape) return last;
  Run run = TRY(find_columns(placed));
  // The columns of the row may be the same although its shape is another object.
  if (continues && last->columns == run.columns && last->left_out == run.left_out &&
      last->key_columns == run.key_columns)
    return last;
  prepared.runs.push_back(std::move(run));
  return &prepared.runs.back();
}

Result<PgTableWriter::Prepared> PgTableWriter::prepare(std::vector<PlacedRow>& rows) {
  Prepared prepared;
  has_looked_again_ = false;
  std::vector<bool> is_bad(rows.size());
  const auto add_bad = [&](size_t row, const Error& why) -> Status {
    if (why.code != ErrorCode::InvalidText) return why;
    is_bad[row] = true;
    prepared.bad.push_back({row, why});
    return {};
  };
  for (size_t i = 0; i < rows.size();) {
    if (is_bad[i]) {
      ++i;
      continue;
    }
    const int changes_before = table_changes_;
    const auto has_its_table = has_table(rows[i]);
    auto run = has_its_table.has_value() && *has_its_table ? run_of(rows[i], prepared) : nullptr;
    if (!has_its_table)
      TRY(add_bad(i, has_its_table.error()));
    else if (!run)
      TRY(add_bad(i, run.error()));
    if (table_changes_ != changes_before) {
      // find_columns() has read or changed the columns of a table. The runs refer to the old
      // columns, so all of them are made again.
      prepared.runs.clear();
      i = 0;
      continue;
    }
    if (run && *run != nullptr) (*run)->rows.push_back(i);
    ++i;
  }
  for (Run& run : prepared.runs) {
    const PgTable& table = *TRY(find_table(run.topic));
    std::vector<size_t> fitting;
    for (const size_t row : run.rows) {
      const Status fitted = fit_values(rows[row].row, table, run);
      if (fitted)
        fitting.push_back(row);
      else
        TRY(add_bad(row, fitted.error()));
    }
    run.rows = std::move(fitting);
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
  const std::string target = sql_->quoted_name(table.schema) + "." + sql_->quoted_name(table.name);
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
    statement +=
        fmt::format(" ON CONFLICT ({}) DO {}", join(names, ", "),
                    new_values.empty() ? "NOTHING" : "UPDATE SET " + join(new_values, ", "));
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
  // SET CONSTRAINTS ALL IMMEDIATE checks deferred constraints now, not at the commit, so that
  // write_or_halve() can still find the row that violates a constraint.
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
    error.hint =
        "insert.mode upsert needs a primary key or a unique index with exactly the columns "
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
