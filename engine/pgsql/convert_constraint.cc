// Converts UNIQUE, CHECK and FOREIGN KEY constraints, which the catalog shows, but which are not
// enforced.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "engine/pgsql/convert.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

std::string listed(const std::vector<std::string>& columns) {
  std::vector<std::string> shown;
  for (const std::string& column : columns) shown.push_back(display_name(column));
  return fmt::format("({})", fmt::join(shown, ", "));
}

std::vector<std::string> names_in(const Fields& fields, std::string_view list) {
  std::vector<std::string> names;
  for (const std::string& name : strings(fields, list)) names.push_back(name_of(name).text);
  return names;
}

// Returns the action of ON DELETE or ON UPDATE for the code of PostgreSQL's parser.
std::string_view action_of(std::string_view code) {
  if (code == "r") return "RESTRICT";
  if (code == "c") return "CASCADE";
  if (code == "n") return "SET NULL";
  return code == "d" ? "SET DEFAULT" : "";
}

}  // namespace

Result<UnenforcedConstraint> Converter::unenforced(const Fields& constraint,
                                                   std::vector<std::string> columns) const {
  const std::string_view kind = constraint.text("contype");
  const TextPosition at = position(constraint.number("location"));
  UnenforcedConstraint made;
  made.name = constraint.text("conname");
  made.columns = std::move(columns);
  if (kind == "CONSTR_UNIQUE") {
    made.type = "u";
    if (auto keys = names_in(constraint, "keys"); !keys.empty()) made.columns = std::move(keys);
    if (constraint.has("indexname"))
      return not_supported("UNIQUE USING INDEX is", at)
          .with_hint("Name the columns: UNIQUE (a, b).");
    made.definition = "UNIQUE " + listed(made.columns);
  } else if (kind == "CONSTR_CHECK") {
    made.type = "c";
    made.definition = fmt::format("CHECK ({})", to_sql(*TRY(child_of(constraint, "raw_expr"))));
  } else if (kind == "CONSTR_FOREIGN") {
    made.type = "f";
    if (auto keys = names_in(constraint, "fk_attrs"); !keys.empty()) made.columns = std::move(keys);
    const auto table = constraint.part("pktable");
    if (!table) return Error{ErrorCode::SyntaxError, "REFERENCES without a table"}.at(at);
    made.referenced_table = TRY(table_name(*table)).name.text;
    made.referenced_columns = names_in(constraint, "pk_attrs");
    made.definition = fmt::format("FOREIGN KEY {} REFERENCES {}", listed(made.columns),
                                  display_name(made.referenced_table));
    if (!made.referenced_columns.empty()) made.definition += listed(made.referenced_columns);
    for (const auto& [field, words] :
         {std::pair("fk_upd_action", " ON UPDATE "), std::pair("fk_del_action", " ON DELETE ")})
      if (const auto action = action_of(constraint.text(field)); !action.empty())
        made.definition += words + std::string(action);
  } else {
    return not_supported("such a constraint is", at)
        .with_hint("PRIMARY KEY and NOT NULL are enforced.");
  }
  return made;
}

Result<Statement> Converter::unique_index(const Fields& index) const {
  const auto relation = index.part("relation");
  if (!relation) return Error{ErrorCode::SyntaxError, "an index without a table"};
  UnenforcedConstraint made;
  made.type = "u";
  made.name = index.text("idxname");
  for (const Node& parameter : pgsql::children(index, "indexParams")) {
    if (!parameter.fields.has("name"))
      return not_supported("CREATE UNIQUE INDEX on an expression is", position(0))
          .with_hint("An index that is not UNIQUE is accepted, and changes nothing.");
    made.columns.push_back(name_of(parameter.fields.text("name")).text);
  }
  if (index.has("whereClause"))
    return not_supported("CREATE UNIQUE INDEX ... WHERE is", position(0))
        .with_hint("An index that is not UNIQUE is accepted, and changes nothing.");
  made.definition = "UNIQUE " + listed(made.columns);
  ChangeConstraint change{TRY(existing_relation(*relation)), false, std::move(made)};
  change.missing_ok = index.flag("if_not_exists");
  change.tag = "CREATE INDEX";
  return Statement(std::move(change));
}

}  // namespace engine::pgsql
