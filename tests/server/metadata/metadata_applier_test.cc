#include "server/metadata/metadata_applier.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "engine/sql/parse.h"
#include "storage/kv/memory_store.h"
#include "storage/meta/embedded_metadata_log.h"

namespace server {
namespace {

// Records which queries it has to run.
class RecordingRunner : public QueryRunner {
 public:
  void remove_leftovers(const Known&) override {}
  void start(std::vector<QueryPtr> queries) override {
    std::lock_guard lock(mutex_);
    for (const QueryPtr& query : queries) running_.insert(query->plan->id);
    starts_ += queries.size();
  }
  void stop(const DefinedQuery& defined, Keep) override {
    std::lock_guard lock(mutex_);
    running_.erase(defined.plan->id);
  }
  Status finish_removal(const std::string&) override { return {}; }
  void stop_with_error(const DefinedQuery&, Error) override {}
  void pause(const std::string& query_id, bool is_paused) override {
    std::lock_guard lock(mutex_);
    if (is_paused)
      paused_.insert(query_id);
    else
      paused_.erase(query_id);
  }
  void drop_topic(const Uuid&) override {}

  std::set<std::string> running() const {
    std::lock_guard lock(mutex_);
    return running_;
  }
  std::set<std::string> paused() const {
    std::lock_guard lock(mutex_);
    return paused_;
  }
  size_t starts() const {
    std::lock_guard lock(mutex_);
    return starts_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> running_, paused_;
  size_t starts_ = 0;
};

// One metadata log that several appliers watch, as the nodes of a cluster do.
class SharedMetadataLog {
 public:
  explicit SharedMetadataLog(std::unique_ptr<storage::MetadataLog> log) : log_(std::move(log)) {
    log_->watch([this](Revision newest) {
      std::lock_guard lock(mutex_);
      for (auto& [view, moved] : watchers_)
        if (moved) moved(newest);
    });
  }
  ~SharedMetadataLog() { log_->watch({}); }

  class View : public storage::MetadataLog {
   public:
    explicit View(SharedMetadataLog& shared) : shared_(shared) {}
    void append(Revision last, storage::MetadataCommand command,
                std::function<void(Result<Revision>)> done) override {
      shared_.log_->append(last, std::move(command), std::move(done));
    }
    Revision last_revision() const override {
      const int64_t heard = heard_;
      return heard >= 0 ? Revision{heard} : shared_.log_->last_revision();
    }
    Result<std::vector<storage::MetadataRecord>> read(Revision first,
                                                      size_t max_count) const override {
      return shared_.log_->read(first, max_count);
    }
    void watch(std::function<void(Revision)> moved) override {
      std::lock_guard lock(shared_.mutex_);
      shared_.watchers_[this] = std::move(moved);
    }
    void save_snapshot(storage::MetadataSnapshot snapshot,
                       std::function<void(Status)> done) override {
      if (wants_snapshot_.exchange(false))
        shared_.log_->save_snapshot(std::move(snapshot), std::move(done));
      else
        done({});
    }
    SnapshotWish snapshot_wish() const override {
      return wants_snapshot_ ? SnapshotWish::Due : SnapshotWish::NotDue;
    }
    void want_snapshot() { wants_snapshot_ = true; }
    // While the log is deaf, it does not learn of new commands.
    void be_deaf(bool is_deaf) {
      std::lock_guard lock(shared_.mutex_);
      heard_ = is_deaf ? shared_.log_->last_revision().value() : -1;
      if (const auto& moved = shared_.watchers_[this]; !is_deaf && moved)
        moved(shared_.log_->last_revision());
    }
    Result<std::optional<storage::MetadataSnapshot>> load_snapshot() const override {
      return shared_.log_->load_snapshot();
    }

   private:
    SharedMetadataLog& shared_;
    std::atomic<bool> wants_snapshot_ = false;
    std::atomic<int64_t> heard_ = -1;  // the last revision that it learned of; -1: it is not deaf
  };

