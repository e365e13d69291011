#include "server/pg/read_only.h"

#include <algorithm>

namespace server::pg {

namespace {

bool take(std::string_view& text, std::string_view words) {
  if (!text.starts_with(words)) return false;
  const std::string_view rest = text.substr(words.size());
  if (!rest.empty() && rest.front() != ' ' && rest.front() != ',') return false;
  text = rest;
  return true;
}

}  // namespace

Result<TransactionModes> read_transaction_modes(std::string_view modes) {
  constexpr std::string_view kLevels[] = {"READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ",
                                          "SERIALIZABLE"};
  TransactionModes read;
  const auto take_one = [&] {
    if (take(modes, "READ ONLY")) return read.is_read_only = true, true;
    if (take(modes, "READ WRITE")) return read.is_read_only = false, true;
    if (take(modes, "DEFERRABLE")) return read.is_deferrable = true, true;
    if (take(modes, "NOT DEFERRABLE")) return read.is_deferrable = false, true;
    if (!take(modes, "ISOLATION LEVEL") || modes.empty()) return false;
    modes.remove_prefix(1);
    const auto* level =
        std::ranges::find_if(kLevels, [&](std::string_view each) { return take(modes, each); });
    if (level == std::end(kLevels)) return false;
    read.isolation = *level;
    return true;
  };
  while (!modes.empty()) {
    if (!take_one())
      return Error{
          ErrorCode::SyntaxError, "a transaction has no mode \"" + std::string(modes) + '"', "",
          modes.starts_with("STATEMENT")
              ? "Send each INSERT INTO ... SELECT on its own; each is a continuous query."
              : "Modes are READ ONLY, READ WRITE, ISOLATION LEVEL READ COMMITTED and [NOT] "
                "DEFERRABLE."};
    while (!modes.empty() && (modes.front() == ' ' || modes.front() == ',')) modes.remove_prefix(1);
  }
  return read;
}

}  // namespace server::pg
