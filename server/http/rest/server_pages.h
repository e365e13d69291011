// Pages about the server itself: whether it is alive and ready, what it is, and its metrics.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/http/routes.h"

namespace server::http {

// What a query keeps, and which partitions it reads.
struct QueryPlace {
  std::string query_id;
  std::vector<std::string> stores;
  struct Partition {
    std::string topic;
    int32_t partition = 0;
  };
  std::vector<Partition> partitions;
};

// A port: the node knows all that. Its functions may be called from any thread.
struct ServerView {
  std::string cluster_id, service_id;
  // Takes work at all: it has started, and does not stop.
  std::function<bool()> is_ready;
  // Whether others lead what it led, since it does not get what its cluster decides. Null: it is in none.
  std::function<bool()> is_suspended;
  // Whether it hears of nobody who decides, nor of most of the others. Null: likewise.
  std::function<bool()> is_isolated = {};
  // Whether the log takes appends: a full disk does not.
  std::function<bool()> accepts_appends;
  std::function<std::string()> address;  // as clients reach it: "127.0.0.1:8088"
  std::function<std::vector<QueryPlace>()> query_places;
  std::function<int64_t()> wall_ms;
  // Runs work on another thread; false when too much is waiting.
  std::function<bool(std::function<void()> work)> run_aside;
  // The page of metrics; null when it cannot be made now.
  using MetricsDone = std::function<void(std::shared_ptr<const std::string>)>;
  std::function<void(MetricsDone)> metrics;
};

// /healthz /readyz /metrics, and ksqlDB's / /info /healthcheck /clusterStatus.
void add_server_pages(Routes& routes, const ServerView& view);

}  // namespace server::http
