// Sequences as tables that statements read, and as the source of the numbers of columns.
#pragma once
#include <memory>
#include <string>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace server {

// SELECT last_value FROM s reads the row of the sequence: returns the statement itself, or one that
// reads the catalog instead.
Result<std::shared_ptr<const engine::ParsedStatement>> with_sequence_rows(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog);

// Whether its DEFAULT takes numbers of a sequence.
bool has_sequence_default(const engine::ColumnDef& column);
bool has_sequence_default(const engine::DataSource& table);
// The sequence whose next number is the DEFAULT; empty if the DEFAULT is anything else, including
// an expression over such a number.
std::string sequence_of_default(const engine::ColumnDef& column);
// The sequence that the DEFAULT takes and the column owns, if explicit numbers of rows move it on;
// null if no such sequence exists.
engine::SequencePtr own_sequence(const engine::Catalog& catalog, const engine::DataSource& table,
                                 const engine::ColumnDef& column);

}  // namespace server
