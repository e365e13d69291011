// Pages about the server itself: health, version and metrics.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/http/routes.h"

namespace server::http {

// The stores of a query and the partitions that it reads.
struct QueryPlace {
  std::string query_id;
  std::vector<std::string> stores;
  struct Partition {
    std::string topic;
    int32_t partition = 0;
  };
  std::vector<Partition> partitions;
};

// The interface through which the pages reach the server; the node implements it. Its functions may
// be called on any thread.
struct ServerView {
  std::string cluster_id, service_id;
  // Whether the server accepts work: it has started and is not stopping.
  std::function<bool()> is_ready;
  // Returns whether other nodes have taken over this node's partitions, because it does not receive
  // the cluster's decisions. Null on a lone node.
  std::function<bool()> is_suspended;
  // Returns whether the node reaches neither a controller nor most other nodes. Null on a lone
  // node.
  std::function<bool()> is_isolated = {};
  // Whether the log accepts appends; it does not if the disk is full.
  std::function<bool()> accepts_appends;
  std::function<std::string()> address;  // returns the address that clients use: "127.0.0.1:8088"
  std::function<std::vector<QueryPlace>()> query_places;
  std::function<int64_t()> wall_ms;
  // Runs work on another thread; returns false if the queue is full.
  std::function<bool(std::function<void()> work)> run_aside;
  // Builds the page of metrics; the callback gets null if this is not possible now.
  using MetricsDone = std::function<void(std::shared_ptr<const std::string>)>;
  std::function<void(MetricsDone)> metrics;
  bool has_console = false;
};

// Adds /healthz, /readyz and /metrics, and ksqlDB's pages /, /info, /healthcheck and
// /clusterStatus. A browser is redirected from / to the console, if the server has one.
void add_server_pages(Routes& routes, const ServerView& view);

}  // namespace server::http
