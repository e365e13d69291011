// The metadata thread plans, logs and executes statements that define objects, one after the other,
// and publishes each resulting image for readers, which need no lock.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/catalog/passed_numbers.h"
#include "engine/sql/ast.h"
#include "server/metadata/apply_command.h"
#include "server/metadata/cluster_facts.h"
#include "server/metadata/image.h"
#include "server/metadata/job_queue.h"
#include "server/metadata/open_definitions.h"
#include "server/metadata/plan_definition.h"
#include "server/metadata/query_runner.h"
#include "server/metadata/rebuild_step.h"
#include "server/metadata/topic_change.h"
#include "storage/log/log.h"
#include "storage/meta/metadata_log.h"

namespace server {

struct DefinitionOutcome {
  std::string tag;
  std::vector<std::string> notices;
  std::string query_id = {};  // id of the query that the statement started, if any
};
using DefinitionDone = std::function<void(Result<DefinitionOutcome>)>;

// A session's transaction with regard to definitions.
struct DefiningTransaction {
  const Uuid id = Uuid::random();
  std::atomic<bool> has_ended = false;
  bool has_defined = false;          // used only on the metadata thread
  std::optional<Error> undone = {};  // set if another node has undone all; read after has_ended
};
using DefiningTransactionPtr = std::shared_ptr<DefiningTransaction>;

// A definition takes these steps: plan, create partitions, append, apply, publish, start and stop
// queries, answer. If the storage cannot carry out the definition (too many partitions), it fails
// before the append and is answered with the error. A failure after the append makes the object
// fail (a query gets the state ERROR), but the catalog is always complete. If the server crashes
// after it has created partitions and before the append, the partitions belong to no topic, and the
// next start removes them.
//
// Several appliers may share one metadata log. Each of them applies all commands in the order of the log, also those
// that another applier has appended. If another command was appended first, the statement is planned again on the new
// image.
//
// Threads: image() and submit() on any; answers arrive on the metadata thread, or within the call
//          if the queue is full.
// Owner:   the node. Stopping finishes the present statement and refuses all others.
//
// `facts` describes the other nodes. A statement with a feature that `facts` does not support is
// refused (cluster_limits.h).
class MetadataApplier {
 public:
  MetadataApplier(storage::Log& log, storage::MetadataLog& metadata, QueryRunner& queries,
                  engine::EngineSettings settings, const ClusterFacts& facts = local_facts());
  ~MetadataApplier();

  // Sets an external registry, which then keeps the schemas in place of the image. Called before
  // start_thread(). The registry outlives this object and is stopped first.
  void use_registry(engine::OutsideRegistry& outside) { outside_ = &outside; }
  engine::OutsideRegistry* outside_registry() const { return outside_; }

  // Sets the defaults from the server's start for topics without settings of their own. Called
  // before recover().
  void use_topic_defaults(std::map<std::string, std::string> started_with);

  // Reads the newest snapshot and the metadata log after it, and starts the queries. Called before
  // start_thread(). If the definition of a query cannot be read, the query enters the state ERROR,
  // and the start of the server continues. Fails with ShuttingDown once `must_stop` is set.
  Status recover(const std::atomic<bool>& must_stop);
  void start_thread();
  // Earlier processes may have left definitions of open transactions. Waits until those definitions
  // are undone whose transactions can no longer be committed. If a process of another node may
  // still commit a transaction, the definitions of this transaction stay. Called once, when the
  // tasks' loops run.
  void await_undone();
  void stop_thread();

