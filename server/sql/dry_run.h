// Statements tried on a copy of the metadata, as ksqlDB's sandbox does: a request is carried out as a whole or not at all, so
// the last of its statements has to be found wrong before the first one is carried out.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "server/sql/port.h"
#include "server/sql/session.h"

namespace server {

// All that a dry run needs of its session, which may be gone when it runs.
struct DryRun {
  SqlParts& parts;
  sql::SessionSettings settings;
  Asker asker;
  std::vector<std::shared_ptr<const engine::ParsedStatement>> statements;
};
// The properties of a session's statements: its settings, and the server's where it has none.
engine::Properties properties_of(const sql::SessionSettings& settings, const MetadataImage& image,
                                 bool speaks_ksqldb);
// The first statement that would be rejected; nothing: none would, as far as the metadata decides it. Not tried are SHOW and
// DESCRIBE, rows, and definitions for which a registry elsewhere is asked, nor what follows these.
std::optional<sql::SessionBackend::Rejection> run_dry(DryRun run,
                                                      const std::atomic<bool>& is_cancelled);

}  // namespace server
