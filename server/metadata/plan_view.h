// Turns CREATE VIEW, DROP VIEW, and RENAME TO of streams, tables and views into changes of the catalog. The
// functions do no I/O.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "engine/plan/analysis.h"
#include "engine/plan/query_plan.h"
#include "engine/sql/ast.h"
#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"

namespace server {

struct RelationChanges {
  std::vector<DefinitionChange> changes;  // empty: nothing has to be changed
  std::vector<std::string> notices = {};
};

// Plans CREATE VIEW. Plans the SELECT, too, so that a view that cannot be read is never created. Fails with the errors
// of the SELECT, with DuplicateSource, with DuplicateColumn, and with InvalidStatement if OR REPLACE would remove or
// change a column.
Result<RelationChanges> plan_create_view(const engine::CreateView& create,
                                         const engine::PlanContext& context,
                                         const MetadataImage& image, const Asker& asker);
// Plans DROP VIEW for the named views only. The caller then calls add_dependent_views(): with CASCADE it also drops the
// views that read these views, and without CASCADE it fails if such a view exists.
Result<RelationChanges> plan_drop_views(const engine::DropViews& drop, const MetadataImage& image,
                                        const Asker& asker);

// Plans CREATE MATERIALIZED VIEW. Fails with the errors of engine::plan_materialized_view().
Result<engine::PlannedQuery> plan_materialized(const engine::CreateView& create,
                                               const engine::ParsedStatement& statement,
                                               const engine::PlanContext& context);
// Adds a hint to the error of a refused CREATE ... AS SELECT if CREATE MATERIALIZED VIEW accepts the same SELECT. The
// hint has the whole statement, ready to paste.
Error with_view_hint(Error error, const engine::CreateAsSelect& create,
                     const engine::ParsedStatement& statement, const engine::PlanContext& context);
// Returns whether the name is that of a materialized view or of the result of CREATE TABLE ... AS; false, if it does
// not exist and `if_exists` is set. Fails with UndefinedSource, and with WrongObjectType for another relation.
Result<bool> is_materialized_view(const engine::TableName& name, bool if_exists,
                                  const engine::Catalog& catalog);

// Plans RENAME TO. Only the relation gets the new name: its topic, the ids of queries and the rights stay. Queries and
// views that read the relation continue with it. Fails with WrongObjectType, UndefinedSource, DuplicateSource, and with
// ObjectState while a query is being replaced by another (docs/adr/0046).
Result<RelationChanges> plan_rename(const engine::RenameRelation& rename,
                                    const MetadataImage& image, const Asker& asker);

// Plans COMMENT ON VIEW, and COMMENT ON COLUMN for a column of a view.
Result<RelationChanges> comment_on_view(const engine::CommentOn& comment, const engine::View& view,
                                        const MetadataImage& image, const Asker& asker);

// Completes the changes of any definition with respect to views. With `cascade`, views that read an erased relation are
// erased, too; without it, the definition fails with DependentObjects. It also fails with DependentObjects if a changed
// table no longer has the columns that a view reads.
Status add_dependent_views(std::vector<DefinitionChange>& changes,
                           std::vector<std::string>& notices, bool cascade,
                           const engine::PlanContext& context, const MetadataImage& image);

}  // namespace server