 private:
  std::unique_ptr<storage::MetadataLog> log_;
  std::mutex mutex_;
  std::map<View*, std::function<void(Revision)>> watchers_;  // Guarded by mutex_
};

class TwoAppliers : public testing::Test {
 protected:
  struct Node {
    Node(storage::Log& log, SharedMetadataLog& shared, const ClusterFacts& facts = local_facts())
        : metadata(shared), applier(log, metadata, runner, {}, facts) {
      EXPECT_TRUE(applier.recover(must_stop));
      applier.start_thread();
    }
    std::future<Result<DefinitionOutcome>> submit(const std::string& text,
                                                  DefiningTransactionPtr transaction = {}) {
      auto script = engine::parse_script(text);
      EXPECT_TRUE(script) << text;
      auto answer = std::make_shared<std::promise<Result<DefinitionOutcome>>>();
      applier.submit(
          std::make_shared<const engine::ParsedStatement>(std::move(script->front())),
          engine::Properties{},
          [answer](Result<DefinitionOutcome> outcome) { answer->set_value(std::move(outcome)); },
          {}, std::move(transaction));
      return answer->get_future();
    }
    Status end(const DefiningTransactionPtr& transaction, TransactionEnd how) {
      std::promise<Status> answer;
      applier.end(transaction, how, [&](Status ended) { answer.set_value(std::move(ended)); });
      return answer.get_future().get();
    }
    std::set<std::string> sources() const {
      std::set<std::string> names;
      const auto image = applier.image();
      for (const auto& [name, source] : image->catalog->sources()) names.insert(name);
      return names;
    }

    std::atomic<bool> must_stop = false;
    RecordingRunner runner;
    SharedMetadataLog::View metadata;
    MetadataApplier applier;
  };

  TwoAppliers() {
    log_ = storage::Log::open(disk_.open(), {}).value();
    shared_ = std::make_unique<SharedMetadataLog>(
        storage::open_embedded_metadata_log(log_->store(), *log_).value());
    one_ = std::make_unique<Node>(*log_, *shared_);
    other_ = std::make_unique<Node>(*log_, *shared_);
  }

  template <class Condition>
  static bool becomes_true(Condition condition) {
    for (int i = 0; i < 6000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<SharedMetadataLog> shared_;
  std::unique_ptr<Node> one_, other_;
};

TEST_F(TwoAppliers, each_applies_the_appends_of_the_other) {
  ASSERT_TRUE(one_->submit("CREATE STREAM s (v INT) WITH (PARTITIONS = 3);").get());
  ASSERT_TRUE(one_->submit("CREATE STREAM big AS SELECT v FROM s WHERE v > 1;").get());
  ASSERT_TRUE(becomes_true([&] { return other_->runner.running().size() == 1; }));
  EXPECT_EQ(other_->sources(), one_->sources());
  EXPECT_EQ(other_->runner.running(), one_->runner.running());

  // The other applier has the definitions: it can end a query that the first one has created.
  const std::string query = *one_->runner.running().begin();
  ASSERT_TRUE(other_->submit("TERMINATE " + query + ";").get());
  ASSERT_TRUE(becomes_true([&] { return one_->runner.running().empty(); }));
}

TEST_F(TwoAppliers, changed_settings_reach_all_and_no_query_restarts) {
  ASSERT_TRUE(
      one_->submit("CREATE STREAM s (v INT) WITH (KAFKA_TOPIC = 's', PARTITIONS = 1);").get());
  ASSERT_TRUE(one_->submit("CREATE STREAM big AS SELECT v FROM s WHERE v > 1;").get());
  ASSERT_TRUE(becomes_true([&] { return other_->runner.starts() == 1; }));
  const auto configure = [&](std::vector<storage::ConfigChange> changes, bool replaces_all) {
    std::promise<Result<storage::TopicInfo>> answer;
    other_->applier.submit(ConfigureTopic{"s", std::move(changes), replaces_all},
                           [&](auto changed) { answer.set_value(std::move(changed)); });
    return answer.get_future().get();
  };
  const auto seen_by_one = [&] { return one_->applier.image()->topics->find("s")->config; };
  ASSERT_TRUE(configure({{.name = "retention.ms", .value = "5000"}}, false));
  ASSERT_TRUE(becomes_true([&] { return seen_by_one().contains("retention.ms"); }));
  EXPECT_EQ(seen_by_one().at("cleanup.policy"), "delete");
  const auto refused = configure({{.name = "retention.ms", .value = "soon"}}, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidParameter);
  const auto replaced = configure({{.name = "retention.bytes", .value = "7"}}, true);
  ASSERT_TRUE(replaced);
  EXPECT_EQ(replaced->config, (std::map<std::string, std::string>{{"retention.bytes", "7"}}));
  EXPECT_EQ(other_->runner.starts(), 1u);
}

TEST_F(TwoAppliers, quotas_are_everywhere_and_in_snapshots) {
  const storage::QuotaEntity shop{{"client-id", "shop"}};
  std::promise<Status> altered;
  one_->applier.submit({{shop, "producer_byte_rate", 1024}},
                       [&](Status status) { altered.set_value(std::move(status)); });
  ASSERT_TRUE(altered.get_future().get());
  ASSERT_TRUE(becomes_true([&] { return !other_->applier.image()->quotas->empty(); }));
  const MetadataImagePtr image = other_->applier.image();
  EXPECT_EQ(image->quotas->at(shop).at("producer_byte_rate"), 1024);

  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*image, topics), topics);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded->next->quotas, *image->quotas);
}

TEST_F(TwoAppliers, settings_of_groups_are_everywhere_and_in_snapshots) {
  const auto configure = [&](std::vector<storage::ConfigChange> changes, bool replaces_all) {
    std::promise<Status> altered;
    one_->applier.submit(MetadataApplier::GroupConfigChange{"g", std::move(changes), replaces_all},
                         [&](Status status) { altered.set_value(std::move(status)); });
    return altered.get_future().get();
  };
  EXPECT_FALSE(configure({{.name = "no.such.setting", .value = "1"}}, false));
  ASSERT_TRUE(configure({{.name = "consumer.session.timeout.ms", .value = "50000"}}, false));
  ASSERT_TRUE(configure({{.name = "consumer.heartbeat.interval.ms", .value = "6000"}}, false));
  const auto size_of = [](const MetadataImagePtr& image) {
    const auto found = image->group_configs->find("g");
    return found == image->group_configs->end() ? 0 : found->second.size();
  };
  ASSERT_TRUE(becomes_true([&] { return size_of(other_->applier.image()) == 2; }));

  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*other_->applier.image(), topics), topics);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded->next->group_configs, *other_->applier.image()->group_configs);
  ASSERT_TRUE(configure({{.name = "consumer.heartbeat.interval.ms", .value = "7000"}}, true));
  ASSERT_TRUE(becomes_true([&] { return size_of(other_->applier.image()) == 1; }));
}

