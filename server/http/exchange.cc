#include "server/http/exchange.h"

#include <utility>

namespace server::http {

namespace {

// Waits for a response that other code builds and delivers later.
class LaterExchange final : public Exchange {
 public:
  explicit LaterExchange(const ExchangeContext& context) : context_(context) {}
  ~LaterExchange() override { *is_gone_ = true; }

  Unwanted unwanted() const { return is_gone_; }

  ResponseDone done() {
    return [&loop = context_.loop, is_gone = is_gone_, this](Response response) {
      // A task must be copyable, and a copy of a large response would be slow, so the task shares
      // it.
      auto shared = std::make_shared<Response>(std::move(response));
      loop.post([is_gone, this, shared] {
        if (*is_gone) return;
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
  // The callback that delivers the response shares its ownership. The response is dropped if the client has
  // disconnected.
  std::shared_ptr<std::atomic<bool>> is_gone_ = std::make_shared<std::atomic<bool>>(false);
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
  return answer_while_wanted(
      [begin = std::move(begin)](Request request, const Unwanted&, ResponseDone done) {
        begin(std::move(request), std::move(done));
      });
}

Handler answer_while_wanted(
    std::function<void(Request request, Unwanted unwanted, ResponseDone done)> begin) {
  return [begin = std::move(begin)](Request request, const ExchangeContext& context) {
    auto exchange = std::make_unique<LaterExchange>(context);
    begin(std::move(request), exchange->unwanted(), exchange->done());
    return exchange;
  };
}

}  // namespace server::http
