// A blocking client of etcd, for commands of the command line.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "server/etcd/etcd_gateway.h"
#include "server/net/loop.h"

namespace server {

// Threads: one, which waits for the answers; the requests run on a loop in another thread.
class EtcdSession {
 public:
  // `endpoints` are URLs such as http://host:port, at least one.
  EtcdSession(const std::vector<std::string>& endpoints, const Clock& clock);
  ~EtcdSession();
  EtcdSession(const EtcdSession&) = delete;

  // Returns the entries of the range. Repeats the request for some seconds if no member of etcd
  // answers; then fails with NetworkFailure.
  Result<storage::EtcdFound> find(storage::EtcdRange range);
  // Sends the transaction once. Fails with NetworkFailure if the outcome is unknown.
  Result<storage::EtcdOutcome> commit(storage::EtcdTransaction transaction);

 private:
  template <class T>
  Result<T> ask(std::function<void(storage::EtcdClient::Answer<T>)> begin);

  const std::vector<std::string> endpoints_;
  Loop loop_{"etcd"};
  std::unique_ptr<EtcdGateway> etcd_;
  std::unique_ptr<Timer> timer_;
  std::thread thread_;
};

}  // namespace server
