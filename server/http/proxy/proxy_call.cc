#include "server/http/proxy/proxy_call.h"

#include "engine/types/text_bytes.h"

namespace server::http {

class ProxyExchange final : public Exchange {
 public:
  ProxyExchange(std::shared_ptr<ProxyCall> call, ProxyWork work)
      : call_(std::move(call)), work_(work) {}
  ~ProxyExchange() override { call_->end(); }

  void run() override {
    if (!std::exchange(has_begun_, true)) work_(call_);
    if (call_->response_) call_->context.responder.answer(std::move(*call_->response_));
  }

 private:
  const std::shared_ptr<ProxyCall> call_;
  const ProxyWork work_;
  bool has_begun_ = false;
};

Handler proxy_handler(const ProxyView& view, ProxyWork work) {
  return
      [&view, work](Request request, const ExchangeContext& context) -> std::unique_ptr<Exchange> {
        for (const std::string& part : request.path_parameters)
          if (!engine::is_utf8(part)) {
            context.responder.answer(proxy_error(400, "a name in the path is not valid UTF-8"));
            return nullptr;
          }
        return std::make_unique<ProxyExchange>(
            std::make_shared<ProxyCall>(view, std::move(request), context), work);
      };
}

}  // namespace server::http
