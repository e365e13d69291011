// The modes of BEGIN and SET TRANSACTION, and the statements that READ ONLY refuses.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/sql/read_only.h"

namespace server::pg {

struct TransactionModes {
  std::optional<bool> is_read_only = {};
  std::optional<bool> is_deferrable = {};  // has no effect; SHOW returns it
  std::string isolation = {};              // upper case: READ COMMITTED, ...; empty: not given
};
// Parses "ISOLATION LEVEL SERIALIZABLE, READ ONLY, NOT DEFERRABLE", in upper case with one blank
// between words. The last mode of a kind counts, as in PostgreSQL. Fails with SyntaxError.
Result<TransactionModes> read_transaction_modes(std::string_view modes);

using sql::changing_command;
using sql::refused_in_read_only;

}  // namespace server::pg
