// The webhooks of the running connectors by name. The HTTP listener finds the webhook of a request
// here; the tasks open and close them.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace server {

// Name of the class, and of its family.
inline constexpr std::string_view kWebhookFamily = "webhook";

struct WebhookRequest {
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // as received: the signature covers it
  // Returns the value of the first header with the name; empty if the request has no such header.
  std::string_view header(std::string_view name) const;
};

struct WebhookAnswer {
  int status = 200;          // 200: all records are durable
  int64_t accepted = 0;      // number of records, with status 200
  std::string message = {};  // the reason of another status
};

// Threads: any. Owner: shared by the task that reads the webhook and by the requests in progress.
class Webhook {
 public:
  virtual ~Webhook() = default;
  // Calls `done` once, on any thread or within the call. The status is 200 only if the records are
  // committed.
  virtual void accept(WebhookRequest request, std::function<void(WebhookAnswer)> done) = 0;
};

// Threads: any. Owner: the node; it outlives the connectors and the HTTP listener's requests.
class Webhooks {
 public:
  // Replaces an earlier webhook of this name.
  void open(const std::string& name, std::shared_ptr<Webhook> webhook);
  // Removes the webhook, unless another one has replaced it under this name.
  void close(const std::string& name, const Webhook* webhook);
  // Waits until a task has opened a webhook with this name, or until `is_over` returns true.
  void await(const std::string& name, const std::function<bool()>& is_over) const;
  // Returns null if no task serves the name.
  std::shared_ptr<Webhook> find(const std::string& name) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable opened_;
  std::map<std::string, std::shared_ptr<Webhook>> webhooks_;  // guarded by mutex_
};

}  // namespace server
