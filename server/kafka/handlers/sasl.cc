#include "server/kafka/sasl.h"

#include <memory>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "server/auth/oauth/token_checker.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/raw_tokens.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

// The answer to one token of the client: a SaslAuthenticate response, or the raw token of an
// exchange that version 0 of SaslHandshake began.
class TokenReply {
 public:
  explicit TokenReply(Reply<SaslAuthenticateResponse> reply) : to_(std::move(reply)) {}
  explicit TokenReply(std::shared_ptr<AnswerSlot> raw) : to_(std::move(raw)) {}

  // Refuses the client and ends the connection, because a connection has only one attempt. A raw
  // token cannot express an error, so a client that sends raw tokens gets no answer (KIP-152).
  void refuse(KafkaError code, const std::string& why) const {
    if (const auto* reply = std::get_if<Reply<SaslAuthenticateResponse>>(&to_))
      return reply->send_last({code, why, {}, 0}, why);
    AnswerSlot& slot = *std::get<std::shared_ptr<AnswerSlot>>(to_);
    slot.ends_connection = true;
    slot.end_reason = why;
    slot.finish();
  }
  void answer(const Sasl& sasl, const Status& finished, std::string bytes) const {
    if (!finished) return refuse(KafkaError::SaslAuthenticationFailed, finished.error().message);
    const int64_t lifetime_ms = sasl.awaits_step() ? 0 : sasl.session_lifetime_ms();
    if (const auto* reply = std::get_if<Reply<SaslAuthenticateResponse>>(&to_))
      return reply->send({KafkaError::None, std::nullopt, std::move(bytes), lifetime_ms});
    AnswerSlot& slot = *std::get<std::shared_ptr<AnswerSlot>>(to_);
    append_be(slot.bytes, static_cast<int32_t>(bytes.size()));
    slot.bytes += bytes;
    slot.finish();
  }

 private:
  std::variant<Reply<SaslAuthenticateResponse>, std::shared_ptr<AnswerSlot>> to_;
};

// The check of a password or a token. It takes a millisecond or more, so it runs on another thread. Until it is
// done, the connection begins no other request. If the connection has ended by then, its `sasl` was destroyed with
// it, and is not used.
//
// Threads: the session's loop, except check(). Owner: the callbacks.
class ProofCheck : public std::enable_shared_from_this<ProofCheck> {
 public:
  ProofCheck(Sasl& sasl, Sasl::Step step, TokenReply reply, const HandlerContext& context)
      : sasl_(sasl),
        access_(sasl.access()),
        user_(sasl.claimed_user()),
        step_(std::move(step)),
        reply_(std::move(reply)),
        aside_(context.aside),
        run_aside_(context.run_aside ? *context.run_aside : nullptr) {}

  // Returns false if too many checks are queued.
  bool begin() {
    if (!run()) return false;
    ++aside_->under_way;
    return true;
  }
  // Checks on the calling thread, in tests.
  bool run_here() {
    ++aside_->under_way;
    has_waited_ = true;
    check();
    end();
    return true;
  }

 private:
  bool run() {
    const size_t bytes = step_.token ? step_.token->size() : step_.password->size();
    return run_aside_(
        bytes, [self = shared_from_this()] { self->check(); },
        [self = shared_from_this()] { self->end(); });
  }
  void check() {
    if (step_.token)
      verdict_ = access_.tokens()->check(*step_.token, keys_version_);
    else
      checked_ = access_.check_password(user_, *step_.password);
  }
  void end() {
    const bool is_there = aside_->on_open != nullptr;
    if (is_there && verdict_.lacks_key && await_keys()) return;
    if (is_there && step_.token) {
      auto last = sasl_.finish_token(verdict_.grant);
      reply_.answer(sasl_, last ? Status{} : last.error(), last ? std::move(last->answer) : "");
    } else if (is_there) {
      reply_.answer(sasl_, checked_ ? sasl_.finish() : checked_, {});
    }
    aside_->leave();
  }
  // Waits until the issuer's keys have been fetched again, and then repeats the check once: the
  // issuer may have replaced its keys. The server has to repeat the check, because Java's clients
  // do not log in again after a refused token.
  bool await_keys() {
    return !std::exchange(has_waited_, true) &&
           access_.tokens()->after_refresh(keys_version_,
                                           [self = shared_from_this()] { return self->run(); });
  }

  Sasl& sasl_;
  const auth::Access& access_;
  const std::string user_;
  const Sasl::Step step_;
  const TokenReply reply_;
  const std::shared_ptr<AsideGate> aside_;
  const RunAside run_aside_;
  Status checked_ = {};
  auth::oauth::Verdict verdict_ = {auth::oauth::Grant{}};
  uint64_t keys_version_ = 0;
  bool has_waited_ = false;
};

void take_token(HandlerContext& context, std::string_view token, const TokenReply& reply) {
  Sasl& sasl = *context.sasl;
  auto step = sasl.step(token);
  if (!step) return reply.answer(sasl, step.error(), {});
  if (!step->password && !step->token) return reply.answer(sasl, {}, std::move(step->answer));
  auto check = std::make_shared<ProofCheck>(sasl, *std::move(step), reply, context);
  if (context.run_aside ? check->begin() : check->run_here()) return;
  reply.refuse(KafkaError::SaslAuthenticationFailed,
               "too many logins are being checked; try again");
}

}  // namespace

void handle_sasl_handshake(HandlerContext& context, SaslHandshakeRequest request,
                           Reply<SaslHandshakeResponse> reply) {
  SaslHandshakeResponse response;
  if (context.sasl)
    for (const std::string_view mechanism : context.sasl->mechanisms())
      response.mechanisms.emplace_back(mechanism);
  if (!context.sasl || !context.sasl->may_choose())
    response.error_code = kIllegalSaslState;
  else if (!context.sasl->choose(request.mechanism, reply.version() == 0))
    response.error_code = kUnsupportedSaslMechanism;
  reply.send(response);
}

void handle_sasl_authenticate(HandlerContext& context, SaslAuthenticateRequest request,
                              Reply<SaslAuthenticateResponse> reply) {
  // A client authenticates again only if sessions expire (KIP-368).
  if (!context.sasl || !context.sasl->awaits_step())
    return TokenReply(reply).refuse(
        kIllegalSaslState,
        "SaslHandshake must come first, with a mechanism, and once per connection");
  take_token(context, request.auth_bytes, TokenReply(reply));
}

void handle_raw_token(HandlerContext& context, std::string_view token,
                      std::shared_ptr<AnswerSlot> slot) {
  take_token(context, token, TokenReply(std::move(slot)));
}

}  // namespace server::kafka
