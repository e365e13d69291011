// Of what statements that write rows are made. Private to write_plan.cc, upsert_plan.cc and moved_keys.cc.
#pragma once
#include <memory>
#include <string>

#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"
#include "server/sql/write/write_plan.h"

namespace server {

// As it is spelled in the catalog.
engine::Name exact(const std::string& text);
engine::ExpressionPtr column_of(const std::string& name, TextPosition at);
// A column of the target, which `rows` reads first: others beside it may have one of the same name.
engine::ExpressionPtr own_column(const engine::Query& rows, const std::string& name,
                                 TextPosition at);
// FROM ... AS alias, a query's, which is put there once what reads it is made.
engine::AliasedSource source_of(engine::Name alias, TextPosition at);
inline constexpr const char* kRowsToWrite = "ROWS_TO_WRITE";
void add_item(engine::Query& query, engine::ExpressionPtr value, const std::string& name);
// CAST(value AS type), with the type's label and without its length: that is looked at where rows become records.
engine::ExpressionPtr as_type(engine::ExpressionPtr value, const engine::SqlType& type);
// The same for what is written; a number that is named and not computed loses no digit (engine/expr/whole_numeric.h).
engine::ExpressionPtr as_taken(engine::ExpressionPtr value, const engine::SqlType& type,
                               bool is_named);
// A table whose rows statements may change.
Result<std::shared_ptr<const engine::DataSource>> find_target(const engine::TableName& table,
                                                              const engine::PlanContext& context);
// In its schema.
Result<size_t> find_place(const engine::TableName& column, const engine::DataSource& target,
                          const engine::PlanContext& context);
// What DEFAULT stands for. Fails with NotSupported where that takes numbers of a sequence.
Result<engine::ExpressionPtr> default_of(const engine::ColumnDef& column, TextPosition at);
// Casts each operand that is no sum, product, ... itself.
void widen(engine::ExpressionPtr& operand, const engine::TypeName& bigint);

// Makes of an INSERT's rows those that it writes: what meets a row of its key is put together with that.
Status plan_on_conflict(const engine::OnConflict& conflict, const engine::InsertSelect& insert,
                        const engine::PlanContext& context, RowsWrite& write);

// Makes of an UPDATE's rows those of one that assigns to the key.
void plan_moved_keys(RowsWrite& write, TextPosition position);

}  // namespace server