TEST_F(TwoAppliers, connectors_are_everywhere_and_in_snapshots) {
  std::atomic<int> calls = 0;
  const auto change = [&](MetadataApplier::ConnectorsChange changes) {
    std::promise<Status> changed;
    one_->applier.submit(std::move(changes), [&](Status status) { changed.set_value(status); });
    return changed.get_future().get();
  };
  const auto create = [&](const std::string& name) {
    return change(
        [&, name](const storage::Connectors& now) -> Result<std::vector<storage::ConnectorChange>> {
          ++calls;
          if (now.contains(name)) return Error{ErrorCode::DuplicateSource, "exists"};
          return std::vector{storage::ConnectorChange{
              name,
              std::make_shared<const storage::ConnectorDefinition>(storage::ConnectorDefinition{
                  .name = name, .id = Uuid::random(), .config = {{"a", "b"}}})}};
        });
  };
  ASSERT_TRUE(create("one"));
  EXPECT_FALSE(create("one"));
  ASSERT_TRUE(create("two"));
  EXPECT_EQ(calls, 3);
  ASSERT_TRUE(becomes_true([&] { return other_->applier.image()->connectors->size() == 2; }));

  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*other_->applier.image(), topics), topics);
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->next->connectors->size(), 2U);
  EXPECT_EQ(*loaded->next->connectors->at("two"), *one_->applier.image()->connectors->at("two"));
  ASSERT_TRUE(change([](const storage::Connectors&) {
    return std::vector<storage::ConnectorChange>{{"one", nullptr}};
  }));
  ASSERT_TRUE(becomes_true([&] { return other_->applier.image()->connectors->size() == 1; }));
}

TEST_F(TwoAppliers, schemas_are_everywhere_and_found_by_their_ids) {
  const auto add = [](const engine::SchemaRegistry& registry)
      -> engine::RegistryResult<engine::RegistryChanges> {
    auto registered =
        registry.register_schema("s", {.kind = engine::SchemaKind::Avro, .text = "\"int\""});
    if (!registered) return registered.error();
    return std::move(registered->changes);
  };
  std::promise<engine::RegistryResult<void>> added;
  one_->applier.submit(add, [&](auto result) { added.set_value(std::move(result)); });
  ASSERT_TRUE(added.get_future().get());
  EXPECT_NE(one_->applier.schemas().find_schema(1), nullptr);
  ASSERT_TRUE(becomes_true([&] { return other_->applier.schemas().find_schema(1) != nullptr; }));
  EXPECT_EQ(other_->applier.schemas().find_schema(1)->text, "\"int\"");

  std::promise<engine::RegistryResult<void>> refused;
  const auto refuse =
      [](const engine::SchemaRegistry&) -> engine::RegistryResult<engine::RegistryChanges> {
    return engine::RegistryError{42201, "no"};
  };
  one_->applier.submit(refuse, [&](auto result) { refused.set_value(std::move(result)); });
  EXPECT_EQ(refused.get_future().get().error().code, 42201);
}

