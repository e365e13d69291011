// The interface through which statements change the settings of topics and the offsets of consumer groups. Both are
// objects of Kafka's protocol: the implementation sends Kafka's requests to the nodes that can answer them.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast_topic.h"

namespace server {

// Checks no rights: the callers do.
//
// Threads: any; `done` is called once, on any thread. Owner: the node.
class KafkaAdmin {
 public:
  struct Place {
    std::string topic;
    int32_t partition = 0;
    auto operator<=>(const Place&) const = default;
  };
  using Offsets = std::map<Place, int64_t>;
  template <class T>
  using Done = std::function<void(Result<T>)>;

  virtual ~KafkaAdmin() = default;
  // Fails with InvalidParameter if the topic or the server does not accept one of the changes; nothing is changed then.
  virtual void alter_topic(std::string topic, std::vector<engine::AlterTopic::Change> changes,
                           Done<void> done) = 0;
  // Finds the offset of the first record of each partition whose time is not before `time_ms` (since 1970); a partition
  // without such a record is missing in the result. kEarliest and kLatest find the beginning and the end. Fails with
  // NetworkFailure if a leader does not answer.
  static constexpr int64_t kLatest = -1, kEarliest = -2;
  virtual void find_offsets(std::vector<Place> places, int64_t time_ms, Done<Offsets> done) = 0;
  // Commits offsets of a group without members. Fails with ObjectState if the group has members; the error of a
  // partition names the partition and how many others are changed.
  virtual void commit_offsets(std::string group, Offsets offsets, Done<void> done) = 0;
};

}  // namespace server
