#include "server/kafka/sasl.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

// Refuses the client and ends the connection, because a connection has one attempt.
void refuse(const Reply<SaslAuthenticateResponse>& reply, KafkaError code, const std::string& why) {
  reply.send_last({code, why, {}, 0}, why);
}

void answer(const Reply<SaslAuthenticateResponse>& reply, const Sasl& sasl, const Status& finished,
            std::string bytes) {
  if (!finished)
    return refuse(reply, KafkaError::SaslAuthenticationFailed, finished.error().message);
  const int64_t lifetime_ms = sasl.awaits_step() ? 0 : sasl.session_lifetime_ms();
  reply.send({KafkaError::None, std::nullopt, std::move(bytes), lifetime_ms});
}

}  // namespace

void handle_sasl_handshake(HandlerContext& context, SaslHandshakeRequest request,
                           Reply<SaslHandshakeResponse> reply) {
  SaslHandshakeResponse response;
  for (const std::string_view mechanism : Sasl::mechanisms())
    response.mechanisms.emplace_back(mechanism);
  if (!context.sasl || !context.sasl->may_choose())
    response.error_code = kIllegalSaslState;
  else if (!context.sasl->choose(request.mechanism))
    response.error_code = kUnsupportedSaslMechanism;
  reply.send(response);
}

void handle_sasl_authenticate(HandlerContext& context, SaslAuthenticateRequest request,
                              Reply<SaslAuthenticateResponse> reply) {
  // A client authenticates again only if sessions expire (KIP-368).
  if (!context.sasl || !context.sasl->awaits_step())
    return refuse(reply, kIllegalSaslState,
                  "SaslHandshake must come first, with a mechanism, and once per connection");
  Sasl& sasl = *context.sasl;
  auto step = sasl.step(request.auth_bytes);
  if (!step) return answer(reply, sasl, step.error(), {});
  if (!step->password) return answer(reply, sasl, {}, std::move(step->answer));

  // A password check takes a millisecond or more, so it runs on another thread. The connection
  // begins no other request meanwhile. If the connection is gone afterwards, `sasl` is gone too and
  // is not used.
  struct Errand {
    const auth::Access& access;
    std::string user, password;
    Status checked = {};
  };
  auto errand = std::make_shared<Errand>(
      Errand{sasl.access(), sasl.claimed_user(), *std::move(step->password)});
  const auto work = [errand] {
    errand->checked = errand->access.check_password(errand->user, errand->password);
  };
  const auto then = [errand, reply, aside = context.aside, &sasl] {
    const bool is_there = aside->on_open != nullptr;
    if (is_there) answer(reply, sasl, errand->checked ? sasl.finish() : errand->checked, {});
    aside->leave();
  };
  ++context.aside->under_way;
  if (context.run_aside && (*context.run_aside)(errand->password.size(), work, then)) return;
  if (!context.run_aside) {
    work();
    return then();
  }
  --context.aside->under_way;
  refuse(reply, KafkaError::SaslAuthenticationFailed,
         "too many password checks are queued; try again");
}

}  // namespace server::kafka
