// Lets statements read a sequence like a table, and finds the sequences from which columns get
// their numbers.
#pragma once
#include <memory>
#include <string>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace server {

// Returns a statement that reads the catalog where `statement` reads the row of a sequence (SELECT
// last_value FROM s). Returns the statement itself if it reads no sequence.
Result<std::shared_ptr<const engine::ParsedStatement>> with_sequence_rows(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog);

// Whether the DEFAULT of the column, or of any column of the table, calls a function of sequences.
bool has_sequence_default(const engine::ColumnDef& column);
bool has_sequence_default(const engine::DataSource& table);
// Returns the name of the sequence if the DEFAULT is nothing but nextval() of it. Returns an empty
// name for any other DEFAULT, including an expression that contains nextval().
std::string sequence_of_default(const engine::ColumnDef& column);
// Returns the sequence that the column owns and from which its DEFAULT takes the next number.
// Returns null if the column has none, or if explicit numbers in rows do not advance it.
engine::SequencePtr own_sequence(const engine::Catalog& catalog, const engine::DataSource& table,
                                 const engine::ColumnDef& column);

}  // namespace server
