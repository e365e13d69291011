// From a defining statement to the command that is logged, and from a logged command to the next
// image. Both are pure.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/sql/ast.h"
#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "storage/meta/metadata_log.h"

namespace server {

// Whether a statement changes the image: CREATE, DROP, ALTER, INSERT INTO ... SELECT, TERMINATE,
// PAUSE, RESUME.
bool is_definition(const engine::Statement& statement);

// What follows from an applied command besides the new image.
struct ImageChange {
  MetadataImagePtr next;
  std::vector<std::shared_ptr<const DefinedQuery>> started;
  std::vector<std::shared_ptr<const DefinedQuery>> ended;  // for good: their state may go
  std::vector<std::string> paused, resumed;
  std::vector<Uuid> dropped_topics;
};

struct PlannedDefinition {
  bool is_nothing = false;  // IF NOT EXISTS and it does, DROP IF EXISTS and it does not
  storage::MetadataCommand command;
  std::vector<std::string> notices;
  std::string tag;  // "CREATE STREAM"
};

// What planning takes from outside: ids, and the present ends of partitions for queries that begin
// at `latest`.
struct DefinitionSources {
  std::function<Uuid()> new_id;
  std::function<Offset(const Uuid& topic, PartitionId partition)> end_of;
};

Result<PlannedDefinition> plan_definition(const engine::ParsedStatement& statement,
                                          const MetadataImage& image,
                                          const engine::EngineSettings& settings,
                                          const engine::Properties& properties,
                                          const DefinitionSources& sources);

// Applies the parts of one command: to `topics`, and to the catalog of `image`. Fails, changing
// nothing, only when the log does not fit this program.
Result<ImageChange> apply_command(const MetadataImage& image, storage::TopicTable& topics,
                                  Revision revision, const storage::MetadataCommand& command,
                                  const engine::EngineSettings& settings);

// "CREATE STREAM", "TERMINATE QUERY": what clients see when a statement is done.
std::string command_tag(const engine::Statement& statement);

}  // namespace server
