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

// Holds everything that a dry run needs from its session, since the session may have ended before
// the run begins.
struct DryRun {
  SqlParts& parts;
  sql::SessionSettings settings;
  Asker asker;
  std::vector<std::shared_ptr<const engine::ParsedStatement>> statements;
};
// Returns the properties for the statements of a session: the session's settings, and the server's
// properties for names that the session has not set.
engine::Properties properties_of(const sql::SessionSettings& settings, const MetadataImage& image,
                                 bool speaks_ksqldb);
// Returns the first statement that would be rejected because of the metadata, or nothing. SHOW,
// DESCRIBE and the values of rows are not checked. A definition that needs an external schema
// registry ends the run: this definition and the statements after it count as accepted.
std::optional<sql::SessionBackend::Rejection> run_dry(DryRun run,
                                                      const std::atomic<bool>& is_cancelled);

}  // namespace server
