// The HTTP front end: a listener for HTTP connections.
#pragma once
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "server/http/gate.h"
#include "server/http/limits.h"
#include "server/http/routes.h"
#include "server/net/front_end.h"

namespace server::http {

struct HttpServerOptions {
  FrontEndOptions front_end;
  Limits limits = {};
  GateRules gate = {};
};

// Threads: those of FrontEnd.
class HttpServer {
 public:
  // Listens on the first loop. Fails with NetworkFailure.
  static Result<std::unique_ptr<HttpServer>> open(const std::vector<Loop*>& loops, Routes routes,
                                                  const HttpServerOptions& options,
                                                  MemoryBudget& memory, const Clock& clock);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const Address& address() const;
  size_t connection_count() const;
  // Stops as FrontEnd::stop() does. Requests that end soon still get their answers.
  void stop(Task on_stopped);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace server::http
