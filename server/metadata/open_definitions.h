// Definitions of open transactions: their inverse changes, and the checks that keep other
// transactions from touching them (docs/adr/0059). The functions do no I/O.
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

// The names that a definition changes or reads.
struct DefinitionUses {
  std::set<std::string> sources, types, schemas, queries, topics, sequences;
  void add(const DefinitionChange& change);
};
// Fails with LockTimeout if another open transaction has changed one of the names: both its COMMIT
// and its ROLLBACK must find the object unchanged.
Status check_not_open_elsewhere(const DefinitionUses& uses, const MetadataImage& image,
                                const Uuid* own);

// The following checks fail with LockTimeout. As long as a transaction is open, they refuse writes
// to topics that its COMMIT or ROLLBACK would delete.
//
// Fails if another transaction has created the topic, because the ROLLBACK of that transaction
// would delete the topic.
Status check_not_made_elsewhere(std::string_view topic, const MetadataImage& image,
                                const Uuid* own);
// Fails if any transaction has dropped or replaced the topic, because the COMMIT of that
// transaction would delete the topic.
Status check_not_dropped(const Uuid& topic, const MetadataImage& image);
// Runs check_not_made_elsewhere() and check_not_dropped(). For writers without a transaction.
Status check_stays(const Uuid& topic, const MetadataImage& image);

// Collects the additions of one statement to the definitions of its transaction. Without a
// transaction, the class does nothing.
class OpenDefiner {
 public:
  OpenDefiner(const Uuid* transaction, const MetadataImage& image);

  void make_topic(const storage::TopicInfo& topic);
  // Returns whether the topic must stay until the transaction ends, because a ROLLBACK would
  // restore it. This is true unless the transaction itself has created the topic.
  bool drop_topic(const storage::TopicInfo& topic);
  bool has_dropped(const storage::TopicInfo& topic) const;
  std::set<Uuid> dropped_topics() const;
  // Returns the notes to log together with these changes, so that a ROLLBACK can undo them. Fails
  // with NotSupported if the changes cannot be undone: the state of a query would be lost, or rows
  // would remain in a topic that exists after the ROLLBACK.
  Result<std::vector<DefinitionChange>> notes_of(const std::vector<DefinitionChange>& changes);

 private:
  enum class Kind : uint8_t { Source, Query, Type, Schema, Sequence, View, QueryNames };
  bool has_made(const std::string& topic) const;
  Result<std::optional<DefinitionChange>> undo_of(const DefinitionChange& change) const;
  static std::optional<std::pair<Kind, std::string>> subject_of(const DefinitionChange& change);

  const Uuid* const transaction_;
  const MetadataImage& image_;
  OpenDefinitions open_;  // includes the additions of this statement
  std::vector<DefinitionChange> notes_;
};

enum class TransactionEnd : uint8_t { Commit, Rollback };
struct PlannedEnd {
  storage::MetadataCommand command;
  // Queries that the end of the transaction restores. They process their inputs from the beginning.
  std::vector<std::string> new_queries;
  // The topics that have lost their names in the transaction. `returning`: they get their names
  // back and keep their replicas. `ending`: they are deleted.
  std::set<Uuid> returning;
  std::vector<storage::TopicInfo> ending;
};
// Plans the end of a transaction. Returns nothing if the transaction has no definitions.
std::optional<PlannedEnd> plan_transaction_end(const MetadataImage& image, const Uuid& transaction,
                                               TransactionEnd how);

// Shows the topics that statements of a transaction see: all topics except those that the
// transaction has dropped. `image` and `transaction` outlive this object.
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
