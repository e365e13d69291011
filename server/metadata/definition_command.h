// What a defining statement has decided, as the metadata log keeps it: rows that come into the
// catalog or leave it, so that applying it again asks nobody, plans nothing and gives the same.
// Layout: docs/formats/definition.md.
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
      {};  // of a row that this program cannot read; the source has its name alone
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
// Numbers were reserved, or setval() has said where it goes on: of the sequence that has this id.
struct MoveSequence {
  std::string name;
  Uuid id;
  int64_t last_value = 0;
  bool is_called = true;
  int64_t version = 0;
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
// What ROLLBACK does about something that the transaction has changed for the first time.
struct NoteUndo {
  Uuid transaction;
  std::shared_ptr<const UndoChange> undo;
};
// A topic that the transaction has made, or that goes when it is committed.
struct NoteTopic {
  Uuid transaction;
  bool is_made = false;
  storage::TopicInfo topic = {};
};
struct EndTransaction {
  Uuid transaction;
};
// A process of a cluster: no two of a node have the same epoch.
struct NodeProcess {
  NodeId node;
  storage::NodeEpoch epoch;
  bool operator==(const NodeProcess&) const = default;
};
// In a cluster: which process has the session of the transaction.
struct OwnTransaction {
  Uuid transaction;
  NodeProcess owner;
};
using DefinitionChange =
    std::variant<PutSource, EraseSource, PutQuery, EraseQuery, SetQueryState, PutType, EraseType,
                 PutSchemaName, EraseSchemaName, SetNextQueryNumber, SetSystemProperty,
                 ChangeSchemas, NoteUndo, NoteTopic, EndTransaction, PutSequence, EraseSequence,
                 MoveSequence, OwnTransaction>;
struct UndoChange {
  DefinitionChange change;
};

// What a transaction has defined that has not ended (docs/adr/0059). Each name and each query is there once: as it was
// when the transaction began.
struct OpenDefinitions {
  std::vector<std::shared_ptr<const UndoChange>> undo;
  std::vector<storage::TopicInfo> made_topics;
  std::vector<storage::TopicInfo> dropped_topics;  // their records stay until the end
  std::optional<NodeProcess> owner;                // in a cluster
};

struct DefinitionCommand {
  // For whoever wants to know why: the statement, and under which settings it was understood.
  // Nothing is derived from them.
  std::string sql;
  engine::Properties properties;    // of the session
  engine::EngineSettings settings;  // of the server
  std::vector<DefinitionChange> changes;
};

std::string encode_definition(const DefinitionCommand& command);
// A row that cannot be read comes as one that says so: a query with `unreadable`, a source without
// columns. Fails with IncompatibleFormat when a newer version wrote the whole, with StorageFailure
// when it is damaged so that not even the names can be read.
Result<DefinitionCommand> decode_definition(std::string_view bytes);

// All rows of an image, as one command that makes it of an empty one.
DefinitionCommand whole_definition(const MetadataImage& image);

}  // namespace server
