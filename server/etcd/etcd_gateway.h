// An etcd, reached by its HTTP gateway: one of its members at a time.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/http_client/http_thread.h"
#include "storage/meta/etcd_client.h"

namespace server {

struct EtcdGatewayOptions {
  std::vector<std::string> endpoints;  // http://host:port, at least one
  int64_t timeout_ms = 2'000;          // of a request; its outcome is unknown then
  // So often it is asked whether it is still there, while something is watched.
  int64_t check_ms = 1'000;
  int64_t page_keys = 500;  // of a range, in one answer
};

// Requests go to one member until that fails; then all go to the next, and watches end, to be begun again. Where
// something is watched, the member is asked now and then whether it still has a majority behind it: one that has
// not would just be silent.
//
// Threads: one loop, on which `post` (from any thread) runs things.
class EtcdGateway final : public storage::EtcdClient {
 public:
  using Post = std::function<void(std::function<void()>)>;
  EtcdGateway(EtcdGatewayOptions options, const Clock& clock, Post post);
  ~EtcdGateway() override;

  void commit(storage::EtcdTransaction transaction, Answer<storage::EtcdOutcome> answer) override;
  void find(storage::EtcdRange range, Answer<storage::EtcdFound> answer) override;
  void find_first(storage::EtcdRange range, Answer<storage::EtcdFound> answer) override;
  std::unique_ptr<Watch> watch(storage::EtcdRange range, storage::EtcdRevision first,
                               std::function<void(Result<storage::EtcdEvents>)> tell) override;
  void compact(storage::EtcdRevision revision, Answer<storage::EtcdRevision> answer) override;
  void grant_lease(int64_t ttl_ms, Answer<storage::EtcdLease> answer) override;
  void keep_alive(storage::EtcdLease lease, Answer<storage::EtcdLease> answer) override;

  // Every few milliseconds.
  void tick();
  // Whether the last request was answered; else why not.
  const std::string& trouble() const { return trouble_; }

 private:
  class WatchHandle;
  struct Watching {
    uint64_t http = 0;
    std::string unread;  // of a line that is not whole yet
    std::function<void(Result<storage::EtcdEvents>)> tell;
  };
  // Posts to the current member; the answer's body, or why there is none.
  void ask(std::string_view path, std::string body, std::function<void(Result<std::string>)> done);
  // Whatever else the answer says: it has come.
  void note_end(size_t endpoint, const Status& status);
  void find_page(const storage::EtcdRange& range, std::shared_ptr<storage::EtcdFound> so_far,
                 Answer<storage::EtcdFound> answer);
  void watched(uint64_t number, std::string_view bytes);
  void end_watch(uint64_t number, const Error& why);
  void check();

  const EtcdGatewayOptions options_;
  const Clock& clock_;
  const Post post_;
  size_t current_ = 0;  // of the endpoints
  std::string trouble_;
  std::map<uint64_t, Watching> watches_;
  uint64_t last_watch_ = 0;
  bool is_checking_ = false;
  int64_t check_at_us_ = 0;
  // Callbacks that were posted come to nobody when this is gone.
  std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  std::unique_ptr<HttpThread> http_;  // goes first
};

}  // namespace server