TEST_F(TwoAppliers, an_overtaken_statement_is_planned_again) {
  std::vector<std::future<Result<DefinitionOutcome>>> answers;
  for (int i = 0; i < 50; ++i)
    for (const auto& [node, name] : {std::pair(one_.get(), "a"), std::pair(other_.get(), "b")})
      answers.push_back(
          node->submit(fmt::format("CREATE STREAM {}{} (v INT) WITH (PARTITIONS = 1);", name, i)));
  for (auto& answer : answers) {
    const auto outcome = answer.get();
    EXPECT_TRUE(outcome) << outcome.error().message;
  }
  ASSERT_TRUE(becomes_true(
      [&] { return one_->sources().size() == 100 && other_->sources() == one_->sources(); }));
  EXPECT_EQ(one_->applier.image()->revision, other_->applier.image()->revision);
}

TEST_F(TwoAppliers, an_applier_that_was_away_too_long_continues_from_a_snapshot) {
  ASSERT_TRUE(
      one_->submit("CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', PARTITIONS = 1);").get());
  for (const char* name : {"stays", "goes", "pauses", "again"})
    ASSERT_TRUE(
        one_->submit(fmt::format("CREATE STREAM {0} AS SELECT v FROM s WHERE v > 1;", name)).get());
  ASSERT_TRUE(becomes_true([&] { return other_->runner.starts() == 4; }));
  const auto query_of = [&](std::string_view name) {
    return one_->applier.image()->writers_of(name).at(0)->plan->id;
  };
  const std::string goes = query_of("GOES"), pauses = query_of("PAUSES");
  other_->metadata.be_deaf(true);
  ASSERT_TRUE(one_->submit("TERMINATE " + goes + ";").get());
  ASSERT_TRUE(one_->submit("PAUSE " + pauses + ";").get());
  ASSERT_TRUE(one_->submit("TERMINATE " + query_of("AGAIN") + ";").get());
  ASSERT_TRUE(one_->submit("DROP STREAM again;").get());
  ASSERT_TRUE(one_->submit("CREATE STREAM again AS SELECT v FROM s WHERE v > 2;").get());
  one_->metadata.want_snapshot();
  ASSERT_TRUE(one_->submit("CREATE STREAM newer AS SELECT v FROM s WHERE v > 1;").get());
  ASSERT_TRUE(becomes_true([&] {
    return one_->metadata.read(Revision{1}, 1).has_value() == false;
  })) << "the snapshot is there";
  ASSERT_TRUE(one_->submit("CREATE STREAM behind (v INT) WITH (PARTITIONS = 1);").get());
  EXPECT_EQ(other_->runner.starts(), 4U);
  other_->metadata.be_deaf(false);
  ASSERT_TRUE(becomes_true([&] { return other_->sources() == one_->sources(); }));
  ASSERT_TRUE(becomes_true([&] { return other_->runner.running() == one_->runner.running(); }));
  EXPECT_EQ(other_->runner.starts(), 6U) << "what was as it was went on";
  EXPECT_TRUE(
      becomes_true([&] { return other_->runner.paused() == std::set<std::string>{pauses}; }));
  EXPECT_EQ(other_->applier.image()->revision, one_->applier.image()->revision);
  // The process can decide again.
  ASSERT_TRUE(other_->submit("CREATE STREAM last (v INT) WITH (PARTITIONS = 1);").get());
}

// Two processes of a cluster. The second one is the controller.
class TwoProcesses : public TwoAppliers {
 protected:
  class ProcessFacts final : public LocalFacts {
   public:
    ProcessFacts(int32_t node, const std::atomic<Presence>& presence_of_one)
        : node_(node), presence_of_one_(presence_of_one) {}
    bool has_other_processes() const override { return true; }
    Result<std::optional<NodeProcess>> process() const override {
      return std::optional(process_of(node_));
    }
    Presence presence(const NodeProcess& asked) const override {
      return node_ != 1 && asked == process_of(1) ? presence_of_one_.load() : Presence::There;
    }

   private:
    static NodeProcess process_of(int32_t node) { return {NodeId{node}, storage::NodeEpoch{node}}; }

    const int32_t node_;
    const std::atomic<Presence>& presence_of_one_;
  };

