#include "server/http/http_server.h"

#include <utility>

#include "server/http/session.h"

namespace server::http {

struct HttpServer::Impl final : ClientProtocol {
  Impl(std::vector<Loop*> all, Routes with, const HttpServerOptions& options, const Clock& time)
      : loops(std::move(all)),
        routes(std::move(with)),
        limits(options.limits),
        gate(options.gate),
        clock(time) {}

  std::string_view name() const override { return "http"; }
  std::unique_ptr<ClientSession> open_session(const NewClient& client) override {
    return std::make_unique<Session>(ConnectionParts{client.host, routes, limits,
                                                     *loops[client.shard], client.shard, clock,
                                                     &client.memory, &client.channel, &gate});
  }

  const std::vector<Loop*> loops;
  const Routes routes;
  const Limits limits;
  const RequestGate gate;
  const Clock& clock;
  std::unique_ptr<FrontEnd> front_end;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(const std::vector<Loop*>& loops, Routes routes,
                                                     const HttpServerOptions& options,
                                                     MemoryBudget& memory, const Clock& clock) {
  auto impl = std::make_unique<Impl>(loops, std::move(routes), options, clock);
  impl->front_end = TRY(FrontEnd::open(loops, options.front_end, *impl, memory, clock));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const Address& HttpServer::address() const { return impl_->front_end->address(); }
size_t HttpServer::connection_count() const { return impl_->front_end->connection_count(); }
void HttpServer::stop(Task on_stopped) { impl_->front_end->stop(std::move(on_stopped)); }

}  // namespace server::http
