// The metadata thread: defining statements are planned, logged, applied and carried out here, one
// after the other, and the image that follows is published for everybody to read without a lock.
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
#include "server/metadata/image.h"
#include "server/metadata/job_queue.h"
#include "server/metadata/open_definitions.h"
#include "server/metadata/plan_definition.h"
#include "server/metadata/query_runner.h"
#include "server/metadata/rebuild_step.h"
#include "server/metadata/topic_change.h"
#include "storage/log/log.h"
#include "storage/meta/feature_level.h"
#include "storage/meta/metadata_log.h"

namespace server {

struct DefinitionOutcome {
  std::string tag;
  std::vector<std::string> notices;
  std::string query_id = {};  // of the query that it has started, if it has one
};
using DefinitionDone = std::function<void(Result<DefinitionOutcome>)>;

// A session's transaction, as far as it defines something.
struct DefiningTransaction {
  const Uuid id = Uuid::random();
  std::atomic<bool> has_ended = false;
  bool has_defined = false;          // the metadata thread's
  std::optional<Error> undone = {};  // by others: known once it has ended
};
using DefiningTransactionPtr = std::shared_ptr<DefiningTransaction>;

// A DDL goes: plan, make partitions, append, apply, publish, start and stop queries, answer. What
// storage cannot carry (too many partitions) fails before the append and is answered; what fails
// after it is a state of the object (a query in ERROR), never half a catalog. Partitions without a
// topic, left by a crash before the append, are removed at the next start.
//
// Several appliers may share one metadata log. Each applies what the log holds, in its order, no matter
// who appended it; whoever planned on an image that another has overtaken plans again.
//
// Threads: image() and submit() from any; answers come on the metadata thread, or
//          at once when the queue is full.
// Owner:   the node. Stopping finishes the statement at hand and refuses all others.
// In a cluster `placement` says which nodes have the replicas of new partitions: it adds that to the command that
// makes or removes a topic. Then this log holds partitions as replication wants it to, and statements that need more
// than that are refused (cluster_limits.h).
class MetadataApplier {
 public:
  struct Placement {
    std::function<Status(const ReplicaWish& wish, const storage::TopicDelta& delta,
                         storage::MetadataCommand& command)>
        place;
    // Whether replication has, or will have, partitions of the topic here. They are made as soon as the topic is known, empty,
    // so that tasks and sessions can wait for their records.
    std::function<bool(const storage::TopicInfo& topic)> is_here;
    explicit operator bool() const { return place != nullptr; }
  };
  MetadataApplier(storage::Log& log, storage::MetadataLog& metadata, QueryRunner& queries,
                  engine::EngineSettings settings, Placement placement = {});
  ~MetadataApplier();

  // Schemas are kept elsewhere, not in the image; before start_thread(). It outlives this, and is stopped before.
  void use_registry(engine::OutsideRegistry& outside) { outside_ = &outside; }
  engine::OutsideRegistry* outside_registry() const { return outside_; }

  // Before recover(): settings of this server's start, for topics that have none of their own.
  void use_topic_defaults(std::map<std::string, std::string> started_with);

  // In a cluster, before start_thread(): so far a partition can be read, as its leader says. Waits, for some seconds at
  // most.
  using LeadersEnd = std::function<Result<Offset>(const storage::TopicPartition& partition)>;
  void use_leaders_ends(LeadersEnd leaders_end) { leaders_end_ = std::move(leaders_end); }
  // Likewise: what all nodes understand.
  using FindLevel = std::function<storage::FeatureLevel()>;
  void use_level(FindLevel find) { find_level_ = std::move(find); }

  // Likewise: calls back when other nodes have applied the log up to there, too, or do not say so for long. What a statement has
  // defined is there at each node when it is answered.
  using Announce = std::function<void(Revision, std::function<void()>)>;
  void use_announce(Announce announce) { announce_ = std::move(announce); }
  // Likewise: which process this is, nothing where it is none of the cluster's yet, and what has become of others, for
  // whoever has to do something about it.
  enum class Presence : uint8_t { There, Away, Gone };
  struct Processes {
    std::function<std::optional<NodeProcess>()> find_this;
    std::function<Presence(const NodeProcess&)> find_presence;
  };
  void use_processes(Processes processes) { processes_ = std::move(processes); }