  MetadataImagePtr image() const { return image_.load(std::memory_order_acquire); }
  const engine::EngineSettings& settings() const { return settings_; }
  const ClusterFacts& facts() const { return facts_; }
  // A definition within a transaction becomes permanent when end() is called with Commit. No other
  // function is called for the transaction after end().
  void submit(std::shared_ptr<const engine::ParsedStatement> statement,
              engine::Properties properties, DefinitionDone done, Asker asker = {},
              DefiningTransactionPtr transaction = {});
  void end(const DefiningTransactionPtr& transaction, TransactionEnd how,
           std::function<void(Status)> done);
  // Submits ALTER TABLE ... ADD PRIMARY KEY. The new topic that the request names already contains
  // the rows. If the statement fails, no table uses that topic, and it is removed.
  struct RekeyRequest {
    Uuid old_topic, new_topic;
    // By partition: the end of the old topic when its rows were read.
    std::vector<Offset> old_ends = {};
    // Set in a cluster for the first of two calls: it closes the old topic for appends and creates
    // the new topic, both until the transaction ends. The second call defines the table.
    struct Begin {
      int32_t partitions = 1, replicas = 1;  // of the new topic
    };
    std::optional<Begin> begin = {};
  };
  void submit(std::shared_ptr<const engine::ParsedStatement> statement, RekeyRequest request,
              DefinitionDone done, Asker asker = {}, DefiningTransactionPtr transaction = {});
  // `done` gets the new state of the topic or, if the topic was deleted, its last state.
  void submit(TopicChange change, std::function<void(Result<storage::TopicInfo>)> done);
  void submit(std::vector<storage::QuotaChange> changes, std::function<void(Status)> done);
  struct GroupConfigChange {
    std::string group;
    std::vector<storage::ConfigChange> changes;
    bool replaces_all = false;  // `changes` replace all settings of the group
  };
  void submit(GroupConfigChange change, std::function<void(Status)> done);
  // Changes the defaults of topics without settings of their own, under the broker's names of the
  // settings.
  struct TopicDefaultsChange {
    std::vector<storage::ConfigChange> changes;
    bool replaces_all = false;
  };
  void submit(TopicDefaultsChange change, std::function<void(Status)> done);
  // Changes users for Kafka's requests and for a start of the server. SQL's statements about users
  // are submitted as statements.
  using UsersChange =
      std::function<Result<std::vector<storage::UserChange>>(const storage::Users&)>;
  void submit(UsersChange change, std::function<void(Status)> done);
  // Computes changes of connectors from the connectors at the time when the function runs. It may run
  // again if another command was appended first. If the function returns no change, nothing is
  // appended.
  using ConnectorsChange =
      std::function<Result<std::vector<storage::ConnectorChange>>(const storage::Connectors&)>;
  void submit(ConnectorsChange change, std::function<void(Status)> done);
  // Computes changes of links, like ConnectorsChange.
  using LinksChange =
      std::function<Result<std::vector<storage::LinkChange>>(const storage::LinkTable&)>;
  void submit(LinksChange change, std::function<void(Status)> done);
  // Computes the "cluster" parts to append from the state at the time when the function runs, like
  // UsersChange.
  using ClusterChange = std::function<std::vector<std::string>()>;
  void submit(ClusterChange change, std::function<void(Status)> done);
  void submit(RebuildStep step, std::function<void(Status)> done);
  // A change of a sequence: reserves numbers, sets the value, or takes back unused numbers. Only
  // the sequence's owner and superusers may set a value.
  struct SequenceMove {
    std::string name;
    int64_t count = 0;  // how many numbers to reserve
    struct Value {
      int64_t value = 0;
      bool is_called = true;
      Asker asker = {};
    };
    std::optional<Value> set = {};
    // The last reserved numbers, if they were not used. The sequence takes these numbers back,
    // unless further numbers have been reserved since.
    struct Unused {
      Uuid id;
      int64_t version = 0, reserved_to = 0, given_to = 0;
    };
    std::optional<Unused> unused = {};
    // The range of the explicit numbers of rows that are about to be written: the sequence moves
    // past this range, and `count` numbers after it are reserved.
    struct Passed {
      int64_t least = 0, greatest = 0;
    };
    std::optional<Passed> passed = {};
  };
  struct SequenceMoved {
    Uuid id;
    int64_t version = 0;
    engine::SequenceNumbers numbers;
    engine::PassedNumbers passed = {};
  };
  // Answers when the change is durable: with the reserved numbers, or with the set value as the
  // only number, and with the version of the sequence after the change.
  void submit(SequenceMove move, std::function<void(Result<SequenceMoved>)> done);
  // `change` computes changes of the schema registry from the registry's state when the function
  // runs. It may run again if another command was appended first. Answers when the change is
  // durable. An error of the log has the code 50001.
  using SchemaChange =
      std::function<engine::RegistryResult<engine::RegistryChanges>(const engine::SchemaRegistry&)>;
  void submit(SchemaChange change, std::function<void(engine::RegistryResult<void>)> done);
  // Returns the registry's present schemas, for readers of records. Any thread; valid as long as
  // this object exists.
  const engine::SchemaLookup& schemas() const {
    return outside_ ? static_cast<const engine::SchemaLookup&>(*outside_) : schemas_;
  }

 private:
  class PresentSchemas final : public engine::SchemaLookup {
   public:
    explicit PresentSchemas(const MetadataApplier& owner) : owner_(owner) {}
    engine::SchemaTextPtr find_schema(int32_t id) const override {
      return owner_.image()->schemas->find_schema(id);
    }

   private:
    const MetadataApplier& owner_;
  };

