// The interface through which SQL uses links. A link is a named connection to another Kafka cluster, which stays as it
// is.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace server {

// Connecting: no broker has answered yet, or none answers. Refused: the other cluster does not accept this server, or a
// property of the link is wrong.
enum class LinkState : uint8_t { Connecting, Connected, Refused };
// Returns the name in capitals: "CONNECTED".
inline std::string_view link_state_name(LinkState state) {
  constexpr std::string_view kNames[] = {"CONNECTING", "CONNECTED", "REFUSED"};
  return kNames[static_cast<size_t>(state)];
}

// The facts about the other cluster that its brokers have reported.
struct LinkFacts {
  std::string cluster_id;
  int64_t brokers = 0, topics = 0;
  int16_t transaction_version = 0;  // KIP-890; 0: the first version of the protocol
  bool has_topic_ids = false;
};

struct LinkInfo {
  std::string name, owner;
  LinkState state = LinkState::Connecting;
  int64_t since_ms = 0;  // wall time of the last change of the state
  std::string cluster_id;
  int64_t brokers = 0;
  std::string last_error;  // without secrets; empty: none since the link is connected
  std::map<std::string, std::string> properties;  // without secrets
};

struct LinkTopic {
  std::string name;
  int64_t partitions = 0, replicas = 0;
  bool is_internal = false;
};

// Keep: CREATE ... IF NOT EXISTS keeps the existing link
enum class IfLinkExists : uint8_t { Fail, Keep, Replace };

struct LinkRequest {
  std::string name, owner;
  std::map<std::string, std::string> properties = {};
  std::optional<std::string> file =
      {};  // a properties file below --secrets-dir, in place of `properties`
  IfLinkExists if_exists = IfLinkExists::Fail;
};

struct CreatedLink {
  bool is_new = true;                // false: the existing link was kept
  std::optional<LinkFacts> facts;    // none if the link was not connected ('connect' = 'later')
  std::vector<std::string> ignored;  // properties of the file that do not concern links
};

// A record of a topic of another cluster.
struct LinkRecord {
  int32_t partition = 0;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key, value;
};
struct LinkRecords {
  std::vector<LinkRecord> records;
  std::vector<std::string> losses;  // ranges of records that were deleted before they were read
};

// Reads a topic. The destructor ends the reading; next() is then no longer answered.
//
// Threads: one at a time.
class LinkReading {
 public:
  virtual ~LinkReading() = default;
  // Waits for records, without a time limit. One call at a time. The first answer has no records; it shows that the
  // topic exists.
  virtual void next(std::function<void(Result<LinkRecords>)> done) = 0;
};

// Errors name the link and the broker, and contain no secrets. UndefinedObject: no such link. DuplicateObject: the name
// is in use. InvalidParameter: a property is wrong. NetworkFailure: no broker can be used; InvalidPassword and
// InvalidAuthorization: a broker refuses the user. UndefinedSource: the other cluster has no such topic.
//
// Rights are checked before the call. Each call is answered within some seconds.
//
// Threads: any; `done` is called once, on another thread, and must not wait. It is not called after the implementation
// has stopped.
class Links {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;
  virtual ~Links() = default;

  // Connects to the other cluster, unless 'connect' is 'later', and then stores the link.
  virtual void create(LinkRequest request, Done<CreatedLink> done) = 0;
  virtual void drop(std::string name, Done<void> done) = 0;
  // Returns all links, by name.
  virtual void list(Done<std::vector<LinkInfo>> done) = 0;
  virtual void describe(std::string name, Done<LinkInfo> done) = 0;
  // Returns the topics of the other cluster that the link's user may see, by name.
  virtual void topics(std::string name, Done<std::vector<LinkTopic>> done) = 0;
  enum class From : uint8_t { Beginning, End };
  virtual std::unique_ptr<LinkReading> read(std::string name, std::string topic, From from) = 0;
};

}  // namespace server
