#include "engine/system_tables/postgres_tables.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/system_tables/catalog_rows.h"
#include "engine/system_tables/system_catalog.h"
#include "engine/system_tables/topic_records.h"
#include "engine/types/ascii.h"
#include "engine/types/catalog_labels.h"
#include "engine/types/catalog_numbers.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

SqlType type_of_letter(char letter) {
  const auto scalar = [](char lower) -> SqlType {
    switch (lower) {
      case 'b':
        return TypeKind::Boolean;
      case 's':
        return SqlType(TypeKind::Integer).labelled(label::kInt2);
      case 'i':
        return TypeKind::Integer;
      case 'l':
        return TypeKind::Bigint;
      case 'o':
        return SqlType(TypeKind::Bigint).labelled(label::kOid);
      case 'f':
        return SqlType(TypeKind::Double).labelled(label::kFloat4);
      case 'd':
        return TypeKind::Double;
      case 'z':
        return TypeKind::Timestamp;
      case 'v':
        return SqlType(TypeKind::String).labelled(label::kVarchar);
      case 'n':
        return SqlType(TypeKind::String).labelled(label::kName);
      case 'p':
        return type_of(*find_label(label::kPgNodeTree));
      case 'a':
        return type_of(*find_label(label::kAclitem));
      case 'g':
        return type_of(*find_label(label::kRegproc));
      case 'w':
        return type_of(*find_label(label::kInt2Vector));
      case 'x':
        return type_of(*find_label(label::kOidVector));
      case 'c':
        return SqlType(TypeKind::String).labelled(label::kChar);
      case 'k':
        return type_of(*find_label(label::kXid));
      case 'u':
        return type_of(*find_label(label::kTid));
      case 'j':
        return type_of(*find_label(label::kPgLsn));
      case 'q':
        return type_of(*find_label(label::kRegtype));
      case 'e':
        return type_of(*find_label(label::kInterval));
      case 'h':
        return type_of(*find_label(label::kInet));
      case 'm':
        return type_of(*find_label(label::kNumeric));
      case 'y':
        return TypeKind::Bytes;
      default:
        return TypeKind::String;
    }
  };
  if (letter == ascii_upper(letter)) return SqlType::array(scalar(ascii_lower(letter)));
  return scalar(letter);
}

Value value_of(const SqlType& type, int64_t number) {
  switch (type.kind()) {
    case TypeKind::Integer:
      return Value::integer(static_cast<int32_t>(number));
    case TypeKind::Double:
      return Value::number(static_cast<double>(number));
    case TypeKind::String:
      return Value::text(std::to_string(number));
    default:
      return Value::bigint(number);
  }
}

// The tables, sorted by schema and name.
class TableList final : public SystemTables {
 public:
  TableList() {
    for (const PostgresTable& each : kPostgresTables) add(each);
    for (const PostgresTable& each : kPostgresViews) add(each);
    for (const HistoryTable& each : kHistoryTables) add(each.table);
    for (const MillraceTable& each : kMillraceTables)
      tables_.push_back(std::make_unique<const SystemTable>(millrace_table(each)));
    std::ranges::sort(tables_, {}, key_of);
  }

  const SystemTable* find(const std::optional<Name>& schema, const Name& name) const override {
    const std::string wanted = schema ? upper_case(schema->text) : "PG_CATALOG";
    const std::string upper = upper_case(name.text);
    if (const SystemTable& records = records_table();
        records.schema == wanted && records.name == upper)
      return &records;
    const auto found = std::ranges::lower_bound(tables_, std::pair(wanted, upper), {}, key_of);
    return found != tables_.end() && key_of(*found) == std::pair(wanted, upper) ? found->get()
                                                                                : nullptr;
  }
  const std::vector<std::unique_ptr<const SystemTable>>& all() const { return tables_; }

 private:
  static std::pair<std::string, std::string> key_of(
      const std::unique_ptr<const SystemTable>& table) {
    return {table->schema, table->name};
  }
  void add(const PostgresTable& row) {
    auto table = std::make_unique<SystemTable>();
    table->schema = upper_case(row.schema);
    table->name = upper_case(row.name);
    for (std::string_view rest = row.columns; !rest.empty();) {
      const size_t colon = rest.find(':');
      table->columns.columns.push_back(
          {.name = upper_case(rest.substr(0, colon)), .type = type_of_letter(rest[colon + 1])});
      rest.remove_prefix(std::min(rest.size(), colon + 3));  // the colon, the letter and a blank
    }
    // System columns, which PostgreSQL's tables have and its views do not have.
    if (row.schema == "pg_catalog" && catalog_number(row.name)) {
      const SqlType xid = type_of(*find_label(label::kXid));
      table->columns.columns.push_back({.name = std::string(kRowVersion), .type = xid});
      for (const char* name : {"XMAX", "CMIN", "CMAX"})
        table->columns.columns.push_back({.name = name, .type = xid});
      table->columns.columns.push_back(
          {.name = std::string(kRowPlace), .type = type_of(*find_label(label::kTid))});
    }
    tables_.push_back(std::move(table));
  }

  std::vector<std::unique_ptr<const SystemTable>> tables_;
};

const TableList& table_list() {
  static const TableList list;
  return list;
}

}  // namespace

const SystemTables& system_tables() { return table_list(); }
const std::vector<std::unique_ptr<const SystemTable>>& all_system_tables() {
  return table_list().all();
}

