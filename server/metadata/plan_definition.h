// From a defining statement to the command that is logged: all that it decides is decided here,
// once. Pure.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/registry/outside_schemas.h"
#include "engine/sql/ast.h"
#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"
#include "server/metadata/topic_change.h"
#include "storage/meta/metadata_log.h"

namespace server {

// Whether a statement changes the image: CREATE, DROP, ALTER, INSERT INTO ... SELECT, TERMINATE,
// PAUSE, RESUME, and those about users and their rights.
bool is_definition(const engine::Statement& statement);

struct PlannedDefinition {
  bool is_nothing = false;  // IF NOT EXISTS and it does, DROP IF EXISTS and it does not
  storage::MetadataCommand command;
  std::vector<std::string> new_queries;  // ids of those that the command makes
  std::vector<std::string> notices;
  std::string tag;                 // "CREATE STREAM"
  std::string started_query = {};  // the id of the one that the statement asks for
  ReplicaWish replicas = {};       // of the topics that it makes
  std::set<Uuid> kept_topics =
      {};  // without a name from now on, with their replicas: the transaction may want them back
  // Of a registry elsewhere: where there are some, they are to be answered and the statement planned anew; all else
  // says nothing then.
  std::vector<engine::SchemaQuestion> questions = {};
};

// A topic with the rows of a table under another key, which takes the place of the table's.
struct RekeyedTable {
  Uuid old_topic, new_topic;
  // Whether nothing was written to the old topic since its rows were read; from the first call on nothing is.
  std::function<bool()> is_unchanged;
};

// What planning takes from outside: ids, and the present ends of partitions for queries that begin
// at `latest`.
struct DefinitionSources {
  std::function<Uuid()> new_id;
  std::function<Offset(const Uuid& topic, PartitionId partition)> end_of;
  // What is known of a registry elsewhere; null: the image's registry is the one.
  const engine::OutsideSchemas* outside = nullptr;
  const RekeyedTable* rekeyed = nullptr;  // of AddPrimaryKey
  const Uuid* transaction = nullptr;      // that the statement is part of
  bool is_in_cluster = false;             // not everything can be defined there
  std::optional<NodeProcess> process = {};  // in a cluster: this one
};

// Fails with InsufficientPrivilege where the asker may not do that.
Result<PlannedDefinition> plan_definition(const engine::ParsedStatement& statement,
                                          const MetadataImage& image,
                                          const engine::EngineSettings& settings,
                                          const engine::Properties& properties,
                                          const DefinitionSources& sources,
                                          const Asker& asker = {});

// "CREATE STREAM", "TERMINATE QUERY": what clients see when a statement is done.
std::string command_tag(const engine::Statement& statement);

}  // namespace server
