#include "engine/plan/constraints.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "engine/types/ascii.h"

namespace engine {

namespace {

std::string_view words_of(const UnenforcedConstraint& constraint) {
  if (constraint.type == "u") return "UNIQUE";
  return constraint.type == "c" ? "CHECK" : "FOREIGN KEY";
}

bool has_constraint(const DataSource& table, const std::string& name) {
  return std::ranges::find(table.unenforced, name, &UnenforcedConstraint::name) !=
         table.unenforced.end();
}

// Returns the name that PostgreSQL's ChooseConstraintName() would choose: orders_customer_id_fkey,
// orders_check1.
std::string chosen_name(const UnenforcedConstraint& constraint, const DataSource& table) {
  std::vector<std::string> parts{display_name(table.name.substr(table.name.rfind('.') + 1))};
  for (const std::string& column : constraint.columns) parts.push_back(display_name(column));
  parts.emplace_back(constraint.type == "u" ? "key" : constraint.type == "c" ? "check" : "fkey");
  const std::string name = fmt::format("{}", fmt::join(parts, "_"));
  std::string chosen = name;
  for (int number = 1; has_constraint(table, chosen); ++number)
    chosen = fmt::format("{}{}", name, number);
  return chosen;
}

Status check_columns(const std::vector<std::string>& columns, const DataSource& table,
                     TextPosition at) {
  for (const std::string& column : columns)
    if (table.schema.index_of(column) < 0)
      return Error{ErrorCode::UndefinedColumn,
                   fmt::format("column \"{}\" of relation \"{}\" does not exist",
                               display_name(column), display_name(table.name))}
          .at(at);
  return {};
}

}  // namespace

Status add_constraints(std::vector<UnenforcedConstraint> added, const Catalog& catalog,
                       const Properties& properties, TextPosition at, DataSource& table,
                       std::vector<std::string>& notices) {
  if (added.empty()) return {};
  const auto setting = properties.find(std::string(kUnenforcedConstraints));
  if (setting == properties.end() || setting->second != "on")
    return Error{ErrorCode::NotSupported,
                 fmt::format("{} is not enforced, and so not accepted", words_of(added.front())),
                 "PRIMARY KEY and NOT NULL are enforced.",
                 "SET unenforced_constraints = on keeps it in the catalog, and no row is checked "
                 "against it."}
        .at(at);
  for (UnenforcedConstraint& constraint : added) {
    TRY(check_columns(constraint.columns, table, at));
    if (constraint.type == "f" && constraint.referenced_table != table.name) {
      const DataSource* referenced = catalog.find_source(constraint.referenced_table);
      if (!referenced)
        return Error{ErrorCode::UndefinedSource,
                     fmt::format("relation \"{}\" does not exist",
                                 display_name(constraint.referenced_table))}
            .at(at);
      TRY(check_columns(constraint.referenced_columns, *referenced, at));
    }
    if (constraint.name.empty()) constraint.name = chosen_name(constraint, table);
    if (has_constraint(table, constraint.name))
      return Error{ErrorCode::DuplicateObject,
                   fmt::format("constraint \"{}\" for relation \"{}\" already exists",
                               constraint.name, display_name(table.name))}
          .at(at);
    notices.push_back(fmt::format("constraint \"{}\" is kept and not enforced", constraint.name));
    table.unenforced.push_back(std::move(constraint));
  }
  return {};
}

std::vector<UnenforcedConstraint> constraints_of(const std::vector<TableElement>& added) {
  std::vector<UnenforcedConstraint> all;
  for (const TableElement& element : added)
    all.insert(all.end(), element.unenforced.begin(), element.unenforced.end());
  return all;
}

std::vector<UnenforcedConstraint> constraints_of(const CreateSource& create) {
  std::vector<UnenforcedConstraint> all = constraints_of(create.elements);
  all.insert(all.end(), create.unenforced.begin(), create.unenforced.end());
  return all;
}

}  // namespace engine
