// Rows of pg_depend and pg_rewrite (https://www.postgresql.org/docs/15/catalog-pg-depend.html).
// pgAdmin finds primary keys and views by these rows, and dbt reads the relations that a view
// depends on from them.
#include <algorithm>

#include "engine/system_tables/catalog_rows.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// Numbers of the system tables themselves.
constexpr int64_t kPgClass = 1259, kPgConstraint = 2606, kPgRewrite = 2618;

struct Dependency {
  int64_t table = 0, object = 0, referenced_table = 0, referenced = 0, referenced_column = 0;
  std::string_view type;  // a: automatic, i: internal, n: normal
};

void add_dependency(SystemRowWriter& out, const Dependency& dependency) {
  out.row()
      .set_number("CLASSID", dependency.table)
      .set_number("OBJID", dependency.object)
      .set_number("OBJSUBID", 0)
      .set_number("REFCLASSID", dependency.referenced_table)
      .set_number("REFOBJID", dependency.referenced)
      .set_number("REFOBJSUBID", dependency.referenced_column)
      .set("DEPTYPE", dependency.type);
}

// A sequence is dropped with the column that owns it.
void add_owner(const CatalogFacts& facts, const CatalogRelation& relation, SystemRowWriter& out) {
  const CatalogRelation* const table = find_named(facts, relation.sequence->owner_table);
  if (!table) return;
  const auto column = std::ranges::find(
      table->columns, display_name(relation.sequence->owner_column), &CatalogColumn::name);
  if (column == table->columns.end()) return;
  add_dependency(out, {kPgClass, relation.oid, kPgClass, table->oid,
                       column - table->columns.begin() + 1, "a"});
}

// Visits each view with the number of its rewrite rule. pg_depend and pg_rewrite show the same
// numbers, since every call of this function numbers the rules in the same order.
template <class F>
void for_each_rule(const CatalogFacts& facts, F visit) {
  CatalogObjects numbers = facts.objects;
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.view) visit(each, numbers.number_of("rule", each.view->name));
}

}  // namespace

const CatalogRelation* find_named(const CatalogFacts& facts, std::string_view name) {
  for (const CatalogRelation& each : facts.objects.relations())
    if ((each.source && each.source->name == name) || (each.view && each.view->name == name))
      return &each;
  return nullptr;
}

void add_dependencies(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (each.sequence) add_owner(facts, each, out);
    // The index of a primary key has the number of its constraint.
    if (each.key != 0) add_dependency(out, {kPgClass, each.key, kPgConstraint, each.key, 0, "i"});
  }
  for_each_rule(facts, [&](const CatalogRelation& view, int64_t rule) {
    add_dependency(out, {kPgRewrite, rule, kPgClass, view.oid, 0, "i"});
    for (const std::string& name : view.view->reads)
      if (const CatalogRelation* const read = find_named(facts, name))
        add_dependency(out, {kPgRewrite, rule, kPgClass, read->oid, 0, "n"});
  });
}

// PostgreSQL stores the SELECT of a view as the rule "_RETURN" of the view.
void add_rules(const CatalogFacts& facts, SystemRowWriter& out) {
  for_each_rule(facts, [&](const CatalogRelation& view, int64_t rule) {
    out.row()
        .set_number("OID", rule)
        .set("RULENAME", "_RETURN")
        .set_number("EV_CLASS", view.oid)
        .set("EV_TYPE", "1")
        .set("EV_ENABLED", "O")
        .set("IS_INSTEAD", true);
  });
}

}  // namespace engine
