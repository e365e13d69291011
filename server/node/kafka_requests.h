// Sends requests of Kafka's protocol within the server: those that other nodes pass to this node, and those of
// statements about topics and consumer groups.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "server/kafka/kafka_server.h"
#include "server/metadata/metadata_applier.h"
#include "server/net/weak_callback.h"
#include "server/sql/cluster_topics.h"
#include "server/sql/topics/kafka_admin.h"

namespace server {

// The parts of a node that the requests use; they outlive the requests.
struct KafkaRequestParts {
  Loop& loop;  // the loop of `open`
  std::function<std::unique_ptr<kafka::LocalClient>()> open;
  const MetadataApplier& definitions;
  const ClusterTopics& topics;
  int32_t self = 0;  // number of this node
};

// Each call has a client of its own until it is answered, so a long one delays no other.
//
// Threads: any; destroyed after the loop's thread has ended, and before the loop. Owner: the node.
class KafkaRequests final : public KafkaAdmin {
 public:
  explicit KafkaRequests(KafkaRequestParts parts) : parts_(std::move(parts)) {}

  // Handles a request of another node. `done` is called on the loop.
  void handle(std::string frame, std::function<void(Result<std::string>)> done);

  void alter_topic(std::string topic, std::vector<engine::AlterTopic::Change> changes,
                   Done<void> done) override;
  void find_offsets(std::vector<Place> places, int64_t time_ms, Done<Offsets> done) override;
  void commit_offsets(std::string group, Offsets offsets, Done<void> done) override;

 private:
  // Runs `work` on the loop with a new client, which ends with end().
  using Work = std::function<void(kafka::LocalClient& client, uint64_t number)>;
  void run(Work work);
  void end(uint64_t number);
  // Wraps `done` so that its call ends the client.
  template <class T>
  Done<T> ending(uint64_t number, Done<T> done) {
    return [this, number, done = std::move(done)](Result<T> result) {
      end(number);
      done(std::move(result));
    };
  }
  void commit_at(kafka::LocalClient& client, int32_t node, const std::string& group,
                 const Offsets& offsets, const Done<void>& done);

  const KafkaRequestParts parts_;
  // The following members are used on the loop only.
  uint64_t last_ = 0;
  std::map<uint64_t, std::unique_ptr<kafka::LocalClient>> clients_;
  const WeakCallback callback_;
};

}  // namespace server
