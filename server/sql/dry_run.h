// Tries statements on a copy of the metadata, like ksqlDB's sandbox. A request is executed as a
// whole or not at all, so an error in its last statement has to be found before the first one is
// executed.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "server/sql/port.h"
#include "server/sql/session.h"

namespace server {

// Everything that a dry run needs from its session, since the session may have ended when it runs.
struct DryRun {
  SqlParts& parts;
  sql::SessionSettings settings;
  Asker asker;
  std::vector<std::shared_ptr<const engine::ParsedStatement>> statements;
};
// The properties of a session's statements: its settings, and the server's where it has none.
engine::Properties properties_of(const sql::SessionSettings& settings, const MetadataImage& image,
                                 bool speaks_ksqldb);
// Returns the first statement that would be rejected, or nothing, as far as the metadata decides
// it. SHOW and DESCRIBE, and the values of rows, are not tried. A definition that needs an external
// schema registry ends the run: it and the statements after it are accepted untried.
std::optional<sql::SessionBackend::Rejection> run_dry(DryRun run,
                                                      const std::atomic<bool>& is_cancelled);

}  // namespace server
