// Turns a defining statement into the command that is logged. All decisions are made once, by these
// functions. The functions do no I/O.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/registry/outside_schemas.h"
#include "engine/sql/ast.h"
#include "server/metadata/cluster_facts.h"
#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"
#include "server/metadata/topic_change.h"
#include "storage/meta/metadata_log.h"

namespace server {

// Whether a statement changes the image: CREATE, DROP, ALTER, INSERT INTO ... SELECT, TERMINATE,
// PAUSE, RESUME, and the statements about users and their rights.
bool is_definition(const engine::Statement& statement);

struct PlannedDefinition {
  bool is_nothing = false;  // true: IF EXISTS or IF NOT EXISTS makes the statement have no effect
  storage::MetadataCommand command;
  std::vector<std::string> new_queries;  // ids of the queries that the command creates
  std::vector<std::string> notices;
  std::string tag;                 // tag of the command, such as "CREATE STREAM"
  std::string started_query = {};  // the query that the statement starts
  ReplicaWish replicas = {};       // for the topics that the statement creates
  std::set<Uuid> kept_topics =
      // topics that lose their names and keep their replicas, so that a ROLLBACK can restore them
      {};
  // Questions to an external registry. If there are any, they must be answered and the statement
  // planned again; the other fields are then meaningless.
  std::vector<engine::SchemaQuestion> questions = {};
};

// The topics of a table whose rows were rewritten: `new_topic` replaces `old_topic`.
struct RekeyedTable {
  Uuid old_topic, new_topic;
  // Returns whether the old topic has received no record since its rows were read. After the first
  // call the old topic accepts no records.
  std::function<bool()> is_unchanged;
};

// Inputs from outside the image: new ids, and the present ends of partitions for queries that start
// at `latest`.
struct DefinitionSources {
  std::function<Uuid()> new_id;
  std::function<Offset(const Uuid& topic, PartitionId partition)> end_of;
  // Answers of an external registry; null: the image's registry is used.
  const engine::OutsideSchemas* outside = nullptr;
  const RekeyedTable* rekeyed = nullptr;  // set for AddPrimaryKey
  const Uuid* transaction = nullptr;      // the transaction of the statement; null: none
  const ClusterFacts& facts = local_facts();
  std::optional<NodeProcess> process = {};  // the process that runs this code, see ClusterFacts
};

// Plans the command of a statement. Fails with InsufficientPrivilege if the user lacks a right.
Result<PlannedDefinition> plan_definition(const engine::ParsedStatement& statement,
                                          const MetadataImage& image,
                                          const engine::EngineSettings& settings,
                                          const engine::Properties& properties,
                                          const DefinitionSources& sources,
                                          const Asker& asker = {});

// Returns the tag that clients see at the end of the statement, such as "CREATE STREAM" or
// "TERMINATE QUERY".
std::string command_tag(const engine::Statement& statement);

}  // namespace server
