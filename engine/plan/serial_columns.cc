#include "engine/plan/serial_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "engine/plan/sequence_plan.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_keywords.h"

namespace engine {

namespace {

std::string next_value_of(const std::string& sequence) {
  std::string literal;
  for (const char c : sequence) literal.append(c == '\'' ? 2 : 1, c);
  return fmt::format("nextval('{}')", literal);
}

}  // namespace

std::string serial_sequence_text(const DataSource& table, const Catalog& catalog,
                                 const std::string& column, int number) {
  const size_t dot = table.name.find('.');
  const bool has_schema =
      dot != std::string::npos &&
      (table.is_temporary || catalog.schemas.contains(table.name.substr(0, dot)));
  const std::string schema = has_schema ? table.name.substr(0, dot) : std::string();
  const std::string name = has_schema ? table.name.substr(dot + 1) : table.name;
  return fmt::format(
      "{}{}{}", has_schema ? quoted_postgres_name(display_name(schema)) : std::string(),
      has_schema ? "." : "",
      quoted_postgres_name(fmt::format("{}_{}_seq{}", display_name(name), display_name(column),
                                       number > 0 ? fmt::to_string(number) : "")));
}

NumberedTable with_own_sequences(std::shared_ptr<const DataSource> table, const Catalog& catalog,
                                 const std::function<Uuid()>& new_id) {
  NumberedTable numbered{std::move(table)};
  if (std::ranges::none_of(numbered.table->schema.columns, &ColumnDef::is_serial)) return numbered;
  auto changed = std::make_shared<DataSource>(*numbered.table);
  const auto is_taken = [&](const std::string& name) {
    return catalog.sequences.get(name) || catalog.find_source(name) ||
           std::ranges::any_of(numbered.made,
                               [&](const Sequence& made) { return made.name == name; });
  };
  for (ColumnDef& column : changed->schema.columns) {
    if (!std::exchange(column.is_serial, false)) continue;
    // If this table replaces another one, the sequences of the old table are kept, so that their
    // numbers continue.
    const auto kept = sequences_of(catalog, changed->name, column.name);
    for (int number = 0;; ++number) {
      const std::string text = serial_sequence_text(*changed, catalog, column.name, number);
      const std::string name = sequence_name(text).value();
      const bool is_kept =
          std::ranges::any_of(kept, [&](const SequencePtr& each) { return each->name == name; });
      if (!is_kept && is_taken(name)) continue;
      column.default_sql = next_value_of(text);
      if (is_kept) break;
      Sequence& made = numbered.made.emplace_back();
      made.name = name;
      made.id = new_id();
      made.data_type = column.type.kind() == TypeKind::Bigint ? "bigint" : "integer";
      made.max = bounds_of(made.data_type).max;
      made.owner_table = changed->name;
      made.owner_column = column.name;
      break;
    }
  }
  numbered.table = std::move(changed);
  return numbered;
}

}  // namespace engine
