// CREATE VIEW, DROP VIEW, and RENAME TO of streams, tables and views: from the statement to changes of the catalog. Pure.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"
#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"

namespace server {

struct RelationChanges {
  std::vector<DefinitionChange> changes;  // none: nothing is to be done
  std::vector<std::string> notices = {};
};

// Plans the SELECT, so that a view that cannot be read is never created. Fails with what the SELECT fails with, with
// DuplicateSource, with DuplicateColumn, and with InvalidStatement where OR REPLACE would take a column from its readers.
Result<RelationChanges> plan_create_view(const engine::CreateView& create,
                                         const engine::PlanContext& context,
                                         const MetadataImage& image, const Asker& asker);
// Views that read the dropped ones are found by add_dependent_views().
Result<RelationChanges> plan_drop_views(const engine::DropViews& drop, const MetadataImage& image,
                                        const Asker& asker);

// The relation alone gets the name: its topic, the ids of queries and the rights stay. Queries and views that read it go on
// with it. Fails with WrongObjectType, UndefinedSource, DuplicateSource, and with ObjectState while a query takes the place of
// another (docs/adr/0046).
Result<RelationChanges> plan_rename(const engine::RenameRelation& rename,
                                    const MetadataImage& image, const Asker& asker);

// COMMENT ON VIEW, and ON COLUMN of a view.
Result<RelationChanges> comment_on_view(const engine::CommentOn& comment, const engine::View& view,
                                        const MetadataImage& image, const Asker& asker);

// Completes the changes of any definition with respect to views. Views that read an erased relation are erased, too, if
// `cascade`, and otherwise the definition fails with DependentObjects; so it does if a changed table no longer has the
// columns that a view reads.
Status add_dependent_views(std::vector<DefinitionChange>& changes,
                           std::vector<std::string>& notices, bool cascade,
                           const engine::PlanContext& context, const MetadataImage& image);

}  // namespace server
