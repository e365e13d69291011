// A client of etcd's HTTP gateway.
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
  // Time limit of a request. If it ends, the outcome of the request is unknown.
  int64_t timeout_ms = 2'000;
  // The interval at which the member is checked while a watch is open.
  int64_t check_ms = 1'000;
  int64_t page_keys = 500;  // limit for the keys of a range in one answer
};

// The client uses one member of etcd at a time. If a request fails, all later requests are sent to
// the next member, and watches end with an error, so that their owners begin them again. While a
// watch is open, the client checks periodically that the member belongs to a majority, because the
// watch of a member without a majority would only be silent.
//
// Threads: one loop. `post`, which may be called on any thread, runs functions on this loop.
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

  // To be called every few milliseconds.
  void tick();
  // Returns an empty text if the last request was answered, and otherwise the error.
  const std::string& trouble() const { return trouble_; }

 private:
  class WatchHandle;
  struct Watching {
    uint64_t http = 0;
    std::string unread;  // the received part of an incomplete line
    std::function<void(Result<storage::EtcdEvents>)> tell;
  };
  // Posts a request to the current member. `done` gets the body of the answer, or an error.
  void ask(std::string_view path, std::string body, std::function<void(Result<std::string>)> done);
  // Notes whether the member has answered. If it has failed, the client changes to the next member.
  void note_end(size_t endpoint, const Status& status);
  void find_page(const storage::EtcdRange& range, std::shared_ptr<storage::EtcdFound> so_far,
                 Answer<storage::EtcdFound> answer);
  void watched(uint64_t number, std::string_view bytes);
  void end_watch(uint64_t number, const Error& why);
  void check();

  const EtcdGatewayOptions options_;
  const Clock& clock_;
  const Post post_;
  size_t current_ = 0;  // index of the endpoint in use
  std::string trouble_;
  std::map<uint64_t, Watching> watches_;
  uint64_t last_watch_ = 0;
  bool is_checking_ = false;
  int64_t check_at_us_ = 0;
  // Posted callbacks hold a weak pointer to it. If that pointer has expired, the callback is not
  // called.
  std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  std::unique_ptr<HttpThread> http_;  // destroyed first, since it calls back into this object
};

}  // namespace server
