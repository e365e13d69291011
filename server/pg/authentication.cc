#include "server/pg/authentication.h"

#include <vector>

namespace server::pg {

namespace {

constexpr std::string_view kScram = "SCRAM-SHA-256", kScramPlus = "SCRAM-SHA-256-PLUS";

}  // namespace

Authentication::Authentication(const auth::Access& access, const Channel& channel, std::string user,
                               std::string database)
    : access_(access), channel_(channel), user_(std::move(user)), database_(std::move(database)) {}

Result<Authentication::Progress> Authentication::begin(MessageWriter writer) {
  switch (TRY(access_.admit(database_, user_, channel_))) {
    case auth::Method::Trust:
      return finish();
    case auth::Method::Certificate:
      TRY(access_.check_certificate(user_, channel_));
      return finish();
    case auth::Method::Token:
      // The access rule requires a token. This can happen if a client connects to a database with the name that the
      // access file uses for Kafka connections.
      return Error{ErrorCode::InvalidAuthorization,
                   "the access file requires a token, which PostgreSQL clients cannot send"};
    default:
      break;
  }
  std::vector<std::string_view> mechanisms;
  if (!channel_.end_point.empty()) mechanisms.push_back(kScramPlus);
  mechanisms.push_back(kScram);
  writer.authentication_sasl(mechanisms);
  return Progress::Waiting;
}

Result<Authentication::Progress> Authentication::finish() const {
  if (!access_.is_open()) TRY(access_.check_login(user_));
  return Progress::Done;
}

Result<Authentication::Progress> Authentication::answer(std::string_view body,
                                                        MessageWriter writer) {
  if (!scram_) return answer_first(body, writer);
  auto last = scram_->finish(body);
  if (!last && last.error().code == ErrorCode::InvalidPassword) return auth::wrong_password(user_);
  if (!last) return std::move(last).error();
  writer.authentication_sasl_final(*last);
  return finish();
}

// Answers the client's first SASL message. The user name in this message is ignored: the start-up
// packet has named the user.
Result<Authentication::Progress> Authentication::answer_first(std::string_view body,
                                                              MessageWriter writer) {
  const SaslInitialResponse first = TRY(decode_sasl_initial(body));
  const bool is_plus = first.mechanism == kScramPlus && !channel_.end_point.empty();
  if (!is_plus && first.mechanism != kScram)
    return Error{ErrorCode::ProtocolViolation,
                 "client selected an invalid SASL authentication mechanism"};
  scram_.emplace(auth::ScramOptions{.hash = auth::Hash::Sha256,
                                    .is_plus = is_plus,
                                    .channel_binding = channel_.end_point,
                                    .nonce = auth::new_scram_nonce()});
  TRY(scram_->begin(first.data));
  writer.authentication_sasl_continue(
      scram_->challenge(access_.verifier_of(user_, auth::Hash::Sha256)));
  return Progress::Waiting;
}

}  // namespace server::pg
