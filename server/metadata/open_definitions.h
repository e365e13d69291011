// The definitions of transactions that have not ended: what undoes them, and who may not touch them meanwhile
// (docs/adr/0059). Pure.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "storage/meta/metadata_log.h"

namespace server {

// By name, what a definition changes or reads.
struct DefinitionUses {
  std::set<std::string> sources, types, schemas, queries, topics, sequences;
  void add(const DefinitionChange& change);
};
// Fails with LockTimeout where another transaction that has not ended has changed some of it: whatever that ends with, it
// must find it as it was.
Status check_not_open_elsewhere(const DefinitionUses& uses, const MetadataImage& image,
                                const Uuid* own);

// Rows that would be lost with the end of a transaction have nowhere to go until then. Each fails with LockTimeout.
// Where another transaction has made the topic: its ROLLBACK removes it.
Status check_not_made_elsewhere(std::string_view topic, const MetadataImage& image,
                                const Uuid* own);
// Where any has dropped it, or put another one in its place: its COMMIT removes it.
Status check_not_dropped(const Uuid& topic, const MetadataImage& image);
// For those who belong to no transaction: both.
Status check_stays(const Uuid& topic, const MetadataImage& image);

// What one statement adds to that of its transaction. Without a transaction it does nothing.
class OpenDefiner {
 public:
  OpenDefiner(const Uuid* transaction, const MetadataImage& image);

  void make_topic(const storage::TopicInfo& topic);
  // Whether the topic stays until the transaction ends: all do but those that it has made itself.
  bool drop_topic(const storage::TopicInfo& topic);
  bool has_dropped(const storage::TopicInfo& topic) const;
  std::set<Uuid> dropped_topics() const;
  // What is to be logged beside these changes, so that they can be undone. Fails with NotSupported where they cannot: a
  // query whose state is lost, rows in a topic that stays.
  Result<std::vector<DefinitionChange>> notes_of(const std::vector<DefinitionChange>& changes);

 private:
  enum class Kind : uint8_t { Source, Query, Type, Schema, Sequence };
  bool has_made(const std::string& topic) const;
  Result<std::optional<DefinitionChange>> undo_of(const DefinitionChange& change) const;
  static std::optional<std::pair<Kind, std::string>> subject_of(const DefinitionChange& change);

  const Uuid* const transaction_;
  const MetadataImage& image_;
  OpenDefinitions open_;  // with what this statement adds
  std::vector<DefinitionChange> notes_;
};

enum class TransactionEnd : uint8_t { Commit, Rollback };
struct PlannedEnd {
  storage::MetadataCommand command;
  std::vector<std::string> new_queries;  // that come back, and begin anew
  // Of topics that have had no name: those that have one again, with their replicas, and those that end.
  std::set<Uuid> returning;
  std::vector<storage::TopicInfo> ending;
};
// Nothing where the transaction has defined nothing.
std::optional<PlannedEnd> plan_transaction_end(const MetadataImage& image, const Uuid& transaction,
                                               TransactionEnd how);

// The topics as a transaction's statements find them: without those that it has dropped. Both outlive it.
class TransactionTopics final : public engine::Topics {
 public:
  TransactionTopics(const MetadataImage& image, const Uuid* transaction);
  std::optional<engine::TopicDescription> find(std::string_view name) const override;
  std::vector<engine::TopicDescription> all() const override;

 private:
  bool is_dropped(const engine::TopicDescription& topic) const;

  const SnapshotTopics topics_;
  const OpenDefinitions* open_ = nullptr;
};

}  // namespace server
