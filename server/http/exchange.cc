#include "server/http/exchange.h"

#include <utility>

namespace server::http {

namespace {

// Waits for a response that is made elsewhere.
class LaterExchange final : public Exchange {
 public:
  explicit LaterExchange(const ExchangeContext& context) : context_(context) {}
  ~LaterExchange() override { *alive_ = false; }

  ResponseDone done() {
    return [&loop = context_.loop, alive = alive_, this](Response response) {
      // A task must be copyable, and the response may be large.
      auto shared = std::make_shared<Response>(std::move(response));
      loop.post([alive, this, shared] {
        if (!*alive) return;
        response_ = std::move(*shared);
        context_.responder.wake();
      });
    };
  }
  void run() override {
    if (response_) context_.responder.answer(std::move(*response_));
  }

 private:
  const ExchangeContext context_;
  std::optional<Response> response_;
  // Shared with the answer on its way, which finds nobody when the client has gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Handler answer_with(std::function<Response(const Request&)> make) {
  return [make = std::move(make)](const Request& request,
                                  const ExchangeContext& context) -> std::unique_ptr<Exchange> {
    context.responder.answer(make(request));
    return nullptr;
  };
}

Handler answer_later(std::function<void(Request request, ResponseDone done)> begin) {
  return [begin = std::move(begin)](Request request, const ExchangeContext& context) {
    auto exchange = std::make_unique<LaterExchange>(context);
    begin(std::move(request), exchange->done());
    return exchange;
  };
}

}  // namespace server::http
