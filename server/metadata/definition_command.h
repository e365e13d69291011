// A statement that defines something, as the metadata log keeps it: its text, and all that was
// decided when it was accepted, so that applying it again gives the same. Layout:
// docs/formats/definition.md.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"
#include "server/metadata/image.h"
#include "storage/meta/metadata_log.h"

namespace server {

inline constexpr std::string_view kSqlPart = "sql";

struct DefinitionCommand {
  std::string sql;                    // one statement
  engine::Properties properties;      // of the session that gave it
  std::vector<Uuid> exchange_ids;     // of the query that it starts
  std::vector<StartPosition> starts;  // of that query; empty: from the logs' starts
  bool operator==(const DefinitionCommand&) const = default;
};

std::string encode_definition(const DefinitionCommand& command);
// Fails with IncompatibleFormat when a newer version wrote it, with StorageFailure when it is
// damaged.
Result<DefinitionCommand> decode_definition(std::string_view bytes);

}  // namespace server
