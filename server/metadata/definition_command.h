// The result of a defining statement as the metadata log keeps it: rows that are added to the
// catalog or removed from it. Applying it again needs no other data, plans nothing and gives the
// same result. Layout: docs/formats/definition.md.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/registry/registry.h"
#include "server/metadata/image.h"
#include "storage/meta/cluster_table.h"

namespace server {

inline constexpr std::string_view kSqlPart = "sql";

struct PutSource {
  std::shared_ptr<const engine::DataSource> source;
  std::string unread_row =
      {};  // the row if this program cannot read it; the source then has only its name
};
struct EraseSource {
  std::string name;
};
struct PutQuery {
  DefinedQueryPtr query;
};
struct EraseQuery {
  std::string id;
};
struct SetQueryState {
  std::string id;
  engine::DesiredState state;
};
struct PutType {
  std::string name;
  engine::SqlType type;
};
struct EraseType {
  std::string name;
};
struct PutSequence {
  engine::SequencePtr sequence;
};
struct EraseSequence {
  std::string name;
};
// Moves the sequence with this id: numbers were reserved, or setval() was called.
struct MoveSequence {
  std::string name;
  Uuid id;
  int64_t last_value = 0;
  bool is_called = true;
  int64_t version = 0;
};
struct PutView {
  engine::ViewPtr view;
};
struct EraseView {
  std::string name;
};
// Sets the names in the row of a query after a stream or table was renamed. The query's tasks
// continue, since plans contain the names of topics and not of relations.
struct SetQueryNames {
  std::string id, sink;
  std::vector<std::string> sources;
};
struct PutSchemaName {
  std::string name;
};
struct EraseSchemaName {
  std::string name;
};
struct SetNextQueryNumber {
  int64_t number;
};
struct SetSystemProperty {
  std::string name, value;
};
struct ChangeSchemas {
  engine::RegistryChange change;
};
struct UndoChange;
// The inverse of the first change that the transaction has made to an object. ROLLBACK applies all
// inverse changes of the transaction.
struct NoteUndo {
  Uuid transaction;
  std::shared_ptr<const UndoChange> undo;
};
// A topic that the transaction has created, or one that the COMMIT of the transaction deletes.
struct NoteTopic {
  Uuid transaction;
  bool is_made = false;
  storage::TopicInfo topic = {};
};
struct EndTransaction {
  Uuid transaction;
};
// A process of a cluster node. Two processes of a node never have the same epoch.
struct NodeProcess {
  NodeId node;
  storage::NodeEpoch epoch;
  bool operator==(const NodeProcess&) const = default;
};
// Names the process that has the session of the transaction, in a cluster.
struct OwnTransaction {
  Uuid transaction;
  NodeProcess owner;
};
using DefinitionChange =
    std::variant<PutSource, EraseSource, PutQuery, EraseQuery, SetQueryState, PutType, EraseType,
                 PutSchemaName, EraseSchemaName, SetNextQueryNumber, SetSystemProperty,
                 ChangeSchemas, NoteUndo, NoteTopic, EndTransaction, PutSequence, EraseSequence,
                 MoveSequence, OwnTransaction, PutView, EraseView, SetQueryNames>;
struct UndoChange {
  DefinitionChange change;
};

// The definitions of an open transaction (docs/adr/0059). Each name and each query occurs once,
// with its state before the transaction.
struct OpenDefinitions {
  std::vector<std::shared_ptr<const UndoChange>> undo;
  std::vector<storage::TopicInfo> made_topics;
  std::vector<storage::TopicInfo> dropped_topics;  // their records stay until the transaction ends
  std::optional<NodeProcess> owner;                // in a cluster: the process that has the session
};

struct DefinitionCommand {
  // The statement and the settings under which it was interpreted. They are only shown to users;
  // the state is derived from `changes` alone.
  std::string sql;
  engine::Properties properties;    // properties of the session
  engine::EngineSettings settings;  // settings of the server
  std::vector<DefinitionChange> changes;
};

std::string encode_definition(const DefinitionCommand& command);
// Decodes a command. A row that cannot be read is returned as unreadable: a query with `unreadable`, a source without
// columns. Fails with IncompatibleFormat if a newer version wrote the command, and with StorageFailure if even the
// names are damaged.
Result<DefinitionCommand> decode_definition(std::string_view bytes);

// Returns all rows of an image, as one command that creates the image from an empty one.
DefinitionCommand whole_definition(const MetadataImage& image);

}  // namespace server
