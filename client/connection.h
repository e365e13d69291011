// Owns a client of librdkafka. The client writes no log, and reports clearly if no server answers.
#pragma once
#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "client/properties.h"

namespace client {

// Makes std::unique_ptr free an object of librdkafka with the function `free_it`.
template <auto free_it>
struct Free {
  void operator()(auto* object) const { free_it(object); }
};
template <class Object, auto free_it>
using Owned = std::unique_ptr<Object, Free<free_it>>;
using Queue = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Event = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using PartitionList = Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using TopicHandle = Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;

struct PartitionDescription {
  PartitionId id;
  std::optional<NodeId> leader = {};
  std::vector<NodeId> replicas = {}, isr = {};
};
struct TopicDescription {
  std::string name;
  std::vector<PartitionDescription> partitions;  // ordered by id
  size_t replication_factor() const {
    return partitions.empty() ? 0 : partitions.front().replicas.size();
  }
};

// Threads: the thread that has opened the connection, unless stated otherwise at a function.
// librdkafka's own threads only record why a connection has failed.
class Connection {
 public:
  struct Settings {
    std::string bootstrap_server;
    Properties properties;  // given by the user, with names of Java's clients or librdkafka
  };

  // Creates a client of librdkafka; it does not connect yet. Fails with InvalidParameter for a
  // property that librdkafka refuses. Reports an unknown property on stderr, and ignores it.
  // `defaults` are settings of the program, with librdkafka's names. `events` are the types of
  // events that the caller takes from the queue itself.
  static Result<Connection> open(rd_kafka_type_t type, const Settings& settings,
                                 const Properties& defaults, int events = 0);

  Connection(Connection&&) noexcept;
  ~Connection();

  rd_kafka_t* handle() const { return handle_.get(); }

  // Returns all topics, sorted by name. Does not create topics. Fails with NetworkFailure if no
  // server answers within a few seconds.
  Result<std::vector<TopicDescription>> topics();
  // Returns the topic, or nullopt if it does not exist. With MayCreate, the server creates a
  // missing topic if it is configured to do so.
  enum class IfMissing { Leave, MayCreate };
  Result<std::optional<TopicDescription>> topic(const std::string& name, IfMissing if_missing);

  // Returns the error for an unreachable server. Any thread.
  Error unreachable() const;
  // Returns the error for a request that got no answer in `waited_ms`. First sends another request
  // and waits a moment for its answer: a server that answers it was only busy with the first one.
  Error no_answer(int waited_ms) const;
  // Records an error event. Any thread.
  void note(rd_kafka_resp_err_t code, const char* reason);
  // Reports on stderr that no server can be reached, once for each failure. Any thread.
  void warn_if_lost();

 private:
  struct Trouble;
  static void note_in(Trouble& trouble, rd_kafka_resp_err_t code, const char* reason);
  explicit Connection(std::string bootstrap_server);
  bool has_lost_server();  // returns whether the server was lost since the last call
  Result<std::vector<TopicDescription>> metadata(rd_kafka_topic_t* only);

  std::string bootstrap_server_;
  std::unique_ptr<Trouble> trouble_;  // has a fixed address, to which librdkafka's callbacks point
  Owned<rd_kafka_t, rd_kafka_destroy> handle_;
};

// Returns the error for an error code of librdkafka or of the server. If `text` is null, the
// message is librdkafka's.
Error kafka_failure(rd_kafka_resp_err_t code, const char* text = nullptr);

// Returns the error for a topic that does not exist. Its hint is the name that the user probably
// meant.
Error no_such_topic(const std::string& name, const std::vector<TopicDescription>& topics);

}  // namespace client
