// Helper functions for planning statements that write rows. Used by write_plan.cc, upsert_plan.cc
// and moved_keys.cc only.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"
#include "server/sql/write/write_plan.h"

namespace server {

// Returns `text` as a quoted name, so that its case is kept. The text is spelled as in the catalog.
engine::Name exact(const std::string& text);
engine::ExpressionPtr column_of(const std::string& name, TextPosition at);
// Returns a reference to a column of the target, which is the first source of `rows`. If `rows` has
// other sources, the reference is qualified with the target's name, because these sources may have
// a column of the same name.
engine::ExpressionPtr own_column(const engine::Query& rows, const std::string& name,
                                 TextPosition at);
// Returns the source of FROM (query) AS alias; the caller sets the query.
engine::AliasedSource source_of(engine::Name alias, TextPosition at);
inline constexpr const char* kRowsToWrite = "ROWS_TO_WRITE";
void add_item(engine::Query& query, engine::ExpressionPtr value, const std::string& name);
// Returns CAST(value AS type). The type keeps its label but not its length, because the length is
// checked later, when rows become records.
engine::ExpressionPtr as_type(engine::ExpressionPtr value, const engine::SqlType& type);
// Casts a value to the type of the column into which it is written. The cast fails if a constant or
// a column would lose digits; a computed value may lose them (engine/expr/whole_numeric.h). If the
// name of the column is given, the cast also fails for a text that needs an explicit cast to become
// a date or a time.
engine::ExpressionPtr as_taken(engine::ExpressionPtr value, const engine::SqlType& type,
                               bool is_named, std::string_view column = {});
// Finds a table whose rows statements may change.
Result<std::shared_ptr<const engine::DataSource>> find_target(const engine::TableName& table,
                                                              const engine::PlanContext& context);
// Finds the index of the column in the schema.
Result<size_t> find_place(const engine::TableName& column, const engine::DataSource& target,
                          const engine::PlanContext& context);
// Returns the expression that DEFAULT stands for. Fails with NotSupported if this expression takes
// numbers of a sequence.
Result<engine::ExpressionPtr> default_of(const engine::ColumnDef& column, TextPosition at);
// Casts operands of an arithmetic expression to `bigint`, at any depth: all operands that are not
// arithmetic expressions themselves.
void widen(engine::ExpressionPtr& operand, const engine::TypeName& bigint);

// Changes the query of an INSERT ... ON CONFLICT so that it returns the rows to write: if a row
// with the same key exists, the new row is combined with it.
Status plan_on_conflict(const engine::OnConflict& conflict, const engine::InsertSelect& insert,
                        const engine::PlanContext& context, RowsWrite& write);

// Changes the query of an UPDATE that assigns new values to key columns. The query then returns the
// old keys, too (RowsWrite::moved_keys).
void plan_moved_keys(RowsWrite& write, TextPosition position);

}  // namespace server
