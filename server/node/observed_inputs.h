// Ensures that the inputs of queries are stored on this node, even if this node has none of their replicas.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "server/cluster/cluster_member.h"
#include "server/metadata/query_runner.h"
#include "storage/log/log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Each node runs all queries (docs/adr/0066). If the cluster has more nodes than replicas, some
// nodes have no replica of a query's input, or of the journal that the query commits to. Such a
// node keeps a copy of these topics without being one of their replicas: it observes them
// (docs/adr/0099).
//
// Threads: QueryRunner's. Owner: the node.
class ObservedInputs final : public QueryRunner {
 public:
  using FindTopics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  ObservedInputs(QueryRunner& queries, ClusterMember& member, storage::Log& log,
                 FindTopics find_topics)
      : queries_(queries), member_(member), log_(log), find_topics_(std::move(find_topics)) {}

  // Passes the inputs of all queries to the member. Call it once all queries of the metadata are started: copies of
  // topics that no query reads may be deleted from then on.
  void tell();

  void remove_leftovers(const Known& known) override { queries_.remove_leftovers(known); }
  void start(std::vector<QueryPtr> queries) override;
  void stop(const DefinedQuery& defined, Keep keep) override;
  Status finish_removal(const std::string& query_id) override {
    return queries_.finish_removal(query_id);
  }
  void stop_with_error(const DefinedQuery& defined, Error why) override {
    queries_.stop_with_error(defined, std::move(why));
  }
  void pause(const std::string& query_id, bool is_paused) override {
    queries_.pause(query_id, is_paused);
  }
  void drop_topic(const Uuid& topic) override { queries_.drop_topic(topic); }

 private:
  void note(const DefinedQuery& query, const storage::TopicSnapshot& topics);

  QueryRunner& queries_;
  ClusterMember& member_;
  storage::Log& log_;
  const FindTopics find_topics_;
  std::map<std::string, std::set<Uuid>> inputs_;  // topics by query id
};

}  // namespace server
