// The links of this server: one client for each link, on an event loop of their own.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/random.h"
#include "server/connect/secrets.h"
#include "server/links/link_store.h"
#include "server/links/links.h"
#include "server/net/loop.h"

namespace server {

class OpenLink;
namespace kafka_client {
class KafkaClient;
}

// The clients have a loop and a thread of their own, so a cluster that sends much, slowly or nothing cannot delay the
// clients of this server. No call of this class waits.
//
// Threads: any. Owner: the node; it outlives the sessions.
class KafkaLinks final : public Links {
 public:
  // All references outlive the object.
  KafkaLinks(LinkStore& store, const Clock& clock, MemoryBudget& memory, SecretSettings secrets);
  ~KafkaLinks() override;

  // Starts the thread, which connects to the other clusters.
  void start();
  // Ends the thread and all connections. A create() that still connects fails with ObjectState; other waiting calls are
  // not answered.
  void stop();

  void create(LinkRequest request, Done<CreatedLink> done) override;
  void drop(std::string name, Done<void> done) override;
  void list(Done<std::vector<LinkInfo>> done) override;
  void describe(std::string name, Done<LinkInfo> done) override;
  void topics(std::string name, Done<std::vector<LinkTopic>> done) override;
  std::unique_ptr<LinkReading> read(std::string name, std::string topic, From from) override;

 private:
  class Reading;

  // Opens the clients of new links, and closes those of links that were dropped or replaced.
  void adjust();
  Result<OpenLink*> find(const std::string& name);
  void put(const LinkRequest& request, CreatedLink created, Done<CreatedLink> done);

  LinkStore& store_;
  const Clock& clock_;
  MemoryBudget& memory_;
  const SecretSettings secrets_;
  Random random_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Timer> timer_;
  std::map<std::string, std::unique_ptr<OpenLink>> open_;  // used on the loop
  // The clients of calls of create() that are not answered; used on the loop.
  std::set<std::shared_ptr<kafka_client::KafkaClient>> creating_;
  std::shared_ptr<const storage::LinkTable> adjusted_to_;
  bool is_over_ = false;  // stop() was called; used on the loop
  std::thread thread_;
};

}  // namespace server
