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

// Invariant: those that nobody asks for anything for kIdleMs are closed; there are at most kMost.
// Threads:   any, but for the timers, which are their loops'. Owner: the node; the loops stand still, or have ended, when it goes.
class ConsumerInstances {
 public:
  static constexpr size_t kMost = 1000;
  static constexpr int64_t kIdleMs = 300'000;

  explicit ConsumerInstances(const ProxyView& view);
  ~ConsumerInstances();

  enum class Added : uint8_t { Yes, Exists, TooMany };
  Added add(ConsumerSettings settings);
  // Null when there is none.
  std::shared_ptr<ConsumerInstance> find(const std::string& group, const std::string& name);
  std::shared_ptr<ConsumerInstance> take(const std::string& group, const std::string& name);

 private:
  void tick(size_t shard);

  const ProxyView& view_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::pair<std::string, std::string>, std::shared_ptr<ConsumerInstance>> instances_;
  std::vector<std::weak_ptr<ConsumerInstance>> all_;  // also those that are closing
  size_t next_shard_ = 0;

  std::vector<std::unique_ptr<Timer>> timers_;  // of the loops
};

}  // namespace server::http
