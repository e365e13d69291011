// What SHOW and the tables of millrace_catalog are made of: what the shards, the coordinators and the server say of themselves.
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
#include "server/net/interest.h"
#include "server/sql/session.h"

namespace server {

struct InformationNeeds {
  bool statuses = false, server_facts = false, consumer_groups = false, schemas = false;
};

// The topics, in a cluster with the number of their replicas.
class ReplicatedTopics final : public engine::Topics {
 public:
  using ReplicasOf = std::function<int(const Uuid& topic)>;  // empty: each lies here alone
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

// The names of the image's catalog, for the functions of one statement. `user`: the name that the client gave.
std::shared_ptr<engine::CatalogNames> catalog_names_of(MetadataImagePtr image, Asker asker,
                                                       std::string user);

// As of about now; good on any thread.
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
  std::set<NodeId> without_groups_of = {};  // nodes that have not told all of theirs
  Asker asker;
  ReplicatedTopics::ReplicasOf replicas_of = {};
  std::function<std::vector<engine::NodeStatus>()> cluster = {};
  std::function<engine::SequencePosition(const engine::Sequence&)> sequence_position = {};
  // Of a registry elsewhere; else the image has them. What could not be had is why there is no answer.
  std::shared_ptr<const engine::SchemaRegistry> schemas = {};
  std::optional<Error> failure = {};
  std::string database = {}, user = {};  // the names by which the client came

  engine::AccessFacts access_facts() const;
  // For the client, where `groups` are not all.
  std::optional<sql::Notice> missing_groups() const;
  // What `use` makes of them.
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

// Threads: the session's loop. Owner: an execution; when it goes, answers that are on their way find nobody.
class InformationGathering {
 public:
  using Done = std::function<void(std::shared_ptr<InformationFacts>)>;

  InformationGathering(SqlSession& session, MetadataImagePtr image);
  // Calls `done` on the loop, at once where there is nobody to ask.
  void begin(InformationNeeds needs, Done done);

 private:
  template <class F>
  auto on_loop(F run) {
    return interest_.on(session_.shard().loop(), std::move(run));
  }
  void ask_registry();
  void ask_shards();
  void add(const ShardTaskReport& report, size_t shard);
  void answer_one();
  // Whether the query is paused, or has failed.
  bool is_stopped(const std::string& query_id) const;
  void finish();

  SqlSession& session_;
  std::shared_ptr<InformationFacts> facts_;
  std::map<std::string, std::string> awaited_;  // by query: the one whose rows its joins wait for
  InformationNeeds needs_;
  Done done_;
  size_t left_ = 0;  // who has not answered
  const Interest interest_;
};

}  // namespace server
