// What transactions are told about themselves, and what those may not do that are READ ONLY.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/sql/ast.h"

namespace server::pg {

struct TransactionModes {
  std::optional<bool> is_read_only = {};
  std::optional<bool> is_deferrable = {};  // changes nothing, and is shown
  std::string isolation = {};  // upper case: READ COMMITTED, ...; empty: nothing was said
};
// "ISOLATION LEVEL SERIALIZABLE, READ ONLY, NOT DEFERRABLE", in upper case with one blank between words. The
// last word about a thing counts, as in PostgreSQL. Fails with SyntaxError.
Result<TransactionModes> read_transaction_modes(std::string_view modes);

// The command of a statement that changes something that others can see: "INSERT", "CREATE STREAM"; empty when it changes nothing.
// EXECUTE is what it executes.
std::string changing_command(const engine::ParsedStatement& statement);
// What a transaction that is READ ONLY refuses: the same, and "nextval()" and "setval()" in a SELECT.
std::string refused_in_read_only(const engine::ParsedStatement& statement);

}  // namespace server::pg
