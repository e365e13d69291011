// A request to the REST proxy, which is answered by sending requests to the server's Kafka side.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "server/http/exchange.h"
#include "server/http/proxy/proxy_json.h"
#include "server/http/proxy/proxy_view.h"

namespace server::http {

// The HTTP exchange owns the call. Callbacks share the ownership, so they may run after the client
// has disconnected; is_over() is then true.
//
// Threads: the connection's loop.
class ProxyCall : public std::enable_shared_from_this<ProxyCall> {
 public:
  ProxyCall(const ProxyView& all, Request asked, const ExchangeContext& around)
      : view(all), request(std::move(asked)), context(around) {}

  template <class Asked, class Told>
  void ask(const Asked& asked, int16_t version, std::function<void(const Told&)> then) {
    if (is_over_) return;
    client().ask<Asked, Told>(
        asked, version, [self = shared_from_this(), then = std::move(then)](Result<Told> told) {
          if (self->is_over_) return;
          if (!told) return self->answer(proxy_error(50002, told.error().message));
          then(*told);
        });
  }
  // Returns the call's own client. Must not be called once is_over() is true.
  kafka::LocalClient& client() {
    if (!client_) client_ = view.open_client(context.shard, context.memory);
    return *client_;
  }
  void answer(Response response) {
    if (is_over_ || response_) return;
    response_ = std::move(response);
    context.responder.wake();
  }
  void refuse(int code, std::string_view message) { answer(proxy_error(code, message)); }
  const std::string& parameter(size_t index) const { return request.path_parameters.at(index); }
  bool is_over() const { return is_over_; }

  const ProxyView& view;
  const Request request;
  const ExchangeContext context;

 private:
  friend class ProxyExchange;
  void end() {
    is_over_ = true;
    client_.reset();  // also destroys the callbacks, which share ownership of this call
  }

  std::unique_ptr<kafka::LocalClient> client_;
  std::optional<Response> response_;
  bool is_over_ = false;
};

using ProxyWork = void (*)(const std::shared_ptr<ProxyCall>& call);
// Returns a handler that runs `work`. `work` answers the call before it returns or later.
Handler proxy_handler(const ProxyView& view, ProxyWork work);

// Returns whether the first part of the path is the id of this cluster; refuses the call otherwise.
bool is_this_cluster(const std::shared_ptr<ProxyCall>& call);
// Parses a small body. The limit exists because the loop itself parses the body.
Result<engine::JsonTree> body_of(const std::shared_ptr<ProxyCall>& call);
// Refuses the call, and returns false, if the object has a member with an unknown name.
bool has_only(const std::shared_ptr<ProxyCall>& call, const engine::JsonTree& object,
              std::span<const std::string_view> names);

}  // namespace server::http
