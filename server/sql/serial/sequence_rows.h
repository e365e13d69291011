// Sequences where statements read them as tables, and where columns take their numbers.
#pragma once
#include <memory>
#include <string>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace server {

// SELECT last_value FROM s reads the row of the sequence: the statement as it is, or one that reads the catalog instead.
Result<std::shared_ptr<const engine::ParsedStatement>> with_sequence_rows(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog);

// Whether its DEFAULT takes numbers of a sequence.
bool has_sequence_default(const engine::ColumnDef& column);
bool has_sequence_default(const engine::DataSource& table);
// The sequence whose next number it is; empty where it is none, or something that is computed with it.
std::string sequence_of_default(const engine::ColumnDef& column);
// The same where the column owns it, and rows with numbers of their own move it on; null: there is none.
engine::SequencePtr own_sequence(const engine::Catalog& catalog, const engine::DataSource& table,
                                 const engine::ColumnDef& column);

}  // namespace server
