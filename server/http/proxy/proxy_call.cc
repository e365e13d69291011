#include "server/http/proxy/proxy_call.h"

#include <fmt/format.h>

#include "engine/types/text_bytes.h"
#include "server/http/body_fields.h"

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

bool is_this_cluster(const std::shared_ptr<ProxyCall>& call) {
  if (call->parameter(0) == call->view.cluster_id) return true;
  call->refuse(404, fmt::format("Cluster {} cannot be found.", call->parameter(0)));
  return false;
}

Result<engine::JsonTree> body_of(const std::shared_ptr<ProxyCall>& call) {
  constexpr size_t kMaxBody = 64 * 1024;
  if (call->request.body.size() > kMaxBody)
    return Error{ErrorCode::LimitExceeded, "the body of this request can have at most 64 KB"};
  return engine::parse_json_tree(call->request.body);
}

bool has_only(const std::shared_ptr<ProxyCall>& call, const engine::JsonTree& object,
              std::span<const std::string_view> names) {
  const std::string unknown = unrecognized_field(object, names, UnknownFields::Refused);
  if (!unknown.empty()) call->refuse(422, unknown);
  return unknown.empty();
}

}  // namespace server::http
