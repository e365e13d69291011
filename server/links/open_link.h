// A link that is in use: the client of its cluster, and the state that SHOW LINKS shows.
#pragma once
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/random.h"
#include "server/connect/secrets.h"
#include "server/kafka_client/kafka_client.h"
#include "server/links/links.h"
#include "server/net/loop.h"
#include "storage/meta/link_table.h"

namespace server {

// Puts the name of the link in front of the message.
Error link_error(const std::string& link, Error error);
// Returns the facts about the other cluster. `answer` is its answer to a Metadata request for all topics.
LinkFacts link_facts(const kafka_client::KafkaClient& client,
                     const kafka::MetadataResponse& answer);

// Asks the other cluster for its brokers again and again: every metadata.max.age.ms while it answers, and otherwise
// after a pause that grows from reconnect.backoff.ms to reconnect.backoff.max.ms.
//
// Threads: one loop. Owner: KafkaLinks.
class OpenLink {
 public:
  OpenLink(Loop& loop, const Clock& clock, MemoryBudget& memory, const SecretSettings& secrets,
           Random random, storage::LinkDefinitionPtr definition);
  // Ends all connections; calls that wait get an error.
  ~OpenLink();
  OpenLink(const OpenLink&) = delete;
  OpenLink& operator=(const OpenLink&) = delete;

  const storage::LinkDefinition& definition() const { return *definition_; }
  // Returns the client. Fails with InvalidParameter if a property or a secret of the link cannot be used.
  Result<std::shared_ptr<kafka_client::KafkaClient>> client();
  LinkInfo info() const;

 private:
  void refresh();
  void take(const Result<kafka::MetadataResponse>& answer);
  void set_state(LinkState state, std::string error);

  Loop& loop_;
  const Clock& clock_;
  const std::shared_ptr<MemoryAccount> memory_;
  const SecretSettings& secrets_;
  Random random_;
  const storage::LinkDefinitionPtr definition_;
  std::shared_ptr<kafka_client::KafkaClient> client_;  // null: the properties could not be used
  LinkState state_ = LinkState::Connecting;
  int64_t since_ms_;
  std::string last_error_, cluster_id_;
  int64_t brokers_ = 0;
  int64_t pause_ms_ = 0;  // the last pause after a failure
  Timer timer_;
  bool is_over_ = false;  // the destructor runs
  const WeakCallback callback_;
};

}  // namespace server
