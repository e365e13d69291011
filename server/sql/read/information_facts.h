// Collects the facts that SHOW and the tables of millrace_catalog show, as reported by shards,
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
#include "engine/system_tables/information.h"
#include "server/metadata/image.h"
#include "server/net/weak_callback.h"
#include "server/sql/session.h"

namespace server {

struct InformationNeeds {
  bool statuses = false, server_facts = false, consumer_groups = false, schemas = false;
};

// Adds to the descriptions of topics, in a cluster, the number of their replicas.
class ReplicatedTopics final : public engine::Topics {
 public:
  using ReplicasOf = std::function<int(const Uuid& topic)>;  // empty: one replica each
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

// Returns the names of the image's catalog, for the functions of one statement. `user`: the name
// that the client gave.
std::shared_ptr<engine::CatalogNames> catalog_names_of(MetadataImagePtr image, Asker asker,
                                                       std::string user);

// A snapshot of the facts, which may be used on any thread.
struct InformationFacts {
  InformationFacts(SqlSession& session, MetadataImagePtr the_image);

  MetadataImagePtr image;
  const engine::EngineSettings& settings;
  engine::Properties properties, server_properties;
  std::map<std::string, std::string> variables;
  engine::QueryStatuses statuses = {};
  std::vector<engine::TaskStatus> tasks = {};
  std::vector<engine::ServerFact> server = {};
  std::vector<engine::ConsumerGroup> groups = {};
  std::set<NodeId> without_groups_of = {};  // nodes that have not reported all their groups
  Asker asker;
  ReplicatedTopics::ReplicasOf replicas_of = {};
  std::function<std::vector<engine::NodeStatus>()> cluster = {};
  std::function<engine::SequencePosition(const engine::Sequence&)> sequence_position = {};
  // The schemas of an external registry; null if the image has the schemas. `failure` is the reason
  // if a fact could not be obtained.
  std::shared_ptr<const engine::SchemaRegistry> schemas = {};
  std::optional<Error> failure = {};
  std::string database = {}, user = {};  // the names that the client gave

  engine::AccessFacts access_facts() const;
  // Returns a warning for the client if `groups` is incomplete.
  std::optional<sql::Notice> missing_groups() const;
  // Calls `use` with a context made of these facts.
  template <class Use>
  auto with_context(const Use& use) const {
    const ReplicatedTopics topics(*image->topics, replicas_of);
    const ImageQueries queries(*image);
    const engine::InformationContext context{*image->catalog,
                                             topics,
                                             queries,
                                             statuses,
                                             settings,
                                             properties,
                                             variables,
                                             &tasks,
                                             &server,
                                             &groups,
                                             server_properties,
                                             schemas ? schemas.get() : image->schemas.get(),
                                             [this] { return access_facts(); },
                                             cluster,
                                             sequence_position};
    return use(context);
  }
};

// Gathers the facts from shards, coordinators and an external schema registry.
//
// Threads: the session's loop. Owner: an execution; answers that arrive after its end are dropped.
class InformationGathering {
 public:
  using Done = std::function<void(std::shared_ptr<InformationFacts>)>;

  InformationGathering(SqlSession& session, MetadataImagePtr image);
  // Calls `done` once, on the loop; within the call if no answer has to be awaited.
  void begin(InformationNeeds needs, Done done);

 private:
  template <class F>
  auto on_loop(F run) {
    return callback_.on(session_.shard().loop(), std::move(run));
  }
  void ask_registry();
  void ask_shards();
  void add(const ShardTaskReport& report, size_t shard);
  void answer_one();
  // Whether the query is paused or has failed.
  bool is_stopped(const std::string& query_id) const;
  void finish();

  SqlSession& session_;
  std::shared_ptr<InformationFacts> facts_;
  std::map<std::string, std::string> awaited_;  // by query: the query whose rows its joins wait for
  InformationNeeds needs_;
  Done done_;
  size_t left_ = 0;  // number of outstanding answers
  const WeakCallback callback_;
};

}  // namespace server