  void run();
  // Makes a change of the schema registry. The result contains an error if the registry itself
  // refuses the change.
  Result<std::optional<engine::RegistryError>> change_schemas(const SchemaChange& change);
  // Creates the topic of the replicated journals; called for a statement that creates a query.
  Status make_journals();
  Status change_quotas(const std::vector<storage::QuotaChange>& changes);
  Status change_group_config(const GroupConfigChange& change);
  Status change_topic_defaults(const TopicDefaultsChange& change);
  // A statement in progress. If it has questions to an external registry, it is planned again with the registry's
  // answers.
  struct Definition {
    std::shared_ptr<const engine::ParsedStatement> statement;
    engine::Properties properties;
    DefinitionDone done;
    Asker asker;
    DefiningTransactionPtr transaction;
    engine::OutsideSchemas known = {};
    int rounds = 0;
    std::optional<RekeyRequest> rekey = {};
  };
  void submit(std::shared_ptr<Definition> definition);
  void carry_on(const std::shared_ptr<Definition>& definition);
  // Plans and commits the statement. If `questions` is not empty afterwards, the caller must get
  // the answers and call define() again.
  Result<DefinitionOutcome> define(const Definition& definition,
                                   std::vector<engine::SchemaQuestion>& questions);
  Result<DefinitionOutcome> begin_rewrite(const Definition& definition);
  Status end_transaction(const Uuid& transaction, TransactionEnd how);
  void undo_left_transactions();
  // Undoes definitions of transactions whose sessions have ended without COMMIT or ROLLBACK.
  void undo_abandoned_transactions();
  bool is_abandoned(const Uuid& transaction, const OpenDefinitions& open);
  void undo(const Uuid& transaction);
  Status change_users(const UsersChange& change);
  Status change_connectors(const ConnectorsChange& change);
  Status change_links(const LinksChange& change);
  Result<SequenceMoved> move_sequence(const SequenceMove& move);
  Status change_cluster(const ClusterChange& change);
  Result<storage::TopicInfo> change_topic(const TopicChange& change);
  // Places the replicas of all topics that the command creates, grows or deletes, except topics
  // that keep their replicas.
  Status place(const ReplicaWish& wish, const std::set<Uuid>& kept,
               storage::MetadataCommand& command) const;
  // Logs a command that was planned on the present image, and applies the log up to it. Fails with
  // OutOfOrderSequence if another command was appended first.
  Status commit(const storage::MetadataCommand& command);
  // Calls `answer`. If a definition was appended (`is_decided`), waits first until the other nodes have applied it.
  void answer_when_told(std::function<void()> answer, bool is_decided) const;
  // Plans and commits, and repeats this whenever another command was appended first.
  template <class Attempt>
  auto decide(Attempt attempt) -> decltype(attempt());
  // Applies the commands after the image's revision, publishes the new image and carries out the
  // changes.
  Status catch_up();
  Status apply(const storage::MetadataRecord& record);
  // Loads a snapshot that has replaced the deleted commands after the image's revision.
  Status jump();
  Result<MetadataImagePtr> read_all(const std::atomic<bool>& must_stop);
  // Reads some records, beginning with `first`. Reads at least one record, unless `first` is above
  // `newest`.
  Result<std::vector<ReadCommand>> read(Revision first, Revision newest) const;
  // Creates the partitions that the command's topics need. After a failure some of them may already
  // exist. The partitions of `new_topics` then belong to no topic. The partitions of an existing
  // topic are used when the topic grows the next time.
  Status make_partitions(const storage::MetadataCommand& command, std::vector<Uuid>& new_topics);
  Result<Revision> append(const storage::MetadataCommand& command);
  void apply_change(const ImageChange& change);
  // Creates the partitions of topics that another applier has created or grown.
  void make_missing_partitions(const storage::TopicInfo& topic);
  void drop_topic(const storage::TopicInfo& topic);
  // Starts the queries. Queries whose definitions cannot be read enter the state ERROR.
  void start(const std::vector<DefinedQueryPtr>& queries);
  // Returns true if a new snapshot is worth its cost, given the number of commands since the last
  // one, or if the log requests a snapshot.
  bool is_snapshot_due(const MetadataImage& image) const;
  void save_snapshot_if_due();

  storage::Log& log_;
  storage::MetadataLog& metadata_;
  QueryRunner& queries_;
  const engine::EngineSettings settings_;
  const ClusterFacts& facts_;
  storage::TopicTable topics_;
  Revision snapshot_revision_{0};  // revision of the newest snapshot that was requested
  JobQueue jobs_;
  std::atomic<bool> is_told_ = false;  // a job for catch_up() is already queued
  std::promise<void> begun_;           // set once definitions of earlier processes are undone
  std::thread thread_;
  // Readers take no mutex. In GCC, an atomic shared pointer uses a bit as a lock, for a few instructions only, so no
  // reader waits for long.
  std::atomic<MetadataImagePtr> image_;
  const PresentSchemas schemas_{*this};
  engine::OutsideRegistry* outside_ = nullptr;
  // The next two members are used by the metadata thread only. `live_`: open transactions of this
  // process that have definitions. `away_since_`: for each transaction of another process that is
  // away, the time since which it is away.
  std::set<Uuid> live_;
  std::map<Uuid, std::chrono::steady_clock::time_point> away_since_;
};

}  // namespace server