SystemRowWriter::SystemRowWriter(const Schema& columns, const SystemRead& read)
    : schema_(columns),
      wanted_(read.wanted.begin(), read.wanted.end()),
      is_used_(read.used.empty() ? std::vector<bool>(columns.columns.size(), true) : read.used) {
  for (const SystemTextFilter& each : wanted_) is_used_[each.column] = true;
  // The version of a row is a hash over all of its columns.
  const int version = columns.index_of(kRowVersion);
  if (version >= 0 && is_used_[static_cast<size_t>(version)])
    is_used_.assign(is_used_.size(), true);
  for (size_t i = 0; i < columns.columns.size(); ++i) {
    places_[columns.columns[i].name] = i;
    columns_.push_back(std::make_shared<Column>(columns.columns[i].type));
  }
  values_.resize(columns_.size());
  is_set_.resize(columns_.size());
}

SystemRowWriter& SystemRowWriter::row() {
  finish_row();
  is_open_ = true;
  ++number_;
  next_found_ = 0;
  return *this;
}

std::optional<size_t> SystemRowWriter::place_of(std::string_view column) {
  const size_t at = next_found_++;
  if (at < found_.size() && found_[at].name == column) return found_[at].place;
  const auto known = places_.find(column);
  const bool is_used = known != places_.end() && is_used_[known->second];
  const std::optional<size_t> place = is_used ? std::optional(known->second) : std::nullopt;
  if (at >= found_.size()) found_.resize(at + 1);
  found_[at] = {std::string(column), place};
  return place;
}

SystemRowWriter& SystemRowWriter::set_at(std::optional<size_t> place, Value value) {
  if (place) {
    values_[*place] = std::move(value);
    is_set_[*place] = true;
  }
  return *this;
}

SystemRowWriter& SystemRowWriter::set(std::string_view column, std::string_view text) {
  const std::optional<size_t> place = place_of(column);
  return place ? set_at(place, Value::text(std::string(text))) : *this;
}

SystemRowWriter& SystemRowWriter::set_number(std::string_view column, int64_t number) {
  const std::optional<size_t> place = place_of(column);
  return place ? set_at(place, value_of(schema_.columns[*place].type, number)) : *this;
}

SystemRowWriter& SystemRowWriter::set_numbers(std::string_view column,
                                              const std::vector<int64_t>& numbers) {
  const std::optional<size_t> place = place_of(column);
  if (!place) return *this;
  ValueList list;
  for (const int64_t number : numbers)
    list.push_back(value_of(schema_.columns[*place].type.element(), number));
  return set_at(place, Value::list(std::move(list)));
}

namespace {

// Adds a value to the FNV-1a hash over the values of a row. The hash is the row's version, which changes with the row,
// so that tools read a changed object again. Versions begin at 3, because 0 to 2 are the numbers of PostgreSQL's
// special transactions.
constexpr uint64_t kFirstHash = 14695981039346656037ull, kHashFactor = 1099511628211ull;
uint64_t hashed(uint64_t hash, const Value& value) {
  const auto add = [&](uint64_t part) { hash = (hash ^ part) * kHashFactor; };
  std::visit(
      [&]<class T>(const T& payload) {
        if constexpr (std::is_same_v<T, std::string>)
          for (const char c : payload) add(static_cast<unsigned char>(c));
        else if constexpr (std::is_integral_v<T>)
          add(static_cast<uint64_t>(payload));
        else
          add(1);
      },
      value.payload());
  return hash;
}

}  // namespace

void SystemRowWriter::set_system_columns() {
  const auto version = places_.find(kRowVersion);
  if (version == places_.end()) return;
  const std::optional<size_t> place = place_of(kRowPlace);
  if (place) set_at(place, Value::text("(0," + std::to_string(number_) + ")"));
  if (!is_used_[version->second]) return;
  constexpr uint64_t kFirstVersion = 3, kVersions = (uint64_t{1} << 31) - kFirstVersion;
  uint64_t hash = kFirstHash;
  for (size_t i = 0; i < values_.size(); ++i)
    if (is_set_[i] && place != i) hash = hashed(hash, values_[i]);
  set_number(kRowVersion, static_cast<int64_t>(hash % kVersions + kFirstVersion));
}

bool SystemRowWriter::is_wanted() const {
  return std::ranges::all_of(wanted_, [&](const SystemTextFilter& each) {
    // An unset text is null, which equals no text.
    return is_set_[each.column] && !values_[each.column].is_null() &&
           values_[each.column].as_string() == each.text;
  });
}

void SystemRowWriter::finish_row() {
  if (!std::exchange(is_open_, false)) return;
  set_system_columns();
  if (!is_wanted()) {
    is_set_.assign(is_set_.size(), false);
    return;
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!is_used_[i]) continue;
    const TypeKind kind = schema_.columns[i].type.kind();
    if (is_set_[i])
      columns_[i]->append_value(values_[i]);
    else if (kind == TypeKind::Boolean)
      columns_[i]->append_value(Value::boolean(false));
    else if (kind == TypeKind::Integer || kind == TypeKind::Bigint)
      columns_[i]->append_value(value_of(schema_.columns[i].type, 0));
    else
      columns_[i]->append_null();
    is_set_[i] = false;
  }
  ++rows_;
}

RowsChunk SystemRowWriter::take() {
  finish_row();
  RowsChunk chunk{rows_, {}};
  for (size_t i = 0; i < columns_.size(); ++i)
    chunk.columns.push_back(is_used_[i] ? ColumnPtr(std::move(columns_[i]))
                                        : constant_column(schema_.columns[i].type, Value(), rows_));
  return chunk;
}

}  // namespace engine
