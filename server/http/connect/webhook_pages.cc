#include "server/http/connect/webhook_pages.h"

#include <fmt/format.h>

#include <utility>

namespace server::http {

namespace {

constexpr int kCodesOfStatus = 100;  // an error number is a status followed by two digits

Response declined(int status, std::string_view message) {
  Response response = error_response(status * kCodesOfStatus, message);
  // Senders repeat a request after these statuses. Some of them give up if the answer has no
  // Retry-After header.
  if (status == 429) response.head.headers.push_back({"retry-after", "1"});
  if (status == 503) response.head.headers.push_back({"retry-after", "5"});
  return response;
}

}  // namespace

void add_webhook_pages(Routes& routes, FindWebhook find) {
  routes.add({.method = "POST",
              .path = "/webhooks/{name}",
              .handler = answer_later([find = std::move(find)](Request request, ResponseDone done) {
                const std::string& name = request.path_parameters[0];
                const FoundWebhook found = find(name);
                if (!found.exists)
                  return done(declined(404, fmt::format("there is no webhook \"{}\"", name)));
                if (!found.webhook)
                  return done(declined(503, fmt::format("webhook \"{}\" does not run", name)));
                WebhookRequest received{.headers = {}, .body = std::move(request.body)};
                for (Header& header : request.headers)
                  received.headers.emplace_back(std::move(header.name), std::move(header.value));
                found.webhook->accept(std::move(received), [done = std::move(done)](
                                                               const WebhookAnswer& answer) {
                  constexpr int kOk = 200;
                  if (answer.status == kOk)
                    return done(json_response(fmt::format("{{\"accepted\":{}}}", answer.accepted)));
                  done(declined(answer.status, answer.message));
                });
              }),
              .is_public = true});
}

}  // namespace server::http