  TwoProcesses() {
    one_ = std::make_unique<Node>(*log_, *shared_, facts_of_one_);
    other_ = std::make_unique<Node>(*log_, *shared_, facts_of_other_);
    EXPECT_TRUE(one_->submit("CREATE TABLE t (id INT PRIMARY KEY) WITH (PARTITIONS = 1);").get());
    EXPECT_TRUE(
        one_->submit("CREATE TABLE made (id INT PRIMARY KEY) WITH (PARTITIONS = 1);", transaction_)
            .get());
    EXPECT_TRUE(one_->submit("DROP TABLE t;", transaction_).get());
    EXPECT_TRUE(becomes_true([&] { return other_->sources() == during_; }));
  }
  // The threads of the appliers use the facts, so they must end before the facts are destroyed.
  ~TwoProcesses() override {
    other_.reset();
    one_.reset();
  }

  const std::set<std::string> before_{"T"}, during_{"MADE"};
  const DefiningTransactionPtr transaction_ = std::make_shared<DefiningTransaction>();
  std::atomic<Presence> presence_of_one_ = Presence::There;
  const ProcessFacts facts_of_one_{1, presence_of_one_}, facts_of_other_{2, presence_of_one_};
};

TEST_F(TwoProcesses, definitions_of_a_transaction_are_invisible_until_it_ends) {
  const auto refused = other_->submit("CREATE STREAM t (v INT) WITH (PARTITIONS = 1);").get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::LockTimeout);
  EXPECT_TRUE(one_->end(transaction_, TransactionEnd::Commit));
  EXPECT_TRUE(becomes_true([&] { return other_->applier.image()->open_definitions.empty(); }));
  EXPECT_EQ(other_->sources(), during_);
}

TEST_F(TwoProcesses, the_controller_undoes_transactions_of_a_dead_process) {
  presence_of_one_ = Presence::Gone;
  ASSERT_TRUE(becomes_true([&] { return one_->sources() == before_; }));
  // The process was alive, although the controller considered it dead.
  const auto refused =
      one_->submit("CREATE TABLE more (id INT PRIMARY KEY) WITH (PARTITIONS = 1);", transaction_)
          .get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::FencedTask);
  EXPECT_EQ(one_->end(transaction_, TransactionEnd::Commit).error().code, ErrorCode::FencedTask);
  EXPECT_EQ(one_->sources(), before_);
}

TEST_F(TwoProcesses, one_that_is_away_for_a_moment_goes_on) {
  presence_of_one_ = Presence::Away;
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  presence_of_one_ = Presence::There;
  EXPECT_TRUE(one_->end(transaction_, TransactionEnd::Commit));
  EXPECT_EQ(one_->sources(), during_);
}

TEST_F(TwoProcesses, a_process_undoes_its_own_abandoned_transactions) {
  // Appends the command directly, as if the answer to an earlier append had been lost.
  DefinitionCommand command;
  const Uuid lost = Uuid::random();
  command.changes.push_back(OwnTransaction{lost, {NodeId{1}, storage::NodeEpoch{1}}});
  command.changes.push_back(PutSchemaName{"late"});
  command.changes.push_back(
      NoteUndo{lost, std::make_shared<const UndoChange>(UndoChange{EraseSchemaName{"late"}})});
  std::promise<Result<Revision>> appended;
  other_->metadata.append(other_->metadata.last_revision(),
                          {{{std::string(kSqlPart), encode_definition(command)}}},
                          [&](Result<Revision> at) { appended.set_value(std::move(at)); });
  ASSERT_TRUE(appended.get_future().get());
  ASSERT_TRUE(becomes_true([&] {
    const auto image = one_->applier.image();
    return !image->open_definitions.contains(lost) && image->revision.value() > 4;
  }));
  EXPECT_FALSE(one_->applier.image()->catalog->schemas.contains("late"));
  EXPECT_EQ(one_->sources(), during_) << "and nothing of others";
}

TEST_F(TwoAppliers, one_name_is_given_once) {
  int given = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string text = fmt::format("CREATE STREAM s{} (v INT) WITH (PARTITIONS = 1);", i);
    auto first = one_->submit(text), second = other_->submit(text);
    const auto one = first.get(), other = second.get();
    EXPECT_NE(one.has_value(), other.has_value()) << text;
    given += one.has_value() ? 1 : 0;
    const Error& refusal = one ? other.error() : one.error();
    EXPECT_NE(refusal.message.find("already exists"), std::string::npos) << refusal.message;
  }
  EXPECT_EQ(one_->applier.image()->catalog->sources().size(), 20u) << given;
}

}  // namespace
}  // namespace server