  // Reads the newest snapshot and the metadata log behind it, and starts the queries; before
  // start_thread(). A definition that cannot be read is a failed query, not a failed start. Fails
  // with ShuttingDown once `must_stop`.
  Status recover(const std::atomic<bool>& must_stop);
  void start_thread();
  // Until definitions of transactions that nobody can commit any more are undone; in a cluster others may. Once, and when
  // the tasks' loops run.
  void await_undone();
  void stop_thread();

  MetadataImagePtr image() const { return image_.load(std::memory_order_acquire); }
  const engine::EngineSettings& settings() const { return settings_; }
  // What is defined within a transaction stays when that has ended with Commit; end() is its last call.
  void submit(std::shared_ptr<const engine::ParsedStatement> statement,
              engine::Properties properties, DefinitionDone done, Asker asker = {},
              DefiningTransactionPtr transaction = {});
  void end(const DefiningTransactionPtr& transaction, TransactionEnd how,
           std::function<void(Status)> done);
  // ALTER TABLE ... ADD PRIMARY KEY, whose rows are in the topic of the request already. Where it fails that topic is
  // nobody's.
  struct RekeyRequest {
    Uuid old_topic, new_topic;
    std::vector<Offset> old_ends;  // by partition, of the old topic when its rows were read
  };
  void submit(std::shared_ptr<const engine::ParsedStatement> statement, RekeyRequest request,
              DefinitionDone done, Asker asker = {}, DefiningTransactionPtr transaction = {});
  // Answers with the topic as it is then, or as it was when it is gone.
  void submit(TopicChange change, std::function<void(Result<storage::TopicInfo>)> done);
  void submit(std::vector<storage::QuotaChange> changes, std::function<void(Status)> done);
  struct GroupConfigChange {
    std::string group;
    std::vector<storage::ConfigChange> changes;
    bool replaces_all = false;  // they are instead of what the group has
  };
  void submit(GroupConfigChange change, std::function<void(Status)> done);
  // Changes the settings for all topics that have none of their own, by the broker's names.
  struct TopicDefaultsChange {
    std::vector<storage::ConfigChange> changes;
    bool replaces_all = false;
  };
  void submit(TopicDefaultsChange change, std::function<void(Status)> done);
  // From Kafka's requests and from a start; SQL's statements come as such.
  using UsersChange =
      std::function<Result<std::vector<storage::UserChange>>(const storage::Users&)>;
  void submit(UsersChange change, std::function<void(Status)> done);
  // The "cluster" parts that are to be appended, as things are then; as UsersChange.
  using ClusterChange = std::function<std::vector<std::string>()>;
  void submit(ClusterChange change, std::function<void(Status)> done);
  void submit(RebuildStep step, std::function<void(Status)> done);
  // Reserves numbers of a sequence, or sets where it goes on. Answers when that is durable, with the numbers, or with the
  // value as one, and with the sequence's version, since when they are good. Nobody but the owner sets a value.
  struct SequenceMove {
    std::string name;
    int64_t count = 0;  // to reserve
    struct Value {
      int64_t value = 0;
      bool is_called = true;
      Asker asker = {};
    };
    std::optional<Value> set = {};
    // Numbers that were reserved last, and that nobody has been given: they are given back, where nobody has reserved more.
    struct Unused {
      Uuid id;
      int64_t version = 0, reserved_to = 0, given_to = 0;
    };
    std::optional<Unused> unused = {};
    // Rows are about to have these numbers, given by who writes them: it goes on behind, and `count` are reserved there.
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
  void submit(SequenceMove move, std::function<void(Result<SequenceMoved>)> done);
  // What `change` makes of the schema registry as it is then, and of nothing else; it may be asked again
  // when another command was faster. Answers once it is durable. What the log refuses has the code 50001.
  using SchemaChange =
      std::function<engine::RegistryResult<engine::RegistryChanges>(const engine::SchemaRegistry&)>;
  void submit(SchemaChange change, std::function<void(engine::RegistryResult<void>)> done);
  // The registry's schemas as of now, for readers of records. Any thread; as long as this object.
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
  // Holds a refusal of the registry itself.
  Result<std::optional<engine::RegistryError>> change_schemas(const SchemaChange& change);
  // In a cluster, for a statement that makes a query.
  Status make_journals();
  Status change_quotas(const std::vector<storage::QuotaChange>& changes);
  Status change_group_config(const GroupConfigChange& change);
  Status change_topic_defaults(const TopicDefaultsChange& change);
  // A statement on its way. What a registry elsewhere has been asked for it was asked between two rounds.
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
  // Where `questions` are left, these come first.
  Result<DefinitionOutcome> define(const Definition& definition,
                                   std::vector<engine::SchemaQuestion>& questions);
  Status end_transaction(const Uuid& transaction, TransactionEnd how);
  void undo_left_transactions();
  // In a cluster: definitions of transactions that no session ends any more.
  void undo_abandoned_transactions();
  bool is_abandoned(const Uuid& transaction, const OpenDefinitions& open);
  void undo(const Uuid& transaction);
  Status change_users(const UsersChange& change);
  Result<SequenceMoved> move_sequence(const SequenceMove& move);
  Status change_cluster(const ClusterChange& change);
  Result<storage::TopicInfo> change_topic(const TopicChange& change);
  // Of all topics that the command makes, grows or removes, but for those that have, and keep, their replicas.
  Status place(const ReplicaWish& wish, const std::set<Uuid>& kept,
               storage::MetadataCommand& command) const;
  // Logs a command that was planned on the present image, and applies the log up to it. Fails with
  // OutOfOrderSequence when another command came first.
  Status commit(const storage::MetadataCommand& command);
  // Where it is decided: after the other nodes have it.
  void answer_when_told(std::function<void()> answer, bool is_decided) const;
  // Plans and commits, again whenever others were faster.
  template <class Attempt>
  auto decide(Attempt attempt) -> decltype(attempt());
  // Applies, publishes and carries out what the log holds behind the image.
  Status catch_up();
  Status apply(const storage::MetadataRecord& record);
  // The records behind the image are gone: a snapshot has taken their place.
  Status jump();
  Result<MetadataImagePtr> read_all(const std::atomic<bool>& must_stop);
  // Some from there on, at least one where there are any up to the newest.
  Result<std::vector<ReadCommand>> read(Revision first, Revision newest) const;
  // The partitions that the command's topics need. On failure some of them may be there: those of
  // `new_topics` are nobody's then, and of a topic that was to grow the next growth takes them.
  Status make_partitions(const storage::MetadataCommand& command, std::vector<Uuid>& new_topics);
  Result<Revision> append(const storage::MetadataCommand& command);
  void carry_out(const ImageChange& change);
  // Those of topics that another applier has made, or let grow.
  void make_missing_partitions(const storage::TopicInfo& topic);
  void drop_topic(const storage::TopicInfo& topic);
  // Those that cannot be read are in state ERROR.
  void start(const std::vector<DefinedQueryPtr>& queries);
  // After so many revisions that it costs each of them little, or when the log asks for one.
  bool is_snapshot_due(const MetadataImage& image) const;
  void save_snapshot_if_due();

  storage::Log& log_;
  storage::MetadataLog& metadata_;
  QueryRunner& queries_;
  const engine::EngineSettings settings_;
  const Placement placement_;
  storage::TopicTable topics_;
  Revision snapshot_revision_{0};  // of the newest snapshot that was asked for
  JobQueue jobs_;
  std::atomic<bool> is_told_ = false;  // a job that catches up waits already
  std::promise<void> begun_;           // what earlier processes have left open is undone
  std::thread thread_;
  // Readers never lock. GCC's atomic pointer holds a bit for some instructions; no reader waits for
  // the metadata thread, which holds it only to swap.
  std::atomic<MetadataImagePtr> image_;
  const PresentSchemas schemas_{*this};
  engine::OutsideRegistry* outside_ = nullptr;
  LeadersEnd leaders_end_;  // none where the node is alone
  FindLevel find_level_;    // likewise
  Processes processes_;     // likewise
  Announce announce_;       // likewise
  // The metadata thread's: transactions of this process that have defined something and not ended, and since when the
  // processes of others are away.
  std::set<Uuid> live_;
  std::map<Uuid, std::chrono::steady_clock::time_point> away_since_;
};

}  // namespace server
