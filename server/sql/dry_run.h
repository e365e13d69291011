// Tries statements on a copy of the metadata, like ksqlDB's sandbox. ksqlDB executes all statements
// of a request or none, so an error in the last statement has to be found before the first one is
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
// Returns the properties with which a session's statements are planned: the session's settings and,
// for names that the session has not set, the server's properties.
engine::Properties properties_of(const sql::SessionSettings& settings, const MetadataImage& image,
                                 bool speaks_ksqldb);
// Returns the first statement that would fail with the present metadata; nothing if all would
// succeed. SHOW, DESCRIBE and the values of rows are not checked. If a definition needs an external
// schema registry, the run ends there: this definition and all later statements count as accepted.
std::optional<sql::SessionBackend::Rejection> run_dry(DryRun run,
                                                      const std::atomic<bool>& is_cancelled);

}  // namespace server
