// All consumers of HTTP clients.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/http/proxy/consumer_instance.h"

namespace server::http {

// Invariant: instances that were unused for kIdleMs are closed; at most kMost instances exist.
// Threads: any, except the timers, which belong to their loops. Owner: the node; the loops do not
//          run when it is destroyed.
class ConsumerInstances {
 public:
  static constexpr size_t kMost = 1000;
  static constexpr int64_t kIdleMs = 300'000;

  explicit ConsumerInstances(const ProxyView& view);
  ~ConsumerInstances();

  enum class Added : uint8_t { Yes, Exists, TooMany };
  Added add(ConsumerSettings settings);
  // Find an instance by the names of its group and itself. Both return null if no such instance
  // exists; take() also removes the instance.
  std::shared_ptr<ConsumerInstance> find(const std::string& group, const std::string& name);
  std::shared_ptr<ConsumerInstance> take(const std::string& group, const std::string& name);

 private:
  void tick(size_t shard);

  const ProxyView& view_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::pair<std::string, std::string>, std::shared_ptr<ConsumerInstance>> instances_;
  std::vector<std::weak_ptr<ConsumerInstance>> all_;  // includes closing instances
  size_t next_shard_ = 0;

  std::vector<std::unique_ptr<Timer>> timers_;  // one for each loop
};

}  // namespace server::http
