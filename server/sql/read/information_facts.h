// Collects the facts that SHOW and the tables of millrace_catalog show, from the shards, the
// coordinators and the server.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/functions/catalog_names.h"
#include "engine/query/system_rows.h"
#include "engine/system_tables/information.h"
#include "server/metadata/image.h"
#include "server/net/weak_callback.h"
#include "server/sql/session.h"

namespace server {

struct InformationNeeds {
  bool statuses = false, server_facts = false, consumer_groups = false, schemas = false,
       connectors = false;
  // Adds the facts that the rows of the system table show.
  void add(const engine::SystemTable& table);
};

// Adds the number of replicas to the descriptions of topics, in a cluster.
class ReplicatedTopics final : public engine::Topics {
 public:
  using ReplicasOf = std::function<int(const Uuid& topic)>;  // unset: each topic has one replica
  ReplicatedTopics(const storage::TopicSnapshot& topics, const ReplicasOf& replicas_of)
      : topics_(topics), replicas_of_(replicas_of) {}
  std::optional<engine::TopicDescription> find(std::string_view name) const override {
    auto topic = topics_.find(name);
    if (topic && replicas_of_) topic->replicas = replicas_of_(topic->id);
    return topic;
  }
  std::vector<engine::TopicDescription> all() const override {
    std::vector<engine::TopicDescription> topics = topics_.all();
    for (engine::TopicDescription& topic : topics)
      if (replicas_of_) topic.replicas = replicas_of_(topic.id);
    return topics;
  }

 private:
  const SnapshotTopics topics_;
  const ReplicasOf& replicas_of_;
};

engine::AccessFacts access_facts_of(const MetadataImage& image, const Asker& asker);

// Returns the names of the objects in the image's catalog, for functions of one statement that look
// up names. `user` is the name that the client gave. `temporary_schema` is the schema of the
// session's temporary tables (see engine::CatalogNameIndex).
std::shared_ptr<engine::CatalogNames> catalog_names_of(MetadataImagePtr image, Asker asker,
                                                       std::string user,
                                                       std::string temporary_schema);

// The reader of the facts: a session, or a survey (server/sql/follow/surveys.h), which reads catalog tables for clients
// that follow them.
struct InformationReader {
  // The settings and variables of the session.
  engine::Properties properties = {};
  std::map<std::string, std::string> variables = {};
  Asker asker = {};
  std::string database = {}, user = {};  // the names that the client gave
  std::string temporary_schema = {};     // see engine::CatalogRows
};
InformationReader reader_of(const SqlSession& session);

// A snapshot of the facts, which may be used on any thread.
struct InformationFacts {
  InformationFacts(SqlParts& parts, InformationReader the_reader, MetadataImagePtr the_image);

  MetadataImagePtr image;
  const engine::EngineSettings& settings;
  engine::Properties server_properties;
  engine::QueryStatuses statuses = {};
  std::vector<engine::TaskStatus> tasks = {};
  std::vector<engine::ServerFact> server = {};
  std::vector<engine::ConsumerGroup> groups = {};
  std::vector<engine::ConnectorStatus> connectors = {};
  // notices that connectors of another cluster are missing because that cluster does not answer
  std::vector<sql::Notice> connector_notices = {};
  std::set<NodeId> without_groups_of = {};  // nodes that have not reported all their groups
  InformationReader reader;
  ReplicatedTopics::ReplicasOf replicas_of = {};
  std::function<std::vector<engine::NodeStatus>()> cluster = {};
  std::function<engine::SequencePosition(const engine::Sequence&)> sequence_position = {};
  std::shared_ptr<const engine::SampleHistory> history = {};
  std::shared_ptr<const engine::AuditTrail> audit = {};
  // The schemas of an external registry; null if the image has the schemas. `failure` is the reason
  // if a fact could not be obtained.
  std::shared_ptr<const engine::SchemaRegistry> schemas = {};
  std::optional<Error> failure = {};

  // Returns the function that decides which topics are shown; unset for a reader that may see everything.
  std::function<bool(const std::string& topic)> may_see_of(const Asker& asker) const;
  // Returns a warning for the client if `groups` is incomplete.
  std::optional<sql::Notice> missing_groups() const;
  // Calls `use` with a context made of these facts.
  template <class Use>
  auto with_context(const Use& use) const {
    return with_context_for(reader, use);
  }
  // Calls `use` with a context for another reader of the same facts. The rights of that reader may
  // differ.
  template <class Use>
  auto with_context_for(const InformationReader& who, const Use& use) const {
    const ReplicatedTopics topics(*image->topics, replicas_of);
    const ImageQueries queries(*image);
    engine::InformationContext context{*image->catalog,
                                       topics,
                                       queries,
                                       statuses,
                                       settings,
                                       who.properties,
                                       who.variables,
                                       &tasks,
                                       &server,
                                       &groups,
                                       server_properties,
                                       schemas ? schemas.get() : image->schemas.get(),
                                       [&] { return access_facts_of(*image, who.asker); },
                                       cluster,
                                       sequence_position,
                                       may_see_of(who.asker),
                                       history.get(),
                                       &connectors,
                                       audit.get()};
    if (check_create_connector(*image->users, who.asker)) return use(context);
    // The error texts of connectors may contain data of other systems, so only readers with the right to create
    // connectors see these texts.
    std::vector<engine::ConnectorStatus> without_errors = connectors;
    for (engine::ConnectorStatus& each : without_errors) each.last_error.clear();
    context.connectors = &without_errors;
    return use(context);
  }
};

// Gathers the facts from shards, coordinators and an external schema registry.
//
// Threads: one loop. Owner: an execution, or Surveys; answers that arrive after its destruction are
//          dropped.
class InformationGathering {
 public:
  using Done = std::function<void(std::shared_ptr<InformationFacts>)>;

  InformationGathering(SqlParts& parts, Loop& loop, InformationReader reader,
                       MetadataImagePtr image);
  InformationGathering(SqlSession& session, MetadataImagePtr image);
  // Calls `done` once, on the loop. If no other thread has to be asked, calls it within this call.
  void begin(InformationNeeds needs, Done done);

 private:
  template <class F>
  auto on_loop(F run) {
    return callback_.on(loop_, std::move(run));
  }
  void ask_connectors();
  void ask_registry();
  void ask_shards();
  void add(const ShardTaskReport& report, size_t shard);
  void answer_one();
  // Whether the query is paused or has failed.
  bool is_stopped(const std::string& query_id) const;
  void finish();

  SqlParts& parts_;
  Loop& loop_;
  std::shared_ptr<InformationFacts> facts_;
  // for each query whose join waits: the query that it waits for
  std::map<std::string, std::string> awaited_;
  InformationNeeds needs_;
  Done done_;
  size_t left_ = 0;  // number of outstanding answers
  const WeakCallback callback_;
};

}  // namespace server
